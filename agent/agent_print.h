/* What drover-agent prints for people. */
#pragma once

#include <stdio.h>

#include "agent/agent_settings.h"

/* The slots, the record and what is remembered, as they are on disk; changes nothing. */
MUST_USE enum drover_error agent_print_status(const struct agent_settings *settings, FILE *out, struct problem *ret_problem);
/* The moves of agent_fsm.def as Markdown. */
void agent_print_states(FILE *out);
