/* What gates read, and what they said. */
#include "orchestrator/edges/store_gates.h"

#include <stdio.h>

#include "orchestrator/edges/store_call.h"

#define VERSIONS_MAX 256
#define HEALTH_KEEP_MS (INT64_C(30) * 86400000)

static void health_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- the control group --- */

#define HEALTH(group, member) {RECORD_NAMED(struct fleet_health, I64, #group ":" #member, group.member)}
#define GROUP(group) \
    HEALTH(group, devices), HEALTH(group, offline), HEALTH(group, unhealthy), HEALTH(group, offline_before), HEALTH(group, unhealthy_before), \
        HEALTH(group, reboots), HEALTH(group, device_ms)
static const struct record_field health_fields[] = {GROUP(updated), GROUP(control)};
static const struct record_table health_record = RECORD_TABLE(health_fields);

void store_rollout_health(struct store *store, const struct rollout *rollout, int64_t at_ms, store_health_read *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_ROLLOUT_HEALTH);
    redis_args_add_text(args, rollout->id);
    redis_args_add_text(args, rollout->model);
    redis_args_add_text(args, rollout->version);
    redis_args_add_i64(args, rollout->resumed_ms > rollout->stage_ms ? rollout->resumed_ms : rollout->stage_ms);
    redis_args_add_i64(args, at_ms);
    redis_args_add_i64(args, VERSIONS_MAX);
    redis_args_add_i64(args, HEALTH_KEEP_MS);
    store_script_send(store, SCRIPT_ROLLOUT_HEALTH, health_read, store_call_new(store, (store_callback *)done, arg));
}

static void add_key(struct redis_args *args, const char *prefix, const char *rollout_id, const char *part)
{
    char key[ID_SIZE + 64];
    (void)snprintf(key, sizeof key, "%srollout:%s:%s", prefix, rollout_id, part);
    redis_args_add_text(args, key);
}

void store_rollout_health_last(struct store *store, const char *rollout_id, store_health_read *done, void *arg)
{
    struct redis_args *args = store_command_begin(store, "HGETALL");
    add_key(args, KEY_PREFIX_PRIVATE, rollout_id, "health");
    store_command_send(store, health_read, store_call_new(store, (store_callback *)done, arg));
}

static void health_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct store_call *call = arg;
    struct fleet_health health = {0};
    if (!error && !store_record_ok(call->store, record_read(&health_record, reply, &health)))
        error = DROVER_STORE;
    ((store_health_read *)call->done)(call->arg, error, error ? NULL : &health);
    free(call);
}

/* --- what was said last --- */

void store_gates_write(struct store *store, const char *rollout_id, const struct engine_move *said, int64_t at_ms, store_written *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_GATES_WRITE);
    redis_args_add_text(args, rollout_id);
    redis_args_add_text(args, "at_ms");
    redis_args_add_i64(args, at_ms);
    redis_args_add_text(args, "stage");
    redis_args_add_i64(args, said->stage);
    redis_args_add_text(args, "why");
    redis_args_add_text(args, said->why);
    redis_args_add_text(args, "next_ms");
    redis_args_add_i64(args, said->next_ms);
    for (unsigned i = 0; i < said->gate_count; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%u", i + 1);
        redis_args_add_text(args, number);
        redis_args_add_text(args, said->gates[i].text);
    }
    store_script_send(store, SCRIPT_GATES_WRITE, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}
