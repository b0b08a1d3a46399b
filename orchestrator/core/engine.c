/* One look at a staged rollout. Order: a broken gate first, then whether the stage is over. */
#include "orchestrator/core/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(struct engine_move *ret, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct engine_move *ret, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret->why, sizeof ret->why, format, arguments);
    va_end(arguments);
}

static void move(const struct rollout *rollout, enum rollout_event on, struct engine_move *ret)
{
    ret->on = on;
    ret->moves = rollout_move_find(rollout->state, on, &ret->to);
}

static const struct plan_stage *stage_now(const struct rollout *rollout)
{
    return &rollout->plan->stages[rollout->stage - 1];
}

/* --- gates --- */

/* Devices that reboot into the new version are offline on the old one for a while: so many of the control group's are nobody's loss. */
static void leave_out_rebooting(const struct rollout *rollout, struct group_health *control)
{
    const int64_t *states = rollout->counts.states;
    int64_t rebooting = states[STATE_INSTALLING] + states[STATE_VERIFYING], lost = control->offline - control->offline_before;
    int64_t out = rebooting < lost ? rebooting : lost;
    if (out > 0) {
        control->offline -= out;
        control->devices -= out;
    }
}

static void read_gates(const struct rollout *rollout, const struct fleet_health *health, struct engine_move *ret)
{
    const struct plan_stage *stage = stage_now(rollout);
    struct gate_readings readings = {.health = *health};
    leave_out_rebooting(rollout, &readings.health.control);
    rollout_gate_counts(rollout, &readings.counts);
    ret->gate_count = stage->gate_count;
    for (unsigned i = 0; i < stage->gate_count; i++)
        gate_read(&stage->gates[i], &readings, &ret->gates[i]);
}

bool engine_compares(const struct rollout *rollout)
{
    const struct plan_stage *stage = stage_now(rollout);
    for (unsigned i = 0; i < stage->gate_count; i++)
        if (gate_compares(&stage->gates[i]))
            return true;
    return false;
}

/* The worst of what the broken gates demand. */
static int broken_gate(const struct rollout *rollout, const struct engine_move *ret)
{
    const struct plan_stage *stage = stage_now(rollout);
    int worst = -1;
    for (unsigned i = 0; i < ret->gate_count; i++)
        if (ret->gates[i].state == GATE_BROKEN && (worst < 0 || stage->gates[i].then > stage->gates[worst].then))
            worst = (int)i;
    return worst;
}

static void take_outcome(const struct rollout *rollout, int gate, struct engine_move *ret)
{
    enum gate_outcome then = stage_now(rollout)->gates[gate].then;
    if (then == GATE_ROLL_BACK && rollout->plan->rollback.automatic)
        move(rollout, ROLLOUT_EVENT_ROLL_BACK, ret);
    else if (then == GATE_CANCEL)
        move(rollout, ROLLOUT_EVENT_CANCEL, ret);
    else
        move(rollout, ROLLOUT_EVENT_PAUSE, ret);
    say(ret, "broken: %s", ret->gates[gate].brief);
}

/* --- the stage --- */

/* Of those taken: who was called back, or was found on a third version, never settles, and says nothing about the release. */
static int64_t tried(const struct rollout_counts *counts)
{
    return counts->opened - counts->states[STATE_CANCELLED] - counts->states[STATE_SUPERSEDED];
}

static int64_t settled_wanted(const struct plan_stage *stage, int64_t taken)
{
    return (taken * stage->settled_pct + 99) / 100;
}

