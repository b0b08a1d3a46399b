/* A blocking connection to Redis, for threads beside the loop and for tools: connects when it is first used, and again after it was lost.
 * Every wait ends after timeout_ms. One thread uses it; any other may abort it. */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/redis_arena.h"
#include "orchestrator/edges/redis_args.h"

struct redisReply;
struct redis_sync;

struct redis_sync_config {
    const char *url;          /* "unix:///path[?db=N]" or "redis://host[:port][/db]" */
    const char *username;     /* NULL or "": the default user */
    const char *password;     /* NULL or "": no AUTH; copied, and wiped at the end */
    int64_t timeout_ms;       /* of each connect and each answer; 0: 5000 */
};

/* Checks the URL; connects to nobody yet. */
MUST_USE enum drover_error redis_sync_new(const struct redis_sync_config *config, struct redis_sync **ret_redis, struct problem *ret_problem);
void redis_sync_free(struct redis_sync *redis);   /* NULL is fine */

/* One command and its answer, which the caller frees with redis_reply_free, before it frees redis. Several may be held.
 *   DROVER_UNAVAILABLE  not reachable, lost, too slow (whether it was done is unknown), loading, or aborted
 *   DROVER_STORE        Redis refused
 *   DROVER_MISMATCH     drover:schema is of another version
 * redis_sync_why says it in words. */
MUST_USE enum drover_error redis_sync_call(struct redis_sync *redis, struct redis_args *args, struct redisReply **ret_reply);
/* Sends commands whose answers only count as done or not: they are read by redis_sync_settle, which says the first error. */
MUST_USE enum drover_error redis_sync_push(struct redis_sync *redis, struct redis_args *args);
MUST_USE enum drover_error redis_sync_settle(struct redis_sync *redis);
const char *redis_sync_why(const struct redis_sync *redis);

/* From any thread: whoever waits stops waiting, and everything after it is DROVER_UNAVAILABLE. */
void redis_sync_abort(struct redis_sync *redis);
