/* `droverd --rebuild-into`, `--rebuild-compare`, `--rebuild-from`: upgrades, rollouts with their plans, releases and counters from the event log alone (rebuild.h), written into an
 * empty Redis, compared with the live one, or both. A tool for operators: blocking, says what it does on a stream, and stops at the first trouble. */
#pragma once

#include <stdio.h>

#include "orchestrator/edges/rebuild.h"
#include "orchestrator/edges/redis_sync.h"

struct rebuild_job {
    struct redis_sync_config live;    /* where the log is, unless it comes from a file, and what is compared with */
    const char *from;                 /* an exported file; NULL: the live log */
    const char *into;                 /* URL of an empty Redis without a password; NULL: written nowhere */
    bool compare;
    FILE *out;
};

/* DROVER_OK; DROVER_MISMATCH: the live Redis says something else than its log, which was told on `out`; or another error with its problem. */
MUST_USE enum drover_error rebuild_run(const struct rebuild_job *job, struct problem *ret_problem);

/* --- its parts --- */

/* Reads and verifies a file that `drover events export` wrote. */
MUST_USE enum drover_error rebuild_read_file(struct rebuild *rebuild, const char *path, struct problem *ret_problem);
/* Reads what came after the last entry that was taken. DROVER_NOT_FOUND: entries between are trimmed already. */
MUST_USE enum drover_error rebuild_read_redis(struct rebuild *rebuild, struct redis_sync *redis, struct problem *ret_problem);
/* Only into an empty Redis: DROVER_REFUSED. ret_counts: hashes written, by enum rebuilt_kind. */
MUST_USE enum drover_error rebuild_write(struct rebuild *rebuild, struct redis_sync *redis, uint64_t ret_counts[REBUILT_KIND_COUNT], struct problem *ret_problem);

struct rebuild_comparison {
    uint64_t equal[REBUILT_KIND_COUNT];
    uint64_t differences;              /* fields that are not as the log says; the first of them as lines in `text` */
    struct buffer text;                /* owned by whoever made it */
    uint64_t unknown_upgrades;         /* current ones of which the log says nothing any more */
    uint64_t unknown_rollouts;         /* that began before the log does */
    uint64_t unknown_plans;            /* plans of rollouts of which the log says nothing, not even how long they are */
    uint64_t unknown_releases;         /* that were added before the log begins */
};
/* text must be initialised; everything else is set. */
MUST_USE enum drover_error rebuild_compare(struct rebuild *rebuild, struct redis_sync *redis, struct rebuild_comparison *comparison, struct problem *ret_problem);

/* One command of words, NULL ends them; the reply is the caller's. Errors with their problem. */
struct redisReply;
MUST_USE enum drover_error rebuild_ask(struct redis_sync *redis, struct redisReply **ret_reply, struct problem *ret_problem, ...) __attribute__((sentinel));
