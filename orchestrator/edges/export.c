/* One step: the cursor, the next entries, the channel, the cursor again. */
#include "orchestrator/edges/export.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/stream_worker.h"
#include "proto/stream_entry.h"

#define LOOK_MS 250              /* how often it is looked for new events */
#define IDLE_MS 1000             /* how often an instance that does not lead looks whether it does */
#define TRIES_MIN 10             /* fewer never give an event up, however old it is */
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 300000
#define RETRY_AFTER_MAX_MS 3600000
#define FROM_THE_FIRST "0-0"

struct exporter {
    struct exporter_config config;
    struct stream_worker *worker;            /* the owner's */
    struct stream_worker *thread;            /* the thread's own, set by each step */
    /* The batch. */
    struct export_event *events;             /* owned; batch_max of them */
    size_t count;
    struct buffer json;                      /* of all of them, each with a NUL */
    char cursor[STREAM_ID_SIZE];             /* before the batch; "": there is none yet */
    char last[STREAM_ID_SIZE];               /* id of the last entry that was read */
    bool unreadable;                         /* the entry `last` is none that can be delivered */
    char payload[256];                       /* what can be said of it */
    unsigned tries, refusals;                /* in a row */
    pthread_mutex_t mutex;
    struct exporter_counters counters;
};

/* --- 1 the cursor --- */

static enum drover_error text_ask(struct exporter *exporter, const char *key, char *ret, size_t size, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = stream_worker_ask(exporter->thread, &reply, ret_problem, "GET", key, NULL);

    ret[0] = '\0';
    if (!error && reply->type == REDIS_REPLY_STRING && !text_copy(ret, size, reply->str))
        error = problem_set(ret_problem, DROVER_STORE, key, "is no entry's id");
    freeReplyObject(reply);
    return error;
}

static enum drover_error cursor_read(struct exporter *exporter, struct problem *ret_problem)
{
    char key[96];
    struct stream_id id;
    enum drover_error error;

    (void)snprintf(key, sizeof key, KEY_PREFIX_PRIVATE "export:%s", exporter->config.channel.name);
    error = text_ask(exporter, key, exporter->cursor, sizeof exporter->cursor, ret_problem);
    if (!error && exporter->cursor[0] && !stream_id_read(exporter->cursor, strlen(exporter->cursor), &id))
        error = problem_set(ret_problem, DROVER_STORE, key, "is no entry's id");
    return error;
}

static void dead_letter_add(struct redis_args *args, const char *id, const char *device, const char *rollout, const char *why, const char *payload)
{
    redis_args_add_text(args, id);
    redis_args_add_text(args, device);
    redis_args_add_text(args, rollout);
    redis_args_add_text(args, why);
    redis_args_add_text(args, payload);
}

/* dead NULL: no event of the batch is given up; else those that it marks. */
static enum drover_error cursor_move(struct exporter *exporter, const char *to, const bool *dead, const char *why, bool *ret_moved, struct problem *ret_problem)
{
    struct redis_args *args = stream_worker_script_begin(exporter->thread, SCRIPT_EXPORT_MOVE);
    struct redisReply *reply = NULL;
    enum drover_error error;

    redis_args_add_text(args, exporter->config.channel.name);
    redis_args_add_text(args, exporter->cursor);
    redis_args_add_text(args, to);
    redis_args_add_i64(args, clock_unix_ms());
    redis_args_add_i64(args, exporter->config.dead_keep);
    for (size_t i = 0; dead && i < exporter->count; i++)
        if (dead[i])
            dead_letter_add(args, exporter->events[i].event.id, exporter->events[i].event.device_id, exporter->events[i].event.rollout, why, exporter->events[i].json);
    if (exporter->unreadable && exporter->count == 0)
        dead_letter_add(args, exporter->last, "-", "-", "it cannot be read as an event", exporter->payload);
    error = stream_worker_script(exporter->thread, &reply, ret_problem);
    *ret_moved = !error && redis_reply_is(reply, "OK");
    freeReplyObject(reply);
    return error;
}

/* An exporter that is new begins at the end: whoever switches it on does not want the past. */
static enum drover_error cursor_begin(struct exporter *exporter, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    char end[STREAM_ID_SIZE] = FROM_THE_FIRST;
    bool moved = false;
    enum drover_error error = stream_worker_ask(exporter->thread, &reply, ret_problem, "XREVRANGE", KEY_EVENTS, "+", "-", "COUNT", "1", NULL);

    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && redis_reply_entry(reply->element[0], &entry))
        (void)text_copy_n(end, sizeof end, entry.id.bytes, entry.id.length);
    freeReplyObject(reply);
    if (error)
        return error;
    exporter->count = 0;
    exporter->unreadable = false;
    error = cursor_move(exporter, end, NULL, "", &moved, ret_problem);
    if (moved)
        log_event(LOG_INFO, "export_begins", LOG_TEXT("exporter", exporter->config.channel.name), LOG_TEXT("after", end));
    return error;
}

