/* The story's store: heartbeats, as redis-scripts/heartbeat_record.lua takes them: what is stale, what is an older boot, what is to be loaded. */
#include <string.h>

#include "tests/flow/memory_inside.h"

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
        known = memory_device_add(store, heartbeat->device_id);
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
