/* Sends an operator's order: a POST with the words of --why and what else its body may have. */
#pragma once

#include <stdint.h>

#include "cli/cli.h"

/* Members that an order's body may have; NULL and 0: left out. */
struct order {
    const char *device, *version;
    int64_t for_s;
    char if_match[32];            /* an ETag; "": none */
};

/* To the path; on failure it has been reported. The answer is freed with api_answer_done on every path. */
enum cli_exit order_send(struct cli *cli, const struct order *order, struct api_answer *answer, const char *format, ...) PRINTF_LIKE(4, 5);
