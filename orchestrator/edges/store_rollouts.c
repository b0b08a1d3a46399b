/* Rollouts. */
#include <stdio.h>
#include <string.h>

#include "common/sha256.h"
#include "common/text.h"
#include "orchestrator/edges/store_call.h"
#include "orchestrator/edges/store_proposals.h"

#define LIST_MAX 1000
#define LOADED 7   /* values of each rollout in an answer of rollouts_load */

static void rollouts_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void stages_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- rollouts, read --- */

void store_rollouts(struct store *store, enum rollout_list list, store_rollouts_listed *done, void *arg)
{
    static const char *const names[] = {
        [ROLLOUTS_ACTIVE] = "active", [ROLLOUTS_ENDING] = "ending", [ROLLOUTS_KNOWN] = "known", [ROLLOUTS_ALL] = "all"};
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUTS_LOAD);
    redis_args_add_text(args, names[list]);
    redis_args_add_i64(args, LIST_MAX);
    redis_args_add_text(args, "");
    plan_shelf_add(&store->plans, args);
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    call->newest_last = list != ROLLOUTS_ALL;
    call->known = list == ROLLOUTS_KNOWN;
    store_script_send(store, SCRIPT_ROLLOUTS_LOAD, rollouts_listed, call);
}

void store_rollout(struct store *store, const char *rollout_id, store_rollouts_listed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUTS_LOAD);
    redis_args_add_text(args, "one");
    redis_args_add_i64(args, 1);
    redis_args_add_text(args, rollout_id);
    plan_shelf_add(&store->plans, args);
    store_script_send(store, SCRIPT_ROLLOUTS_LOAD, rollout_loaded, store_call_new(store, (store_callback *)done, arg));
}

static int by_created(const void *left_, const void *right_)
{
    const struct rollout *left = left_, *right = right_;
    if (left->created_ms != right->created_ms)
        return left->created_ms < right->created_ms ? -1 : 1;
    return strcmp(left->id, right->id);
}

static bool stage_fits(const struct rollout *rollout)
{
    return !rollout->plan || (rollout->stage >= 1 && rollout->stage <= (int64_t)rollout->plan->stage_count);
}

/* One that cannot be read is missing. */
static void stones_read(struct store *store, const struct redisReply *releases, struct rollout *ret)
{
    unsigned count = stones_count(ret);
    ret->stones = count > 0 && releases->type == REDIS_REPLY_ARRAY ? stones_new(count) : NULL;
    for (unsigned i = 0; ret->stones && i < count && i < releases->elements; i++) {
        struct release *release = &ret->stones->releases[i];
        bool there = releases->element[i]->type == REDIS_REPLY_ARRAY && releases->element[i]->elements > 0;
        if (there && !store_record_ok(store, release_read(releases->element[i], release)))
            release->model[0] = '\0';
    }
}

/* Rollout, release, its stage, plan, length of its queue, when its dispatches end (ms with decimals, "": never), the releases of its stones. */
static bool one_read(struct store *store, struct redisReply *const *values, struct rollout *ret)
{
    if (!store_record_ok(store, rollout_read(values[0], values[1], ret)))
        return false;
    if (!store_record_ok(store, plan_shelf_give(&store->plans, values[3], ret) && stage_fits(ret) ? 0 : SIZE_MAX)) {
        rollout_drop(ret);
        return false;
    }
    stones_read(store, values[6], ret);
    rollout_stage_read(values[2], ret);
    ret->waiting = values[4]->type == REDIS_REPLY_INTEGER ? values[4]->integer : 0;
    if (!text_to_i64(values[5]->str, strcspn(values[5]->str, "."), 0, INT64_MAX, &ret->paced_ms))
        ret->paced_ms = 0;
    return true;
}

/* A flat array of such. */
static struct rollout *rollouts_read(struct store *store, const struct redisReply *reply, size_t *ret_count)
{
    size_t count = 0;
    struct rollout *rollouts = must_calloc(reply->elements / LOADED, sizeof *rollouts);
    for (size_t i = 0; i + LOADED <= reply->elements; i += LOADED)
        count += one_read(store, &reply->element[i], &rollouts[count]);
    *ret_count = count;
    return rollouts;
}

static void rollouts_free(struct rollout *rollouts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rollout_drop(&rollouts[i]);
    free(rollouts);
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
        if (call->known)
            plan_shelf_begin(&call->store->plans);
        struct rollout *rollouts = rollouts_read(call->store, reply, &count);
        if (call->known)
            plan_shelf_end(&call->store->plans);
        if (call->newest_last)
            qsort(rollouts, count, sizeof *rollouts, by_created);
        done(call->arg, DROVER_OK, rollouts, count);
        rollouts_free(rollouts, count);
    }
    free(call);
}

