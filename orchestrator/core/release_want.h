/* Which deltas a new release is worth: from the newest older releases of its model. */
#pragma once

#include <stddef.h>

#include "orchestrator/core/release.h"

/* Adds a QUEUED delta to `release` for each of the `from` newest older versions among `others`, as far as there is room and none for that
 * base yet. Where one of the two is encrypted it is SKIPPED at once. What does not verify is no base. */
void release_want_deltas(struct release *release, const struct release *others, size_t count, unsigned from);
