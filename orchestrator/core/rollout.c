/* A rollout's arithmetic: who comes when, how many are under way, and the names of its states. */
#include "orchestrator/core/rollout.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/upgrade.h"

static const char *const state_names[ROLLOUT_STATE_COUNT] = {
    [ROLLOUT_RUNNING] = "running",
    [ROLLOUT_PAUSED] = "paused",
    [ROLLOUT_CANCELLED] = "cancelled",
    [ROLLOUT_SUPERSEDED] = "superseded",
};

const char *rollout_state_name(enum rollout_state state)
{
    return (unsigned)state < ROLLOUT_STATE_COUNT ? state_names[state] : "unknown";
}

bool rollout_state_read(const char *name, enum rollout_state *ret_state)
{
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++) {
        if (!strcmp(name, state_names[i])) {
            *ret_state = (enum rollout_state)i;
            return true;
        }
    }
    return false;
}

int64_t rollout_in_flight(const struct rollout *rollout)
{
    int64_t sum = 0;
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        if (upgrade_state_is_in_flight((enum upgrade_state)i))
            sum += rollout->counts[i];
    return sum;
}

/* The rollout's hash seeds the device's, so that the canaries of one rollout are not those of the next. */
static uint64_t pair_hash(const char *rollout_id, const char *device_id, uint64_t salt)
{
    return hash_text(device_id, hash_text(rollout_id, salt));
}

unsigned rollout_place(const char *rollout_id, const char *device_id)
{
    return (unsigned)(pair_hash(rollout_id, device_id, 0) % 10000);
}

void rollout_upgrade_id(const char *rollout_id, const char *device_id, char *ret)
{
    snprintf(ret, UPGRADE_ID_SIZE, "%016llx", (unsigned long long)pair_hash(rollout_id, device_id, 1));
}
