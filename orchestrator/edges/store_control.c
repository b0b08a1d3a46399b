/* The stop of all rollouts, and what is held against single devices. */
#include "orchestrator/edges/store_control.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/predicates.h"
#include "orchestrator/edges/store_call.h"

static void stop_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void stop_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void held(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void standing_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void excluded_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

void store_stop(struct store *store, store_stop_read *done, void *arg)
{
    redis_args_add_text(store_command_begin(store, "HGETALL"), KEY_PREFIX "stop");
    store_command_send(store, stop_read, store_call_new(store, (store_callback *)done, arg));
}

static void stop_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    static const struct record_field rows[] = {
        {RECORD_MEMBER(struct stop, I64, at_ms)}, {RECORD_MEMBER(struct stop, TEXT, who)}, {RECORD_MEMBER(struct stop, TEXT, why)}};
    static const struct record_table table = RECORD_TABLE(rows);
    struct store_call *call = arg;
    struct stop stop = {0};
    (void)text;
    if (!error && !store_record_ok(call->store, record_read(&table, reply, &stop)))
        error = DROVER_STORE;
    ((store_stop_read *)call->done)(call->arg, error, error ? NULL : &stop);
    free(call);
}

void store_stop_all(struct store *store, const struct stop *stop, bool on, const struct actor *actor, store_stop_changed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_STOP_ALL);
    redis_args_add_text(args, on ? "1" : "0");
    redis_args_add_i64(args, stop->at_ms);
    redis_args_add_text(args, stop->who);
    redis_args_add_text(args, stop->why);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    store_add_actor(store, args, actor);
    store_script_send(store, SCRIPT_STOP_ALL, stop_changed, store_call_new(store, (store_callback *)done, arg));
}

static void stop_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    (void)text;
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = DROVER_STORE;
    ((store_stop_changed *)call->done)(call->arg, error, !error && reply->integer == 1);
    free(call);
}

void store_device_hold(struct store *store, const struct hold *hold, const struct actor *actor, store_device_held *done, void *arg)
{
    static const char *const names[] = {
        [HOLD_QUARANTINE] = "quarantine", [HOLD_READMIT] = "readmit", [HOLD_EXCLUDE] = "exclude", [HOLD_INCLUDE] = "include"};
    struct redis_args *args = store_script_begin(store, SCRIPT_DEVICE_HOLD);
    redis_args_add_text(args, hold->device_id);
    redis_args_add_text(args, names[hold->what]);
    redis_args_add_text(args, hold->name);
    redis_args_add_i64(args, hold->until_ms);
    redis_args_add_i64(args, hold->at_ms);
    redis_args_add_text(args, hold->why);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    store_add_actor(store, args, actor);
    store_script_send(store, SCRIPT_DEVICE_HOLD, held, store_call_new(store, (store_callback *)done, arg));
}

static void held(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    const char *why = "";
    (void)text;
    if (!error && redis_reply_is(reply, "NOT_FOUND"))
        error = DROVER_NOT_FOUND;
    else if (!error && redis_reply_is(reply, "REFUSED"))
        error = DROVER_REFUSED;
    else if (!error && !redis_reply_is(reply, "OK"))
        error = DROVER_STORE;
    if ((error == DROVER_NOT_FOUND || error == DROVER_REFUSED) && reply && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING)
        why = reply->element[1]->str;
    ((store_device_held *)call->done)(call->arg, error, why);
    free(call);
}

/* --- what stands against a device --- */

void store_standing(struct store *store, const char *device_id, const char *rollout_id, const char *site, store_standing_read *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_DEVICE_STANDING);
    redis_args_add_text(args, device_id);
    redis_args_add_text(args, rollout_id);
    redis_args_add_text(args, site);
    store_script_send(store, SCRIPT_DEVICE_STANDING, standing_read, store_call_new(store, (store_callback *)done, arg));
}

static void standing_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    struct look_known known = {0};
    (void)text;
    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_STRING ||
                   !text_to_i64(reply->element[0]->str, reply->element[0]->len, 0, INT64_MAX, &known.site_in_flight)))
        error = DROVER_STORE;
    known.excluded = !error && reply->element[1]->len > 0;
    ((store_standing_read *)call->done)(call->arg, error, error ? NULL : &known);
    free(call);
}

/* "<at_ms>:<device>" */
void store_exclusions(struct store *store, const char *rollout_id, const char *cursor, size_t limit, store_exclusions_listed *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_EXCLUDED_PAGE);
    const char *colon = strchr(cursor, ':');
    redis_args_add_text(args, rollout_id);
    redis_args_add(args, colon ? cursor : "0", colon ? (size_t)(colon - cursor) : 1);
    redis_args_add_text(args, colon ? colon + 1 : "");
    redis_args_add_i64(args, (int64_t)limit);
    call->limit = limit;
    store_script_send(store, SCRIPT_EXCLUDED_PAGE, excluded_listed, call);
}

static bool exclusion_read(struct redisReply *const *values, struct exclusion *ret)
{
    for (int i = 0; i < 3; i++)
        if (values[i]->type != REDIS_REPLY_STRING)
            return false;
    *ret = (struct exclusion){.device_id = values[0]->str, .why = values[2]->str};
    return text_to_i64(values[1]->str, values[1]->len, 0, INT64_MAX, &ret->at_ms);
}

static void excluded_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    char next[EXCLUSION_CURSOR_SIZE] = "";
    struct exclusion *exclusions = NULL;
    size_t count = 0;
    (void)text;
    if (!error && redis_reply_is(reply, "NOT_FOUND"))
        error = DROVER_NOT_FOUND;
    else if (!error && (!redis_reply_is(reply, "OK") || reply->elements % 3 != 1))
        error = DROVER_STORE;
    if (!error) {
        exclusions = must_calloc(reply->elements / 3 + 1, sizeof *exclusions);
        for (size_t i = 1; i < reply->elements; i += 3)
            if (store_record_ok(call->store, !exclusion_read(&reply->element[i], &exclusions[count])))
                count++;
        if (count > 0 && reply->elements / 3 >= call->limit)
            snprintf(next, sizeof next, "%lld:%.64s", (long long)exclusions[count - 1].at_ms, exclusions[count - 1].device_id);
    }
    ((store_exclusions_listed *)call->done)(call->arg, error, exclusions, count, next);
    free(exclusions);
    free(call);
}
