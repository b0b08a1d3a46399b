/* Load mode: heartbeats of up to a million devices over a few connections, as cheap as can be, every one acknowledged. */
#pragma once

#include "common/error.h"
#include "sim/options.h"

/* Publishes options->count heartbeats and prints how many were sent and acknowledged, and in what time. */
MUST_USE enum drover_error load_run(const struct options *options);
