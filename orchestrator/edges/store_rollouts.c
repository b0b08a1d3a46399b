/* Releases and rollouts. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define LIST_MAX 1000

static void release_added(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void release_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void releases_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollouts_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void rollout_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- releases --- */

void store_release_add(struct store *store, const struct release *release, store_release_added *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    call->release = *release;
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASE_ADD);
    redis_args_add_text(args, release->model);
    redis_args_add_text(args, release->version);
    redis_args_add_i64(args, release->created_ms);
    release_add_fields(release, args);
    store_script_send(store, SCRIPT_RELEASE_ADD, release_added, call);
}

static bool delta_is_in(const struct release *release, const struct release_delta *delta)
{
    for (unsigned i = 0; i < release->delta_count; i++)
        if (strcmp(release->deltas[i].base_version, delta->base_version) == 0)
            return strcmp(release->deltas[i].sha256, delta->sha256) == 0 && release->deltas[i].size_bytes == delta->size_bytes;
    return false;
}

/* The same packages; when it was created does not count. */
static bool release_is_same(const struct release *left, const struct release *right)
{
    if (strcmp(left->sha256, right->sha256) != 0 || left->size_bytes != right->size_bytes || left->delta_count != right->delta_count)
        return false;
    for (unsigned i = 0; i < left->delta_count; i++)
        if (!delta_is_in(right, &left->deltas[i]))
            return false;
    return true;
}

static void release_added(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct release stored = call->release;
    bool created = !error && store_reply_is(reply, "OK");
    if (!error && !created) {
        if (!store_reply_is(reply, "EXISTS") || reply->elements < 2 || !store_record_ok(call->store, release_read(reply->element[1], &stored)))
            error = DROVER_STORE;
        else if (!release_is_same(&stored, &call->release))
            error = DROVER_CONFLICT;
    }
    ((store_release_added *)call->done)(call->arg, error, error && error != DROVER_CONFLICT ? NULL : &stored, created);
    free(call);
}

void store_release(struct store *store, const char *model, const char *version, store_releases_listed *done, void *arg)
{
    char key[sizeof KEY_PREFIX + ID_SIZE + VERSION_SIZE + 16];
    snprintf(key, sizeof key, KEY_PREFIX "release:%s:%s", model, version);
    redis_args_add_text(store_command_begin(store, "HGETALL"), key);
    store_command_send(store, release_loaded, store_call_new(store, (store_callback *)done, arg));
}

static void release_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct release release;
    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)
        error = DROVER_NOT_FOUND;
    else if (!error && !store_record_ok(call->store, release_read(reply, &release)))
        error = DROVER_STORE;
    ((store_releases_listed *)call->done)(call->arg, error, error ? NULL : &release, error ? 0 : 1);
    free(call);
}

void store_releases(struct store *store, const char *model, store_releases_listed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASES_LOAD);
    redis_args_add_text(args, model ? model : "");
    redis_args_add_i64(args, LIST_MAX);
    store_script_send(store, SCRIPT_RELEASES_LOAD, releases_listed, store_call_new(store, (store_callback *)done, arg));
}

static void releases_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    store_releases_listed *done = (store_releases_listed *)call->done;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    if (error) {
        done(call->arg, error, NULL, 0);
    } else {
        size_t count = 0;
        struct release *releases = must_calloc(reply->elements, sizeof *releases);
        for (size_t i = 0; i < reply->elements; i++)
            count += store_record_ok(call->store, release_read(reply->element[i], &releases[count]));
        done(call->arg, DROVER_OK, releases, count);
        free(releases);
    }
    free(call);
}

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
