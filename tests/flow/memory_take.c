/* The story's store: devices that are loaded, or taken for a while: whose deadline has passed, whose rollout ends or goes back, or who get another turn. */
#include <string.h>

#include "tests/flow/memory_inside.h"

void apply_load(struct memory_store *store, struct memory_call *call)
{
    struct memory_device *known = memory_store_device(store, call->id);
    if (known)
        answer_keep(call, 0, known);
}

static bool is_live_of(const struct memory_device *known, const char *rollout_id)
{
    return known->upgrade.state != STATE_NONE && !upgrade_state_is_final(known->upgrade.state) && !strcmp(known->upgrade.rollout, rollout_id);
}

void apply_take_due(struct memory_store *store, struct memory_call *call)
{
    for (size_t i = 0; i < store->device_count && call->count < call->max; i++) {
        struct memory_device *known = &store->devices[i];
        if (!known->due_ms || known->due_ms > call->now_ms)
            continue;
        known->due_ms = call->now_ms + call->lease_ms;
        answer_keep(call, call->count++, known);
    }
}

void apply_take_live(struct memory_store *store, struct memory_call *call)
{
    for (size_t i = 0; i < store->device_count && call->count < call->max; i++) {
        struct memory_device *known = &store->devices[i];
        if (!is_live_of(known, call->id) || known->live_leased_ms > call->now_ms)
            continue;
        known->live_leased_ms = call->now_ms + call->lease_ms;
        answer_keep(call, call->count++, known);
    }
}

bool memory_wants_back(const struct memory_device *known, const struct rollout *rollout)
{
    return !strcmp(known->upgrade.rollout, rollout->id) && known->upgrade.state == STATE_SUCCEEDED && !strcmp(known->device.last.version, rollout->version);
}

bool memory_wants_again(const struct memory_device *known, const struct rollout *rollout)
{
    static const bool wanted[UPGRADE_STATE_COUNT] = {[STATE_FAILED] = true, [STATE_ROLLED_BACK] = true, [STATE_REJECTED] = true, [STATE_CANCELLED] = true};
    return rollout->retry_ms >= known->upgrade.state_ms && rollout->retry_ms > 0 && wanted[known->upgrade.state] && !strcmp(known->upgrade.rollout, rollout->id);
}

/* A round is one call here: all that were found are taken, but for those that are offline and go back. */
void apply_take_done(struct memory_store *store, struct memory_call *call)
{
    struct rollout *rollout = memory_store_rollout(store, call->id);
    int64_t *rest_ms = store->rest_ms[rollout - store->rollouts];
    bool back = call->take == TAKE_BACK;
    size_t found = back ? (size_t)rollout_in_flight(rollout) : 0, offline = 0;
    if (rest_ms[call->take] > call->now_ms)
        return;
    for (size_t i = 0; i < store->device_count && call->count < call->max; i++) {
        struct memory_device *known = &store->devices[i];
        if (!(back ? memory_wants_back(known, rollout) : memory_wants_again(known, rollout)))
            continue;
        found++;
        offline += !known->device.online;
        if (!back || known->device.online)
            answer_keep(call, call->count++, known);
    }
    if (call->count == call->max)
        return;
    rest_ms[call->take] = call->now_ms + call->lease_ms;
    if (back) {
        rollout->back_ms = call->now_ms;
        rollout->back_left = (int64_t)found;
        rollout->back_offline = (int64_t)offline;
        return;
    }
    size_t *before = &store->again_found[rollout - store->rollouts];
    bool over = found == 0 || (*before > 0 && found + 1 >= *before && rollout_in_flight(rollout) == 0);
    if (over)
        rollout->retry_ms = 0;
    *before = over ? 0 : found + 1;
}
