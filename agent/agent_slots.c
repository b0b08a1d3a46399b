/* The effects that are the slots': installation, switch, confirmation, way back. One at a time, on a thread (slots_task.h); the loop goes on. A newer decision's
 * take the place of those that have not begun. */
#include <stdio.h>

#include "agent/agent_inside.h"
#include "common/log.h"

static const struct {
    unsigned effect;
    const char *failed;   /* as it is logged; NULL: the core says it */
} steps[] = {
    [SLOTS_INSTALL] = {FX_INSTALL, NULL},
    [SLOTS_SWITCH] = {FX_SWITCH, "slots_switch_failed"},
    [SLOTS_CONFIRM] = {FX_CONFIRM, "slots_confirm_failed"},
    [SLOTS_BACK] = {FX_BACK, "slots_back_failed"},
};
#define STEP_COUNT (sizeof steps / sizeof steps[0])

/* --- their ends --- */

static void installed(struct agent *agent, const struct slots_outcome *outcome, struct decision *ret)
{
    const struct install_found *found = &outcome->found;
    struct problem problem = outcome->problem;
    enum error_code code = outcome->code;
    char what[WHAT_SIZE];
    struct situation s;

    if (code == E_NONE && found->trust_bytes && agent_trust_keep(agent, found->trust_bytes, found->trust_length, &problem) != DROVER_OK)
        code = E_INTERNAL;
    (void)snprintf(what, sizeof what, "%s: %s", problem.where, problem.what);
    s = agent_situation(agent);
    core_installed(&s, code, code == E_NONE ? "" : what, found->release_counter, found->build_time_ms, ret);
}

static void step_ended(struct agent *agent, enum slots_step step, const struct slots_outcome *outcome, struct decision *ret)
{
    const struct problem *problem = &outcome->problem;
    struct situation s = agent_situation(agent);

    if (outcome->code != E_NONE && steps[step].failed)
        log_event(LOG_ERROR, steps[step].failed, LOG_TEXT("error", error_code_name(outcome->code)), LOG_TEXT("where", problem->where), LOG_TEXT("why", problem->what));
    switch (step) {
    case SLOTS_INSTALL: installed(agent, outcome, ret); break;
    case SLOTS_SWITCH: core_switched(&s, outcome->code, problem->what, ret); break;
    case SLOTS_CONFIRM: core_confirmed(&s, outcome->code, problem->what, ret); break;
    case SLOTS_BACK: core_went_back(&s, outcome->code, problem->what, ret); break;
    }
}

/* What waited for the step is done, unless the step led to another decision. Its time is not counted against what the record waits for. */
static void outcome_take(struct agent *agent, enum slots_step step, const struct slots_outcome *outcome)
{
    unsigned left = agent->task_is_waited_for ? agent->effects_left : 0;
    struct decision next;

    if (agent->task_is_waited_for) {
        agent->slots_hold = false;
        agent->wake_mono_ms += agent->wake_mono_ms == NEVER ? 0 : agent->mono_ms - agent->slots_since_mono_ms;
    }
    step_ended(agent, step, outcome, &next);
    if (next.refused)
        agent_effects(agent, left, agent->effects_on);
    else
        (void)agent_take(agent, &next);
}

static void task_ended(struct agent *agent)
{
    struct slots_task *task = agent->task;
    bool dropped = agent->task_dropped;
    struct problem problem;

    agent->task = NULL;
    agent->task_dropped = false;
    if (agent_facts(agent, &problem) != DROVER_OK)
        log_event(LOG_WARN, "version_unknown", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
    if (!dropped)
        outcome_take(agent, slots_task_step(task), slots_task_outcome(task));
    slots_task_free(task);
}

/* --- their beginnings --- */

static void step_begin(struct agent *agent, enum slots_step step)
{
    const struct slots_outcome failed = {.code = E_INTERNAL, .problem = {.where = "slots", .what = "no thread, or out of memory"}};
    const struct slots_order order = {
        .slots = agent->slots, .step = step, .tries = (unsigned)agent->settings->slots_tries,
        .install = {.staging_path = agent->staging_path, .journal_dir = agent->settings->state_dir, .policy = &agent->package_policy, .keys = agent_keys(agent),
                    .version = agent->package_version}};

    if (step == SLOTS_INSTALL)
        agent_package_policy(agent);
    agent->task_is_waited_for = agent->slots_hold;
    agent->task = slots_task_start(&order);
    if (!agent->task)
        outcome_take(agent, step, &failed);
}

static void next_begin(struct agent *agent)
{
    unsigned wanted;

    if (!agent->task && agent->slots_wanted & FX_FETCH) {
        agent->slots_wanted &= ~(unsigned)FX_FETCH;
        agent_fetch_begin(agent);
    }
    wanted = agent->slots_wanted;
    if (agent->task || !wanted)
        return;
    agent->slots_wanted &= wanted - 1; /* the lowest one is the first */
    for (unsigned i = 0; i < STEP_COUNT; i++)
        if (steps[i].effect == (wanted & -wanted))
            step_begin(agent, (enum slots_step)i);
}

/* Whether the slots take a confirmation matters while the new image is on trial; otherwise it is a repetition. */
static bool is_waited_for(const struct agent *agent, unsigned effects)
{
    return effects & (FX_SWITCH | FX_BACK) || (effects & FX_CONFIRM && agent->record.state == AGENT_CHECKING);
}

unsigned agent_slots_begin(struct agent *agent, unsigned effects, enum core_event on)
{
    unsigned wanted = effects & FX_SLOTS, others = effects & ~(unsigned)FX_SLOTS, at_once;
    bool installs = agent->task && slots_task_step(agent->task) == SLOTS_INSTALL;

    if (installs && others & FX_FETCH) { /* what it reads of the agent must not change below it */
        wanted |= FX_FETCH;
        others &= ~(unsigned)FX_FETCH;
    }
    if (!wanted)
        return others;
    agent->slots_wanted = wanted;
    agent->slots_hold = is_waited_for(agent, effects);
    agent->slots_since_mono_ms = agent->mono_ms;
    agent->effects_on = on;
    at_once = !agent->slots_hold ? others : wanted & FX_BACK ? others & FX_SAY : 0; /* why it goes back is said at once */
    agent->effects_left = others & ~at_once;
    next_begin(agent);
    return at_once;
}

/* A repeated confirmation may end in peace: what comes next does not depend on it. */
void agent_slots_stop(struct agent *agent)
{
    agent->slots_wanted = agent->effects_left = 0;
    if (agent->task && (agent->task_is_waited_for || slots_task_step(agent->task) == SLOTS_INSTALL)) {
        slots_task_stop(agent->task);
        agent->task_dropped = true;
    }
    agent->slots_hold = false;
}

void agent_slots_step(struct agent *agent)
{
    if (agent->task && slots_task_outcome(agent->task))
        task_ended(agent);
    next_begin(agent);
}
