/* What an exporter reads and writes in Redis: its cursor, the entries behind it, dead letters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/export_inside.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"

#define FROM_THE_FIRST "0-0"

/* --- the cursor --- */

static enum drover_error text_ask(struct exporter *exporter, const char *key, char *ret, size_t size, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = stream_worker_ask(exporter->thread, &reply, ret_problem, "GET", key, NULL);

    ret[0] = '\0';
    if (!error && reply->type == REDIS_REPLY_STRING && !text_copy(ret, size, reply->str))
        error = problem_set(ret_problem, DROVER_STORE, key, "is no entry's id");
    redis_reply_free(reply);
    return error;
}

enum drover_error export_cursor_read(struct exporter *exporter, struct problem *ret_problem)
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

enum drover_error export_cursor_move(struct exporter *exporter, const char *to, const bool *dead, const char *why, bool *ret_moved, struct problem *ret_problem)
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
    redis_reply_free(reply);
    return error;
}

enum drover_error export_cursor_begin(struct exporter *exporter, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    char end[STREAM_ID_SIZE] = FROM_THE_FIRST;
    bool moved = false;
    enum drover_error error = stream_worker_ask(exporter->thread, &reply, ret_problem, "XREVRANGE", KEY_EVENTS, "+", "-", "COUNT", "1", NULL);

    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && redis_reply_entry(reply->element[0], &entry))
        (void)text_copy_n(end, sizeof end, entry.id.bytes, entry.id.length);
    redis_reply_free(reply);
    if (error)
        return error;
    exporter->count = 0;
    exporter->unreadable = false;
    error = export_cursor_move(exporter, end, NULL, "", &moved, ret_problem);
    if (moved)
        log_event(LOG_INFO, "export_begins", LOG_TEXT("exporter", exporter->config.channel.name), LOG_TEXT("after", end));
    return error;
}

/* --- the next entries --- */

static void gap_note(struct exporter *exporter, const char *first)
{
    log_event(LOG_ERROR, "export_gap", LOG_TEXT("exporter", exporter->config.channel.name), LOG_TEXT("after", exporter->cursor), LOG_TEXT("before", first),
              LOG_TEXT("why", "the stream was trimmed faster than it could be delivered: events between may be missing"));
    pthread_mutex_lock(&exporter->mutex);
    exporter->counters.gaps++;
    pthread_mutex_unlock(&exporter->mutex);
}

enum drover_error export_gap_look(struct exporter *exporter, struct problem *ret_problem)
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
    redis_reply_free(reply);
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

enum drover_error export_batch_read(struct exporter *exporter, struct problem *ret_problem)
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
    redis_reply_free(reply);
    if (!error && exporter->json.failed)
        error = problem_set(ret_problem, DROVER_MEMORY, exporter->config.channel.name, "out of memory");
    for (size_t i = 0; !error && i < exporter->count; i++)
        exporter->events[i].json = exporter->json.bytes + exporter->events[i].json_at;
    return error;
}
