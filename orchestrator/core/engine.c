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

static void read_gates(const struct rollout *rollout, const struct gate_readings *readings, struct engine_move *ret)
{
    const struct plan_stage *stage = stage_now(rollout);
    ret->gate_count = stage->gate_count;
    for (unsigned i = 0; i < stage->gate_count; i++)
        gate_read(&stage->gates[i], readings, &ret->gates[i]);
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
    say(ret, "gate broken: %.50s", ret->gates[gate].text);
}

/* --- the stage --- */

static int64_t settled_wanted(const struct plan_stage *stage, int64_t opened)
{
    return (opened * stage->settled_pct + 99) / 100;
}

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* A gate that has its sample and does not keep its limit, but may by chance, holds the stage back. One that has not got its sample does not: nobody else is
 * there to wait for. */
static const struct gate_reading *gate_in_doubt(const struct rollout *rollout, const struct engine_move *ret)
{
    for (unsigned i = 0; i < ret->gate_count; i++)
        if (ret->gates[i].state == GATE_OPEN && ret->gates[i].sample >= stage_now(rollout)->gates[i].min_sample)
            return &ret->gates[i];
    return NULL;
}

static void pass_stage(const struct rollout *rollout, struct engine_move *ret)
{
    bool last = rollout->stage >= (int64_t)rollout->plan->stage_count;
    if (stage_now(rollout)->manual && !last) {
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

static void look_at_stage(const struct rollout *rollout, const struct gate_readings *readings, int64_t settled_ms, int64_t now_ms, struct engine_move *ret)
{
    const struct plan_stage *stage = stage_now(rollout);
    const struct rollout_counts *counts = readings->staged;
    int64_t settled = rollout_counts_settled(counts), wanted = settled_wanted(stage, counts->opened);
    int64_t soaked_ms = later(rollout->stage_ms, settled_ms) + stage->soak_s * 1000;
    const struct gate_reading *doubt = gate_in_doubt(rollout, ret);
    if (counts->opened == 0) {
        say(ret, "no device of this stage was taken yet");
    } else if (stage->kind == STAGE_COUNT && !stage->per[0] && counts->opened < stage->count) {
        say(ret, "%lld of %lld devices taken", (long long)counts->opened, (long long)stage->count);
    } else if (settled < wanted) {
        say(ret, "%lld of %lld devices settled", (long long)settled, (long long)wanted);
    } else if (now_ms < soaked_ms) {
        ret->next_ms = soaked_ms;
        say(ret, "soaks for %lld s more", (long long)(soaked_ms - now_ms + 999) / 1000);
    } else if (doubt) {
        say(ret, "in doubt: %.50s", doubt->text);
    } else {
        pass_stage(rollout, ret);
    }
}

static void look_at_running(const struct rollout *rollout, const struct gate_readings *readings, int64_t settled_ms, int64_t now_ms, struct engine_move *ret)
{
    read_gates(rollout, readings, ret);
    int broken = broken_gate(rollout, ret);
    if (broken >= 0)
        take_outcome(rollout, broken, ret);
    else
        look_at_stage(rollout, readings, settled_ms, now_ms, ret);
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

void engine_decide(const struct rollout *rollout, const struct gate_readings *readings, int64_t settled_ms, int64_t now_ms, struct engine_move *ret)
{
    *ret = (struct engine_move){.stage = rollout->stage};
    switch (rollout->state) {
    case ROLLOUT_RUNNING:
        look_at_running(rollout, readings, settled_ms, now_ms, ret);
        break;
    case ROLLOUT_SCHEDULED:
        look_at_scheduled(rollout, now_ms, ret);
        break;
    case ROLLOUT_COMPLETED:   /* those who come late may still break a gate */
        read_gates(rollout, readings, ret);
        if (broken_gate(rollout, ret) >= 0)
            take_outcome(rollout, broken_gate(rollout, ret), ret);
        break;
    default:
        read_gates(rollout, readings, ret);
        say(ret, "%.60s", rollout_state_text(rollout->state));
        break;
    }
}
