/* A bounded queue of messages in a mapped file: one thread puts (Paho's callback), one thread takes (the loop). With `shared`
 * several threads put (the HTTP threads say what they served); a lock of their own keeps their puts apart.
 * What is in it survives the death of the process: `committed` moves only when the consumer says that everything before
 * it is safe elsewhere, and a new process reads again from there. See docs/delivery.md for what that guarantees.
 *
 * Positions are bytes since the ring was made and never wrap: committed <= read <= head <= committed + size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct ring;

struct ring_config {
    const char *path;
    size_t size_bytes;     /* of the data; rounded up to a power of two, at least 64 KiB */
    int64_t sync_ms;       /* fdatasync that often while records come (a thread of the ring does it): the most that a power
                            * cut takes. 0: the kernel writes when it likes. Neither matters to kill -9. */
    bool shared;           /* more than one thread puts; only one of them may use ring_put_wait */
};

/* What opening found. */
struct ring_found {
    bool created;
    bool power_lost;         /* the machine went down without closing it: records were searched and checked one by one */
    uint64_t records;        /* waiting to be read again */
    uint64_t bytes;          /* of these */
    uint64_t torn;           /* places where something unreadable was skipped */
    uint64_t torn_bytes;     /* of these */
    bool size_kept;          /* the file had another size and was not empty: it keeps its size until it is opened empty */
};

/* DROVER_CONFLICT: another process has it. DROVER_MISMATCH: a file of another version, or not a ring. DROVER_NO_SPACE, DROVER_IO,
 * DROVER_MEMORY. found may be NULL. */
MUST_USE enum drover_error ring_open(const struct ring_config *config, struct ring **ret_ring, struct ring_found *ret_found,
                                     struct problem *ret_problem);
/* No thread may be in any other ring function. NULL is fine. */
void ring_close(struct ring *ring);

struct ring_record {
    const char *topic;       /* not terminated */
    const char *payload;
    size_t topic_length;     /* at most 65535 */
    size_t payload_length;
    int64_t arrived_ms;      /* unix ms */
    bool oversized;          /* it was longer than MESSAGE_SIZE; the payload was left out */
    uint64_t end;            /* filled in by ring_next: what to give to ring_commit */
};

/* --- producer --- */

/* False: no room (or larger than the ring ever has room for). */
bool ring_put(struct ring *ring, const struct ring_record *record);
/* Waits for room. False only after ring_release: the record is not in the ring and must not be acknowledged. */
bool ring_put_wait(struct ring *ring, const struct ring_record *record);
/* Ends all waiting, now and later. Any thread. */
void ring_release(struct ring *ring);
/* A producer waits for room right now. Any thread. */
bool ring_is_waited_for(const struct ring *ring);

/* --- consumer --- */

/* The next record; false when all were read. topic and payload point into the ring and live until it is committed. */
bool ring_next(struct ring *ring, struct ring_record *ret_record);
/* When the record that ring_next would give arrived, unix ms; 0: all were read. */
int64_t ring_next_arrived_ms(struct ring *ring);
/* Gives the last ring_next back. */
void ring_unread(struct ring *ring);
/* Everything before `end` is safe: its room is free. Never beyond what was read; going back is ignored. */
void ring_commit(struct ring *ring, uint64_t end);
/* Reads again from committed. */
void ring_rewind(struct ring *ring);

/* An eventfd that becomes readable when unread bytes reach what ring_wake_at asked for. */
int ring_fd(const struct ring *ring);
#define RING_WAKE_NEVER SIZE_MAX
/* Asks for one wake-up as soon as at least `bytes` (1: any) are unread; replaces the last request.
 * False: they already are, and no wake-up will come. */
bool ring_wake_at(struct ring *ring, size_t bytes);
/* Takes the wake-up out of the eventfd. */
void ring_woken(struct ring *ring);

struct ring_state {
    size_t size_bytes;
    uint64_t used_bytes;      /* not committed: read or not */
    uint64_t unread_bytes;
    int64_t oldest_ms;        /* arrival of the oldest uncommitted record, unix ms; 0: there is none */
    uint64_t waits;           /* how often the producer had to wait for room */
};
/* Consumer's thread. */
struct ring_state ring_state(const struct ring *ring);
