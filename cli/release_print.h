/* One release with its deltas, in the format that was asked for. */
#pragma once

#include "cli/cli.h"

struct cJSON;

void release_print(struct cli *cli, const struct cJSON *release);
