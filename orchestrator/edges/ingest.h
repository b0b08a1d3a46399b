/* Takes the messages out of the rings, reads them strictly and gives them to the flow; on the loop (libevent).
 *
 * Heartbeats go in batches: at once when all is quiet, as large as what has gathered while a batch is on its way under load.
 * Reports and online messages go one by one with a bounded number outstanding. A ring's `committed` moves only over what the
 * flow has answered. When it answers that Redis is not there, reading stops, and everything not committed is read again later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/ring.h"

struct event_base;
struct ingest;

/* done comes exactly once, on the loop: store_online fits behind it. */
typedef void ingest_online_done(void *arg, enum drover_error error);
typedef void ingest_online(void *arg, const char *device_id, bool online, int64_t at_ms, ingest_online_done *done, void *done_arg);

struct ingest_config {
    struct event_base *base;       /* borrowed, like all below */
    struct ring *heartbeats, *reports;
    struct flow *flow;
    ingest_online *online;
    void *online_arg;
    size_t late_max_bytes;         /* of heartbeats taken out of a full ring while Redis is away; 0: 64 MiB */
};

struct ingest *ingest_new(const struct ingest_config *config);   /* NULL: out of memory. Reads nothing before ingest_resume */
void ingest_free(struct ingest *ingest);                         /* only when ingest_outstanding is 0 */

/* Redis answers (again): read now instead of waiting for the backoff's end. Also starts reading the first time. */
void ingest_resume(struct ingest *ingest);
/* Starts nothing more; what is outstanding ends by itself. */
void ingest_stop(struct ingest *ingest);
/* Batches, reports and online messages that were not answered yet. */
size_t ingest_outstanding(const struct ingest *ingest);
/* Nothing is outstanding and nothing is left in rings and table. */
bool ingest_is_drained(const struct ingest *ingest);

/* Keeps what the depot served until the flow has saved what follows from it. Any thread; the ring must be `shared`.
 * False: no room. */
bool ingest_put_served(struct ring *reports, const struct served *served);

enum ingest_message { INGEST_HEARTBEAT, INGEST_ONLINE, INGEST_REPORT, INGEST_SERVED, INGEST_OTHER, INGEST_MESSAGE_COUNT };
const char *ingest_message_name(enum ingest_message message);   /* label of drover_refused_total */

#define INGEST_SIZE_BUCKETS 10   /* batches of at most 1, 2, 4, ... 256 heartbeats, and any */
struct ingest_counters {
    uint64_t received[INGEST_MESSAGE_COUNT];                       /* taken out of the rings; again after a rewind */
    uint64_t refused[INGEST_MESSAGE_COUNT][DROVER_ERROR_COUNT];    /* malformed, by the reader's error */
    uint64_t answered[INGEST_MESSAGE_COUNT][DROVER_ERROR_COUNT];   /* what the flow said: heartbeats per batch, others each */
    uint64_t recorded;            /* heartbeats that Redis has, those merged into a newer one included; again after a rewind */
    uint64_t merged;              /* heartbeats replaced by a newer one of the same device within a batch */
    uint64_t coalesced;           /* the same, in the table while Redis was away */
    uint64_t late_dropped;        /* oldest heartbeats thrown out of the full table */
    uint64_t batches;
    uint64_t batch_heartbeats;    /* sum of their sizes */
    uint64_t batch_sizes[INGEST_SIZE_BUCKETS];                     /* not cumulative */
    uint64_t rewinds;             /* how often reading stopped because Redis did not take something */
    /* as it is now */
    bool stopped;                 /* reading waits for Redis */
    size_t late;                  /* heartbeats in the table */
    size_t outstanding_batches, outstanding_reports;
    int64_t lag_ms;               /* age of the oldest message that is not committed */
    struct ring_state heartbeats, reports;
};
void ingest_counters(const struct ingest *ingest, int64_t now_unix_ms, struct ingest_counters *ret_counters);
