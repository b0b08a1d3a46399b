/* A rollout's arithmetic: who comes when, and how many are where. */
#include "orchestrator/core/rollout.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/stage.h"
#include "orchestrator/core/upgrade.h"

/* What the plan says of all stages alike. */
static void take_numbers(struct rollout *rollout)
{
    const struct plan *plan = rollout->plan;
    rollout->start_ms = plan->start_ms;
    rollout->max_in_flight = plan->limits.max_in_flight;
    rollout->max_attempts = plan->retry.max_attempts;
    rollout->error_budget_pct = 100;   /* gates take its place */
    rollout->confirmations = plan->confirmations;
    rollout->soak_ms = plan->soak_ms;
    rollout->spread_s = plan->spread_s;
}

void rollout_enter_stage(struct rollout *rollout, int64_t stage, int64_t now_ms)
{
    take_numbers(rollout);
    if (stage != rollout->stage)
        rollout->stage_ms = now_ms;
    rollout->stage = stage;
    rollout->share_pct = stage_share_pct(rollout->plan, stage);
}

void rollout_begin(struct rollout *rollout, struct plan *plan, int64_t now_ms)
{
    *rollout = (struct rollout){.created_ms = now_ms, .plan = plan_hold(plan), .plan_revision = 1};
    memcpy(rollout->id, plan->id, sizeof rollout->id);
    memcpy(rollout->model, plan->model, sizeof rollout->model);
    memcpy(rollout->version, plan->version, sizeof rollout->version);
    rollout_enter_stage(rollout, 1, now_ms);
    rollout->state = plan->approvals > 0 ? ROLLOUT_AWAITING_APPROVAL : plan->start_ms > now_ms ? ROLLOUT_SCHEDULED : ROLLOUT_RUNNING;
}

void rollout_after(const struct rollout *rollout, enum rollout_event on, int64_t stage, int64_t now_ms, struct rollout *ret)
{
    *ret = *rollout;
    if (rollout->plan && on == ROLLOUT_EVENT_PROMOTE)
        rollout_enter_stage(ret, stage, now_ms);
    if (rollout->plan && on == ROLLOUT_EVENT_START)
        ret->stage_ms = now_ms;
}

void rollout_keep(struct rollout *dst, const struct rollout *src)
{
    *dst = *src;
    plan_hold(dst->plan);
    stones_hold(dst->stones);
}

void rollout_drop(struct rollout *rollout)
{
    plan_drop(rollout->plan);
    stones_drop(rollout->stones);
    rollout->plan = NULL;
    rollout->stones = NULL;
}

int64_t rollout_counts_in_flight(const struct rollout_counts *counts)
{
    int64_t sum = 0;
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        if (upgrade_state_is_in_flight((enum upgrade_state)i))
            sum += counts->states[i];
    return sum;
}

int64_t rollout_in_flight(const struct rollout *rollout)
{
    return rollout_counts_in_flight(&rollout->counts);
}

int64_t rollout_places_taken(const struct rollout *rollout)
{
    return rollout_in_flight(rollout) - rollout->counts.states[STATE_HELD];
}

int64_t rollout_counts_failed(const struct rollout_counts *counts)
{
    return counts->states[STATE_FAILED] + counts->states[STATE_ROLLED_BACK] + counts->states[STATE_LOST];
}

int64_t rollout_counts_settled(const struct rollout_counts *counts)
{
    return counts->states[STATE_SUCCEEDED] + counts->states[STATE_REJECTED] + rollout_counts_failed(counts);
}

static int64_t since(int64_t now, int64_t before)
{
    return now > before ? now - before : 0;
}

static bool is_settled(enum upgrade_state state)
{
    return upgrade_state_is_final(state) || state == STATE_LOST;
}

/* A device that settled before and is in another state since counts as settled since. Who is under way may settle since, whenever it began. */
void rollout_gate_counts(const struct rollout *rollout, struct rollout_counts *ret)
{
    bool all = rollout->state == ROLLOUT_COMPLETED || rollout->before_of_all;
    const struct rollout_counts *now = all ? &rollout->counts : &rollout->staged, *before = &rollout->before;
    ret->opened = since(now->opened, before->opened);
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        ret->states[i] = is_settled((enum upgrade_state)i) ? since(now->states[i], before->states[i]) : now->states[i];
    for (int i = 0; i < ERROR_CODE_COUNT; i++)
        ret->errors[i] = since(now->errors[i], before->errors[i]);
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
