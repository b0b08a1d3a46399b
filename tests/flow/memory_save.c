/* The story's store: opens and moves, as redis-scripts/upgrade_open.lua and upgrade_move.lua make them. */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/schedule.h"
#include "tests/flow/memory_inside.h"

static void count_state(struct memory_store *store, const struct upgrade *upgrade, int by)
{
    struct rollout *rollout = memory_store_rollout(store, upgrade->rollout);
    if (!rollout || upgrade->state == STATE_NONE)
        return;
    counts_add(&rollout->counts, upgrade, by);
    stage_count(store, upgrade, by);
}

static void note_places(struct memory_store *store, const char *rollout_id)
{
    const struct rollout *rollout = memory_store_rollout(store, rollout_id);
    int64_t *most = rollout ? &store->most_places[rollout - store->rollouts] : NULL;
    if (most && rollout_places_taken(rollout) > *most)
        *most = rollout_places_taken(rollout);
}

static void add_event(struct memory_store *store, const struct upgrade_save *save, struct upgrade *saved)
{
    if (save->silent)
        return;
    if (store->event_count == store->event_max) {
        store->event_max = store->event_max ? 2 * store->event_max : 256;
        store->events = realloc(store->events, store->event_max * sizeof *store->events);
        if (!store->events)
            abort();
    }
    struct memory_event *entry = &store->events[store->event_count++];
    *entry = (struct memory_event){.spoken = false};
    struct event *event = &entry->event;
    *event = (struct event){.at_ms = save->at_ms, .kind = "move", .attempt = saved->attempt, .revision = saved->revision, .stage = saved->stage};
    snprintf(event->id, sizeof event->id, "%lld-%zu", (long long)store->now_ms, store->event_count);
    text_copy(event->device_id, sizeof event->device_id, saved->device_id);
    text_copy(event->from, sizeof event->from, upgrade_state_name(save->from));
    text_copy(event->to, sizeof event->to, upgrade_state_name(saved->state));
    text_copy(event->on, sizeof event->on, upgrade_event_name(save->on));
    text_copy(event->why, sizeof event->why, save->why);
    text_copy(event->prev, sizeof event->prev, saved->last_event[0] ? saved->last_event : "-");
    text_copy(saved->last_event, sizeof saved->last_event, event->id);
}

static void tell_save(struct memory_store *store, const struct memory_link *by, const struct upgrade_save *save)
{
    char move[64], error[32] = "";
    const struct upgrade *upgrade = &save->upgrade;
    if (save->from == upgrade->state)
        snprintf(move, sizeof move, "%s", upgrade_state_name(upgrade->state));
    else
        snprintf(move, sizeof move, "%s -> %s", upgrade_state_name(save->from), upgrade_state_name(upgrade->state));
    if (upgrade->error != E_NONE && save->from != upgrade->state)
        snprintf(error, sizeof error, " [%s]", error_code_name(upgrade->error));
    memory_tell(store, by, "%s %-28s %s: %s%s%s", upgrade->device_id, move, upgrade_event_name(save->on), save->why, error, save->alarm ? " ALARM" : "");
}

/* The upgrade as it shall be takes the place of the one that was; counters, index, turn and chain go with it. */
static void replace(struct memory_store *store, struct memory_call *call, struct memory_device *known, int64_t revision)
{
    struct upgrade saved = call->save.upgrade;
    saved.revision = revision;
    if (known->upgrade.state != STATE_NONE)
        memcpy(saved.last_event, known->upgrade.last_event, sizeof saved.last_event);
    bool opens = call->save.on == EVENT_OPEN;
    if (!opens)
        count_state(store, &known->upgrade, -1);
    add_event(store, &call->save, &saved);
    count_state(store, &saved, +1);
    note_places(store, saved.rollout);
    known->upgrade = saved;
    known->due_ms = saved.deadline_ms;
    if (call->save.kind != KIND_UNKNOWN)
        known->device.last.kind = call->save.kind;
    if (upgrade_state_is_final(saved.state) && known->done_count < ROLLOUTS_MAX)
        text_copy(known->done[known->done_count++], ID_SIZE, saved.rollout);
    tell_save(store, call->link, &call->save);
    answer_keep(call, 0, known);
}

bool memory_had_turn(const struct memory_device *known, const char *rollout_id)
{
    for (int i = 0; i < known->done_count; i++)
        if (!strcmp(known->done[i], rollout_id))
            return true;
    return false;
}

static bool same_token(const struct memory_device *known, const struct memory_call *call, int64_t revision)
{
    return known->upgrade.revision == revision && !strcmp(known->upgrade.token, call->save.upgrade.token);
}

