/* Heartbeats taken out of a full ring while Redis is away: the newest of each device, in the order in which they came, bounded. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "orchestrator/core/ports.h"

struct late;

struct late *late_new(size_t max_bytes);     /* NULL: out of memory. Takes little until something is put */
void late_free(struct late *late);

enum late_put { LATE_ADDED, LATE_REPLACED, LATE_OLDEST_DROPPED, LATE_NO_MEMORY };
enum late_put late_put(struct late *late, const struct heartbeat *heartbeat, int64_t arrived_ms);
size_t late_count(const struct late *late);
int64_t late_oldest_ms(const struct late *late);   /* arrival; 0 when empty */
/* Copies the first ones, with their arrival; they stay until late_drop takes as many away. */
size_t late_peek(const struct late *late, struct beat *ret_beats, size_t max);
void late_drop(struct late *late, size_t count);

/* True when `newer`, which came later, is newer indeed: a lower seq of the same boot is a message overtaken on its way. */
bool late_is_newer(const struct heartbeat *newer, const struct heartbeat *older);
