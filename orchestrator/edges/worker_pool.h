/* Workers as seen from the loop: processes of their own for one job each, which may crash, hang or run out of memory as they like.
 * Verifications go before derivations and never wait for one: they have a process of their own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/edges/worker_task.h"

struct event_base;
struct worker_pool;

#define WORKER_QUEUE_MAX 64        /* jobs that wait, of each kind */
#define WORKER_TRIES_MAX 3         /* of a job whose worker gives no answer */

struct worker_pool_config {
    struct event_base *base;
    int64_t derivations;           /* most at a time, 1 .. 8 */
    int64_t timeout_ms;            /* of one job */
    int64_t memory_bytes;          /* of one worker */
};

struct worker_pool *worker_pool_new(const struct worker_pool_config *config);   /* NULL: out of memory */
/* Kills what runs; no callback comes any more. */
void worker_pool_stop(struct worker_pool *pool);
void worker_pool_free(struct worker_pool *pool);   /* NULL is fine */
/* May change while it runs; for jobs that begin afterwards. base and derivations stay as they were. */
void worker_pool_set_limits(struct worker_pool *pool, int64_t derivations, int64_t timeout_ms, int64_t memory_bytes);

/* The trust store that jobs are given from now on, copied; trust_sha256 is its digest. False: out of memory, nothing changed. */
bool worker_pool_set_trust(struct worker_pool *pool, const char *text, size_t length, const char *trust_sha256);

/* The answer lives until the callback returns. Comes on the loop, never from inside worker_pool_ask. A worker that gives no answer is
 * started again, WORKER_TRIES_MAX times in all; then the answer is `broken`: E_INTERNAL and how it ended. */
typedef void worker_answered(void *arg, const struct worker_answer *answer);
/* job, sha256 and what belongs to the job must be filled in; the rest is the pool's. False: too many wait, or no trust store is set. */
bool worker_pool_ask(struct worker_pool *pool, const struct worker_task *task, worker_answered *answered, void *arg);

struct worker_counters {
    uint64_t begun[WORKER_JOB_COUNT];      /* processes */
    uint64_t answered[WORKER_JOB_COUNT];
    uint64_t crashed, timed_out, not_started;
    size_t running, waiting;
};
struct worker_counters worker_pool_counters(const struct worker_pool *pool);
