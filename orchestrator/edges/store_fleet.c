/* The fleet's counts, the event stream, and the chores that one instance does for all. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define EVENTS_MAX 1000u
#define MODELS_MAX 256

static void events_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void fleet_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void led(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

static void add_trim(struct redis_args *args, int64_t keep)
{
    redis_args_add_text(args, "MAXLEN");
    redis_args_add_text(args, "~");
    redis_args_add_i64(args, keep);
    redis_args_add_text(args, "*");
}

/* --- events --- */

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

void store_events(struct store *store, const char *after, size_t limit, store_events_listed *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    bool from_end = strcmp(after, "$") == 0;
    struct redis_args *args = store_command_begin(store, from_end ? "XREVRANGE" : "XRANGE");
    redis_args_add_text(args, KEY_EVENTS);
    call->only_end = from_end;
    if (from_end) {
        redis_args_add_text(args, "+");
        redis_args_add_text(args, "-");
    } else {
        char start[EVENT_ID_SIZE + 16];
        const char *id = is_entry_id(after) ? after : "0";
        snprintf(start, sizeof start, "(%.44s", id);
        (void)text_copy(call->after, sizeof call->after, id);
        redis_args_add_text(args, start);
        redis_args_add_text(args, "+");
    }
    redis_args_add_text(args, "COUNT");
    redis_args_add_i64(args, from_end ? 1 : (int64_t)(limit < EVENTS_MAX ? limit : EVENTS_MAX));
    store_command_send(store, events_listed, call);
}

static bool entry_read(struct store *store, const struct redisReply *entry, struct event *ret)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
           store_record_ok(store, event_entry_read(entry->element[0], entry->element[1], ret));
}

static void events_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_events_listed *done = (store_events_listed *)call->done;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    if (error) {
        done(call->arg, error, NULL, 0, "");
        free(call);
        return;
    }
    size_t count = 0;
    const char *next = call->only_end ? "0" : call->after;
    struct event *events = must_calloc(reply->elements, sizeof *events);
    for (size_t i = 0; i < reply->elements; i++) {
        const struct redisReply *entry = reply->element[i];
        count += entry_read(call->store, entry, &events[count]);
        if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 && entry->element[0]->type == REDIS_REPLY_STRING)
            next = entry->element[0]->str;
    }
    done(call->arg, DROVER_OK, events, call->only_end ? 0 : count, next);
    free(events);
    free(call);
}

void store_event_add(struct store *store, const struct event *event, store_written *done, void *arg)
{
    struct event stored = *event;
    (void)text_copy(stored.instance, sizeof stored.instance, store->instance);
    (void)text_copy(stored.prev, sizeof stored.prev, "-");
    struct redis_args *args = store_command_begin(store, "XADD");
    redis_args_add_text(args, KEY_EVENTS);
    add_trim(args, store->events_keep);
    event_add_fields(&stored, args);
    store_command_send(store, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}

/* --- fleet --- */

void store_fleet(struct store *store, store_fleet_read *done, void *arg)
{
    redis_args_add_i64(store_script_begin(store, SCRIPT_FLEET_LOAD), MODELS_MAX);
    store_script_send(store, SCRIPT_FLEET_LOAD, fleet_read, store_call_new(store, (store_callback *)done, arg));
}

struct fleet {
    int64_t devices, online;
};

static void fleet_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    static const struct record_field rows[] = {{RECORD_MEMBER(struct fleet, I64, devices)}, {RECORD_MEMBER(struct fleet, I64, online)}};
    static const struct record_table table = RECORD_TABLE(rows);
    struct store_call *call = arg;
    store_fleet_read *done = (store_fleet_read *)call->done;
    struct fleet fleet = {0};
    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 1 ||
                   !store_record_ok(call->store, record_read(&table, reply->element[0], &fleet))))
        error = DROVER_STORE;
    if (error) {
        done(call->arg, error, 0, 0, NULL, 0);
    } else {
        size_t count = 0;
        struct model_summary *models = must_calloc(reply->elements / 2, sizeof *models);
        for (size_t i = 1; i + 1 < reply->elements; i += 2)
            count += store_record_ok(call->store, model_summary_read(reply->element[i], reply->element[i + 1], &models[count]));
        done(call->arg, DROVER_OK, fleet.devices, fleet.online, models, count);
        free(models);
    }
    free(call);
}

/* --- chores --- */

void store_leader(struct store *store, int64_t ttl_ms, store_led *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_LEADER_TAKE);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, ttl_ms > 0 ? ttl_ms : 1);
    store_script_send(store, SCRIPT_LEADER_TAKE, led, store_call_new(store, (store_callback *)done, arg));
}

static void led(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = DROVER_STORE;
    ((store_led *)call->done)(call->arg, error, !error && reply->integer == 1);
    free(call);
}

void store_leader_resign(struct store *store, store_written *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_LEADER_TAKE);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, 0);
    store_script_send(store, SCRIPT_LEADER_TAKE, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}

void store_series_add(struct store *store, const struct series_field *fields, size_t count, store_written *done, void *arg)
{
    struct redis_args *args = store_command_begin(store, "XADD");
    redis_args_add_text(args, KEY_SERIES);
    add_trim(args, store->series_keep);
    for (size_t i = 0; i < count; i++) {
        redis_args_add_text(args, fields[i].name);
        redis_args_add_i64(args, fields[i].value);
    }
    store_command_send(store, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}
