/* The table behind upgrade_fsm.def: rows, a constant-time index over (from, on), names and texts. */
#include "orchestrator/core/upgrade_fsm.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/text.h"

/* Legal before the first move, though no state of the .def: there is no upgrade yet. */
#define NONE_TEXT "has no upgrade"
#define NOTHING_TEXT "nothing that matters"

/* One constant a row, named after the row: a second row for the same (from, on) does not compile. */
enum row {
    ROW_REFUSED,
#define STATE(name, kind, text)
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) ROW_##from##__##on,
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
    ROW_COUNT
};

static const struct fsm_move rows[ROW_COUNT] = {
#define STATE(name, kind, text)
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) [ROW_##from##__##on] = {STATE_##from, EVENT_##on, STATE_##to, effects, why},
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
};

_Static_assert(ROW_COUNT <= UINT8_MAX, "the index below holds a row in a byte");
static const uint8_t row_of[UPGRADE_STATE_COUNT][UPGRADE_EVENT_COUNT] = {
#define STATE(name, kind, text)
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why) [STATE_##from][EVENT_##on] = ROW_##from##__##on,
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
};

static const struct {
    const char *upper;
    enum state_kind kind;
    const char *text;
} states[UPGRADE_STATE_COUNT] = {
    [STATE_NONE] = {"NONE", KIND_FINAL, NONE_TEXT},
#define STATE(name, kind, text) [STATE_##name] = {#name, KIND_##kind, text},
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why)
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
};

static const struct {
    const char *upper;
    const char *text;
} events[UPGRADE_EVENT_COUNT] = {
    [EVENT_NOTHING] = {"NOTHING", NOTHING_TEXT},
#define STATE(name, kind, text)
#define EVENT(name, text) [EVENT_##name] = {#name, text},
#define MOVE(from, on, to, effects, why)
#include "orchestrator/core/upgrade_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
};

#define NAME_SIZE 20

/* The .def writes names in capitals, everybody else in lower case; made once, before main. */
static char state_names[UPGRADE_STATE_COUNT][NAME_SIZE];
static char event_names[UPGRADE_EVENT_COUNT][NAME_SIZE];

__attribute__((constructor)) static void make_names(void)
{
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        text_lower(state_names[i], NAME_SIZE, states[i].upper);
    for (int i = 0; i < UPGRADE_EVENT_COUNT; i++)
        text_lower(event_names[i], NAME_SIZE, events[i].upper);
}

static bool is_state(enum upgrade_state state)
{
    return (unsigned)state < UPGRADE_STATE_COUNT;
}

const struct fsm_move *fsm_find(enum upgrade_state from, enum upgrade_event on)
{
    if (!is_state(from) || (unsigned)on >= UPGRADE_EVENT_COUNT)
        return NULL;
    uint8_t row = row_of[from][on];
    return row == ROW_REFUSED ? NULL : &rows[row];
}

const struct fsm_move *fsm_moves(unsigned *ret_count)
{
    *ret_count = ROW_COUNT - 1;
    return rows + 1;
}

const char *upgrade_state_name(enum upgrade_state state)
{
    return is_state(state) ? state_names[state] : state_names[STATE_NONE];
}

const char *upgrade_state_text(enum upgrade_state state)
{
    return is_state(state) ? states[state].text : NONE_TEXT;
}

enum state_kind upgrade_state_kind(enum upgrade_state state)
{
    return is_state(state) ? states[state].kind : KIND_FINAL;
}

bool upgrade_state_read(const char *name, enum upgrade_state *ret_state)
{
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++) {
        if (!strcmp(name, state_names[i])) {
            *ret_state = (enum upgrade_state)i;
            return true;
        }
    }
    return false;
}

const char *upgrade_event_name(enum upgrade_event event)
{
    return (unsigned)event < UPGRADE_EVENT_COUNT ? event_names[event] : event_names[EVENT_NOTHING];
}

const char *upgrade_event_text(enum upgrade_event event)
{
    return (unsigned)event < UPGRADE_EVENT_COUNT ? events[event].text : NOTHING_TEXT;
}

bool upgrade_state_is_final(enum upgrade_state state)
{
    return is_state(state) && state != STATE_NONE && states[state].kind == KIND_FINAL;
}

bool upgrade_state_is_in_flight(enum upgrade_state state)
{
    return is_state(state) && states[state].kind != KIND_FINAL && state != STATE_LOST;
}

bool upgrade_state_holds_place(enum upgrade_state state)
{
    return upgrade_state_is_in_flight(state) && state != STATE_HELD;
}
