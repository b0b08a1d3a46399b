/* Carries the event stream out of Drover: reads it from a cursor in Redis (drover:priv:export:<name>), hands it batch by batch to a channel (a webhook,
 * Kafka), and moves the cursor when the channel has it. So every event is delivered at least once and in the order of the stream; a crash between delivery
 * and cursor repeats one batch. A stream_worker: only the leader's delivers, nothing is on the loop, at most one batch is in memory.
 *
 * What the channel refuses, or cannot deliver for give_up_ms, goes to the stream drover:v1:export:<name>:dead and is passed over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/redis_sync.h"
#include "proto/event.h"

#define EXPORT_BATCH_MAX 500

struct stream_worker;

struct export_event {
    struct event event;
    const char *json;              /* as over MQTT (proto/schema/event.json); terminated */
    size_t json_length;
    size_t json_at;                /* export.c's own */
};

enum export_verdict {
    EXPORT_DELIVERED,              /* all of it, but for those that are marked refused */
    EXPORT_REFUSED,                /* none of it, and it never will be */
    EXPORT_LATER,                  /* perhaps some of it; try the whole again */
};

struct export_answer {
    bool refused[EXPORT_BATCH_MAX];   /* of EXPORT_DELIVERED: these will never be taken */
    int64_t retry_after_ms;           /* of EXPORT_LATER: the channel's own wish; 0: none */
    char why[112];                    /* of what was not delivered; printable */
};

struct export_channel {
    const char *name;              /* "webhook": in keys, metrics and the log; static */
    size_t batch_max;              /* at most EXPORT_BATCH_MAX events, and ... */
    size_t batch_bytes;            /* ... about so many bytes of JSON; 0: any */
    /* On the exporter's thread. It may take long, but must look at stream_worker_is_stopping. answer is zeroed. */
    enum export_verdict (*deliver)(void *arg, struct stream_worker *worker, const struct export_event *events, size_t count, struct export_answer *answer);
    void (*done)(void *arg);       /* frees arg, when the thread has ended */
    void *arg;
};

struct exporter_config {
    const char *instance;          /* borrowed */
    struct redis_sync_config redis;
    struct export_channel channel; /* taken, also when exporter_start fails */
    int64_t backoff_base_ms, backoff_cap_ms;   /* between tries; 0: 1000 and 300000 */
    int64_t give_up_ms;            /* an event this old that could not be delivered in 10 tries is given up */
    int64_t dead_keep;             /* dead letters kept, about */
};

struct exporter;
MUST_USE enum drover_error exporter_start(const struct exporter_config *config, struct exporter **ret_exporter, struct problem *ret_problem);
void exporter_stop(struct exporter *exporter);   /* returns at once; NULL is fine, as below */
void exporter_free(struct exporter *exporter);

struct exporter_counters {
    uint64_t delivered;            /* events; repeated ones count again */
    uint64_t batches;
    uint64_t failures;             /* tries that failed */
    uint64_t dead;                 /* events given up */
    uint64_t gaps;                 /* times that the stream was trimmed beyond the cursor: events are missing */
    int64_t lag_ms;                /* age of the oldest event that is not delivered; 0: none, or another instance leads */
    bool failing;                  /* the last try failed */
};
const char *exporter_name(const struct exporter *exporter);
struct exporter_counters exporter_counters(struct exporter *exporter);
