/* The flow's counters, by name. */
#include "orchestrator/core/flow_work.h"

static const char *const recorded_names[] = {
    [RECORDED_SAME] = "same", [RECORDED_LOADED] = "loaded", [RECORDED_STALE] = "stale", [RECORDED_CLASH] = "clash",
};
static const char *const command_names[] = {
    [COMMAND_UPDATE] = "update", [COMMAND_CANCEL] = "cancel", [COMMAND_ROLLBACK] = "rollback",
};
static const char *const work_names[WORK_KIND_COUNT] = {
    [WORK_HEARTBEAT] = "heartbeat", [WORK_REPORT] = "report", [WORK_DEADLINE] = "deadline", [WORK_ENDING] = "ending",
    [WORK_ASK] = "ask", [WORK_SERVED] = "served", [WORK_ROLLBACK] = "rollback",
    [WORK_WITHDRAW] = "withdraw", [WORK_BACK] = "back", [WORK_AGAIN] = "again",
    [WORK_WAITING] = "waiting",
};

typedef void each_counter(void *arg, const char *name, const char *label, uint64_t value);

static void each_named(each_counter *each, void *arg, const char *name, const char *const *labels, const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        each(arg, name, labels[i], values[i]);
}

void flow_counters(const struct flow *flow, each_counter *each, void *arg)
{
    const struct flow_counts *counts = &flow->counts;
    for (int i = EVENT_NOTHING + 1; i < UPGRADE_EVENT_COUNT; i++)
        each(arg, "moves", upgrade_event_name((enum upgrade_event)i), counts->moves[i]);
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        each(arg, "refusals", refusal_name((enum refusal)i), counts->refusals[i]);
    each_named(each, arg, "heartbeats", recorded_names, counts->heartbeats, RECORDED_CLASH + 1);
    each_named(each, arg, "commands", command_names, counts->commands, COMMAND_ROLLBACK + 1);
    each_named(each, arg, "work", work_names, counts->work, WORK_KIND_COUNT);
    each(arg, "work_dropped", "", counts->dropped);
    each(arg, "work_full", "", counts->full);
    each(arg, "heartbeats_coalesced", "", counts->coalesced);
    each(arg, "opens_refused", "", counts->opens_refused);
    each(arg, "held_back", "", counts->held_back);
    each(arg, "queue_joined", "", counts->queue_joined);
    each(arg, "queue_turns", "", counts->queue_turns);
    each(arg, "queue_dropped", "", counts->queue_dropped);
    each(arg, "zones_unknown", "", counts->zones_unknown);
    each(arg, "save_conflicts", "", counts->conflicts);
    each(arg, "save_conflicts_lost", "", counts->conflicts_lost);
    each(arg, "saves_resent", "", counts->resent);
    each(arg, "store_unavailable", "", counts->unavailable);
    each(arg, "store_refused", "", counts->store_refused);
}

size_t flow_work_count(const struct flow *flow)
{
    return flow->work_count + flow->call_count;
}
