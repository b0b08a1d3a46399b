/* `drover-agent status` and the table of moves for the documentation. */
#include "agent/agent_print.h"

#include <inttypes.h>

#include "agent/core.h"
#include "agent/device_facts.h"
#include "agent/upgrade_log.h"

static void slots_print(const struct slot_facts *facts, FILE *out)
{
    for (unsigned i = 0; i < 2; i++) {
        bool runs = (unsigned)facts->running == i;

        fprintf(out, "slot %s: %-12s %s%s%s\n", slot_name((enum slot)i), facts->slots[i].version[0] ? facts->slots[i].version : "-",
                facts->slots[i].valid ? "valid" : "invalid", runs ? ", runs" : "", runs && facts->trying ? ", on probation" : "");
    }
    if (facts->trial == SLOT_TRIAL_AHEAD)
        fprintf(out, "the next boot tries slot %s, %u left\n", slot_name(facts->running == SLOT_A ? SLOT_B : SLOT_A), facts->tries_left);
}

static void record_print(const struct upgrade_record *record, const struct device_memory *memory, FILE *out)
{
    fprintf(out, "state: %s\n", agent_state_name(record->state));
    if (record->command.upgrade_id[0])
        fprintf(out, "upgrade: %s attempt %" PRId64 ", %s%s from %s%s%s%s%s%s\n", record->command.upgrade_id, record->command.attempt,
                record->command.kind == COMMAND_ROLLBACK ? "back to " : "", record->command.version, record->from_version,
                record->error == E_NONE ? "" : ", ", error_code_name(record->error), record->why[0] ? " (" : "", record->why,
                record->why[0] ? ")" : "");
    if (record->outcome_due)
        fprintf(out, "the outcome has not been reported yet\n");
    fprintf(out, "release counter: %" PRId64 "\nnewest notice: %" PRId64 "\n", memory->release_counter, memory->notice_epoch);
}

enum drover_error agent_print_status(const struct agent_settings *settings, FILE *out, struct problem *ret_problem)
{
    struct upgrade_record record;
    struct device_memory memory;
    struct slots_config config;
    struct slot_facts facts;
    struct upgrade_log *log = NULL;
    struct slots *slots = NULL;
    char version[VERSION_SIZE];
    enum drover_error error = agent_settings_slots(settings, &config, ret_problem);

    if (!error)
        error = slots_open(&config, &slots, ret_problem);
    if (!error)
        slots_facts(slots, &facts);
    if (!error)
        error = device_version(settings, &facts, version, ret_problem);
    if (!error)
        error = upgrade_log_open(settings->state_dir, &log, &record, &memory, ret_problem);
    if (!error) {
        fprintf(out, "version: %s\n", version);
        slots_print(&facts, out);
        record_print(&record, &memory, out);
    }
    upgrade_log_close(log);
    slots_close(slots);
    return error;
}

static void effects_print(unsigned effects, FILE *out)
{
    static const char *const names[] = {"stop", "clean", "confirm", "switch", "back", "fetch", "install", "check", "say", "end", "reboot"};
    const char *comma = "";

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (effects & 1u << i) {
            fprintf(out, "%s%s", comma, names[i]);
            comma = ", ";
        }
}

void agent_print_states(FILE *out)
{
    unsigned count;
    const struct core_move *moves = core_moves(&count);

    fputs("| event | what happened |\n|---|---|\n", out);
    for (unsigned i = 0; i < CORE_EVENT_COUNT; i++)
        fprintf(out, "| `%s` | %s |\n", core_event_name((enum core_event)i), core_event_text((enum core_event)i));
    fputs("\n| from | on | to | effects | why |\n|---|---|---|---|---|\n", out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "| %s | `%s` | %s | ", agent_state_name(moves[i].from), core_event_name(moves[i].on), agent_state_name(moves[i].to));
        effects_print(moves[i].effects, out);
        fprintf(out, " | %s |\n", moves[i].why);
    }
}
