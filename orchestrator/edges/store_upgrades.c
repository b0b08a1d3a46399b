/* Upgrades: opened, moved by compare-and-set, taken when they are due. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define TAKE_MAX 1000u   /* a script that takes more would keep everybody else waiting too long */

static void saved(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void taken(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- open and move --- */

static struct store_call *save_begin(struct store *store, const struct upgrade_save *save, int64_t revision, store_saved *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    call->upgrade = save->upgrade;
    call->upgrade.revision = revision;
    return call;
}

static void add_common(struct store *store, struct redis_args *args, const struct upgrade_save *save)
{
    redis_args_add_i64(args, save->at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, upgrade_event_name(save->on));
    redis_args_add_text(args, save->why);
}

/* What few calls have to say travels as one argument of JSON, which is empty for most: every argument costs Redis time. */
struct more {
    struct buffer json;
    struct json_writer writer;
    bool said;
};

static void more_say(struct more *more)
{
    if (!more->said) {
        buffer_init(&more->json, 0);
        json_begin(&more->writer, &more->json);
    }
    more->said = true;
}

static void more_flag(struct more *more, const char *name, bool value)
{
    if (value) {
        more_say(more);
        json_put_bool(&more->writer, name, true);
    }
}

static void more_number(struct more *more, const char *name, int64_t value)
{
    if (value != 0) {
        more_say(more);
        json_put_i64(&more->writer, name, value);
    }
}

static void more_text(struct more *more, const char *name, const char *value)
{
    if (value[0]) {
        more_say(more);
        json_put_text(&more->writer, name, value);
    }
}

static void more_add(struct more *more, struct redis_args *args)
{
    if (!more->said) {
        redis_args_add_text(args, "");
        return;
    }
    json_end(&more->writer);
    if (more->json.failed)
        args->buffer.failed = true;
    else
        redis_args_add(args, more->json.bytes, more->json.length);
    buffer_done(&more->json);
}

void store_upgrade_open(void *store_, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_call *call = save_begin(store, save, 1, done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_UPGRADE_OPEN);
    struct more more = {.said = false};
    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, limits->max_in_flight);
    add_common(store, args, save);
    redis_args_add_i64(args, limits->plan_revision);
    more_flag(&more, "alarm", save->alarm);
    more_text(&more, "kind", device_kind_name(save->kind));
    more_number(&more, "stage_max", limits->stage_max);
    more_text(&more, "stratum", limits->stratum);
    more_number(&more, "per_site", limits->per_site);
    more_number(&more, "per_minute", limits->per_minute);
    more_number(&more, "bytes", limits->bytes_places);
    more_add(&more, args);
    record_add(&upgrade_record, &call->upgrade, args);
    store_script_send(store, SCRIPT_UPGRADE_OPEN, saved, call);
}

/* Where a leg begins and leads to is in the event log too: it follows from no other field of an entry. As proto/event_facts.h reads it. */
static void more_leg(struct more *more, const struct upgrade *was, const struct upgrade *now)
{
    const struct {
        const char *name, *was, *now;
    } fields[] = {{"from_version", was->from_version, now->from_version}, {"via", was->via, now->via}};
    struct buffer facts;
    struct json_writer writer;

    if (strcmp(fields[0].was, fields[0].now) == 0 && strcmp(fields[1].was, fields[1].now) == 0)
        return;
    buffer_init(&facts, 0);
    json_begin(&writer, &facts);
    for (unsigned gone = 0; gone < 2; gone++) {
        bool opened = false;
        for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (strcmp(fields[i].was, fields[i].now) == 0 || (fields[i].now[0] == '\0') != gone)
                continue;
            if (!opened)
                json_open_array(&writer, gone ? "unset" : "set");
            opened = true;
            json_put_text(&writer, NULL, fields[i].name);
            if (!gone)
                json_put_text(&writer, NULL, fields[i].now);
        }
        if (opened)
            json_close_array(&writer);
    }
    json_end(&writer);
    if (facts.failed)
        more->json.failed = true;
    else
        more_text(more, "facts", facts.bytes);
    buffer_done(&facts);
    if (strcmp(was->from_version, now->from_version) != 0)
        more_text(more, "from_version", now->from_version);
}

