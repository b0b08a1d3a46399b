/* Gates: what was measured, how sure that is, and what follows. Pure.
 * Intervals: Wilson score interval for one proportion (E. B. Wilson, JASA 22, 1927; without continuity correction), Newcombe's hybrid score interval for the
 * difference of two (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/rollout.h"

struct interval {
    double low, high;
};
/* Of `hits` in `of` trials; 0 .. 1 when there were none. z: the normal quantile of the two-sided confidence. */
struct interval wilson_interval(int64_t hits, int64_t of, double z);
/* Of the difference left - right. */
struct interval newcombe_difference(int64_t left_hits, int64_t left_of, int64_t right_hits, int64_t right_of, double z);
double confidence_z(int64_t confidence_pct);   /* of 80, 90, 95 and 99 */

/* Devices of one model on one side of the comparison. What was so when the stage began does not count: devices that were offline (or unhealthy) then are
 * left out, as far as there still are so many. */
struct group_health {
    int64_t devices, offline, unhealthy;           /* now */
    int64_t offline_before, unhealthy_before;      /* when the stage began */
    int64_t reboots;                               /* since it began, beside those of upgrades */
    int64_t device_ms;                             /* devices x time, since */
};
struct fleet_health {
    struct group_health updated, control;          /* those that run the rollout's version, and all others of its model */
};
struct gate_readings {
    struct rollout_counts counts;                  /* rollout_gate_counts */
    struct fleet_health health;
};
#define GATE_REBOOTS_MIN 5                         /* of both groups together: fewer say nothing about their quotient */

enum gate_state { GATE_OPEN, GATE_HELD, GATE_BROKEN };   /* open: too little is known */
const char *gate_state_name(enum gate_state state);
struct gate_reading {
    enum gate_state state;
    bool doubt;                /* open, though something was measured and is beyond the limit */
    int64_t sample;            /* devices it is of */
    int64_t under_way;         /* devices that may still change it */
    double value;              /* share, difference of shares, or quotient */
    struct interval bounds;
    double limit;
    char text[128];            /* "failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5 %: open" */
    char brief[54];            /* for a rollout's why: "failure_rate 3.1 %, limit 5 %" */
};
/* True for measures that compare with the control group, and so need readings->health. */
bool gate_compares(const struct plan_gate *gate);
void gate_read(const struct plan_gate *gate, const struct gate_readings *readings, struct gate_reading *ret);
