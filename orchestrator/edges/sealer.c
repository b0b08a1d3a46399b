/* One thread for all sealed logs: a step looks at each of them, and seals at most one block of each. */
#include "orchestrator/edges/sealer.h"

#include <pthread.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "common/log.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/sealer_block.h"
#include "orchestrator/edges/stream_worker.h"

#define LOOK_MS 1000             /* how often it is looked whether a block has become full */
#define CANONICAL_BYTES_MAX (1u << 20)

static const struct {
    const char *name, *stream, *seals;
} logs[SEALED_LOGS] = {[SEALED_EVENTS] = {"events", KEY_EVENTS, KEY_SEALS}, [SEALED_AUDIT] = {"audit", KEY_AUDIT, KEY_AUDIT_SEALS}};

struct sealer {
    struct sealer_config config;
    struct stream_worker *worker;
    struct sha256 *digest;
    struct buffer canonical;
    pthread_mutex_t mutex;
    struct sealer_counters counters[SEALED_LOGS];
};

const char *sealed_log_name(enum sealed_log which)
{
    return logs[which].name;
}

/* --- the step --- */

static void outcome_note(struct sealer *sealer, enum sealed_log which, const struct seal_outcome *outcome)
{
    struct sealer_counters *counters = &sealer->counters[which];

    if (outcome->missed > 0)
        log_event(LOG_ERROR, "events_missed", LOG_TEXT("log", logs[which].name), LOG_NUMBER("block", outcome->n), LOG_NUMBER("entries", outcome->missed),
                  LOG_TEXT("why", "they were gone from the stream before they were sealed"));
    pthread_mutex_lock(&sealer->mutex);
    counters->conflicts += outcome->tried && !outcome->added;
    counters->seals += outcome->added;
    counters->entries += (uint64_t)outcome->entries;
    counters->missed += (uint64_t)outcome->missed;
    counters->n = outcome->n;
    counters->unsealed_ms = outcome->unsealed_ms;
    pthread_mutex_unlock(&sealer->mutex);
}

static enum drover_error is_there(struct stream_worker *worker, const char *key, bool *ret_there, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = stream_worker_ask(worker, &reply, ret_problem, "EXISTS", key, NULL);

    *ret_there = !error && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    if (reply)
        redis_reply_free(reply);
    return error;
}

static enum drover_error log_seal(struct sealer *sealer, struct stream_worker *worker, enum sealed_log which, int64_t *wait_ms, struct problem *ret_problem)
{
    const struct seal_job job = {
        .worker = worker,
        .instance = sealer->config.instance,
        .stream = logs[which].stream,
        .seals = logs[which].seals,
        .seal_ms = sealer->config.seal_ms,
        .keep = sealer->config.keep[which],
        .seals_keep = sealer->config.seals_keep,
        .digest = sealer->digest,
        .canonical = &sealer->canonical,
    };
    struct seal_outcome outcome = {.n = sealer->counters[which].n};
    bool there;
    enum drover_error error = is_there(worker, job.stream, &there, ret_problem);

    if (!error && there)
        error = sealer_block_make(&job, &outcome, ret_problem);
    if (!error)
        outcome_note(sealer, which, &outcome);
    *wait_ms = outcome.tried ? 0 : *wait_ms;
    return error;
}

static void failure_note(struct sealer *sealer, enum sealed_log which)
{
    pthread_mutex_lock(&sealer->mutex);
    sealer->counters[which].failures++;
    pthread_mutex_unlock(&sealer->mutex);
}

/* Whoever does not lead has nothing that is not sealed. */
static void idle_note(struct sealer *sealer)
{
    for (unsigned which = 0; which < SEALED_LOGS; which++)
        outcome_note(sealer, which, &(struct seal_outcome){.n = sealer->counters[which].n});
}

static enum drover_error step(void *arg, struct stream_worker *worker, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    struct sealer *sealer = arg;
    bool leads = false;
    enum drover_error error, first = DROVER_OK;

    *ret_wait_ms = LOOK_MS < sealer->config.seal_ms ? LOOK_MS : sealer->config.seal_ms;
    first = stream_worker_leads(worker, &leads, ret_problem);
    if (first)
        failure_note(sealer, SEALED_EVENTS);
    else if (!leads)
        idle_note(sealer);
    for (unsigned which = 0; which < SEALED_LOGS && leads && !stream_worker_is_stopping(worker); which++) {
        error = log_seal(sealer, worker, which, ret_wait_ms, first ? NULL : ret_problem);
        if (error)
            failure_note(sealer, which);
        first = first ? first : error;
    }
    return first;
}

/* --- life --- */

enum drover_error sealer_start(const struct sealer_config *config, struct sealer **ret_sealer, struct problem *ret_problem)
{
    struct sealer *sealer = calloc(1, sizeof *sealer);
    enum drover_error error = DROVER_MEMORY;

    if (!sealer)
        return problem_set(ret_problem, DROVER_MEMORY, "sealer", "out of memory");
    sealer->config = *config;
    buffer_init(&sealer->canonical, CANONICAL_BYTES_MAX);
    (void)pthread_mutex_init(&sealer->mutex, NULL);
    sealer->digest = sha256_new();
    if (sealer->digest)
        error = stream_worker_start(&(struct stream_worker_config){.name = "sealer", .instance = config->instance, .redis = config->redis, .step = step, .arg = sealer},
                                    &sealer->worker, ret_problem);
    sealer->config.redis = (struct redis_sync_config){.url = NULL};
    if (error)
        sealer_free(sealer);
    else
        *ret_sealer = sealer;
    return error;
}

void sealer_stop(struct sealer *sealer)
{
    if (sealer)
        stream_worker_stop(sealer->worker);
}

void sealer_free(struct sealer *sealer)
{
    if (!sealer)
        return;
    stream_worker_free(sealer->worker);
    sha256_free(sealer->digest);
    buffer_done(&sealer->canonical);
    (void)pthread_mutex_destroy(&sealer->mutex);
    free(sealer);
}

struct sealer_counters sealer_counters(struct sealer *sealer, enum sealed_log which)
{
    struct sealer_counters counters;

    pthread_mutex_lock(&sealer->mutex);
    counters = sealer->counters[which];
    pthread_mutex_unlock(&sealer->mutex);
    return counters;
}