static void add_more(struct redis_args *args, const struct upgrade_save *save)
{
    const struct move_guard *guard = &save->guard;
    struct more more = {.said = false};
    char text[64] = "";

    more_flag(&more, "alarm", save->alarm);
    more_flag(&more, "silent", save->silent);
    more_text(&more, "kind", device_kind_name(save->kind));
    if (guard->states)
        (void)snprintf(text, sizeof text, ",%s,", guard->states);
    more_text(&more, "states", text);
    more_number(&more, "places", guard->max_in_flight);
    more_number(&more, "per_minute", guard->per_minute);
    more_number(&more, "per_site", guard->per_site);
    more_number(&more, "bytes", guard->bytes_places);
    (void)snprintf(text, sizeof text, "%" PRId64, save->quarantine_ms);
    more_text(&more, "quarantine_ms", save->quarantine_ms ? text : "");
    more_leg(&more, save->was, &save->upgrade);
    more_add(&more, args);
}

/* What a move hangs on, so that its script need not read it: the revision vouches for it. */
static void add_was(struct redis_args *args, const struct upgrade_save *save)
{
    const struct upgrade *was = save->was;

    redis_args_add_text(args, was->rollout);
    redis_args_add_text(args, was->model);
    redis_args_add_text(args, was->version);
    if (was->stage)
        redis_args_add_i64(args, was->stage);
    else
        redis_args_add_text(args, "");
    redis_args_add_text(args, was->site);
    redis_args_add_text(args, upgrade_state_name(save->from));
    redis_args_add_i64(args, was->attempt);
    redis_args_add_text(args, error_code_name(was->error));
}

static void add_now(struct redis_args *args, const struct upgrade *now)
{
    redis_args_add_text(args, now->upgrade_id);
    redis_args_add_text(args, upgrade_state_name(now->state));
    redis_args_add_i64(args, now->revision);
    redis_args_add_i64(args, now->attempt);
    redis_args_add_text(args, error_code_name(now->error));
    redis_args_add_i64(args, now->deadline_ms);
    redis_args_add_text(args, now->token);
}

void store_upgrade_move(void *store_, const struct upgrade_save *save, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_call *call = save_begin(store, save, save->expected_revision + 1, done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_UPGRADE_MOVE);
    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, save->expected_revision);
    add_common(store, args, save);
    add_more(args, save);
    add_was(args, save);
    add_now(args, &call->upgrade);
    record_add_changes(&upgrade_record, save->was, &call->upgrade, args);
    store_script_send(store, SCRIPT_UPGRADE_MOVE, saved, call);
}

/* {'OK' or 'REPEAT', revision, last_event}, {'REFUSED', why}, {'FULL', why}, {'CONFLICT'} */
static enum drover_error saved_error(struct store_call *call, const struct redisReply *reply)
{
    struct store_counters *counters = &call->store->counters;
    bool repeat = redis_reply_is(reply, "REPEAT");
    if (redis_reply_is(reply, "REFUSED"))
        return DROVER_REFUSED;
    if (redis_reply_is(reply, "FULL"))
        return DROVER_FULL;
    if (redis_reply_is(reply, "CONFLICT")) {
        counters->move_conflicts++;
        return DROVER_CONFLICT;
    }
    if (!(repeat || redis_reply_is(reply, "OK")) || reply->elements < 3 || reply->element[2]->type != REDIS_REPLY_STRING ||
        !text_copy_n(call->upgrade.last_event, EVENT_ID_SIZE, reply->element[2]->str, reply->element[2]->len)) {
        counters->bad_records++;
        return DROVER_STORE;
    }
    counters->moves++;
    counters->move_repeats += repeat;
    return DROVER_OK;
}

static void saved(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    if (!error)
        error = saved_error(call, reply);
    else if (error == DROVER_FULL)
        error = DROVER_UNAVAILABLE;   /* too much is outstanding and nothing was sent; FULL is the script's word for a limit */
    ((store_saved *)call->done)(call->arg, error, error ? NULL : &call->upgrade);
    free(call);
}

/* --- take --- */

void store_take_due(void *store_, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    struct store *store = store_;
    struct redis_args *args = store_script_begin(store, SCRIPT_DEADLINES_TAKE);
    redis_args_add_i64(args, now_ms);
    redis_args_add_i64(args, lease_ms);
    redis_args_add_i64(args, (int64_t)(max < TAKE_MAX ? max : TAKE_MAX));
    store_script_send(store, SCRIPT_DEADLINES_TAKE, taken, store_call_new(store, (store_callback *)done, arg));
}

