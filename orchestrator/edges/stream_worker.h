/* A thread beside the loop that does one thing with the event stream, step by step, over a connection to Redis of its own: sealing it, carrying it
 * away. A step that fails is done again after a backoff with jitter; nothing of it is kept in memory but caches.
 *
 * Every instance has these threads; what they write is refused by the scripts unless the instance is the leader. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/redis_sync.h"

struct stream_worker;

struct stream_worker_config {
    const char *name;                  /* of the thread and in the log, at most 15 bytes; borrowed */
    const char *instance;              /* borrowed, as all that follows */
    struct redis_sync_config redis;    /* borrowed only by stream_worker_start */
    int64_t backoff_base_ms, backoff_cap_ms;   /* after failed steps; 0: 200 and 10000 */
    /* One step, on the thread. *ret_wait_ms: until the next one. An error is logged when it is a new one (the problem says why; where "redis": as
     * redis_sync_why), and the step is tried again. */
    enum drover_error (*step)(void *arg, struct stream_worker *worker, int64_t *ret_wait_ms, struct problem *ret_problem);
    void *arg;
};

MUST_USE enum drover_error stream_worker_start(const struct stream_worker_config *config, struct stream_worker **ret_worker, struct problem *ret_problem);
/* Ends the present wait and lets no further step begin; returns at once. NULL is fine. */
void stream_worker_stop(struct stream_worker *worker);
/* Stops it and waits for its end: at most as long as a step takes that sees that it should end. NULL is fine. */
void stream_worker_free(struct stream_worker *worker);

/* For the step. */
bool stream_worker_is_stopping(struct stream_worker *worker);
/* Waits; false: told to end. */
bool stream_worker_wait(struct stream_worker *worker, int64_t wait_ms);
/* A plain command of words; NULL ends them. The reply is the caller's. */
struct redisReply;
MUST_USE enum drover_error stream_worker_ask(struct stream_worker *worker, struct redisReply **ret_reply, struct problem *ret_problem, ...) __attribute__((sentinel));
/* Begins a script with the two prefixes and the instance as ARGV[1]; the caller adds the rest and calls stream_worker_script. */
struct redis_args *stream_worker_script_begin(struct stream_worker *worker, unsigned script /* enum redis_script */);
MUST_USE enum drover_error stream_worker_script(struct stream_worker *worker, struct redisReply **ret_reply, struct problem *ret_problem);
/* Is this instance the leader now? */
MUST_USE enum drover_error stream_worker_leads(struct stream_worker *worker, bool *ret_leads, struct problem *ret_problem);
