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

/* Devices of one model on one side of the comparison, since the stage began. */
struct group_health {
    int64_t devices, offline, unhealthy;   /* now */
    int64_t reboots;                       /* since, beside those of upgrades */
    int64_t device_ms;                     /* devices x time, since */
};
struct gate_readings {
    const struct rollout_counts *all, *staged;
    struct group_health updated, control;
};

enum gate_state { GATE_OPEN, GATE_HELD, GATE_BROKEN };   /* open: too little is known */
const char *gate_state_name(enum gate_state state);
struct gate_reading {
    enum gate_state state;
    int64_t sample;            /* devices it is of */
    double value;              /* share, difference of shares, or quotient */
    struct interval bounds;
    double limit;
    char text[128];            /* "failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5 %: open" */
};
/* Rates are those of the current stage; with `all` when the stage has nothing opened yet. */
void gate_read(const struct plan_gate *gate, const struct gate_readings *readings, struct gate_reading *ret);
