/* What comes of the steps themselves: of waiting, the download, the installation, the boot loader, the health command. */
#include <string.h>

#include "agent/core_inside.h"

static void reboot_missing(const struct situation *s, struct decision *ret)
{
    if (s->record->tries + 1 < s->policy->reboots_max) {
        if (core_make(s, ON_NO_REBOOT, ret))
            ret->next.tries = s->record->tries + 1;
    } else {
        core_fail(s, ON_NEVER_REBOOTS, s->record->state == AGENT_SWITCHED ? E_BOOT : E_INTERNAL, NULL, ret);
    }
}

static void time_over(const struct situation *s, struct decision *ret)
{
    core_fail(s, ON_TIME_OVER, E_HEALTHCHECK, s->record->why[0] ? s->record->why : NULL, ret);
}

/* --- the maintenance window of the installation --- */

#define HOLD_LOOK_MS 3600000   /* a clock may be set while it waits */

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static bool has_window(const struct command *command)
{
    return command->install_after_ms > 0 || command->install_before_ms > 0;
}

/* A device that does not know the time would install at any. */
static void missed(const struct situation *s, bool believed, struct decision *ret)
{
    core_fail(s, ON_MISSED, E_BUSY, NULL, ret);
    if (!believed && !ret->refused)
        core_say_clock(s, "not in its maintenance window, for all it knows", ret);
}

/* The package is here: `on` is what to do with it, once the window is open. */
static void install_in_window(const struct situation *s, enum core_event on, struct decision *ret)
{
    const struct command *command = &s->record->command;
    bool believed = s->now_ms >= s->memory->floor_ms;

    if (!has_window(command) || (believed && s->now_ms >= command->install_after_ms && (!command->install_before_ms || s->now_ms < command->install_before_ms))) {
        (void)core_make(s, on, ret);
        ret->next.passes = 0;
    } else if (believed && s->now_ms < command->install_after_ms) {
        if (!core_make(s, ON_HELD, ret))
            return;
        ret->next.wake_ms = smaller(command->install_after_ms, s->now_ms + HOLD_LOOK_MS);
        core_say_why(ret, ret->why);
    } else {
        missed(s, believed, ret);
    }
}

void core_woke(const struct situation *s, struct decision *ret)
{
    core_begin(s, ret);
    if (s->record->state == AGENT_SWITCHED || s->record->state == AGENT_GOING_BACK)
        reboot_missing(s, ret);
    else if (s->record->state == AGENT_CHECKING)
        time_over(s, ret);
    else if (s->record->state == AGENT_HOLDING)
        install_in_window(s, ON_OPENED, ret);
}

void core_turn(const struct situation *s, enum error_code condition, const char *what, struct decision *ret)
{
    unsigned later = s->record->tries;

    core_begin(s, ret);
    if (condition != E_NONE) {
        core_fail(s, ON_HELD_OFF, condition, what, ret);
        return;
    }
    (void)core_make(s, ON_TURN, ret);
    ret->next.passes = later;   /* while downloading: how often the depot asked to come later */
}

void core_fetched(const struct situation *s, enum error_code code, int64_t retry_after_ms, const char *what, struct decision *ret)
{
    core_begin(s, ret);
    if (code == E_NONE) {
        install_in_window(s, ON_FETCHED, ret);
    } else if (retry_after_ms > 0 && s->record->passes < s->policy->later_max) {
        if (!core_make(s, ON_FETCH_LATER, ret))
            return;
        ret->next.tries = s->record->passes + 1;
        ret->next.wake_ms = s->now_ms + retry_after_ms;
    } else {
        core_fail(s, ON_FETCH_FAILED, code, what, ret);
        ret->effects |= core_keeps_package(code) ? 0 : FX_CLEAN;
    }
}

void core_installed(const struct situation *s, enum error_code code, const char *what, int64_t counter, int64_t build_time_ms, struct decision *ret)
{
    core_begin(s, ret);
    if (code != E_NONE) {
        core_fail(s, ON_INSTALL_FAILED, code, what, ret);
    } else if (core_make(s, ON_INSTALLED, ret)) {
        ret->next.release_counter = counter;
        ret->next.build_time_ms = build_time_ms;
    }
}

void core_switched(const struct situation *s, enum error_code code, const char *what, struct decision *ret)
{
    core_begin(s, ret);
    if (code != E_NONE)
        core_fail(s, ON_SWITCH_FAILED, code, what, ret);
}

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* Only now is there no way back below this release. */
void core_confirmed(const struct situation *s, enum error_code code, const char *what, struct decision *ret)
{
    core_begin(s, ret);
    if (s->record->state != AGENT_CHECKING)
        return;
    if (code != E_NONE) {
        core_fail(s, ON_CONFIRM_FAILED, E_HEALTHCHECK, what, ret);
        return;
    }
    (void)core_make(s, ON_CONFIRMED, ret);
    core_say_why(ret, "");
    ret->next.error = E_NONE;
    ret->memory.release_counter = larger(s->memory->release_counter, s->record->release_counter);
    ret->memory.floor_ms = larger(s->memory->floor_ms, s->record->build_time_ms);
}

void core_went_back(const struct situation *s, enum error_code code, const char *what, struct decision *ret)
{
    core_begin(s, ret);
    if (code != E_NONE)
        core_fail(s, ON_BACK_FAILED, E_INTERNAL, what, ret);
}

/* An image that says to be another version than its manifest is not what was wanted, however well it feels. */
static bool is_another(const struct situation *s)
{
    return strcmp(s->version, s->record->command.version) != 0;
}

void core_checked(const struct situation *s, bool passed, bool link_up, const char *what, struct decision *ret)
{
    unsigned passes = passed ? s->record->passes + (s->record->passes < s->policy->passes) : 0;
    bool enough = passes >= s->policy->passes && (link_up || !s->policy->needs_link) && !is_another(s);

    core_begin(s, ret);
    if (!core_make(s, enough ? ON_HEALTHY : passed ? ON_PASSED : ON_UNHEALTHY, ret))
        return;
    ret->next.passes = passes;
    if (is_another(s))
        core_say_why(ret, "the image says that it is another version");
    else if (!passed)
        core_say_why(ret, what);
    else
        core_say_why(ret, passes >= s->policy->passes && !enough ? "healthy, but the broker is not reached" : "");
}
