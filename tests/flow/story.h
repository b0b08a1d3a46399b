/* The text of a story: what goes in is read from its lines, what comes out is compared with them. */
#pragma once

#include "tests/flow/story_words.h"
#include "tests/flow/world.h"

/* One line that goes into the world; `text` begins with its actor ("device  > d1 heartbeat 1.0.0"). False: not understood. */
bool story_act(struct world *world, char *text);
/* A line before the first moment: "rollout r1 esp32 1.1.0 soak_ms=20000", "policy ready_ms=1000", "orchestrators 2",
 * "engine" (staged rollouts go their way), "hush" (of what happens only rollouts and answers are told). */
bool story_set(struct world *world, char *text);
/* story_scene.c: "r1 esp32 1.1.0 max_in_flight=1 plan={...}", from the words' `first` on. */
bool story_set_rollout(struct world *world, const struct words *words, unsigned first);
/* The release of one of its plan's stepping stones comes. False: it has no such stone. */
bool story_upload_stone(struct rollout *rollout, const char *stone);
/* A story whose words do not fit is none: aborts. */
void story_copy(char *dst, size_t size, const char *src);
/* The plan of its word "plan={...}"; NULL: it is none. The caller drops it. */
struct plan *story_read_plan(const struct words *words, const struct rollout *rollout);
/* Is it one that goes in? All others are what must come out. */
bool story_is_input(const char *text);

/* The heartbeat that the words of a line say; the device is the third of them. */
void story_read_heartbeat(struct world *world, const struct words *words, const char *version, struct heartbeat *ret);
/* story_fleet.c: lines about many devices, and about rollouts with stages. */
bool story_act_fleet(struct world *world, const struct words *words);
/* False: it is no move of a rollout, or the engine is off; then nothing was done. */
bool story_move_rollout(struct world *world, const struct words *words, bool *ret_fine);
/* How many held a place at most since the story began, and how many do now; and how many are held. */
bool story_measure_rollout(struct world *world, const char *rollout_id);
bool story_count_rollout(struct world *world, const char *rollout_id);
/* story_control.c: operators' control. False: it is none, and nothing was done. */
bool story_control(struct world *world, const struct words *words, bool *ret_fine);
bool story_read_gates(struct world *world, const char *rollout_id);
