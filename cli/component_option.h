/* --component NAME=FILE[,part=PART][,compression=none] */
#pragma once

#include "cli/cli.h"
#include "firmware/manifest.h"

/* Fills in name, part and compression; *ret_image is malloc'ed. On failure it has been reported. */
enum cli_exit component_option_read(struct cli *cli, const char *text, struct component *ret_component, char **ret_image);
