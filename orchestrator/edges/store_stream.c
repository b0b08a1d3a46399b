/* Streams, entry by entry and untouched: what is verified and exported is what stands there, not what Drover reads out of it. */
#include <stdio.h>

#include "orchestrator/edges/store_call.h"
#include "proto/stream_entry.h"

#define ENTRIES_MAX 1000u

static void entries_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

void store_entries(struct store *store, enum store_stream stream, const char *after, size_t limit, store_entries_listed *done, void *arg)
{
    static const char *const keys[] = {[STORE_EVENTS] = KEY_EVENTS, [STORE_SEALS] = KEY_SEALS, [STORE_AUDIT] = KEY_AUDIT, [STORE_AUDIT_SEALS] = KEY_AUDIT_SEALS};
    struct redis_args *args = store_command_begin(store, "XRANGE");
    char start[STORE_CURSOR_SIZE + 1];

    (void)snprintf(start, sizeof start, "%s%.46s", after[0] ? "(" : "-", after);
    redis_args_add_text(args, keys[stream]);
    redis_args_add_text(args, start);
    redis_args_add_text(args, "+");
    redis_args_add_text(args, "COUNT");
    redis_args_add_i64(args, (int64_t)(limit < ENTRIES_MAX ? limit : ENTRIES_MAX));
    store_command_send(store, entries_read, store_call_new(store, (store_callback *)done, arg));
}

/* One that cannot be read makes the whole answer an error: an entry that is left out would look removed. */
static void entries_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    struct stream_entry *entries = NULL;
    size_t count = 0;

    (void)text;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    if (!error)
        entries = must_calloc(reply->elements, sizeof *entries);
    for (; !error && count < reply->elements; count++)
        if (!store_record_ok(call->store, redis_reply_entry(reply->element[count], &entries[count]) ? 0 : SIZE_MAX))
            error = DROVER_STORE;
    ((store_entries_listed *)call->done)(call->arg, error, error ? NULL : entries, error ? 0 : count);
    free(entries);
    free(call);
}
