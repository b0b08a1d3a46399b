/* The text of a story: what goes in is read from its lines, what comes out is compared with them. */
#pragma once

#include "tests/flow/world.h"

/* One line that goes into the world; `text` begins with its actor ("device  > d1 heartbeat 1.0.0"). False: not understood. */
bool story_act(struct world *world, char *text);
/* A line before the first moment: "rollout r1 esp32 1.1.0 soak_ms=20000", "policy ready_ms=1000", "orchestrators 2". */
bool story_set(struct world *world, char *text);
/* Is it one that goes in? All others are what must come out. */
bool story_is_input(const char *text);
