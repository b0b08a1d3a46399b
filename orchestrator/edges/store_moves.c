/* Moves of upgrades, gathered into calls of upgrade_move.lua. */
#include "orchestrator/edges/store_moves.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/text.h"
#include "orchestrator/edges/store_more.h"

#define CALL_MOVES 32   /* most in one call: some 2 ms of Redis' time, in which it answers nobody else */

struct batch {
    struct store *store;
    unsigned count;
    struct store_call *calls[CALL_MOVES];
};

struct store_moves {
    struct store *store;
    struct event *send;        /* at the end of the loop's turn; only ever activated */
    struct redis_args args;    /* of all that wait */
    struct redis_args fields;  /* of the one that is added */
    struct batch *waiting;     /* NULL: none */
};

static void send_now(evutil_socket_t fd, short what, void *arg);

struct store_moves *store_moves_new(struct store *store)
{
    struct store_moves *moves = calloc(1, sizeof *moves);

    if (!moves)
        return NULL;
    moves->store = store;
    moves->send = event_new(redis_link_base(store->link), -1, 0, send_now, moves);
    redis_args_init(&moves->args);
    redis_args_init(&moves->fields);
    if (moves->send)
        return moves;
    store_moves_free(moves);
    return NULL;
}

void store_moves_free(struct store_moves *moves)
{
    if (!moves)
        return;
    for (unsigned i = 0; moves->waiting && i < moves->waiting->count; i++)
        free(moves->waiting->calls[i]);
    free(moves->waiting);
    if (moves->send)
        event_free(moves->send);
    redis_args_done(&moves->args);
    redis_args_done(&moves->fields);
    free(moves);
}

/* --- what a move says --- */

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
        abort();   /* must_alloc.h */
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

static void add_move(struct store_moves *moves, const struct upgrade_save *save, const struct upgrade *now)
{
    struct redis_args *args = &moves->args, *fields = &moves->fields;

    redis_args_add_text(args, save->upgrade.device_id);
    redis_args_add_i64(args, save->expected_revision);
    redis_args_add_i64(args, save->at_ms);
    redis_args_add_text(args, upgrade_event_name(save->on));
    redis_args_add_text(args, save->why);
    add_more(args, save);
    add_was(args, save);
    add_now(args, now);
    redis_args_clear(fields);
    record_add_changes(&upgrade_record, save->was, now, fields);
    redis_args_add_i64(args, fields->count);
    redis_args_add_all(args, fields);
}

/* --- gathering and sending --- */

static void batch_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct batch *batch = arg;

    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != batch->count)) {
        batch->store->counters.bad_records++;
        error = DROVER_STORE;
    }
    for (unsigned i = 0; i < batch->count; i++)
        store_saved_replied(batch->calls[i], error, error ? NULL : reply->element[i], text);
    free(batch);
}

static void send_now(evutil_socket_t fd, short what, void *arg)
{
    struct store_moves *moves = arg;
    struct store *store = moves->store;
    struct batch *batch = moves->waiting;
    struct redis_args *args;

    (void)fd, (void)what;
    if (!batch)
        return;
    args = store_script_begin(store, SCRIPT_UPGRADE_MOVE);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_all(args, &moves->args);
    redis_args_clear(&moves->args);
    moves->waiting = NULL;
    store_script_send(store, SCRIPT_UPGRADE_MOVE, batch_replied, batch);
}

void store_flush(struct store *store)
{
    send_now(-1, 0, store->moves);
}

void store_upgrade_move(void *store_, const struct upgrade_save *save, store_saved *done, void *arg)
{
    struct store *store = store_;
    struct store_moves *moves = store->moves;
    struct store_call *call = store_save_new(store, save, save->expected_revision + 1, done, arg);

    if (!moves->waiting) {
        moves->waiting = must_calloc(1, sizeof *moves->waiting);
        moves->waiting->store = store;
        event_active(moves->send, EV_TIMEOUT, 0);
    }
    add_move(moves, save, &call->upgrade);
    moves->waiting->calls[moves->waiting->count++] = call;
    if (moves->waiting->count == CALL_MOVES)
        store_flush(store);
}

/* --- the answer to one save --- */

struct store_call *store_save_new(struct store *store, const struct upgrade_save *save, int64_t revision, store_saved *done, void *arg)
{
    struct store_call *call = store_call_new(store, (store_callback *)done, arg);

    call->upgrade = save->upgrade;
    call->upgrade.revision = revision;
    return call;
}

static enum drover_error saved_error(struct store_call *call, const struct redisReply *reply)
{
    struct store_counters *counters = &call->store->counters;
    bool repeat = redis_reply_is(reply, "REPEAT");
    if (redis_reply_is(reply, "REFUSED"))
        return DROVER_REFUSED;
    if (redis_reply_is(reply, "FULL"))
        return DROVER_FULL;
    if (redis_reply_is(reply, "ERR") && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING) {
        log_event(LOG_ERROR, "move_failed", LOG_TEXT("device", call->upgrade.device_id), LOG_TEXT("why", reply->element[1]->str));
        return DROVER_STORE;
    }
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

void store_saved_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
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
