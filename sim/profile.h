/* A profile: which share of a fleet behaves how. Drawn per device from (seed, index) alone, so that the same seed gives the
 * same fleet whatever its size. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "sim/behaviour.h"

#define PROFILE_ENTRIES_MAX 64
#define PROFILE_WHOLE 10000    /* shares are kept in hundredths of a percent */

struct profile {
    size_t count;
    struct profile_entry {
        struct behaviour behaviour;
        int64_t share;         /* of PROFILE_WHOLE; what the entries leave over is honest */
    } entries[PROFILE_ENTRIES_MAX];
};

/* "transient:download:2=5": 5 percent; up to two decimals. */
MUST_USE enum drover_error profile_add(struct profile *profile, const char *share, struct problem *ret_problem);
/* A built-in name (honest, mixed, ...) or the path of an ini file with one section per share. */
MUST_USE enum drover_error profile_read(struct profile *profile, const char *name_or_path, struct problem *ret_problem);
/* What device `index` of a fleet with this seed does. The result's step is never open. */
struct behaviour profile_draw(const struct profile *profile, uint64_t seed, uint32_t index, enum device_kind kind);
/* The built-in profiles, one a line, for --help. */
void profile_print_built_in(FILE *out);
