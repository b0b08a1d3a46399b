/* The parts of a running droverd and what the daemon_*.c files share; nobody else includes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "common/time_zone.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api.h"
#include "orchestrator/edges/chores.h"
#include "orchestrator/edges/daemon_health.h"
#include "orchestrator/edges/daemon_options.h"
#include "orchestrator/edges/http_server.h"
#include "orchestrator/edges/ingest.h"
#include "orchestrator/edges/mqtt_link.h"
#include "orchestrator/edges/outbox.h"
#include "orchestrator/edges/permits.h"
#include "orchestrator/edges/daemon_trust.h"
#include "orchestrator/edges/export.h"
#include "orchestrator/edges/release_proofs.h"
#include "orchestrator/edges/redis_link.h"
#include "orchestrator/edges/ring.h"
#include "orchestrator/edges/sealer.h"
#include "orchestrator/edges/speaker.h"
#include "orchestrator/edges/store.h"

#define DAEMON_SECRET_SIZE 257
#define DAEMON_SIGNALS 3
#define DAEMON_EXPORTERS 2

/* What Redis refused, by kind; READONLY and the like are errors of its operation, not of a request. */
enum store_refusal { STORE_READONLY, STORE_OOM, STORE_SCRIPT, STORE_OTHER, STORE_REFUSAL_COUNT };

enum daemon_phase {
    DAEMON_WAITING,     /* a link has not been up yet */
    DAEMON_RUNNING,     /* both were up at least once */
    DAEMON_DRAINING,    /* told to end: nothing new is begun */
    DAEMON_LEAVING,     /* nothing is under way any more: the last words to Redis */
};

struct daemon {
    const struct daemon_options *options;   /* for a reload */
    char *const *environment;
    struct daemon_settings settings;        /* in effect */
    char public_url[SETTING_PATH_SIZE + 8];
    char api_token[DAEMON_SECRET_SIZE];
    char work_folder[2 * SETTING_PATH_SIZE];   /* emptied at the start */

    struct event_base *base;
    struct ring *heartbeats, *reports;
    struct outbox *outbox;
    struct speaker *speaker;
    struct redis_link *redis;
    struct store *store;
    struct time_zones *zones;
    struct flow *flow;
    struct ingest *ingest;
    struct worker_pool *workers;
    struct proofs *proofs;
    struct daemon_trust trust;              /* the trust store in effect */
    struct auth_ring *keys;                 /* NULL: auth.keys_file is empty */
    struct api *api;
    struct http_server *http;
    struct mqtt_link *mqtt;
    struct chores *chores;
    struct permits *permits;
    struct sealer *sealer;
    struct exporter *exporters[DAEMON_EXPORTERS];   /* NULL: not switched on */

    struct event *tick;
    struct event *signals[DAEMON_SIGNALS];
    struct event *mqtt_changed;

    enum daemon_phase phase;
    struct daemon_health health;
    bool mqtt_ready;                        /* as last seen */
    uint64_t mqtt_troubles;                 /* lost connections and failed tries, as last told */
    int64_t started_mono_ms;
    int64_t second_mono_ms;                 /* when the once-a-second part of the tick ran last */
    int64_t waiting_said_mono_ms;
    int64_t watchdog_interval_ms, watchdog_fed_mono_ms;
    int64_t drain_end_mono_ms;
    bool drained;                           /* everything under way had ended before the deadline */
    char status[160];                       /* as last told to the service manager */
    uint64_t refused_said[STORE_REFUSAL_COUNT];               /* refusals of Redis that are in the log already, by enum store_refusal */
};

/* daemon_parts.c: makes everything, in order; on failure says why in the log and leaves what was made for daemon_parts_free. */
MUST_USE enum drover_error daemon_parts_make(struct daemon *daemon, struct problem *ret_problem);
/* After a complete drain, or when the loop has never run. */
void daemon_parts_free(struct daemon *daemon);

/* A folder below data_dir, unless it is there. */
MUST_USE enum drover_error daemon_folder_make(const char *path, struct problem *ret_problem);
/* daemon_workers.c */
MUST_USE enum drover_error daemon_workers_make(struct daemon *daemon, struct problem *ret_problem);
/* Puts daemon->trust into effect. False: out of memory. */
bool daemon_trust_apply(struct daemon *daemon);

/* daemon_stream.c: the threads that seal the event stream and carry it away. */
MUST_USE enum drover_error daemon_stream_make(struct daemon *daemon, struct problem *ret_problem);
void daemon_stream_stop(struct daemon *daemon);   /* returns at once */
void daemon_stream_free(struct daemon *daemon);
struct metrics;
void daemon_stream_metrics(struct daemon *daemon, struct metrics *metrics);
void daemon_stream_status(struct daemon *daemon, struct json_writer *writer);

/* daemon_load.c */
void daemon_limits(const struct daemon_settings *settings, struct http_limits *ret_limits);
/* Often: tells the flow what the depot carries now. */
void daemon_depot_look(struct daemon *daemon);
int daemon_depot_later(void *daemon);
void daemon_depot_status(const struct daemon *daemon, struct json_writer *writer);

/* daemon_run.c */
void daemon_tick(struct daemon *daemon);
void daemon_redis_changed(void *daemon, bool ready, const char *why);
void daemon_mqtt_changed(struct daemon *daemon);
bool daemon_ready(void *daemon, struct buffer *missing);
void daemon_drain(struct daemon *daemon, const char *why);

/* daemon_reload.c */
void daemon_reload(struct daemon *daemon);

/* daemon_metrics.c, daemon_status.c */
void daemon_metrics(void *daemon, struct buffer *text);
void daemon_status(void *daemon, struct json_writer *writer);
void daemon_sample(void *daemon, struct chores_sample *ret);
const char *store_refusal_name(enum store_refusal refusal);
void store_refusals(struct redis_link *redis, uint64_t ret_counts[STORE_REFUSAL_COUNT]);
