/* What an error reply of Redis means for the caller, by its first word. */
#pragma once

#include "orchestrator/edges/redis_link.h"

/* Counts it and says which error it is. */
enum drover_error redis_error_classify(const char *text, struct redis_link_counters *counters);
