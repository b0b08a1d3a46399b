/* A trust document for people and scripts. */
#pragma once

#include "cli/cli.h"
#include "firmware/trust.h"

void trust_print(struct cli *cli, const struct trust *trust);
