/* docs/upgrade-states.md, printed from the tables, so that it cannot drift from what runs. */
#include "orchestrator/core/rollout_fsm.h"
#include "orchestrator/core/upgrade_fsm.h"

static const struct {
    unsigned bit;
    const char *name;
} effects[] = {
    {FX_COMMAND, "send update"}, {FX_CANCEL, "send cancel"}, {FX_ROLLBACK, "send rollback"},
    {FX_ATTEMPT, "new attempt"}, {FX_BACKOFF, "back off"}, {FX_ALARM, "alarm"},
};

static const char *kind_text(enum state_kind kind)
{
    return kind == KIND_LIVE ? "live" : kind == KIND_BESIDE ? "beside" : "final";
}

static void print_states(FILE *out)
{
    fputs("## States\n\n| state | kind | the device ... |\n|---|---|---|\n", out);
    for (int i = STATE_NONE + 1; i < UPGRADE_STATE_COUNT; i++) {
        enum upgrade_state state = (enum upgrade_state)i;
        fprintf(out, "| `%s` | %s | %s |\n", upgrade_state_name(state), kind_text(upgrade_state_kind(state)), upgrade_state_text(state));
    }
}

static void print_events(FILE *out)
{
    fputs("\n## Events\n\n| event | what happened |\n|---|---|\n", out);
    for (int i = EVENT_NOTHING + 1; i < UPGRADE_EVENT_COUNT; i++)
        fprintf(out, "| `%s` | %s |\n", upgrade_event_name((enum upgrade_event)i), upgrade_event_text((enum upgrade_event)i));
}

static void print_effects(FILE *out, unsigned bits)
{
    const char *comma = "";
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        if (bits & effects[i].bit) {
            fprintf(out, "%s%s", comma, effects[i].name);
            comma = ", ";
        }
    }
}

static void print_moves(FILE *out)
{
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    fputs("\n## Moves\n\nWhat is not in this table is refused and counted.\n\n| from | on | to | effects | why |\n|---|---|---|---|---|\n", out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "| `%s` | `%s` | `%s` | ", upgrade_state_name(moves[i].from), upgrade_event_name(moves[i].on), upgrade_state_name(moves[i].to));
        print_effects(out, moves[i].effects);
        fprintf(out, " | %s |\n", moves[i].why);
    }
}

static void print_arrows(FILE *out, const struct fsm_move *moves, unsigned count, enum upgrade_state from, enum upgrade_state to)
{
    const char *comma = "";
    for (unsigned i = 0; i < count; i++) {
        if (moves[i].from != from || moves[i].to != to)
            continue;
        if (!*comma)
            fprintf(out, "    %s --> %s : ", from == STATE_NONE ? "[*]" : upgrade_state_name(from), upgrade_state_name(to));
        fprintf(out, "%s%s", comma, upgrade_event_name(moves[i].on));
        comma = ", ";
    }
    if (*comma)
        fputc('\n', out);
}

/* One arrow from state to state, with all its events; moves that stay in the state are left out. */
static void print_drawing(FILE *out)
{
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    fputs("\n## Drawing\n\nMoves that stay in their state are left out.\n\n```mermaid\nstateDiagram-v2\n", out);
    for (int from = 0; from < UPGRADE_STATE_COUNT; from++)
        for (int to = 0; to < UPGRADE_STATE_COUNT; to++)
            if (from != to)
                print_arrows(out, moves, count, (enum upgrade_state)from, (enum upgrade_state)to);
    fputs("```\n", out);
}

/* --- rollouts --- */

static const char *place_text(enum rollout_state state)
{
    return rollout_state_is_ended(state) ? "ended" : rollout_state_is_open(state) ? "its model's" : "none";
}

static void print_rollout_move(FILE *out, enum rollout_state from, enum rollout_event on)
{
    enum rollout_state to;
    if (rollout_move_find(from, on, &to))
        fprintf(out, "| `%s` | `%s` | `%s` |\n", rollout_state_name(from), rollout_event_name(on), rollout_state_name(to));
}

static void print_rollouts(FILE *out)
{
    fputs("\n# The states of a rollout\n\nFrom `orchestrator/core/rollout_fsm.def`. A model has one place; whoever holds it is in the way of others.\n\n"
          "| state | place | it ... |\n|---|---|---|\n", out);
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++)
        fprintf(out, "| `%s` | %s | %s |\n", rollout_state_name((enum rollout_state)i), place_text((enum rollout_state)i), rollout_state_text((enum rollout_state)i));
    fputs("\n| event | by operators | what happened |\n|---|---|---|\n", out);
    for (int i = 0; i < ROLLOUT_EVENT_COUNT; i++)
        fprintf(out, "| `%s` | %s | %s |\n", rollout_event_name((enum rollout_event)i), rollout_event_is_operators((enum rollout_event)i) ? "yes" : "no",
                rollout_event_text((enum rollout_event)i));
    fputs("\nWhat is not in this table is refused.\n\n| from | on | to |\n|---|---|---|\n", out);
    for (int from = 0; from < ROLLOUT_STATE_COUNT; from++)
        for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
            print_rollout_move(out, (enum rollout_state)from, (enum rollout_event)on);
}

void fsm_print_docs(FILE *out)
{
    fputs("# The states of an upgrade\n\n"
          "Printed by `droverd --print-docs=states` from `orchestrator/core/upgrade_fsm.def`; a test compares. Do not edit by hand.\n\n", out);
    print_states(out);
    print_events(out);
    print_moves(out);
    print_drawing(out);
    print_rollouts(out);
}
