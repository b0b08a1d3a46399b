/* What a dry run says, for people. */
#pragma once

#include "cli/cli.h"

void forecast_print(struct cli *cli, const struct cJSON *forecast);
