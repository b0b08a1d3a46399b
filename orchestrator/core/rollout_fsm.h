/* The state machine of a rollout, made from rollout_fsm.def. The engine and operators choose events; the table chooses the move. */
#pragma once

#include <stdbool.h>

enum rollout_state {
#define STATE(name, kind, text) ROLLOUT_##name,
#define EVENT(name, by, text)
#define MOVE(from, on, to)
#include "orchestrator/core/rollout_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
    ROLLOUT_STATE_COUNT
};

enum rollout_event {
#define STATE(name, kind, text)
#define EVENT(name, by, text) ROLLOUT_EVENT_##name,
#define MOVE(from, on, to)
#include "orchestrator/core/rollout_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
    ROLLOUT_EVENT_COUNT
};

const char *rollout_state_name(enum rollout_state state);      /* "awaiting_approval" */
const char *rollout_state_text(enum rollout_state state);      /* one sentence for operators */
bool rollout_state_read(const char *name, enum rollout_state *ret_state);
bool rollout_state_is_open(enum rollout_state state);          /* holds its model's place */
bool rollout_state_is_ended(enum rollout_state state);
bool rollout_state_takes(enum rollout_state state);            /* running or completed: devices may be taken */
bool rollout_state_goes_back(enum rollout_state state);        /* rolling back, or rolled back: who is on its version must leave it */
const char *rollout_event_name(enum rollout_event event);      /* "roll_back": the event stream's `on` */
const char *rollout_event_text(enum rollout_event event);
bool rollout_event_is_operators(enum rollout_event event);
/* Where `on` leads from `from`; false: refused. */
bool rollout_move_find(enum rollout_state from, enum rollout_event on, enum rollout_state *ret_to);
/* The states that `on` may leave and the one it leads to there, joined by commas, for the store: "running,paused". `to` picks the rows. */
void rollout_event_sources(enum rollout_event on, enum rollout_state to, char *ret, unsigned size);
