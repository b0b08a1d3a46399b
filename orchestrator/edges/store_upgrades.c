/* Upgrades: opened, taken when they are due. They are moved in store_moves.c. */
#include "orchestrator/edges/store_more.h"
#include "orchestrator/edges/store_moves.h"

#define TAKE_MAX 1000u   /* a script that takes more would keep everybody else waiting too long */

static void taken(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

void store_upgrade_open(void *store_, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_call *call = store_save_new(store, save, 1, done, arg);
    struct redis_args *args = store_script_begin(store, SCRIPT_UPGRADE_OPEN);
    struct more more = {.said = false};
    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, limits->max_in_flight);
    redis_args_add_i64(args, save->at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, upgrade_event_name(save->on));
    redis_args_add_text(args, save->why);
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
    store_script_send(store, SCRIPT_UPGRADE_OPEN, store_saved_replied, call);
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