void apply_open(struct memory_store *store, struct memory_call *call)
{
    struct memory_device *known = memory_store_device(store, call->save.upgrade.device_id);
    struct rollout *rollout = memory_store_rollout(store, call->save.upgrade.rollout);
    bool live = known && known->upgrade.state != STATE_NONE && !upgrade_state_is_final(known->upgrade.state);
    const char *full;
    if (live && same_token(known, call, 1)) {
        memory_tell(store, call->link, "%s the first try had worked", call->save.upgrade.device_id);
        answer_keep(call, 0, known);
    } else if (store->stopped) {
        memory_tell(store, call->link, "%s all rollouts are stopped", call->save.upgrade.device_id);
        call->error = DROVER_REFUSED;
    } else if (!known || live || !rollout || !rollout_state_takes(rollout->state) || memory_had_turn(known, rollout->id)) {
        memory_tell(store, call->link, "%s no place in %s", call->save.upgrade.device_id, call->save.upgrade.rollout);
        call->error = DROVER_REFUSED;
    } else if ((full = stage_refuses(store, call))) {
        memory_tell(store, call->link, "%s no place in %s: %s", call->save.upgrade.device_id, rollout->id, full);
        call->error = DROVER_REFUSED;
    } else if ((full = limit_reached(store, rollout, call))) {
        memory_tell(store, call->link, "%s no place in %s: %s", call->save.upgrade.device_id, rollout->id, full);
        call->error = DROVER_FULL;
    } else {
        line_leave(store, known);
        rollout->paced_ms = schedule_paced_next_ms(call->limits.per_minute, rollout->paced_ms, store->now_ms);
        rollout->counts.opened++;
        stage_open(store, call);
        replace(store, call, known, 1);
    }
}

/* The words of guard.states are those of states, joined by commas. */
static bool names(const char *states, enum rollout_state state)
{
    char all[80], one[40];
    snprintf(all, sizeof all, ",%s,", states);
    snprintf(one, sizeof one, ",%s,", rollout_state_name(state));
    return strstr(all, one) != NULL;
}

static enum drover_error guarded(struct memory_store *store, const struct memory_call *call)
{
    const struct move_guard *guard = &call->save.guard;
    const struct rollout *rollout = memory_store_rollout(store, call->save.upgrade.rollout);
    if (guard->states && (store->stopped || !rollout || !names(guard->states, rollout->state)))
        return DROVER_REFUSED;
    if (!rollout)
        return DROVER_OK;
    bool holds = upgrade_state_holds_place(call->save.from);
    if (guard->max_in_flight > 0 && (holds ? rollout->counts.states[STATE_ROLLING_BACK] : rollout_places_taken(rollout)) >= guard->max_in_flight)
        return DROVER_FULL;
    return limit_of_move(store, rollout, call) ? DROVER_FULL : DROVER_OK;
}

void apply_move(struct memory_store *store, struct memory_call *call)
{
    enum drover_error refusal = guarded(store, call);
    struct memory_device *known = memory_store_device(store, call->save.upgrade.device_id);
    int64_t revision = call->save.expected_revision;
    if (known && same_token(known, call, revision + 1)) {
        memory_tell(store, call->link, "%s the first try had worked", call->save.upgrade.device_id);
        answer_keep(call, 0, known);
    } else if (!known || known->upgrade.revision != revision) {
        memory_tell(store, call->link, "%s conflict: changed by somebody else", call->save.upgrade.device_id);
        call->error = DROVER_CONFLICT;
    } else if (refusal != DROVER_OK) {
        memory_tell(store, call->link, "%s %s: not now", call->save.upgrade.device_id, upgrade_event_name(call->save.on));
        call->error = refusal;
    } else {
        if (call->save.from == STATE_HELD && known->waits)
            line_leave(store, known);
        if (call->save.guard.per_minute > 0) {
            struct rollout *rollout = memory_store_rollout(store, known->upgrade.rollout);
            rollout->paced_ms = schedule_paced_next_ms(call->save.guard.per_minute, rollout->paced_ms, store->now_ms);
        }
        replace(store, call, known, revision + 1);
        if (call->save.quarantine_ms < 0) {
            known->device.quarantine[0] = '\0';
            memory_tell(store, call->link, "%s is out of quarantine", call->save.upgrade.device_id);
        } else if (call->save.quarantine_ms > 0) {
            memcpy(known->device.quarantine, known->upgrade.version, sizeof known->device.quarantine);
            known->device.quarantine_ms = call->save.quarantine_ms;
            known->device.quarantine_auto = true;
            memory_tell(store, call->link, "%s is in quarantine for %s", call->save.upgrade.device_id, known->upgrade.version);
        }
    }
}
