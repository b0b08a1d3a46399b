/* The store: its life, and what all of its calls share. */
#include "orchestrator/edges/store.h"

#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/store_moves.h"

static void port_load(void *store, const char *device_id, store_loaded *done, void *arg)
{
    store_device(store, device_id, done, arg);
}

struct store *store_new(struct redis_link *link, const struct store_config *config)
{
    struct store *store = calloc(1, sizeof *store);
    struct facts_cache *facts = facts_cache_new(config->facts_max ? config->facts_max : (size_t)1 << 21);
    if (!store || !facts) {
        facts_cache_free(facts);
        free(store);
        return NULL;
    }
    store->link = link;
    store->facts = facts;
    (void)text_copy(store->instance, sizeof store->instance, config->instance);
    store->audit_keep = config->audit_keep ? config->audit_keep : 100000;
    store->events_keep = config->events_keep ? config->events_keep : 1000000;
    store->series_keep = config->series_keep ? config->series_keep : 60480;
    store->timeout_ms = config->timeout_ms;
    redis_args_init(&store->args);
    buffer_init(&store->transaction, 0);
    store->moves = store_moves_new(store);
    if (store->moves)
        return store;
    store_free(store);
    return NULL;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    store_moves_free(store->moves);
    facts_cache_free(store->facts);
    plan_shelf_done(&store->plans);
    redis_args_done(&store->args);
    buffer_done(&store->transaction);
    free(store);
}

struct store_port store_port(struct store *store)
{
    return (struct store_port){
        .store = store,
        .record = store_heartbeats_record,
        .load = port_load,
        .open = store_upgrade_open,
        .move = store_upgrade_move,
        .take_due = store_take_due,
        .wait = store_wait,
        .take_waiting = store_take_waiting,
        .take_live = store_take_live,
        .take_done = store_take_done,
    };
}

struct store_counters store_counters(const struct store *store)
{
    struct store_counters counters = store->counters;
    counters.facts = facts_cache_count(store->facts);
    counters.facts_evicted = facts_cache_evicted(store->facts);
    return counters;
}

/* --- shared by the store_*.c files --- */

struct store_call *store_call_new(struct store *store, store_callback *done, void *arg)
{
    struct store_call *call = must_alloc(sizeof *call);
    *call = (struct store_call){.store = store, .done = done, .arg = arg};
    return call;
}

struct redis_args *store_script_begin(struct store *store, enum redis_script script)
{
    redis_script_begin(&store->args, script, 2);
    redis_args_add_text(&store->args, KEY_PREFIX);
    redis_args_add_text(&store->args, KEY_PREFIX_PRIVATE);
    return &store->args;
}

void store_script_send(struct store *store, enum redis_script script, redis_replied *replied, void *arg)
{
    redis_script_call(store->link, script, &store->args, replied, arg, store->timeout_ms);
}

struct redis_args *store_command_begin(struct store *store, const char *name)
{
    redis_args_clear(&store->args);
    redis_args_add_text(&store->args, name);
    return &store->args;
}

void store_command_send(struct store *store, redis_replied *replied, void *arg)
{
    size_t length = 0;
    const char *bytes = redis_args_finish(&store->args, &length);
    redis_link_send(store->link, bytes, bytes ? length : 0, replied, arg, store->timeout_ms);
}

void store_exec_begin(struct store *store)
{
    buffer_clear(&store->transaction);
    store->transaction_commands = 0;
    store_command_begin(store, "MULTI");
    store_exec_add(store);
}

void store_exec_add(struct store *store)
{
    size_t length = 0;
    const char *bytes = redis_args_finish(&store->args, &length);
    store->transaction.failed |= !bytes;
    if (bytes)
        buffer_add(&store->transaction, bytes, length);
    store->transaction_commands++;
}

void store_exec_send(struct store *store, redis_replied *replied, void *arg)
{
    const struct buffer *all = &store->transaction;
    store_command_begin(store, "EXEC");
    store_exec_add(store);
    redis_link_send_exec(store->link, all->bytes, all->failed ? 0 : all->length, store->transaction_commands, replied, arg, store->timeout_ms);
}

void store_written_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)reply, (void)text;
    struct store_call *call = arg;
    if (call->done)
        ((store_written *)call->done)(call->arg, error);
    free(call);
}

bool store_record_ok(struct store *store, size_t bad)
{
    store->counters.bad_records += bad > 0;
    return bad != SIZE_MAX;
}

bool store_loaded_read(struct store *store, struct redisReply *const *values, const char *device_id, struct device *ret_device, struct upgrade *ret_upgrade)
{
    struct device_row row;
    int64_t seen_ms = 0;
    if (values[0]->type != REDIS_REPLY_ARRAY || values[0]->elements == 0)
        return false;
    /* when it was seen; never: nil from Redis itself, "" from a script */
    bool is_text = values[2]->type == REDIS_REPLY_STRING;
    if (is_text ? values[2]->len && !text_to_i64(values[2]->str, values[2]->len, 0, INT64_MAX, &seen_ms) : values[2]->type != REDIS_REPLY_NIL)
        return store_record_ok(store, SIZE_MAX);
    if (!store_record_ok(store, device_row_read(values[0], device_id, seen_ms, &row)) ||
        !store_record_ok(store, upgrade_read(values[1], device_id, ret_upgrade)))
        return false;
    *ret_device = row.device;
    return true;
}
