/* Releases: added once, then only what a trust store says of them and what becomes of their deltas changes. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define LIST_MAX 1000

static void release_added(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void release_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void releases_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void release_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void deltas_counted(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* Are some of its deltas still to be derived? */
static bool wants_deltas(const struct release *release)
{
    bool wants = false;
    for (unsigned i = 0; i < release->delta_count; i++)
        wants = wants || release_delta_is_open(&release->deltas[i]);
    return wants;
}

/* --- add --- */

void store_release_add(struct store *store, const struct release *release, store_release_added *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);
    call->release = must_copy(release, sizeof *release);
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASE_ADD);
    redis_args_add_text(args, release->model);
    redis_args_add_text(args, release->version);
    redis_args_add_i64(args, release->created_ms);
    redis_args_add_text(args, wants_deltas(release) ? "1" : "0");
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    release_add_fields(release, args);
    store_script_send(store, SCRIPT_RELEASE_ADD, release_added, call);
}

static bool delta_is_in(const struct release *release, const struct release_delta *wanted)
{
    const struct release_delta *delta = release_delta(release, wanted->base_version);
    return delta && strcmp(delta->sha256, wanted->sha256) == 0 && delta->size_bytes == wanted->size_bytes;
}

/* The same packages; when it was created and what was derived since does not count. */
static bool release_is_same(const struct release *stored, const struct release *asked)
{
    bool same = strcmp(stored->sha256, asked->sha256) == 0 && stored->size_bytes == asked->size_bytes;
    for (unsigned i = 0; i < asked->delta_count; i++)
        same = same && (asked->deltas[i].state != RELEASE_DELTA_GIVEN || delta_is_in(stored, &asked->deltas[i]));
    for (unsigned i = 0; i < stored->delta_count; i++)
        same = same && (stored->deltas[i].state != RELEASE_DELTA_GIVEN || delta_is_in(asked, &stored->deltas[i]));
    return same;
}

static void release_added(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct release stored = *call->release;
    bool created = !error && redis_reply_is(reply, "OK");
    if (!error && !created) {
        if (!redis_reply_is(reply, "EXISTS") || reply->elements < 2 || !store_record_ok(call->store, release_read(reply->element[1], &stored)))
            error = DROVER_STORE;
        else if (!release_is_same(&stored, call->release))
            error = DROVER_CONFLICT;
    }
    ((store_release_added *)call->done)(call->arg, error, error && error != DROVER_CONFLICT ? NULL : &stored, created);
    free(call->release);
    free(call);
}

/* --- read --- */

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

void store_releases_due(struct store *store, enum releases_due due, int64_t trust_version, const char *trust_sha256, int64_t since_ms, size_t max,
                        store_releases_listed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASES_DUE);
    redis_args_add_text(args, due == RELEASES_WANT_DELTAS ? "deltas" : "unproved");
    redis_args_add_i64(args, (int64_t)max);
    redis_args_add_i64(args, trust_version);
    redis_args_add_text(args, trust_sha256);
    redis_args_add_i64(args, since_ms);
    store_script_send(store, SCRIPT_RELEASES_DUE, releases_listed, store_call_new(store, (store_callback *)done, arg));
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

/* --- change --- */

/* Of the event: when, by whom, and how many are kept. */
static void add_writer(const struct store *store, struct redis_args *args)
{
    redis_args_add_i64(args, clock_unix_ms());
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
}

void store_release_delta(struct store *store, const struct release *release, const struct release_delta *delta, store_release_changed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASE_DELTA);
    redis_args_add_text(args, release->model);
    redis_args_add_text(args, release->version);
    redis_args_add_text(args, delta->base_version);
    redis_args_add_text(args, "queued,running");
    redis_args_add_text(args, release_delta_state_name(delta->state));
    redis_args_add_text(args, delta->sha256);
    redis_args_add_i64(args, delta->size_bytes);
    redis_args_add_text(args, delta->why);
    add_writer(store, args);
    store_script_send(store, SCRIPT_RELEASE_DELTA, release_changed, store_call_new(store, (store_callback *)done, arg));
}

void store_release_judge(struct store *store, const struct release *judged, store_release_changed *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_RELEASE_JUDGE);
    redis_args_add_text(args, judged->model);
    redis_args_add_text(args, judged->version);
    redis_args_add_i64(args, judged->trust_version);
    redis_args_add_text(args, judged->trust_sha256);
    redis_args_add_i64(args, judged->verified_ms);
    redis_args_add_text(args, judged->refused);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    for (unsigned i = 0; i < judged->delta_count; i++) {
        const struct release_delta *delta = &judged->deltas[i];
        if (release_delta_is_kept(delta) || !delta->sha256[0])
            continue;
        redis_args_add_text(args, delta->base_version);
        redis_args_add_text(args, delta->sha256);
        redis_args_add_text(args, release_delta_state_name(delta->state));
        redis_args_add_text(args, delta->why);
    }
    store_script_send(store, SCRIPT_RELEASE_JUDGE, release_changed, store_call_new(store, (store_callback *)done, arg));
}

/* The first word of an answer of release_delta or release_judge. */
static enum drover_error changed_error(const struct redisReply *reply)
{
    if (redis_reply_is(reply, "NOT_FOUND"))
        return DROVER_NOT_FOUND;
    if (redis_reply_is(reply, "CONFLICT"))
        return DROVER_CONFLICT;
    if (redis_reply_is(reply, "STALE"))
        return DROVER_STALE;
    return redis_reply_is(reply, "OK") && reply->elements == 2 ? DROVER_OK : DROVER_STORE;
}

static void release_changed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct release release;
    if (!error)
        error = changed_error(reply);
    if (!error && !store_record_ok(call->store, release_read(reply->element[1], &release)))
        error = DROVER_STORE;
    if (call->done)
        ((store_release_changed *)call->done)(call->arg, error, error ? NULL : &release);
    free(call);
}

void store_deltas_again(struct store *store, const char *under, bool anyway, size_t releases, store_deltas_counted *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_DELTAS_AGAIN);
    redis_args_add_text(args, under);
    redis_args_add_text(args, anyway ? "1" : "0");
    redis_args_add_text(args, "skipped,failed");
    redis_args_add_text(args, release_delta_state_name(RELEASE_DELTA_QUEUED));
    redis_args_add_i64(args, (int64_t)releases);
    add_writer(store, args);
    store_script_send(store, SCRIPT_DELTAS_AGAIN, deltas_counted, store_call_new(store, (store_callback *)done, arg));
}

static void deltas_counted(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = DROVER_STORE;
    ((store_deltas_counted *)call->done)(call->arg, error, error ? 0 : reply->integer);
    free(call);
}
