/* Rollouts. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define LIST_MAX 1000

static void rollouts_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- rollouts, read --- */

void store_rollouts(struct store *store, enum rollout_list list, store_rollouts_listed *done, void *arg)
{
    static const char *const names[] = {
        [ROLLOUTS_ACTIVE] = "active", [ROLLOUTS_ENDING] = "ending", [ROLLOUTS_KNOWN] = "known", [ROLLOUTS_ALL] = "all"};
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUTS_LOAD);
    redis_args_add_text(args, names[list]);
    redis_args_add_i64(args, LIST_MAX);
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    call->newest_last = list != ROLLOUTS_ALL;
    store_script_send(store, SCRIPT_ROLLOUTS_LOAD, rollouts_listed, call);
}

void store_rollout(struct store *store, const char *rollout_id, store_rollouts_listed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUTS_LOAD);
    redis_args_add_text(args, "one");
    redis_args_add_i64(args, 1);
    redis_args_add_text(args, rollout_id);
    store_script_send(store, SCRIPT_ROLLOUTS_LOAD, rollout_loaded, store_call_new(store, (store_callback *)done, arg));
}

static int by_created(const void *left_, const void *right_)
{
    const struct rollout *left = left_, *right = right_;
    if (left->created_ms != right->created_ms)
        return left->created_ms < right->created_ms ? -1 : 1;
    return strcmp(left->id, right->id);
}

/* A flat array of rollout and release. */
static struct rollout *rollouts_read(struct store *store, const struct redisReply *reply, size_t *ret_count)
{
    size_t count = 0;
    struct rollout *rollouts = must_calloc(reply->elements / 2, sizeof *rollouts);
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        count += store_record_ok(store, rollout_read(reply->element[i], reply->element[i + 1], &rollouts[count]));
    *ret_count = count;
    return rollouts;
}

static void rollouts_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_rollouts_listed *done = (store_rollouts_listed *)call->done;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    if (error) {
        done(call->arg, error, NULL, 0);
    } else {
        size_t count;
        struct rollout *rollouts = rollouts_read(call->store, reply, &count);
        if (call->newest_last)
            qsort(rollouts, count, sizeof *rollouts, by_created);
        done(call->arg, DROVER_OK, rollouts, count);
        free(rollouts);
    }
    free(call);
}

static void rollout_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct rollout rollout;
    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)
        error = DROVER_NOT_FOUND;
    else if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
                        !store_record_ok(call->store, rollout_read(reply->element[0], reply->element[1], &rollout))))
        error = DROVER_STORE;
    ((store_rollouts_listed *)call->done)(call->arg, error, error ? NULL : &rollout, error ? 0 : 1);
    free(call);
}

/* --- rollouts, changed --- */

void store_rollout_open(struct store *store, const struct rollout *plan, bool supersede, store_rollout_changed *done, void *arg)
{
    struct rollout rollout = *plan;
    rollout.state = ROLLOUT_RUNNING;
    rollout.revision = 1;
    rollout.epoch = plan->created_ms;
    rollout.opened = rollout.retried = 0;
    if (!rollout.why[0])
        (void)text_copy(rollout.why, sizeof rollout.why, "started");
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUT_OPEN);
    redis_args_add_text(args, rollout.id);
    redis_args_add_text(args, rollout.model);
    redis_args_add_text(args, rollout.version);
    redis_args_add_text(args, supersede ? "1" : "0");
    redis_args_add_i64(args, rollout.created_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, "overtaken by a newer rollout");
    record_add(&rollout_record, &rollout, args);
    store_script_send(store, SCRIPT_ROLLOUT_OPEN, rollout_changed, store_call_new(store, (store_callback *)done, arg));
}

/* What an operator or the error budget may do: to which state, from which ones, and the event's word. */
static const struct rollout_step {
    const char *from, *on;
    bool keeps_place;   /* the model's one place for a rollout */
} steps[ROLLOUT_STATE_COUNT] = {
    [ROLLOUT_RUNNING]   = {"paused",         "resume", true},
    [ROLLOUT_PAUSED]    = {"running",        "pause",  true},
    [ROLLOUT_CANCELLED] = {"running,paused", "cancel", false},
};

void store_rollout_move(struct store *store, const char *rollout_id, enum rollout_state to, int64_t expected_revision,
                        const char *why, int64_t at_ms, store_rollout_changed *done, void *arg)
{
    const struct rollout_step *step = &steps[to];
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUT_MOVE);
    redis_args_add_text(args, rollout_id);
    redis_args_add_text(args, rollout_state_name(to));
    redis_args_add_text(args, step->from ? step->from : "-");   /* "-": from no state, so it is refused */
    redis_args_add_i64(args, expected_revision);
    redis_args_add_text(args, step->on ? step->on : "-");
    redis_args_add_text(args, why);
    redis_args_add_i64(args, at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, step->keeps_place ? "1" : "0");
    store_script_send(store, SCRIPT_ROLLOUT_MOVE, rollout_changed, store_call_new(store, (store_callback *)done, arg));
}

/* The first word of an answer of rollout_open or rollout_move. */
static enum drover_error changed_error(const struct redisReply *reply)
{
    static const struct {
        const char *word;
        enum drover_error error;
    } rows[] = {
        {"NOT_FOUND", DROVER_NOT_FOUND}, {"DUPLICATE", DROVER_DUPLICATE}, {"CONFLICT", DROVER_CONFLICT}, {"REFUSED", DROVER_REFUSED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (store_reply_is(reply, rows[i].word))
            return rows[i].error;
    return store_reply_is(reply, "OK") && reply->elements == 3 ? DROVER_OK : DROVER_STORE;
}

static void rollout_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct rollout rollout;
    if (!error)
        error = changed_error(reply);
    if (!error && !store_record_ok(call->store, rollout_read(reply->element[1], reply->element[2], &rollout)))
        error = DROVER_STORE;
    ((store_rollout_changed *)call->done)(call->arg, error, error ? NULL : &rollout);
    free(call);
}
