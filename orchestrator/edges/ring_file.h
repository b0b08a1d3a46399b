/* Inside the ring: how its file looks, and opening it. Only ring.c and ring_file.c include this, and tests that damage it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/edges/ring.h"

#define RING_MAGIC 0x31676e6972766472ull   /* "rdvring1", little-endian */
#define RING_VERSION 1
#define RING_HEADER_BYTES 4096             /* the header's page; the data follows */
#define RING_SIZE_MIN ((size_t)64 << 10)
#define RING_SIZE_MAX ((size_t)1 << 40)
#define RING_BOOT_SIZE 40
#define CACHE_LINE 64

/* The file's first page. Producer and consumer write to lines of their own. */
struct ring_header {
    _Atomic uint64_t magic;
    uint32_t version;
    uint32_t header_bytes;
    uint64_t size;                         /* of the data */
    uint64_t salt;                         /* of this file's checksums: no payload can pretend to be a record */
    char boot_id[RING_BOOT_SIZE];          /* of the machine's run that wrote last; "" after an orderly close */

    _Alignas(CACHE_LINE) _Atomic uint64_t head;        /* the producer's: where the next record goes */
    _Alignas(CACHE_LINE) _Atomic uint64_t committed;   /* the consumer's, */
    _Atomic uint64_t read;                             /* and what it reads next; only for onlookers */
    _Alignas(CACHE_LINE) _Atomic uint64_t wake_at;     /* the head at which the producer wakes the consumer */
    _Alignas(CACHE_LINE) _Atomic uint32_t waiting;     /* the producer waits for room */
};

/* In front of each record; records begin at multiples of 8. */
struct ring_frame {
    uint64_t checksum;       /* XXH64 of the rest of the frame and of the bytes behind it, seeded with the salt */
    uint64_t position;       /* its own: tells it from what an earlier round left here */
    int64_t arrived_ms;
    uint32_t payload_length;
    uint16_t topic_length;
    uint16_t flags;
};
#define FRAME_OVERSIZED 1u
#define FRAME_FILLER 2u      /* nothing: stands where something unreadable was */

struct ring {
    struct ring_header *header;
    char *data;              /* mapped twice, one behind the other: no record is ever in two pieces */
    size_t size, mask;
    uint64_t read;           /* the consumer's cursor */
    uint64_t read_before;    /* and where it was before the last ring_next */
    uint64_t room_until;     /* the producer's last look at committed + size */
    int fd;                  /* of the file, locked */
    int wake_fd;
    atomic_bool released;
    bool shared;             /* several producers: puts hold put_lock */
    pthread_mutex_t put_lock;
    _Atomic uint64_t waits;
    pthread_mutex_t lock;    /* of waiting for room */
    pthread_cond_t room;
    pthread_cond_t sync_end; /* with `lock` too: ends the syncing thread */
    bool sync_runs;
    pthread_t syncer;
    int64_t sync_ms;
};

static inline size_t ring_frame_bytes(const struct ring_frame *frame)
{
    return (sizeof *frame + frame->topic_length + (size_t)frame->payload_length + 7) & ~(size_t)7;
}
uint64_t ring_frame_checksum(const struct ring *ring, const struct ring_frame *frame);

/* Opens or makes the file, maps it, finds the records in it: fills fd, header, data, size, mask, read. */
MUST_USE enum drover_error ring_file_open(struct ring *ring, const struct ring_config *config, struct ring_found *ret_found,
                                          struct problem *ret_problem);
/* Marks it as closed in order (when `orderly`), unmaps and closes. */
void ring_file_close(struct ring *ring, bool orderly);
