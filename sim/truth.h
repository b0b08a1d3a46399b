/* What every device really runs and lived through, one JSON object a line. Fields: docs/simulator.md. */
#pragma once

#include "common/error.h"
#include "sim/sim.h"

/* Replaces the file at once, when all is written; DROVER_IO with errno kept. */
MUST_USE enum drover_error truth_write(const struct sim *sim, const char *path);
/* One device's line, without the newline. */
void truth_line(const struct device *device, struct buffer *buffer);
