/* Upgrades: opened, moved by compare-and-set, taken when they are due. */
#include <stdio.h>
#include <string.h>

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
    redis_args_add_text(args, save->alarm ? "1" : "0");
}

/* What a move hangs on, so that its script need not read it: the revision vouches for it. */
static void add_was(struct redis_args *args, const struct upgrade *was)
{
    redis_args_add_text(args, was->rollout);
    redis_args_add_text(args, was->model);
    redis_args_add_text(args, was->version);
    if (was->stage)
        redis_args_add_i64(args, was->stage);
    else
        redis_args_add_text(args, "");
    redis_args_add_text(args, was->site);
    redis_args_add_i64(args, was->attempt);
    redis_args_add_text(args, error_code_name(was->error));
}

void store_upgrade_open(void *store_, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_call *call = save_begin(store, save, 1, done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_UPGRADE_OPEN);
    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, limits->max_in_flight);
    add_common(store, args, save);
    redis_args_add_text(args, device_kind_name(save->kind));
    redis_args_add_i64(args, limits->stage_max);
    redis_args_add_text(args, limits->stratum);
    redis_args_add_i64(args, limits->per_site);
    redis_args_add_i64(args, limits->per_minute);
    redis_args_add_i64(args, limits->bytes_places);
    redis_args_add_i64(args, limits->plan_revision);
    record_add(&upgrade_record, &call->upgrade, args);
    store_script_send(store, SCRIPT_UPGRADE_OPEN, saved, call);
}

void store_upgrade_move(void *store_, const struct upgrade_save *save, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_call *call = save_begin(store, save, save->expected_revision + 1, done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_UPGRADE_MOVE);
    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, save->expected_revision);
    add_common(store, args, save);
    redis_args_add_text(args, save->silent ? "1" : "0");
    redis_args_add_text(args, upgrade_state_name(save->from));
    redis_args_add_text(args, device_kind_name(save->kind));
    char states[64] = "";
    if (save->guard.states)
        (void)snprintf(states, sizeof states, ",%s,", save->guard.states);
    redis_args_add_text(args, states);
    redis_args_add_i64(args, save->guard.max_in_flight);
    redis_args_add_i64(args, save->guard.per_minute);
    redis_args_add_i64(args, save->quarantine_ms);
    redis_args_add_i64(args, save->guard.per_site);
    redis_args_add_i64(args, save->guard.bytes_places);
    add_was(args, save->was);
    redis_args_add_text(args, "upgrade_id");
    redis_args_add_text(args, save->upgrade.upgrade_id);
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
