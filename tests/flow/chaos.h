/* Is it chaos? Most rows of the upgrade's table must have been made by it. */
#pragma once

#include <stdbool.h>

#include "tests/flow/memory_store.h"

/* The moves of a history that has come to its end. */
void chaos_note_moves(const struct memory_store *store);
/* Of the rows that leave an entry in a history enough were made; says which were not. */
bool chaos_was_it(void);

/* Its plan: half an hour's window of each hour, for installations ("install") or for all ("both"); or a stepping stone whose release is there. */
#define CHAOS_STONE "1.0.5"
void chaos_give_windows(struct rollout *rollout, const char *use);
void chaos_give_stone(struct rollout *rollout);
