/* A rollout as lines of text for a terminal: its stages as bars, how fast it goes and how long it will take, its gates, what failed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/failures.h"
#include "cli/progress.h"
#include "cli/rates.h"
#include "cli/standing.h"

/* Fills block with lines that are safe; they may be wider than a terminal. now_ms: unix. */
void board_fill(struct progress_block *block, const struct standing *standing, const struct rates *rates, const struct failures *failures, int64_t now_ms);
