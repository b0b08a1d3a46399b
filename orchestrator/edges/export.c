/* One step: the cursor, the next entries, the channel, the cursor again. */
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/export_inside.h"

#define LOOK_MS 250              /* how often it is looked for new events */
#define IDLE_MS 1000             /* how often an instance that does not lead looks whether it does */
#define TRIES_MIN 10             /* fewer never give an event up, however old it is */
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 300000
#define RETRY_AFTER_MAX_MS 3600000

/* --- the channel --- */

static int64_t pause_ms(const struct exporter *exporter, unsigned times)
{
    int64_t base_ms = exporter->config.backoff_base_ms ? exporter->config.backoff_base_ms : BACKOFF_BASE_MS;
    int64_t cap_ms = exporter->config.backoff_cap_ms ? exporter->config.backoff_cap_ms : BACKOFF_CAP_MS;

    return backoff_full_jitter_ms(base_ms, cap_ms, times ? times - 1 : 0, clock_random());
}

static void outcome_note(struct exporter *exporter, uint64_t delivered, uint64_t dead, bool failed)
{
    pthread_mutex_lock(&exporter->mutex);
    exporter->counters.delivered += delivered;
    exporter->counters.batches += delivered > 0;
    exporter->counters.dead += dead;
    exporter->counters.failures += failed;
    exporter->counters.failing = failed;
    pthread_mutex_unlock(&exporter->mutex);
}

static void dead_say(const struct exporter *exporter, uint64_t dead, const char *why)
{
    if (dead > 0)
        log_event(LOG_ERROR, "export_gave_up", LOG_TEXT("exporter", exporter->config.channel.name), LOG_NUMBER("events", (int64_t)dead),
                  LOG_TEXT("last", exporter->last), LOG_TEXT("why", why));
}

/* Behind the batch, with those that `dead` marks as dead letters. */
static enum drover_error batch_end(struct exporter *exporter, const bool *dead, const char *why, struct problem *ret_problem)
{
    uint64_t given_up = exporter->unreadable && exporter->count == 0;
    bool moved = false;
    enum drover_error error = export_cursor_move(exporter, exporter->last, dead, why, &moved, ret_problem);

    for (size_t i = 0; dead && i < exporter->count; i++)
        given_up += dead[i];
    if (error)
        return error;
    outcome_note(exporter, moved && exporter->count >= given_up ? exporter->count - given_up : 0, moved ? given_up : 0, given_up > 0);
    if (moved)
        dead_say(exporter, given_up, exporter->unreadable && exporter->count == 0 ? exporter->payload : why);
    if (exporter->tries > 0 && given_up == 0)
        log_event(LOG_INFO, "export_recovered", LOG_TEXT("exporter", exporter->config.channel.name), LOG_NUMBER("tries", exporter->tries));
    exporter->tries = 0;
    return DROVER_OK;
}

static bool gives_up(const struct exporter *exporter)
{
    return exporter->tries >= TRIES_MIN && clock_unix_ms() - exporter->events[exporter->count - 1].event.at_ms >= exporter->config.give_up_ms;
}

static int64_t later(struct exporter *exporter, const struct export_answer *answer)
{
    int64_t wished_ms = answer->retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : answer->retry_after_ms;

    if (exporter->tries == 1)
        log_event(LOG_WARN, "export_failed", LOG_TEXT("exporter", exporter->config.channel.name), LOG_TEXT("why", answer->why));
    outcome_note(exporter, 0, 0, true);
    return wished_ms > 0 ? wished_ms : pause_ms(exporter, exporter->tries);
}

/* A receiver that refuses batch after batch is asked more and more seldom, so that a mistake in a setting does not drain the stream. */
static enum drover_error batch_deliver(struct exporter *exporter, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    struct export_answer *answer = calloc(1, sizeof *answer);
    enum export_verdict verdict;
    enum drover_error error = DROVER_OK;

    if (!answer)
        return problem_set(ret_problem, DROVER_MEMORY, exporter->config.channel.name, "out of memory");
    verdict = exporter->config.channel.deliver(exporter->config.channel.arg, exporter->thread, exporter->events, exporter->count, answer);
    exporter->tries += verdict == EXPORT_LATER;
    exporter->refusals = verdict == EXPORT_REFUSED ? exporter->refusals + 1 : 0;
    if (verdict == EXPORT_LATER && !gives_up(exporter)) {
        *ret_wait_ms = later(exporter, answer);
    } else {
        *ret_wait_ms = exporter->refusals ? pause_ms(exporter, exporter->refusals) : 0;
        for (size_t i = 0; i < exporter->count; i++)
            answer->refused[i] = answer->refused[i] || verdict != EXPORT_DELIVERED;
        error = batch_end(exporter, answer->refused, answer->why, ret_problem);
    }
    free(answer);
    return error;
}

