/* Private to the store: moves of upgrades gather while the loop works off what is there, and go in one call of their script, which adds up what they count.
 * Under load a call carries some twenty; in quiet times one, without waiting for another. */
#pragma once

#include "orchestrator/edges/store_call.h"

/* NULL: out of memory. */
struct store_moves *store_moves_new(struct store *store);
/* NULL is fine. Moves that still wait are forgotten without an answer. */
void store_moves_free(struct store_moves *moves);

/* A call that saves an upgrade, as asked, with this revision. */
struct store_call *store_save_new(struct store *store, const struct upgrade_save *save, int64_t revision, store_saved *done, void *arg);
/* The answer to one open or move: {'OK' or 'REPEAT', revision, last_event}, {'REFUSED', why}, {'FULL', why}, {'CONFLICT'} or {'ERR', why}. */
void store_saved_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
