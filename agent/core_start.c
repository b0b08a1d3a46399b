/* The agent starts. What it was doing stands in the record; what became of it is told by the slots and the boot id. */
#include <string.h>

#include "agent/core_inside.h"

#define SEQ_LEAP 100000   /* progress reports are numbered without writing the record; a run makes fewer than this */
#define BOOTS_MAX 3       /* tries of a switch, or of going back, that the boot loader does not follow */

static bool has_rebooted(const struct situation *s)
{
    return strcmp(s->record->boot_id, s->boot_id) != 0;
}

/* A wait that began before the clock was set may lie far off. */
static int64_t remaining(const struct situation *s, int64_t longest_ms)
{
    int64_t left = s->record->wake_ms - s->now_ms;

    return s->now_ms + (left < 0 ? 0 : left > longest_ms ? longest_ms : left);
}

/* The running slot is confirmed anew with every start, but never on probation. */
static void resume(const struct situation *s, struct decision *ret)
{
    if (core_make(s, ON_RESUMED, ret) && s->facts->trying)
        ret->effects &= ~(unsigned)FX_CONFIRM;
}

static void start_idle(const struct situation *s, struct decision *ret)
{
    if (s->facts->trying)
        (void)core_make(s, ON_UNPROVED, ret);
    else
        resume(s, ret);
    if (!core_keeps_package(s->record->error))
        ret->effects |= FX_CLEAN; /* the power may have gone between the last record and this */
}

static void start_waiting(const struct situation *s, struct decision *ret)
{
    resume(s, ret);
    ret->next.wake_ms = remaining(s, 24 * 3600 * 1000LL);
}

/* The clock may have been set meanwhile: looked at anew at once. */
static void start_holding(const struct situation *s, struct decision *ret)
{
    resume(s, ret);
    ret->next.wake_ms = s->now_ms;
}

static void start_working(const struct situation *s, struct decision *ret)
{
    if (s->record->tries >= s->policy->starts_max) {
        core_fail(s, ON_CRASHES, E_INTERNAL, NULL, ret);
        return;
    }
    resume(s, ret);
    ret->next.tries = s->record->tries + 1;
}

static void came_up(const struct situation *s, struct decision *ret)
{
    if (!core_make(s, ON_CAME_UP, ret))
        return;
    ret->next.passes = 0;
    ret->next.wake_ms = s->now_ms + s->policy->check_ms;
}

/* Which of the three it is: the trial is over, it never began, or the reboot is still to come. */
static void start_switched(const struct situation *s, struct decision *ret)
{
    if (core_runs_target(s)) {
        came_up(s, ret);
    } else if (!has_rebooted(s)) {
        if (core_make(s, ON_RESUMED, ret))
            ret->next.tries = s->record->tries + 1;
    } else if (s->facts->trial == SLOT_NO_TRIAL && s->record->tries < BOOTS_MAX) {
        if (core_make(s, ON_SWITCH_UNDONE, ret))
            ret->next.tries = s->record->tries + 1;
    } else {
        core_fail(s, ON_FELL_BACK, E_BOOT, NULL, ret);
    }
}

static void start_checking(const struct situation *s, struct decision *ret)
{
    if (!core_runs_target(s)) {
        core_fail(s, ON_FELL_BACK, E_BOOT, NULL, ret);
    } else if (!s->facts->trying) {
        core_confirmed(s, E_NONE, NULL, ret);
    } else if (has_rebooted(s)) {
        came_up(s, ret);
    } else if (core_make(s, ON_RESUMED, ret)) {
        ret->next.wake_ms = remaining(s, s->policy->check_ms);
    }
}

/* Back means: what runs is not what was to be left. */
static bool is_back(const struct situation *s)
{
    return s->record->command.kind == COMMAND_ROLLBACK ? core_runs_target(s) : !core_runs_target(s);
}

static void start_going_back(const struct situation *s, struct decision *ret)
{
    enum core_event on = has_rebooted(s) ? ON_STILL_THERE : ON_RESUMED;

    if (is_back(s)) {
        (void)core_make(s, ON_CAME_BACK, ret);
    } else if (s->record->tries >= BOOTS_MAX) {
        core_fail(s, ON_STUCK, E_INTERNAL, NULL, ret);
    } else if (core_make(s, on, ret)) {
        ret->next.tries = s->record->tries + 1;
    }
}

void core_start(const struct situation *s, struct decision *ret)
{
    static void (*const starts[AGENT_STATE_COUNT])(const struct situation *s, struct decision *ret) = {
        [AGENT_IDLE] = start_idle, [AGENT_WAITING] = start_waiting, [AGENT_DOWNLOADING] = start_working, [AGENT_HOLDING] = start_holding, [AGENT_INSTALLING] = start_working,
        [AGENT_SWITCHED] = start_switched, [AGENT_CHECKING] = start_checking, [AGENT_GOING_BACK] = start_going_back,
    };

    core_begin(s, ret);
    starts[s->record->state](s, ret);
    if (s->record->command.upgrade_id[0])
        ret->next.report_seq = s->record->report_seq + SEQ_LEAP;
}
