/* A plan in a file, JSON or YAML, read and judged before anything is asked of the server. */
#pragma once

#include "cli/cli.h"
#include "cli/yaml_json.h"
#include "proto/plan.h"

struct plan_file {
    const char *path;
    struct buffer json;          /* the plan, as the server gets it */
    bool yaml;
    struct yaml_places places;   /* of a YAML file */
    struct plan *plan;           /* held */
};
/* On failure every error has been reported with its place in the file; plan_file_done is due on every path. */
enum cli_exit plan_file_read(struct cli *cli, const char *path, struct plan_file *ret_file);
void plan_file_done(struct plan_file *file);

/* Reports "FILE:LINE:COLUMN: POINTER: what". */
void plan_file_problem(struct cli *cli, const struct plan_file *file, const char *pointer, const char *what);
