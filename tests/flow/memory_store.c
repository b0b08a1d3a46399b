/* The story's store: the moves themselves. What waits in between is in memory_calls.c. */
#include "tests/flow/memory_inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/schedule.h"

void memory_store_init(struct memory_store *store, store_tells *tell, void *arg)
{
    *store = (struct memory_store){.tell = tell, .tell_arg = arg};
    memory_store_size(store, DEVICES_MAX);
}

void memory_store_size(struct memory_store *store, size_t devices)
{
    free(store->devices);
    free(store->places);
    for (store->place_mask = 1; store->place_mask < 2 * devices;)
        store->place_mask *= 2;
    store->devices = calloc(devices, sizeof *store->devices);
    store->places = calloc(store->place_mask, sizeof *store->places);
    store->place_mask--;
    store->device_max = devices;
    if (!store->devices || !store->places)
        abort();
}

void memory_tell(struct memory_store *store, const struct memory_link *by, const char *format, ...)
{
    char line[400], full[420];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (by->named)
        snprintf(full, sizeof full, "store   > %s (%c)", line, by->name);
    else
        snprintf(full, sizeof full, "store   > %s", line);
    store->tell(store->tell_arg, full);
}

/* The device's place in the table, or the free one that it would take. */
static uint32_t *place_of(const struct memory_store *store, const char *device_id)
{
    size_t at = hash_text(device_id, 0) & store->place_mask;
    while (store->places[at] && strcmp(store->devices[store->places[at] - 1].device.last.device_id, device_id))
        at = (at + 1) & store->place_mask;
    return &store->places[at];
}

struct memory_device *memory_store_device(struct memory_store *store, const char *device_id)
{
    uint32_t place = *place_of(store, device_id);
    return place ? &store->devices[place - 1] : NULL;
}

static struct memory_device *device_add(struct memory_store *store, const char *device_id)
{
    if (store->device_count == store->device_max)
        abort();
    uint32_t *place = place_of(store, device_id);
    *place = (uint32_t)++store->device_count;
    return &store->devices[*place - 1];
}

struct rollout *memory_store_rollout(struct memory_store *store, const char *rollout_id)
{
    for (size_t i = 0; i < store->rollout_count; i++)
        if (!strcmp(store->rollouts[i].id, rollout_id))
            return &store->rollouts[i];
    return NULL;
}

/* Its number stands behind the dash. */
struct memory_event *memory_store_event(struct memory_store *store, const char *event_id)
{
    const char *dash = strchr(event_id, '-');
    size_t number = dash ? strtoul(dash + 1, NULL, 10) : 0;
    bool there = number >= 1 && number <= store->event_count && !strcmp(store->events[number - 1].event.id, event_id);
    return there ? &store->events[number - 1] : NULL;
}

/* --- record --- */

static bool same_facts(const struct heartbeat *left, const struct heartbeat *right)
{
    return !strcmp(left->version, right->version) && !strcmp(left->status, right->status) && !strcmp(left->boot_id, right->boot_id);
}

static bool is_stale(const struct memory_device *known, const struct heartbeat *heartbeat)
{
    const struct heartbeat *last = &known->device.last;
    if (!heartbeat->boot_id[0])
        return heartbeat->seq != ABSENT && heartbeat->seq == last->seq;
    return !strcmp(heartbeat->boot_id, last->boot_id) && heartbeat->seq != ABSENT && heartbeat->seq <= last->seq;
}

static enum recorded from_older_boot(struct memory_store *store, const struct memory_link *by, struct memory_device *known, int64_t at_ms)
{
    bool alternates = known->clash_seen_ms != known->device.seen_ms;
    known->clash_seen_ms = known->device.seen_ms;
    known->clashes += alternates;
    if (!alternates || known->clashes < 3) {
        memory_tell(store, by, "%s heartbeat of an older boot is dropped", known->device.last.device_id);
        return RECORDED_STALE;
    }
    known->device.clash_ms = at_ms;
    memory_tell(store, by, "%s CLASH: two devices with one identity", known->device.last.device_id);
    return RECORDED_CLASH;
}

static enum recorded take(struct memory_store *store, const struct memory_link *by, const struct beat *beat, struct memory_device **ret)
{
    const struct heartbeat *heartbeat = &beat->heartbeat;
    struct memory_device *known = memory_store_device(store, heartbeat->device_id);
    if (!known) {
        known = device_add(store, heartbeat->device_id);
        known->device = (struct device){.last = *heartbeat, .online = true, .first_seen_ms = beat->at_ms, .seen_ms = beat->at_ms};
        *ret = known;
        return RECORDED_LOADED;
    }
    if (heartbeat->boot_id[0] && !strcmp(heartbeat->boot_id, known->boot_prev))
        return from_older_boot(store, by, known, beat->at_ms);
    if (is_stale(known, heartbeat)) {
        memory_tell(store, by, "%s heartbeat is stale", heartbeat->device_id);
        return RECORDED_STALE;
    }
    if (strcmp(heartbeat->boot_id, known->device.last.boot_id))
        memcpy(known->boot_prev, known->device.last.boot_id, sizeof known->boot_prev);
    bool same = same_facts(heartbeat, &known->device.last);
    enum device_kind kind = heartbeat->kind != KIND_UNKNOWN ? heartbeat->kind : known->device.last.kind;
    known->device.last = *heartbeat;
    known->device.last.kind = kind;
    known->device.seen_ms = beat->at_ms;
    known->device.online = true;
    bool live = known->upgrade.state != STATE_NONE && !upgrade_state_is_final(known->upgrade.state);
    *ret = known;
    bool calm = same && !known->news;
    known->news = !same;
    return calm && !live && !beat->want ? RECORDED_SAME : RECORDED_LOADED;
}

void apply_record(struct memory_store *store, struct memory_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct memory_device *known = NULL;
        struct recorded_beat *ret = &call->recorded[i];
        ret->outcome = take(store, call->link, &call->beats[i], &known);
        if (ret->outcome == RECORDED_LOADED)
            answer_keep(call, i, known);
    }
}

/* --- saves --- */

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
    if (!rollout || guard->max_in_flight == 0)
        return DROVER_OK;
    bool holds = upgrade_state_holds_place(call->save.from);
    if ((holds ? rollout->counts.states[STATE_ROLLING_BACK] : rollout_places_taken(rollout)) >= guard->max_in_flight)
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

/* --- load and take --- */

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
