/* Is it chaos? Most rows of the upgrade's table must have been made by it. */
#pragma once

#include <stdbool.h>

#include "tests/flow/memory_store.h"

/* The moves of a history that has come to its end. */
void chaos_note_moves(const struct memory_store *store);
/* Of the rows that leave an entry in a history enough were made; says which were not. */
bool chaos_was_it(void);
