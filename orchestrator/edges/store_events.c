/* The event stream as events: read from anywhere on, with word of what is gone between, and added to. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"
#include "proto/stream_entry.h"

#define EVENTS_MAX 1000u

static void end_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void events_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- asked --- */

/* True for an entry id: "1700000000000-0" or only its first half. */
static bool is_entry_id(const char *text)
{
    size_t first = strspn(text, "0123456789");
    if (first == 0 || first > 20)
        return false;
    if (text[first] == '\0')
        return true;
    size_t second = text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;
    return second > 0 && second <= 20 && text[first + 1 + second] == '\0';
}

void store_events(struct store *store, const char *after, size_t limit, store_events_read *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    struct redis_args *args;
    if (strcmp(after, "$") == 0) {
        args = store_command_begin(store, "XREVRANGE");
        redis_args_add_text(args, KEY_EVENTS);
        redis_args_add_text(args, "+");
        redis_args_add_text(args, "-");
        redis_args_add_text(args, "COUNT");
        redis_args_add_i64(args, 1);
        store_command_send(store, end_read, call);
        return;
    }
    (void)text_copy(call->after, sizeof call->after, is_entry_id(after) ? after : "0");
    args = store_script_begin(store, SCRIPT_EVENTS_READ);
    redis_args_add_text(args, call->after);
    redis_args_add_i64(args, (int64_t)(limit < EVENTS_MAX ? limit : EVENTS_MAX));
    store_script_send(store, SCRIPT_EVENTS_READ, events_read, call);
}

/* --- answered --- */

static const char *entry_id(const struct redisReply *entry)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 && entry->element[0]->type == REDIS_REPLY_STRING ? entry->element[0]->str : NULL;
}

static void end_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    const char *end = NULL;
    (void)text;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    if (!error && reply->elements > 0)
        end = entry_id(reply->element[0]);
    ((store_events_read *)call->done)(call->arg, error, NULL, 0, error ? "" : end ? end : "0", NULL);
    free(call);
}

/* The id just before: resuming there misses nothing that is kept. */
static struct stream_id id_before(struct stream_id id)
{
    return id.seq > 0 ? (struct stream_id){id.ms, id.seq - 1} : (struct stream_id){id.ms > 0 ? id.ms - 1 : 0, INT64_MAX};
}

/* first, newest, gone: as events_read.lua says them. Whoever begins at 0 wants what there is; whoever was at the last trimmed entry has missed nothing. */
static bool gap_find(const char *after, const struct redisReply *first, const struct redisReply *newest, const struct redisReply *gone, struct events_gap *ret)
{
    struct stream_id from = {0, 0}, to;
    (void)stream_id_read_half(after, &from);
    if (gone->integer == 0 || (from.ms == 0 && from.seq == 0) || !stream_id_read(newest->str, newest->len, &to))
        return false;
    if (stream_id_read(first->str, first->len, &to))
        to = id_before(to);
    if (stream_id_compare(&from, &to) >= 0)
        return false;
    (void)snprintf(ret->resume, sizeof ret->resume, "%llu-%llu", (unsigned long long)to.ms, (unsigned long long)to.seq);
    (void)text_copy(ret->first, sizeof ret->first, first->str);
    return true;
}

static bool entry_read(struct store *store, const struct redisReply *entry, struct event *ret)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
           store_record_ok(store, event_entry_read(entry->element[0], entry->element[1], ret));
}

static bool is_answer(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 4 && reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_STRING &&
           reply->element[2]->type == REDIS_REPLY_INTEGER && reply->element[3]->type == REDIS_REPLY_ARRAY;
}

/* An entry that cannot be read is left out and counted; `next` moves on all the same. */
static void events_give(struct store_call *call, const struct redisReply *reply)
{
    const struct redisReply *entries = reply->element[3];
    struct event *events = must_calloc(entries->elements, sizeof *events);
    struct events_gap gap;
    bool gapped = gap_find(call->after, reply->element[0], reply->element[1], reply->element[2], &gap);
    const char *next = gapped ? gap.resume : call->after;
    size_t count = 0;
    for (size_t i = 0; i < entries->elements; i++) {
        const char *id = entry_id(entries->element[i]);
        count += entry_read(call->store, entries->element[i], &events[count]);
        next = id ? id : next;
    }
    ((store_events_read *)call->done)(call->arg, DROVER_OK, events, count, next, gapped ? &gap : NULL);
    free(events);
}

static void events_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    (void)text;
    if (!error && !is_answer(reply))
        error = DROVER_STORE;
    if (error)
        ((store_events_read *)call->done)(call->arg, error, NULL, 0, "", NULL);
    else
        events_give(call, reply);
    free(call);
}

/* --- added --- */

void store_event_add(struct store *store, const struct event *event, store_written *done, void *arg)
{
    struct event stored = *event;
    (void)text_copy(stored.instance, sizeof stored.instance, store->instance);
    (void)text_copy(stored.prev, sizeof stored.prev, "-");
    struct redis_args *args = store_command_begin(store, "XADD");
    redis_args_add_text(args, KEY_EVENTS);
    store_add_trim(args, store->events_keep);
    event_add_fields(&stored, args);
    store_command_send(store, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}
