/* What a command makes the device do. Commands come at least once, may be old, and may come while it is off. */
#include <string.h>

#include "agent/core_inside.h"
#include "common/text.h"

static bool is_same(const struct situation *s, const struct command *command)
{
    return s->record->command.upgrade_id[0] && strcmp(s->record->command.upgrade_id, command->upgrade_id) == 0;
}

/* A clock that stands at 1970 is not believed below what the device has reason to know. */
static bool is_over(const struct situation *s, const struct command *command)
{
    int64_t now_ms = s->now_ms > s->memory->floor_ms ? s->now_ms : s->memory->floor_ms;

    return command->deadline_ms > 0 && command->deadline_ms < now_ms;
}

/* A new upgrade or a new attempt: nothing of the one before is left but the reports' numbers, which go on rising within an upgrade. */
static void take(const struct situation *s, const struct command *command, struct decision *ret)
{
    int64_t seq = is_same(s, command) ? s->record->report_seq : 0;

    ret->next = (struct upgrade_record){.state = s->record->state, .command = *command, .report_seq = seq, .state_since_ms = s->now_ms};
    (void)text_copy(ret->next.from_version, sizeof ret->next.from_version, s->version);
}

/* Told by the server, it would have come in time: either it lay about for long, or the clock stands in the future. What is still to be said of another
 * upgrade comes first. */
static void too_late(const struct situation *s, const struct command *command, struct decision *ret)
{
    if (s->record->outcome_due && !is_same(s, command)) {
        core_refuse(ret, "its deadline has passed");
        return;
    }
    take(s, command, ret);
    core_fail(s, ON_TOO_LATE, E_TIMEOUT, NULL, ret);
    if (!ret->refused)
        core_say_clock(s, ret->why, ret);
}

static void offered(const struct situation *s, const struct command *command, struct decision *ret)
{
    bool runs = strcmp(command->version, s->version) == 0;

    take(s, command, ret);
    if (!core_make(s, runs ? ON_ALREADY : ON_OFFERED, ret)) {
        core_begin(s, ret);
        core_refuse(ret, "too late: the other slot is being written, or was");
        return;
    }
    core_say_why(ret, runs ? ret->why : "");
    if (!runs && s->now_ms < s->memory->floor_ms)
        core_say_clock(s, "not believed", ret);
    if (!runs)
        ret->next.wake_ms = s->now_ms + (s->policy->spread_ms > 0 ? (int64_t)(s->random % (uint64_t)s->policy->spread_ms) : 0);
}

/* Offers to a device that pulls all have one name: each is a new one, but of the package that is under way. */
static bool is_repeated(const struct situation *s, const struct command *command)
{
    if (!is_same(s, command) || command->attempt != s->record->command.attempt)
        return false;
    if (strcmp(command->upgrade_id, CORE_PULL_ID) != 0)
        return true;
    return s->record->state != AGENT_IDLE && strcmp(command->sha256, s->record->command.sha256) == 0;
}

static void update(const struct situation *s, const struct command *command, struct decision *ret)
{
    if (is_same(s, command) && command->attempt < s->record->command.attempt)
        core_refuse(ret, "an older attempt");
    else if (is_repeated(s, command))
        (void)core_make(s, ON_AGAIN, ret);
    else if (is_over(s, command))
        too_late(s, command, ret);
    else
        offered(s, command, ret);
}

static void cancel(const struct situation *s, const struct command *command, struct decision *ret)
{
    if (!is_same(s, command))
        core_refuse(ret, "not the upgrade that is under way");
    else
        core_fail(s, ON_CANCEL, E_CANCELLED, NULL, ret);
}

/* What went wrong before it was told to go back is still why, when it is about the same upgrade. */
static void keep_error(const struct situation *s, const struct command *command, struct decision *ret)
{
    bool unsaid = s->record->state == AGENT_GOING_BACK || (s->record->state == AGENT_IDLE && s->record->outcome_due);

    if (!is_same(s, command) || !unsaid)
        return;
    ret->next.error = s->record->error;
    (void)text_copy(ret->next.why, sizeof ret->next.why, s->record->why);
}

static enum core_event rollback_event(const struct situation *s, const struct command *command)
{
    enum slot other = s->facts->running == SLOT_A ? SLOT_B : SLOT_A;

    if (strcmp(s->version, command->version) == 0)
        return ON_IS_BACK;
    return s->facts->slots[other].valid && strcmp(s->facts->slots[other].version, command->version) == 0 ? ON_TOLD_BACK : ON_NO_SUCH_BACK;
}

/* The other slot was proved when it was written and confirmed when it ran: a permit is asked for only where the device's owner wants one. Never of an
 * image that has not proved itself: it may be left at any time. */
static bool lacks_permit(const struct situation *s, enum core_event on)
{
    return on == ON_TOLD_BACK && s->permit != E_NONE && s->record->state != AGENT_CHECKING && s->record->state != AGENT_GOING_BACK;
}

static void rollback(const struct situation *s, const struct command *command, struct decision *ret)
{
    enum core_event on = rollback_event(s, command);
    unsigned tries = s->record->state == AGENT_GOING_BACK ? s->record->tries : 0;

    if (lacks_permit(s, on))
        on = ON_NO_PERMIT;
    take(s, command, ret);
    ret->next.tries = tries;
    if (on == ON_NO_PERMIT) {
        core_fail(s, on, s->permit, s->permit_why, ret);
        if (!ret->refused)
            return;
    }
    if (on == ON_NO_PERMIT || !core_make(s, on, ret)) {
        core_begin(s, ret);
        core_refuse(ret, "cannot go back in this state");
        return;
    }
    core_say_why(ret, ret->why);
    if (on == ON_NO_SUCH_BACK && ret->next.state == AGENT_IDLE)
        ret->next.error = E_INCOMPATIBLE;
    else
        keep_error(s, command, ret);
}

void core_command(const struct situation *s, const struct command *command, struct decision *ret)
{
    static void (*const takers[])(const struct situation *s, const struct command *command, struct decision *ret) = {
        [COMMAND_UPDATE] = update, [COMMAND_CANCEL] = cancel, [COMMAND_ROLLBACK] = rollback,
    };

    core_begin(s, ret);
    takers[command->kind](s, command, ret);
}