static int64_t latest(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* Since when the stage runs as it does now. */
static int64_t going_ms(const struct rollout *rollout)
{
    return latest(rollout->stage_ms, rollout->resumed_ms);
}

/* Can nobody else come? Of a stage that counts without strata that is known; of others it is supposed when nobody has come for long enough. */
static bool is_full(const struct rollout *rollout)
{
    const struct plan_stage *stage = stage_now(rollout);
    return stage->kind == STAGE_COUNT && !stage->per[0] && rollout->staged.opened >= stage->count;
}

/* When all of a stage must settle, whoever had to wait for a place that only now got free must have had the time to speak. When not all must, somebody may be under way
 * at any time; then `waiting` alone says whether others would come. */
static int64_t quiet_from_ms(const struct rollout *rollout)
{
    bool all = stage_now(rollout)->settled_pct >= 100;
    return all ? latest(going_ms(rollout), latest(rollout->opened_ms, rollout->settled_ms)) : going_ms(rollout);
}

/* A gate that measured what is beyond its limit, though that may be chance, holds the stage back; so does a canary too small for its gates of which every device
 * failed. One that has measured nothing does not: nobody is there to wait for. */
static const struct gate_reading *gate_in_doubt(const struct engine_move *ret)
{
    for (unsigned i = 0; i < ret->gate_count; i++)
        if (ret->gates[i].doubt)
            return &ret->gates[i];
    return NULL;
}

static bool is_last(const struct rollout *rollout)
{
    return rollout->stage >= (int64_t)rollout->plan->stage_count;
}

static void pass_stage(const struct rollout *rollout, struct engine_move *ret)
{
    bool last = is_last(rollout);
    if (stage_now(rollout)->manual && !last) {
        ret->passed = true;
        say(ret, "stage passed; waits for an operator to promote it");
        return;
    }
    move(rollout, last ? ROLLOUT_EVENT_COMPLETE : ROLLOUT_EVENT_PROMOTE, ret);
    ret->stage = last ? rollout->stage : rollout->stage + 1;
    if (last)
        say(ret, "the last stage is passed");
    else
        say(ret, "stage %.30s is passed", stage_now(rollout)->name);
}

/* A stage that tried nothing proves nothing; but when nobody is left for the last one, the rollout is through. */
static bool has_nobody(const struct rollout *rollout)
{
    return tried(&rollout->staged) <= 0 && !(is_last(rollout) && tried(&rollout->counts) > 0);
}

/* By counts: is everybody taken and settled who should be? */
static bool stage_is_done(const struct rollout *rollout, struct engine_move *ret)
{
    const struct plan_stage *stage = stage_now(rollout);
    const struct rollout_counts *counts = &rollout->staged;
    int64_t settled = rollout_counts_settled(counts), wanted = settled_wanted(stage, tried(counts));
    if (has_nobody(rollout))
        say(ret, counts->opened > 0 ? "every device of this stage was called back" : "no device of this stage has come yet");
    else if (stage->kind == STAGE_COUNT && !stage->per[0] && !is_full(rollout))
        say(ret, "%lld of %lld devices taken", (long long)counts->opened, (long long)stage->count);
    else if (settled < wanted)
        say(ret, "%lld of %lld devices settled", (long long)settled, (long long)wanted);
    else if (rollout->retry_ms > 0)
        say(ret, "devices that failed get another turn");
    else if (rollout->waiting > 0 && !is_full(rollout))
        say(ret, "%lld more wait for a place", (long long)rollout->waiting);
    else
        return true;
    return false;
}

/* By time: is it over, too? */
static bool stage_has_soaked(const struct rollout *rollout, int64_t quiet_ms, int64_t now_ms, struct engine_move *ret)
{
    int64_t soaked_ms = latest(going_ms(rollout), rollout->settled_ms) + stage_now(rollout)->soak_s * 1000;
    int64_t quiet_until_ms = is_full(rollout) ? 0 : quiet_from_ms(rollout) + quiet_ms;
    ret->next_ms = latest(soaked_ms, quiet_until_ms);
    if (now_ms >= ret->next_ms) {
        ret->next_ms = 0;
        return true;
    }
    long long left_s = (ret->next_ms - now_ms + 999) / 1000;
    if (soaked_ms >= quiet_until_ms)
        say(ret, "soaks for %lld s more", left_s);
    else
        say(ret, "waits %lld s more for others to come", left_s);
    return false;
}

static void look_at_stage(const struct rollout *rollout, int64_t quiet_ms, int64_t now_ms, struct engine_move *ret)
{
    if (!stage_is_done(rollout, ret) || !stage_has_soaked(rollout, quiet_ms, now_ms, ret))
        return;
    const struct gate_reading *doubt = gate_in_doubt(ret);
    if (doubt)
        say(ret, "in doubt: %s", doubt->brief);
    else
        pass_stage(rollout, ret);
}

static void look_at_running(const struct rollout *rollout, int64_t quiet_ms, int64_t now_ms, struct engine_move *ret)
{
    int broken = broken_gate(rollout, ret);
    if (broken >= 0)
        take_outcome(rollout, broken, ret);
    else
        look_at_stage(rollout, quiet_ms, now_ms, ret);
}

/* Those who come late may still break a gate. */
static void look_at_completed(const struct rollout *rollout, struct engine_move *ret)
{
    int broken = broken_gate(rollout, ret);
    if (broken >= 0)
        take_outcome(rollout, broken, ret);
    else
        say(ret, "%.63s", rollout_state_text(rollout->state));
}

static void look_at_scheduled(const struct rollout *rollout, int64_t now_ms, struct engine_move *ret)
{
    if (now_ms >= rollout->start_ms) {
        move(rollout, ROLLOUT_EVENT_START, ret);
        say(ret, "its time has come");
    } else {
        ret->next_ms = rollout->start_ms;
        say(ret, "begins in %lld s", (long long)(rollout->start_ms - now_ms + 999) / 1000);
    }
}

void engine_decide(const struct rollout *rollout, const struct fleet_health *health, int64_t quiet_ms, int64_t now_ms, struct engine_move *ret)
{
    *ret = (struct engine_move){.stage = rollout->stage};
    read_gates(rollout, health, ret);
    switch (rollout->state) {
    case ROLLOUT_RUNNING:
        look_at_running(rollout, quiet_ms, now_ms, ret);
        break;
    case ROLLOUT_SCHEDULED:
        look_at_scheduled(rollout, now_ms, ret);
        break;
    case ROLLOUT_COMPLETED:
        look_at_completed(rollout, ret);
        break;
    default:
        say(ret, "%.63s", rollout_state_text(rollout->state));
        break;
    }
}
