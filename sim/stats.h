/* Counters of a running simulation as one line, logfmt or JSON. */
#pragma once

#include <stdio.h>

#include "sim/sim.h"

void stats_print(const struct sim *sim, FILE *out);
