/* The table behind agent_fsm.def, and the one function that makes a move. */
#include "agent/core.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "agent/core_inside.h"

/* One constant a row, named after the row: a second row for the same (from, on) does not compile. */
enum row {
    ROW_REFUSED,
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) ROW_##from##__##on,
#include "agent/agent_fsm.def"
#undef EVENT
#undef MOVE
    ROW_COUNT
};

static const struct core_move rows[ROW_COUNT] = {
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) [ROW_##from##__##on] = {AGENT_##from, ON_##on, AGENT_##to, effects, why},
#include "agent/agent_fsm.def"
#undef EVENT
#undef MOVE
};

_Static_assert(ROW_COUNT <= UINT8_MAX, "the index below holds a row in a byte");
static const uint8_t row_of[AGENT_STATE_COUNT][CORE_EVENT_COUNT] = {
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) [AGENT_##from][ON_##on] = ROW_##from##__##on,
#include "agent/agent_fsm.def"
#undef EVENT
#undef MOVE
};

static const struct {
    const char *name, *text;
} events[CORE_EVENT_COUNT] = {
#define EVENT(name, text) [ON_##name] = {#name, text},
#define MOVE(from, on, to, effects, why)
#include "agent/agent_fsm.def"
#undef EVENT
#undef MOVE
};

const struct core_move *core_move(enum agent_state from, enum core_event on)
{
    uint8_t row = (unsigned)from < AGENT_STATE_COUNT && (unsigned)on < CORE_EVENT_COUNT ? row_of[from][on] : ROW_REFUSED;

    return row == ROW_REFUSED ? NULL : &rows[row];
}

const struct core_move *core_moves(unsigned *ret_count)
{
    *ret_count = ROW_COUNT - 1;
    return rows + 1;
}

const char *core_event_name(enum core_event on)
{
    return (unsigned)on < CORE_EVENT_COUNT ? events[on].name : "?";
}

const char *core_event_text(enum core_event on)
{
    return (unsigned)on < CORE_EVENT_COUNT ? events[on].text : "?";
}

/* --- inside the core --- */

void core_begin(const struct situation *s, struct decision *ret)
{
    *ret = (struct decision){.refused = true, .next = *s->record, .memory = *s->memory, .why = "nothing to do"};
}

void core_refuse(struct decision *ret, const char *why)
{
    ret->refused = true;
    ret->why = why;
}

void core_say_why(struct decision *ret, const char *what)
{
    text_excerpt(ret->next.why, sizeof ret->next.why, what, strlen(what));
}

bool core_make(const struct situation *s, enum core_event on, struct decision *ret)
{
    const struct core_move *move = core_move(s->record->state, on);

    ret->on = on;
    if (!move) {
        core_refuse(ret, "not in this state");
        return false;
    }
    ret->refused = false;
    ret->effects = move->effects;
    ret->why = move->why;
    if (move->to != s->record->state) {
        ret->next.state_since_ms = s->now_ms;
        ret->next.tries = 0;
        ret->next.wake_ms = 0;
    }
    ret->next.state = move->to;
    (void)text_copy(ret->next.boot_id, sizeof ret->next.boot_id, s->boot_id);
    if (move->effects & FX_END)
        ret->next.outcome_due = strcmp(ret->next.command.upgrade_id, CORE_PULL_ID) != 0;
    if (move->effects & FX_REBOOT)
        ret->next.wake_ms = s->now_ms + s->policy->reboot_ms;
    return true;
}

void core_fail(const struct situation *s, enum core_event on, enum error_code code, const char *what, struct decision *ret)
{
    if (!core_make(s, on, ret))
        return;
    ret->next.error = code;
    core_say_why(ret, what && what[0] ? what : ret->why);
}

void core_say_clock(const struct situation *s, const char *what, struct decision *ret)
{
    char now[TEXT_TIME_SIZE];

    text_time(s->now_ms, now);
    (void)snprintf(ret->next.why, sizeof ret->next.why, "%s: the device's clock says %s", what, now);
}

bool core_keeps_package(enum error_code outcome)
{
    return outcome == E_DOWNLOAD_TIMEOUT || outcome == E_DOWNLOAD_HTTP || outcome == E_NO_SPACE || outcome == E_BUSY;
}

static bool is_of_manifest(const struct slot_facts *facts, const struct command *command)
{
    const char *manifest = facts->slots[facts->running].manifest_sha256;

    return manifest[0] && command->manifest_sha256[0] ? strcmp(manifest, command->manifest_sha256) == 0
                                                      : strcmp(facts->slots[facts->running].version, command->version) == 0;
}

bool core_runs_target(const struct situation *s)
{
    const struct command *command = &s->record->command;

    if (command->kind == COMMAND_ROLLBACK)
        return strcmp(s->facts->slots[s->facts->running].version, command->version) == 0 || strcmp(s->version, command->version) == 0;
    return is_of_manifest(s->facts, command);
}

/* --- the report that a record amounts to --- */

bool core_is_rolled_back(const struct upgrade_record *record)
{
    return record->error == E_HEALTHCHECK || record->error == E_BOOT || record->error == E_ROLLED_BACK ||
           (record->error == E_NONE && record->command.kind == COMMAND_ROLLBACK);
}

static enum report_state ended_as(const struct upgrade_record *record)
{
    if (core_is_rolled_back(record))
        return REPORT_ROLLED_BACK;
    if (record->error == E_REJECTED)
        return REPORT_REJECTED;
    return record->error == E_NONE ? REPORT_SUCCEEDED : REPORT_FAILED;
}

static enum report_state report_state_of(const struct upgrade_record *record)
{
    switch (record->state) {
    case AGENT_WAITING: return record->tries > 0 ? REPORT_DOWNLOADING : REPORT_ACKNOWLEDGED;
    case AGENT_DOWNLOADING: return REPORT_DOWNLOADING;
    case AGENT_HOLDING: return REPORT_DOWNLOADING;
    case AGENT_INSTALLING: return REPORT_INSTALLING;
    case AGENT_GOING_BACK: return record->error == E_NONE ? REPORT_VERIFYING : REPORT_FAILED;
    case AGENT_IDLE: return ended_as(record);
    default: return REPORT_VERIFYING;
    }
}

bool core_report(const struct upgrade_record *record, const char *device_id, const char *version, int64_t progress, struct report *ret_report)
{
    if (!record->command.upgrade_id[0] || strcmp(record->command.upgrade_id, CORE_PULL_ID) == 0)
        return false;
    *ret_report = (struct report){.attempt = record->command.attempt > 0 ? record->command.attempt : 1, .seq = record->report_seq,
                                  .state = report_state_of(record), .progress = progress, .error = record->error};
    if (ret_report->state == REPORT_SUCCEEDED || record->state == AGENT_HOLDING)
        ret_report->progress = 100;
    (void)text_copy(ret_report->device_id, sizeof ret_report->device_id, device_id);
    (void)text_copy(ret_report->upgrade_id, sizeof ret_report->upgrade_id, record->command.upgrade_id);
    (void)text_copy(ret_report->version, sizeof ret_report->version, version);
    (void)text_copy(ret_report->text, sizeof ret_report->text, record->why);
    return true;
}
