/* The one list of what must hold before a device is taken into a rollout, in the order in which it is asked. eligible.c asks for the first
 * that does not hold; why.c shows them all. A new demand is one function and one row in predicates.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/time_zone.h"
#include "orchestrator/core/device.h"
#include "orchestrator/core/pace.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

/* What only the store knows of a device and the rollout that it is asked about. */
struct look_known {
    int64_t site_in_flight;             /* of the rollout at the device's site; ABSENT: it was not read */
    bool excluded;                      /* from this rollout */
};

/* What a predicate looks at. */
struct look {
    int64_t now_ms;
    const struct policy *policy;
    const struct rollout *rollout;      /* NULL: the device's model has none */
    int64_t in_flight;                  /* of the rollout: upgrades that hold a place, as far as known; the store has the last word */
    const struct pace *pace;            /* NULL: the depot can carry everybody */
    const struct time_zone *zone;       /* the device's own, or else the plan's; NULL: UTC */
    const struct look_known *known;     /* NULL: not read; the device's record names the last exclusion, and the store has the last word about sites */
    const struct heartbeat *heartbeat;  /* the newest one */
    const struct device *device;        /* NULL: only the heartbeat is known yet; what needs more holds then */
    const struct upgrade *upgrade;      /* its present or last one; NULL: not looked at, as without device */
    bool has_turn;                      /* nobody who waits in line is before it */
    bool again;                         /* its turn in this rollout is over, and it may be given another one */
};

/* What a predicate says in the answer to "why?". */
struct finding {
    char value[96];                     /* what it found: "place 4211 of 10000, stage 2 takes up to 1000"; "" when there is nothing to add */
    int64_t next_ms;                    /* when it will be looked at next, unix ms; 0: when the device speaks next, or somebody acts */
};

struct predicate {
    const char *name;                                                      /* "stage"; also in the API */
    bool limit;                                                            /* holds back for now only: the device may wait in the queue */
    bool each_attempt;                                                     /* is asked anew before each attempt, too */
    const char *(*refusal)(const struct look *look);                       /* NULL: it holds. The hot path: no formatting here */
    void (*describe)(const struct look *look, struct finding *ret);        /* NULL: nothing to add */
};

#define PREDICATE_DEPOT "depot"         /* the depot has no room */
#define PREDICATE_WINDOW "window"       /* its maintenance window is closed */
#define PREDICATE_ROLLOUT "rollout"     /* the rows behind this one may rely on look->rollout: they are asked only when it holds */
const struct predicate *predicates(unsigned *ret_count);
/* The first that does not hold, or NULL. limits: those of kind limit are asked, too. */
const struct predicate *predicates_refuse(const struct look *look, bool limits, const char **ret_refusal);
/* The same before an attempt of an upgrade of look->rollout, which must not be NULL: of the rows that are asked before each. */
const struct predicate *predicates_refuse_attempt(const struct look *look, const char **ret_refusal);
/* The same for one that was held, and needs a place again: those rows, and the limits. */
const struct predicate *predicates_refuse_return(const struct look *look, const char **ret_refusal);
/* look->upgrade is of look->rollout, is not over, and its device has the package: nothing is to be downloaded. */
bool predicates_has_package(const struct look *look);
