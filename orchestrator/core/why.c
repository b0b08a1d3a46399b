/* See why.h. */
#include "orchestrator/core/why.h"

#include <string.h>

#include "orchestrator/core/explain.h"

const char *why_answer_name(enum why_answer answer)
{
    static const char *const names[WHY_ANSWER_COUNT] = {[WHY_HOLDS] = "holds", [WHY_REFUSES] = "refuses", [WHY_NOT_ASKED] = "not_asked"};
    return names[answer];
}

/* --- a device --- */

static void predicate_ask(const struct predicate *row, const struct look *look, struct why_predicate *ret)
{
    ret->refusal = row->refusal(look);
    ret->answer = ret->refusal ? WHY_REFUSES : WHY_HOLDS;
    if (row->describe)
        row->describe(look, &ret->finding);
}

/* The rows behind the one that asks for a rollout may rely on there being one (predicates.c). */
static void predicates_ask(const struct look *look, struct why_device *ret)
{
    unsigned count;
    bool asked = true;
    const struct predicate *rows = predicates(&count);
    ret->count = count < WHY_PREDICATES_MAX ? count : WHY_PREDICATES_MAX;
    for (unsigned i = 0; i < ret->count; i++) {
        struct why_predicate *predicate = &ret->predicates[i];
        *predicate = (struct why_predicate){.name = rows[i].name, .limit = rows[i].limit, .answer = WHY_NOT_ASKED};
        if (!asked)
            continue;
        predicate_ask(&rows[i], look, predicate);
        if (predicate->answer == WHY_REFUSES && ret->held_by < 0)
            ret->held_by = (int)i;
        asked = look->rollout || strcmp(rows[i].name, PREDICATE_ROLLOUT) != 0;
    }
}

/* A live upgrade goes by its own deadline; without one it is the row that holds the device back that knows. */
void why_device(const struct situation *s, struct why_device *ret)
{
    const struct look look = {.now_ms = s->now_ms, .policy = s->policy, .rollout = s->running, .in_flight = s->in_flight,
                              .heartbeat = &s->device->last, .device = s->device, .upgrade = s->upgrade};
    *ret = (struct why_device){.held_by = -1};
    predicates_ask(&look, ret);
    explain(s, &ret->explain);
    ret->next_ms = ret->explain.next_ms;
    if (ret->next_ms == 0 && ret->held_by >= 0)
        ret->next_ms = ret->predicates[ret->held_by].finding.next_ms;
}

/* --- a rollout --- */

const char *why_flat(const struct rollout *rollout)
{
    if (rollout->state != ROLLOUT_RUNNING)
        return rollout_state_text(rollout->state);
    if (rollout_in_flight(rollout) >= rollout->max_in_flight)
        return "as many upgrades as allowed are under way";
    return "takes each device of its share when it speaks";
}
