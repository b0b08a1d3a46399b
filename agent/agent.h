/* The agent: one loop (curl_multi_poll) around the core. What happens becomes an event, the core decides, the record is written and synced, and only
 * then the effects begin. */
#pragma once

#include "agent/agent_settings.h"

/* Runs until SIGTERM or SIGINT (returns 0), or until something is wrong that a restart may mend (1). The settings outlive it. */
int agent_run(const struct agent_settings *settings);
