/* Inside ingest: what its files share. Two intakes, one for each ring, work alike: they read while Redis answers, and when it did
 * not take something they let what is outstanding end, rewind to what is committed, and wait. When more comes than Redis takes,
 * heartbeats let older reports go first: what was begun is brought to its end before more is begun. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/edges/ingest.h"
#include "orchestrator/edges/ingest_late.h"
#include "proto/topics.h"

#define BATCHES_MAX 8        /* outstanding */
#define CALLS_MAX 256        /* reports and online messages outstanding */
#define TURN_RECORDS 1024    /* most that one turn reads before the loop may do something else, */
#define TURN_US 5000         /* and the most time it takes */
#define YIELD_MS 10000       /* longest that a heartbeat lets older reports go first: well under the shortest silence that counts */
#define PACE_MS 4            /* between batches that are not full: under load this gathers a hundred heartbeats and more */
#define GATHER_BYTES ((size_t)32 << 10)  /* unread bytes worth waking up for while a batch gathers anyway */
#define RETRY_BASE_MS 50
#define RETRY_CAP_MS 5000

struct intake {
    struct ingest *ingest;
    struct ring *ring;
    void (*turn)(struct ingest *ingest);
    struct event *readable;  /* the ring's eventfd */
    struct event *again;     /* a turn as soon as the loop comes round; only ever activated */
    struct event *later;     /* a turn after a pace or a backoff */
    bool waits;              /* everything is rewound; Redis must come back, or the backoff end */
    bool broken;             /* something was not taken; what is outstanding ends first */
    bool in_turn;
    bool yields;             /* heartbeats only: unread reports are older and go first */
    unsigned failures;       /* since something was last committed */
};

struct batch {
    struct ingest *ingest;
    uint64_t end;            /* what may be committed when it and all before it are answered */
    size_t heartbeats;       /* merged ones included */
    size_t late;             /* this many came from the table, and none from the ring */
    bool done, failed;
};

/* The batch that is being put together. */
#define GATHER_SLOTS 1024
struct gather {
    struct beat beats[STORE_BATCH_MAX];
    size_t count;
    size_t read;             /* beats in it, merged ones included */
    uint64_t end;            /* of the last record looked at, refused ones included; 0: none */
    uint32_t stamp;          /* tells slots of this batch from older ones */
    uint32_t slot_stamps[GATHER_SLOTS];
    uint16_t slots[GATHER_SLOTS];
};

struct call {
    struct ingest *ingest;
    enum ingest_message message;
    uint64_t end;
    bool done, failed;
};

struct ingest {
    struct ingest_config config;
    struct ingest_counters counters;
    bool ended;

    struct intake heartbeats;
    struct gather gather;
    struct batch batches[BATCHES_MAX];   /* a queue: the oldest first */
    unsigned batch_first, batch_count;
    bool batch_gap;                      /* one failed: nothing behind it is committed until the rewind */
    int64_t paced_mono_ms;               /* when the last batch went */
    struct late *late;

    struct intake reports;
    struct call calls[CALLS_MAX];
    unsigned call_first, call_count;
    bool call_gap;
};

/* ingest.c */
bool ingest_is_retried(enum drover_error error);      /* Redis did not take it: nothing is wrong with the message */
void ingest_refuse(struct ingest *ingest, enum ingest_message message, const struct ring_record *record, const struct problem *problem);
bool intake_may_read(const struct intake *intake);
void intake_answered(struct intake *intake, enum ingest_message message, enum drover_error error, const char *why);
void intake_settle(struct intake *intake, unsigned outstanding);  /* after an answer: rewinds when it was the last of a broken intake */
void intake_go_on(struct intake *intake);                         /* a turn as soon as the loop comes round */
void intake_go_on_in(struct intake *intake, int64_t wait_ms);

/* ingest_heartbeats.c */
void heartbeats_go_on_after_reports(struct ingest *ingest);       /* reports were read, or cannot be now: heartbeats look again whether it is their turn */
void heartbeats_turn(struct ingest *ingest);
void heartbeats_rewound(struct ingest *ingest);
/* ingest_served.c */
bool served_is(const struct ring_record *record);
MUST_USE enum drover_error served_read(const struct ring_record *record, struct served *ret_served, struct problem *ret_problem);
/* ingest_reports.c */
void reports_turn(struct ingest *ingest);
void reports_rewound(struct ingest *ingest);
