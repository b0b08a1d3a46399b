/* The fleet's counts, and the chores that one instance does for all. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define MODELS_MAX 256

static void fleet_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void led(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

void store_add_trim(struct redis_args *args, int64_t keep)
{
    redis_args_add_text(args, "MAXLEN");
    redis_args_add_text(args, "~");
    redis_args_add_i64(args, keep);
    redis_args_add_text(args, "*");
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
    store_add_trim(args, store->series_keep);
    for (size_t i = 0; i < count; i++) {
        redis_args_add_text(args, fields[i].name);
        redis_args_add_i64(args, fields[i].value);
    }
    store_command_send(store, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}