/* Which of them were taken in is not looked at: all come again by themselves. */
void store_wait(void *store_, const struct waiter *waiters, size_t count, int64_t queue_max, store_waiting *done, void *arg)
{
    struct store *store = store_;
    struct redis_args *args = store_script_begin(store, SCRIPT_QUEUE_WAIT);
    redis_args_add_i64(args, queue_max);
    for (size_t i = 0; i < count; i++) {
        redis_args_add_text(args, waiters[i].rollout);
        redis_args_add_text(args, waiters[i].device_id);
        if (waiters[i].leaves)
            redis_args_add_text(args, "");
        else
            redis_args_add_i64(args, waiters[i].score);
        redis_args_add_text(args, waiters[i].returns ? "1" : "0");
    }
    store_script_send(store, SCRIPT_QUEUE_WAIT, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}

void store_take_waiting(void *store_, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    struct store *store = store_;
    struct redis_args *args = store_script_begin(store, SCRIPT_QUEUE_TAKE);
    redis_args_add_text(args, rollout_id);
    redis_args_add_i64(args, now_ms);
    redis_args_add_i64(args, lease_ms);
    redis_args_add_i64(args, (int64_t)(max < TAKE_MAX ? max : TAKE_MAX));
    store_script_send(store, SCRIPT_QUEUE_TAKE, taken, store_call_new(store, (store_callback *)done, arg));
}

void store_take_live(void *store_, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    (void)now_ms;   /* the lease runs by Redis' own clock */
    struct store *store = store_;
    struct redis_args *args = store_script_begin(store, SCRIPT_LIVE_TAKE);
    redis_args_add_text(args, rollout_id);
    redis_args_add_i64(args, lease_ms);
    redis_args_add_i64(args, (int64_t)(max < TAKE_MAX ? max : TAKE_MAX));
    store_script_send(store, SCRIPT_LIVE_TAKE, taken, store_call_new(store, (store_callback *)done, arg));
}

void store_take_done(void *store_, const struct rollout *rollout, enum done_take what, int64_t now_ms, int64_t rest_ms, size_t max, store_due_taken *done, void *arg)
{
    static const struct {
        const char *name, *states;
    } takes[] = {[TAKE_BACK] = {"back", ",succeeded,"}, [TAKE_AGAIN] = {"again", ",failed,rolled_back,rejected,cancelled,"}};
    struct store *store = store_;
    struct redis_args *args = store_script_begin(store, SCRIPT_DONE_TAKE);
    redis_args_add_text(args, rollout->id);
    redis_args_add_text(args, takes[what].name);
    redis_args_add_text(args, takes[what].states);
    redis_args_add_i64(args, what == TAKE_AGAIN ? rollout->retry_ms : 0);
    redis_args_add_i64(args, now_ms);
    redis_args_add_i64(args, rest_ms);
    redis_args_add_i64(args, (int64_t)(max < TAKE_MAX ? max : TAKE_MAX));
    store_script_send(store, SCRIPT_DONE_TAKE, taken, store_call_new(store, (store_callback *)done, arg));
}

/* A flat array of device id, device, upgrade, last seen; one that cannot be read is left out and counted. */
static void taken(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_due_taken *done = (store_due_taken *)call->done;
    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements % 4))
        error = DROVER_STORE;
    if (error) {
        done(call->arg, error, NULL, 0);
        free(call);
        return;
    }
    size_t max = reply->elements / 4, count = 0;
    struct due *dues = must_calloc(max, sizeof *dues);
    struct device *devices = must_calloc(max, sizeof *devices);
    struct upgrade *upgrades = must_calloc(max, sizeof *upgrades);
    for (size_t i = 0; i < max; i++) {
        struct redisReply *const *values = &reply->element[4 * i];
        if (values[0]->type == REDIS_REPLY_STRING && store_loaded_read(call->store, values + 1, values[0]->str, &devices[count], &upgrades[count])) {
            dues[count] = (struct due){&devices[count], &upgrades[count]};
            count++;
        }
    }
    done(call->arg, DROVER_OK, dues, count);
    free(dues);
    free(devices);
    free(upgrades);
    free(call);
}
