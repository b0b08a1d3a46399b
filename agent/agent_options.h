/* drover-agent's command line: what to do, and settings that outrank file and environment. */
#pragma once

#include <stdio.h>

#include "agent/agent_settings.h"

#define AGENT_OPTIONS_MAX 96

enum agent_task { AGENT_RUN, AGENT_BOOT, AGENT_STATUS, AGENT_CHECK_CONFIG, AGENT_PRINT_CONFIG, AGENT_PRINT_DOCS, AGENT_VERSION, AGENT_HELP };

struct agent_options {
    enum agent_task task;
    const char *file;                            /* --config; NULL: none */
    const char *docs;                            /* --print-docs=... */
    const char *names[AGENT_OPTIONS_MAX];        /* point into storage below or into argv */
    const char *values[AGENT_OPTIONS_MAX];
    unsigned count;
    char name_storage[AGENT_OPTIONS_MAX][ID_SIZE];
};

/* Options point into argv. The problem's `where` is the option. */
MUST_USE enum drover_error agent_options_read(int argc, char *const *argv, struct agent_options *ret, struct problem *ret_problem);
void agent_options_help(FILE *out);
MUST_USE enum drover_error agent_options_settings(const struct agent_options *options, char *const *environment, struct agent_settings *ret, struct problem *ret_problem);