/* --- the step --- */

static void lag_note(struct exporter *exporter)
{
    struct stream_id id;
    int64_t lag_ms = 0;

    if (exporter->count > 0 && stream_id_read(exporter->events[0].event.id, strlen(exporter->events[0].event.id), &id))
        lag_ms = clock_unix_ms() - (int64_t)id.ms;
    pthread_mutex_lock(&exporter->mutex);
    exporter->counters.lag_ms = lag_ms > 0 ? lag_ms : 0;
    pthread_mutex_unlock(&exporter->mutex);
}

static enum drover_error lead_step(struct exporter *exporter, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    enum drover_error error = export_cursor_read(exporter, ret_problem);

    *ret_wait_ms = LOOK_MS;
    if (!error && !exporter->cursor[0])
        return export_cursor_begin(exporter, ret_problem);
    if (!error)
        error = export_batch_read(exporter, ret_problem);
    if (error || !exporter->last[0]) {
        lag_note(exporter);
        return error;
    }
    if (exporter->tries == 0)
        error = export_gap_look(exporter, ret_problem);
    lag_note(exporter);
    if (error)
        return error;
    if (exporter->count > 0)
        return batch_deliver(exporter, ret_wait_ms, ret_problem);
    *ret_wait_ms = 0;
    return batch_end(exporter, NULL, "", ret_problem);
}

static enum drover_error step(void *arg, struct stream_worker *worker, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    struct exporter *exporter = arg;
    bool leads = false;
    enum drover_error error;

    exporter->thread = worker;
    *ret_wait_ms = IDLE_MS;
    error = stream_worker_leads(worker, &leads, ret_problem);
    if (!error && leads)
        return lead_step(exporter, ret_wait_ms, ret_problem);
    exporter->count = 0;
    lag_note(exporter);
    return error;
}

/* --- life --- */

enum drover_error exporter_start(const struct exporter_config *config, struct exporter **ret_exporter, struct problem *ret_problem)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    enum drover_error error = DROVER_MEMORY;

    if (!exporter) {
        config->channel.done(config->channel.arg);
        return problem_set(ret_problem, DROVER_MEMORY, config->channel.name, "out of memory");
    }
    exporter->config = *config;
    buffer_init(&exporter->json, 0);
    (void)pthread_mutex_init(&exporter->mutex, NULL);
    exporter->events = calloc(config->channel.batch_max, sizeof *exporter->events);
    if (exporter->events)
        error = stream_worker_start(&(struct stream_worker_config){.name = config->channel.name, .instance = config->instance, .redis = config->redis, .step = step, .arg = exporter},
                                    &exporter->worker, ret_problem);
    exporter->config.redis = (struct redis_sync_config){.url = NULL};
    if (error)
        exporter_free(exporter);
    else
        *ret_exporter = exporter;
    return error;
}

void exporter_stop(struct exporter *exporter)
{
    if (exporter)
        stream_worker_stop(exporter->worker);
}

void exporter_free(struct exporter *exporter)
{
    if (!exporter)
        return;
    stream_worker_free(exporter->worker);
    exporter->config.channel.done(exporter->config.channel.arg);
    free(exporter->events);
    buffer_done(&exporter->json);
    (void)pthread_mutex_destroy(&exporter->mutex);
    free(exporter);
}

const char *exporter_name(const struct exporter *exporter)
{
    return exporter->config.channel.name;
}

struct exporter_counters exporter_counters(struct exporter *exporter)
{
    struct exporter_counters counters;

    pthread_mutex_lock(&exporter->mutex);
    counters = exporter->counters;
    pthread_mutex_unlock(&exporter->mutex);
    return counters;
}
