/* droverd's command line: what to do, and settings that outrank file and environment. */
#pragma once

#include <stdio.h>

#include "orchestrator/edges/daemon_settings.h"

#define OPTIONS_SET_MAX 128

enum daemon_task { TASK_RUN, TASK_CHECK_CONFIG, TASK_PRINT_CONFIG, TASK_PRINT_DOCS, TASK_REBUILD, TASK_VERSION, TASK_HELP };

struct daemon_options {
    enum daemon_task task;
    const char *file;                            /* --config; NULL: none */
    const char *docs;                            /* --print-docs=... */
    const char *rebuild_into, *rebuild_from;     /* NULL: not given */
    bool rebuild_compare;
    const char *names[OPTIONS_SET_MAX];          /* point into storage below or into argv */
    const char *values[OPTIONS_SET_MAX];
    unsigned count;
    char name_storage[OPTIONS_SET_MAX][ID_SIZE];
};

/* Options point into argv. The problem's `where` is the option. */
MUST_USE enum drover_error daemon_options_read(int argc, char *const *argv, struct daemon_options *ret, struct problem *ret_problem);
void daemon_options_help(FILE *out);
/* The settings that these options, their file and this environment make. */
MUST_USE enum drover_error daemon_options_settings(const struct daemon_options *options, char *const *environment,
                                                   struct daemon_settings *ret, struct problem *ret_problem);
