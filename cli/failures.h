/* What went wrong in a rollout, code by code: how many devices, from its counts, and which was the last, from its events. */
#pragma once

#include <stdint.h>

#include "cli/standing.h"
#include "common/text.h"

#define FAILURES_MAX 5            /* codes that are remembered and shown: the most frequent ones */
#define FAILURES_CODE_SIZE 32

struct failure {
    char code[FAILURES_CODE_SIZE];
    int64_t devices;
    char last[ID_SIZE];           /* device; "": not seen since the watching began */
    int64_t last_ms;              /* unix ms */
};

struct failures {
    unsigned count;
    struct failure items[FAILURES_MAX];   /* the most frequent first */
    int64_t total;                /* of all codes, as counted at the last look */
    char after[48];               /* the events read so far; "": none */
};

/* Takes the counts, and asks for the newest events when they have grown. A server that does not answer is no error here. */
void failures_look(struct failures *failures, struct cli *cli, const struct standing *standing);
