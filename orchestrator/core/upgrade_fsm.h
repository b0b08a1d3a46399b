/* The state machine of an upgrade, made from upgrade_fsm.def. Guards (decide.c) choose the event; the table chooses the move. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum upgrade_state {
    STATE_NONE,
#define STATE(name, kind, text) STATE_##name,
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why)
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
    UPGRADE_STATE_COUNT
};

enum upgrade_event {
    EVENT_NOTHING,
#define STATE(name, kind, text)
#define EVENT(name, text) EVENT_##name,
#define MOVE(from, on, to, effects, why)
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
    UPGRADE_EVENT_COUNT
};

/* What a move asks of the edges, beside the save itself. */
enum {
    FX_COMMAND = 1,    /* send the update command */
    FX_CANCEL = 2,     /* send the cancel command */
    FX_ROLLBACK = 4,   /* send the rollback command */
    FX_ATTEMPT = 8,    /* a new attempt begins */
    FX_BACKOFF = 16,   /* the deadline is a backoff, not the state's own wait */
    FX_ALARM = 32,     /* somebody should look: an alarm entry in the event stream and a log line */
};

enum state_kind { KIND_LIVE, KIND_BESIDE, KIND_FINAL };

struct fsm_move {
    enum upgrade_state from;
    enum upgrade_event on;
    enum upgrade_state to;
    unsigned effects;
    const char *why;
};

/* The row for (from, on), or NULL: refused. Constant time. */
const struct fsm_move *fsm_find(enum upgrade_state from, enum upgrade_event on);
/* All rows, for docs and tests. */
const struct fsm_move *fsm_moves(unsigned *ret_count);

const char *upgrade_state_name(enum upgrade_state state);      /* "retry_wait"; "none" for STATE_NONE */
const char *upgrade_state_text(enum upgrade_state state);      /* one sentence for operators */
bool upgrade_state_read(const char *name, enum upgrade_state *ret_state);
const char *upgrade_event_name(enum upgrade_event event);      /* "target_seen"; "nothing" */
const char *upgrade_event_text(enum upgrade_event event);
enum state_kind upgrade_state_kind(enum upgrade_state state);
bool upgrade_state_is_final(enum upgrade_state state);
bool upgrade_state_is_in_flight(enum upgrade_state state);     /* neither none, final nor lost */
bool upgrade_state_holds_place(enum upgrade_state state);      /* in flight, and not held until a window opens: what limits count */

/* Prints docs/upgrade-states.md: states, moves and a drawing, all from the .def; and those of rollouts. */
void fsm_print_docs(FILE *out);
