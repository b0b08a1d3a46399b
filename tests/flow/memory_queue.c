/* The story's store: the line of those who wait for a place, and the limits that redis-scripts/upgrade_open.lua keeps for all instances together. */
#include <string.h>

#include "orchestrator/core/schedule.h"
#include "tests/flow/memory_inside.h"

/* --- limits --- */

static int64_t site_in_flight(const struct memory_store *store, const struct upgrade *upgrade)
{
    int64_t count = 0;
    for (size_t i = 0; i < store->device_count; i++) {
        const struct upgrade *other = &store->devices[i].upgrade;
        count += upgrade_state_holds_place(other->state) && !strcmp(other->rollout, upgrade->rollout) && !strcmp(other->site, upgrade->site);
    }
    return count;
}

const char *limit_reached(const struct memory_store *store, const struct rollout *rollout, const struct memory_call *call)
{
    const struct open_limits *limits = &call->limits;
    if (rollout->plan_revision != limits->plan_revision)
        return "the plan was edited";
    if (rollout_places_taken(rollout) >= limits->max_in_flight)
        return "no place free";
    if (limits->per_site > 0 && site_in_flight(store, &call->save.upgrade) >= limits->per_site)
        return "no place free at its site";
    if (limits->bytes_places > 0 && schedule_bytes_taken(&rollout->counts) >= limits->bytes_places)
        return "as many bytes as allowed are being downloaded";
    return schedule_paced_until_ms(limits->per_minute, rollout->paced_ms, store->now_ms) ? "as many a minute as allowed" : NULL;
}

const char *limit_of_move(const struct memory_store *store, const struct rollout *rollout, const struct memory_call *call)
{
    const struct move_guard *guard = &call->save.guard;
    if (guard->per_site > 0 && site_in_flight(store, &call->save.upgrade) >= guard->per_site)
        return "no place free at its site";
    if (guard->bytes_places > 0 && schedule_bytes_taken(&rollout->counts) >= guard->bytes_places)
        return "as many bytes as allowed are being downloaded";
    return schedule_paced_until_ms(guard->per_minute, rollout->paced_ms, store->now_ms) ? "as many a minute as allowed" : NULL;
}

/* --- the line --- */

static bool waits_for(const struct memory_device *known, const char *rollout_id)
{
    return known->waits && !strcmp(known->waits_for, rollout_id);
}

static void count_waiting(struct memory_store *store, struct rollout *rollout)
{
    rollout->waiting = 0;
    for (size_t i = 0; i < store->device_count; i++)
        rollout->waiting += waits_for(&store->devices[i], rollout->id);
}

void line_leave(struct memory_store *store, struct memory_device *known)
{
    struct rollout *rollout = memory_store_rollout(store, known->waits_for);
    known->waits = false;
    known->turn_until_ms = 0;
    if (rollout)
        count_waiting(store, rollout);
}

static void stand(struct memory_store *store, const struct memory_link *by, const struct waiter *waiter, int64_t most)
{
    struct memory_device *known = memory_store_device(store, waiter->device_id);
    struct rollout *rollout = memory_store_rollout(store, waiter->rollout);
    bool held = waiter->returns && known && known->upgrade.state == STATE_HELD && !strcmp(known->upgrade.rollout, waiter->rollout);
    bool live = known && !held && known->upgrade.state != STATE_NONE && !upgrade_state_is_final(known->upgrade.state);
    if (!known || !rollout || held != waiter->returns || !rollout_state_is_open(rollout->state) || live || memory_had_turn(known, rollout->id))
        return;
    if (waits_for(known, rollout->id)) {
        known->score = waiter->score < known->score ? waiter->score : known->score;
    } else if (rollout->waiting < most) {
        known->waits = true;
        text_copy(known->waits_for, sizeof known->waits_for, rollout->id);
        known->score = waiter->score;
        memory_tell(store, by, "%s waits for a place in %s", waiter->device_id, rollout->id);
        count_waiting(store, rollout);
    }
}

void apply_wait(struct memory_store *store, struct memory_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct memory_device *known = memory_store_device(store, call->waiters[i].device_id);
        if (!call->waiters[i].leaves) {
            stand(store, call->link, &call->waiters[i], (int64_t)call->max);
        } else if (known && waits_for(known, call->waiters[i].rollout)) {
            memory_tell(store, call->link, "%s waits no longer", call->waiters[i].device_id);
            line_leave(store, known);
        }
    }
}

static struct memory_device *first_in_line(struct memory_store *store, const struct memory_call *call)
{
    struct memory_device *first = NULL;
    for (size_t i = 0; i < store->device_count; i++) {
        struct memory_device *known = &store->devices[i];
        if (waits_for(known, call->id) && known->turn_until_ms <= call->now_ms && (!first || known->score < first->score))
            first = known;
    }
    return first;
}

void apply_take_waiting(struct memory_store *store, struct memory_call *call)
{
    struct memory_device *known;
    while (call->count < call->max && (known = first_in_line(store, call))) {
        known->turn_until_ms = call->now_ms + call->lease_ms;
        answer_keep(call, call->count++, known);
    }
}