static void rollout_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct rollout rollout = {0};
    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)
        error = DROVER_NOT_FOUND;
    else if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != LOADED || !one_read(call->store, reply->element, &rollout)))
        error = DROVER_STORE;
    ((store_rollouts_listed *)call->done)(call->arg, error, error ? NULL : &rollout, error ? 0 : 1);
    rollout_drop(&rollout);
    free(call);
}

void store_rollout_stages(struct store *store, const char *rollout_id, size_t stages, store_stages_read *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUT_STAGES);
    redis_args_add_text(args, rollout_id);
    redis_args_add_i64(args, (int64_t)stages);
    store_script_send(store, SCRIPT_ROLLOUT_STAGES, stages_loaded, store_call_new(store, (store_callback *)done, arg));
}

static void stages_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    size_t count = error ? 0 : reply->elements;
    struct rollout_counts *stages = must_calloc(count, sizeof *stages);
    for (size_t i = 0; i < count; i++)
        rollout_counts_read(reply->element[i], &stages[i]);
    ((store_stages_read *)call->done)(call->arg, error, error ? NULL : stages, count);
    free(stages);
    free(call);
}

/* --- rollouts, changed --- */

void store_add_plan(struct redis_args *args, const struct plan *plan)
{
    struct buffer json;
    buffer_init(&json, 0);
    if (plan)
        plan_write(plan, &json);
    redis_args_add(args, json.bytes ? json.bytes : "", json.length);
    buffer_done(&json);
}

/* A field of the rollout by which its event names the plan, also one that is too long for an entry (redis-scripts/lib/facts.lua). */
static void add_plan_digest(struct redis_args *args, const struct plan *plan)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    struct buffer json;
    if (!plan)
        return;
    buffer_init(&json, 0);
    plan_write(plan, &json);
    if (!json.failed && sha256_of(json.bytes, json.length, digest)) {
        text_hex(hex, digest, sizeof digest);
        redis_args_add_text(args, "plan_sha256");
        redis_args_add_text(args, hex);
    }
    buffer_done(&json);
}

void store_rollout_open(struct store *store, const struct rollout *rollout_, bool supersede, const struct actor *actor, store_rollout_changed *done, void *arg)
{
    struct rollout rollout = *rollout_;
    rollout.revision = 1;
    rollout.epoch = rollout.created_ms;
    rollout.counts.opened = rollout.retried = 0;
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
    redis_args_add_text(args, rollout_state_is_open(rollout.state) ? "0" : "1");
    store_add_plan(args, rollout.plan);
    store_add_actor(store, args, actor);
    record_add(&rollout_record, &rollout, args);
    add_plan_digest(args, rollout.plan);
    store_script_send(store, SCRIPT_ROLLOUT_OPEN, rollout_changed, store_call_new(store, (store_callback *)done, arg));
}

/* What becomes of the model's one place. */
static const char *place_of(const struct rollout_change *change)
{
    if (rollout_state_is_ended(change->to))
        return "leave";
    if (change->on == ROLLOUT_EVENT_START)
        return change->supersede ? "supersede" : "take";
    return "keep";
}

/* What gates leave out from this move on (redis-scripts/lib/before.lua). */
static const char *before_of(const struct rollout_change *change)
{
    return change->on == ROLLOUT_EVENT_RESUME ? "stage" : change->on == ROLLOUT_EVENT_COMPLETE ? "all" : "keep";
}

void store_rollout_move(struct store *store, const struct rollout_change *change, store_rollout_changed *done, void *arg)
{
    char from[128];
    rollout_event_sources(change->on, change->to, from, sizeof from);
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUT_MOVE);
    redis_args_add_text(args, change->id);
    redis_args_add_text(args, rollout_state_name(change->to));
    redis_args_add_text(args, from[0] ? from : "-");   /* "-": from no state, so it is refused */
    redis_args_add_i64(args, change->expected_revision);
    redis_args_add_text(args, rollout_event_name(change->on));
    redis_args_add_text(args, change->why);
    redis_args_add_i64(args, change->at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, place_of(change));
    store_add_plan(args, change->edited);
    redis_args_add_text(args, before_of(change));
    store_add_actor(store, args, change->actor);
    store_add_proposal(args, change->proposal);
    if (change->next)
        record_add(&rollout_position_record, change->next, args);
    add_plan_digest(args, change->edited);
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
        if (redis_reply_is(reply, rows[i].word))
            return rows[i].error;
    return redis_reply_is(reply, "OK") && reply->elements == 3 ? DROVER_OK : DROVER_STORE;
}

static void rollout_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct rollout rollout = {0};
    if (!error)
        error = changed_error(reply);
    if (!error && !store_record_ok(call->store, rollout_read(reply->element[1], reply->element[2], &rollout)))
        error = DROVER_STORE;
    if (!error)
        plan_shelf_take(&call->store->plans, &rollout);
    ((store_rollout_changed *)call->done)(call->arg, error, error ? NULL : &rollout);
    rollout_drop(&rollout);
    free(call);
}
