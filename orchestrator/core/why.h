/* The answer to "why?": of a device, every predicate in its order with what it found, and the one that holds it back; of a rollout, what
 * stops it, or what it waits for. Pure, and made from the very rows and functions that decide: nothing here knows a single rule. */
#pragma once

#include "orchestrator/core/decide.h"
#include "orchestrator/core/engine.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/core/predicates.h"

#define WHY_PREDICATES_MAX 32

enum why_answer {
    WHY_HOLDS,
    WHY_REFUSES,
    WHY_NOT_ASKED,     /* there is no rollout that it could be asked about */
    WHY_ANSWER_COUNT
};
const char *why_answer_name(enum why_answer answer);   /* "holds", "refuses", "not_asked" */

struct why_predicate {
    const char *name;              /* of the row; static */
    bool limit;                    /* for now only: the device may wait in the queue */
    enum why_answer answer;
    const char *refusal;           /* static; NULL unless it refuses */
    struct finding finding;        /* value "" when there is nothing to add */
};

struct why_device {
    unsigned count;
    struct why_predicate predicates[WHY_PREDICATES_MAX];
    int held_by;                   /* index of the first that refuses; -1: none does */
    struct explanation explain;    /* where its upgrade stands */
    int64_t next_ms;               /* when it is looked at next by time alone, unix ms; 0: when it speaks, or somebody acts */
};

/* s->running is the rollout that is asked about, NULL when the device's model has none. */
void why_device(const struct situation *s, struct why_device *ret);

/* --- a rollout that does not move --- */

struct why_look {
    int64_t now_ms;
    const struct policy *policy;
    const struct rollout *rollout;
    const struct fleet_health *health;   /* for the gates that compare */
    const struct pace *pace;             /* NULL: the depot can carry everybody */
    const char *missing;                 /* connections that are not up: "redis", "mqtt and redis"; "": none */
};

struct why_rollout {
    unsigned count;
    struct why_predicate findings[WHY_PREDICATES_MAX];   /* limit: it goes on by itself */
    int held_by;                    /* -1: nothing; then move.why says what it waits for */
    struct engine_move move;        /* what the engine does at this moment; of a rollout without stages words alone */
    int64_t per_minute;             /* dispatches, 0: no limit */
    int64_t next_ms;                /* as in struct why_device */
};
void why_rollout(const struct why_look *look, struct why_rollout *ret);
