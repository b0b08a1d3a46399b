/* What starting a rollout from a plan and from options share. */
#pragma once

#include "cli/cli.h"

struct cJSON;

/* Starts what the file at path describes, or says what it would do (--dry-run). */
enum cli_exit rollout_start_plan(struct cli *cli, const char *path);
/* Where the start is sent to, and how its answer is shown. */
void start_path(const struct cli *cli, struct buffer *path);
void start_print(struct cli *cli, const struct cJSON *answer);
/* The revision of the rollout as it is now, of which an order may say that it is meant. */
enum cli_exit rollout_revision(struct cli *cli, int64_t *ret_revision);
/* After a change: one row for people, the whole object for programs. */
void rollout_print_row(struct cli *cli, const struct cJSON *rollout);
/* All of it, with a table of its stages for people. */
void rollout_print(struct cli *cli, const struct cJSON *rollout);
