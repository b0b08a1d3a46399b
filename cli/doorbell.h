/* Waiting until a rollout changes: rung by the server's events (server-sent events), or, where the server has none, a sleep. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/sse.h"

struct cli;

struct doorbell {
    struct sse sse;        /* the last event that rang */
    bool none;             /* the server has no such stream */
};

void doorbell_init(struct doorbell *bell);
void doorbell_done(struct doorbell *bell);
/* Returns when an event of the rollout came that is newer than since_ms (unix; of the first wait, later ones go on from there), or after at most hold_ms; without a
 * stream, or when it breaks off, after sleep_ms. False: the time of the whole command is over. */
bool doorbell_wait(struct doorbell *bell, struct cli *cli, const char *rollout_id, int64_t since_ms, int64_t hold_ms, int64_t sleep_ms);