/* --- 2 the next entries --- */

static void gap_note(struct exporter *exporter, const char *first)
{
    log_event(LOG_ERROR, "export_gap", LOG_TEXT("exporter", exporter->config.channel.name), LOG_TEXT("after", exporter->cursor), LOG_TEXT("before", first),
              LOG_TEXT("why", "the stream was trimmed faster than it could be delivered: events between may be missing"));
    pthread_mutex_lock(&exporter->mutex);
    exporter->counters.gaps++;
    pthread_mutex_unlock(&exporter->mutex);
}

/* The stream begins behind the cursor: what was between them is gone. Said once, before the first try with the batch behind it. */
static enum drover_error gap_look(struct exporter *exporter, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    struct stream_id first, cursor;
    enum drover_error error = stream_worker_ask(exporter->thread, &reply, ret_problem, "XRANGE", KEY_EVENTS, "-", "+", "COUNT", "1", NULL);

    if (!error && strcmp(exporter->cursor, FROM_THE_FIRST) != 0 && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
        redis_reply_entry(reply->element[0], &entry) && stream_id_read(entry.id.bytes, entry.id.length, &first) &&
        stream_id_read(exporter->cursor, strlen(exporter->cursor), &cursor) && stream_id_compare(&first, &cursor) > 0) {
        char id[STREAM_ID_SIZE];

        (void)text_copy_n(id, sizeof id, entry.id.bytes, entry.id.length);
        gap_note(exporter, id);
    }
    freeReplyObject(reply);
    return error;
}

/* One that cannot be read ends the batch; when it is the first, it is a dead letter by itself. True: go on. */
static bool entry_take(struct exporter *exporter, const struct redisReply *reply)
{
    struct export_event *event = &exporter->events[exporter->count];
    size_t before = exporter->json.length;
    struct stream_entry entry = {.count = 0};
    struct problem problem;
    bool readable = redis_reply_entry(reply, &entry) && event_from_entry(&entry, &event->event, &problem) == DROVER_OK;

    if (!readable && exporter->count > 0)
        return false;
    (void)text_copy_n(exporter->last, sizeof exporter->last, entry.id.bytes ? entry.id.bytes : "", entry.id.length);
    if (!readable) {
        exporter->unreadable = true;
        (void)snprintf(exporter->payload, sizeof exporter->payload, "%s: %s", problem.where, problem.what);
        return false;
    }
    event_write(&event->event, &exporter->json);
    buffer_add(&exporter->json, "", 1);
    event->json_length = exporter->json.length - before - 1;
    event->json_at = before; /* the buffer moves until all are there */
    exporter->count++;
    return exporter->config.channel.batch_bytes == 0 || exporter->json.length < exporter->config.channel.batch_bytes;
}

static enum drover_error batch_read(struct exporter *exporter, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    char start[STREAM_ID_SIZE + 1], most[24];
    enum drover_error error;

    (void)snprintf(start, sizeof start, "(%s", exporter->cursor);
    (void)snprintf(most, sizeof most, "%zu", exporter->config.channel.batch_max);
    error = stream_worker_ask(exporter->thread, &reply, ret_problem, "XRANGE", KEY_EVENTS, start, "+", "COUNT", most, NULL);
    exporter->count = 0;
    exporter->unreadable = false;
    exporter->last[0] = '\0';
    buffer_clear(&exporter->json);
    for (size_t i = 0; !error && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (!entry_take(exporter, reply->element[i]))
            break;
    freeReplyObject(reply);
    if (!error && exporter->json.failed)
        error = problem_set(ret_problem, DROVER_MEMORY, exporter->config.channel.name, "out of memory");
    for (size_t i = 0; !error && i < exporter->count; i++)
        exporter->events[i].json = exporter->json.bytes + exporter->events[i].json_at;
    return error;
}

/* --- 3 the channel --- */

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
    enum drover_error error = cursor_move(exporter, exporter->last, dead, why, &moved, ret_problem);

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
    enum drover_error error = cursor_read(exporter, ret_problem);

    *ret_wait_ms = LOOK_MS;
    if (!error && !exporter->cursor[0])
        return cursor_begin(exporter, ret_problem);
    if (!error)
        error = batch_read(exporter, ret_problem);
    if (error || !exporter->last[0]) {
        lag_note(exporter);
        return error;
    }
    if (exporter->tries == 0)
        error = gap_look(exporter, ret_problem);
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
