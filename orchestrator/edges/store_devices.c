/* Devices: one, a page of them, history, online and offline. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define LOOK_MAX 2000         /* devices a page looks at: some 2 ms of Redis */
#define ROWS_MAX 1000u
#define HISTORY_MAX 1000u

static void loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void history_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void swept(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

static int64_t at_most(size_t value, size_t max)
{
    return (int64_t)(value < max ? value : max);
}

/* --- one --- */

void store_device(struct store *store, const char *device_id, store_loaded *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    (void)text_copy(call->device_id, sizeof call->device_id, device_id);
    char device[sizeof KEY_PREFIX + 8 + ID_SIZE], upgrade[sizeof KEY_PREFIX + 8 + ID_SIZE];
    (void)snprintf(device, sizeof device, KEY_PREFIX "device:%s", device_id);
    (void)snprintf(upgrade, sizeof upgrade, KEY_PREFIX "upgrade:%s", device_id);
    store_exec_begin(store);
    redis_args_add_text(store_command_begin(store, "HGETALL"), device);
    store_exec_add(store);
    redis_args_add_text(store_command_begin(store, "HGETALL"), upgrade);
    store_exec_add(store);
    redis_args_add_text(store_command_begin(store, "ZSCORE"), KEY_PREFIX "seen");
    redis_args_add_text(&store->args, device_id);
    store_exec_add(store);
    store_exec_send(store, loaded, call);
}

static void loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct device device;
    struct upgrade upgrade = {0};
    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[0]->type != REDIS_REPLY_ARRAY))
        error = DROVER_STORE;
    bool known = !error && reply->element[0]->elements > 0;
    if (known && !store_loaded_read(call->store, reply->element, call->device_id, &device, &upgrade))
        error = DROVER_STORE;
    known = known && !error;
    ((store_loaded *)call->done)(call->arg, error, known ? &device : NULL, known ? &upgrade : NULL);
    free(call);
}

/* --- a page --- */

void store_devices(struct store *store, const struct device_filter *filter, const char *cursor, size_t limit, store_devices_listed *done, void *arg)
{
    static const struct device_filter any = {.online = -1};
    if (!filter)
        filter = &any;
    struct redis_args *args = store_script_begin(store, SCRIPT_DEVICES_PAGE);
    redis_args_add_text(args, cursor && cursor[0] ? cursor : "0:0");
    redis_args_add_i64(args, at_most(limit, ROWS_MAX));
    redis_args_add_i64(args, LOOK_MAX);
    redis_args_add_text(args, filter->model ? filter->model : "");
    redis_args_add_text(args, filter->version ? filter->version : "");
    redis_args_add_text(args, filter->state ? filter->state : "");
    redis_args_add_text(args, filter->online < 0 ? "" : filter->online ? "1" : "0");
    store_script_send(store, SCRIPT_DEVICES_PAGE, listed, store_call_new(store, (store_callback *)done, arg));
}

static bool row_read(struct store *store, struct redisReply *const *values, struct device_row *ret)
{
    int64_t seen_ms;
    return values[0]->type == REDIS_REPLY_STRING && values[2]->type == REDIS_REPLY_STRING &&
           text_to_i64(values[2]->str, values[2]->len, 0, INT64_MAX, &seen_ms) &&
           store_record_ok(store, device_row_read(values[1], values[0]->str, seen_ms, ret));
}

static void listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_devices_listed *done = (store_devices_listed *)call->done;
    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements % 3 != 1 || reply->element[0]->type != REDIS_REPLY_STRING))
        error = DROVER_STORE;
    if (!error && redis_reply_is(reply, "BAD_CURSOR"))
        error = DROVER_SYNTAX;
    if (error) {
        done(call->arg, error, NULL, 0, "");
    } else {
        size_t count = 0;
        struct device_row *rows = must_calloc(reply->elements / 3, sizeof *rows);
        for (size_t i = 1; i + 2 < reply->elements; i += 3)
            count += row_read(call->store, &reply->element[i], &rows[count]);
        done(call->arg, DROVER_OK, rows, count, reply->element[0]->str);
        free(rows);
    }
    free(call);
}

/* --- history --- */

void store_history(struct store *store, const char *device_id, size_t limit, store_events_listed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_DEVICE_HISTORY);
    redis_args_add_text(args, device_id);
    redis_args_add_i64(args, at_most(limit, HISTORY_MAX));
    store_script_send(store, SCRIPT_DEVICE_HISTORY, history_listed, store_call_new(store, (store_callback *)done, arg));
}

static void history_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_events_listed *done = (store_events_listed *)call->done;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = reply->type == REDIS_REPLY_NIL ? DROVER_NOT_FOUND : DROVER_STORE;
    if (error) {
        done(call->arg, error, NULL, 0, "");
    } else {
        size_t count = 0;
        struct event *events = must_calloc(reply->elements / 2, sizeof *events);
        for (size_t i = 0; i + 1 < reply->elements; i += 2)
            count += store_record_ok(call->store, event_entry_read(reply->element[i], reply->element[i + 1], &events[count]));
        done(call->arg, DROVER_OK, events, count, "");
        free(events);
    }
    free(call);
}

/* --- online and offline --- */

void store_online(struct store *store, const char *device_id, bool online, int64_t at_ms, store_written *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_DEVICE_ONLINE);
    redis_args_add_text(args, device_id);
    redis_args_add_text(args, online ? "1" : "0");
    redis_args_add_i64(args, at_ms);
    store_script_send(store, SCRIPT_DEVICE_ONLINE, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}

void store_sweep_offline(struct store *store, int64_t now_ms, int64_t offline_after_ms, size_t max, store_swept *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_OFFLINE_SWEEP);
    redis_args_add_i64(args, now_ms - offline_after_ms);
    redis_args_add_i64(args, at_most(max, LOOK_MAX));
    store_script_send(store, SCRIPT_OFFLINE_SWEEP, swept, store_call_new(store, (store_callback *)done, arg));
}

static void swept(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = DROVER_STORE;
    if (call->done)
        ((store_swept *)call->done)(call->arg, error, error ? 0 : (size_t)reply->integer);
    free(call);
}
