/* How fast a rollout goes: differences between looks at its counts, over the last half minute. */
#pragma once

#include <stdint.h>

#include "cli/standing.h"

#define RATES_SAMPLES 32
#define RATES_SPAN_MS 30000

struct rates {
    struct rates_sample {
        int64_t mono_ms;
        int64_t taken, ended;       /* devices, of all stages */
        int64_t steps;              /* moves that must have been made to stand so */
        int64_t stage, stage_ended; /* of the current one */
    } samples[RATES_SAMPLES];       /* a ring */
    unsigned count, next;
};

struct rates_now {
    double moves_per_s;             /* at least: moves there and back between two looks are not seen */
    double taken_per_min, ended_per_min;
    double stage_ended_per_s;       /* 0 when it is not known yet */
};

void rates_add(struct rates *rates, const struct standing *standing);
/* False: there is nothing to compare with yet. */
bool rates_read(const struct rates *rates, struct rates_now *ret);
