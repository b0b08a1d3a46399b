/* The rollout's table of moves and its words. */
#include "orchestrator/core/rollout_fsm.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum { WAITING, OPEN, ENDED };
enum { OPERATOR = 1, ENGINE = 2, BOTH = 3 };

static const struct {
    const char *name, *text;
    int kind;
} states[ROLLOUT_STATE_COUNT] = {
#define STATE(name, kind, text) [ROLLOUT_##name] = {#name, text, kind},
#define EVENT(name, by, text)
#define MOVE(from, on, to)
#include "orchestrator/core/rollout_fsm.def"
#undef STATE
#undef EVENT
};

static const struct {
    const char *name, *text;
    int by;
} events[ROLLOUT_EVENT_COUNT] = {
#define STATE(name, kind, text)
#define EVENT(name, by, text) [ROLLOUT_EVENT_##name] = {#name, text, by},
#include "orchestrator/core/rollout_fsm.def"
#undef EVENT
#undef MOVE
};

static const struct {
    enum rollout_state from;
    enum rollout_event on;
    enum rollout_state to;
} moves[] = {
#define EVENT(name, by, text)
#define MOVE(from, on, to) {ROLLOUT_##from, ROLLOUT_EVENT_##on, ROLLOUT_##to},
#include "orchestrator/core/rollout_fsm.def"
#undef STATE
#undef EVENT
#undef MOVE
};
#define MOVES (sizeof moves / sizeof moves[0])

#define NAME_SIZE 20

/* Made once, before main. */
static char state_names[ROLLOUT_STATE_COUNT][NAME_SIZE];
static char event_names[ROLLOUT_EVENT_COUNT][NAME_SIZE];

__attribute__((constructor)) static void make_names(void)
{
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++)
        text_lower(state_names[i], NAME_SIZE, states[i].name);
    for (int i = 0; i < ROLLOUT_EVENT_COUNT; i++)
        text_lower(event_names[i], NAME_SIZE, events[i].name);
}

static bool is_state(enum rollout_state state)
{
    return (unsigned)state < ROLLOUT_STATE_COUNT;
}

const char *rollout_state_name(enum rollout_state state)
{
    return is_state(state) ? state_names[state] : "unknown";
}

const char *rollout_state_text(enum rollout_state state)
{
    return is_state(state) ? states[state].text : "unknown";
}

bool rollout_state_read(const char *name, enum rollout_state *ret_state)
{
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret_state = (enum rollout_state)i;
            return true;
        }
    }
    return false;
}

bool rollout_state_is_open(enum rollout_state state)
{
    return is_state(state) && states[state].kind == OPEN;
}

bool rollout_state_is_ended(enum rollout_state state)
{
    return is_state(state) && states[state].kind == ENDED;
}

bool rollout_state_takes(enum rollout_state state)
{
    return state == ROLLOUT_RUNNING || state == ROLLOUT_COMPLETED;
}

bool rollout_state_goes_back(enum rollout_state state)
{
    return state == ROLLOUT_ROLLING_BACK || state == ROLLOUT_ROLLED_BACK;
}

const char *rollout_event_name(enum rollout_event event)
{
    return (unsigned)event < ROLLOUT_EVENT_COUNT ? event_names[event] : "unknown";
}

const char *rollout_event_text(enum rollout_event event)
{
    return (unsigned)event < ROLLOUT_EVENT_COUNT ? events[event].text : "unknown";
}

bool rollout_event_is_operators(enum rollout_event event)
{
    return (unsigned)event < ROLLOUT_EVENT_COUNT && (events[event].by & OPERATOR);
}

bool rollout_move_find(enum rollout_state from, enum rollout_event on, enum rollout_state *ret_to)
{
    for (size_t i = 0; i < MOVES; i++) {
        if (moves[i].from == from && moves[i].on == on) {
            *ret_to = moves[i].to;
            return true;
        }
    }
    return false;
}

void rollout_event_sources(enum rollout_event on, enum rollout_state to, char *ret, unsigned size)
{
    unsigned length = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < MOVES && length < size; i++)
        if (moves[i].on == on && moves[i].to == to)
            length += (unsigned)snprintf(ret + length, size - length, "%s%s", length ? "," : "", state_names[moves[i].from]);
}
