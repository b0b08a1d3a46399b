/* The engine's side of the store: how the devices of both groups fare, and what it read and said last. Callbacks as in store.h. */
#pragma once

#include "orchestrator/core/engine.h"
#include "orchestrator/edges/store.h"

/* health NULL unless DROVER_OK. */
typedef void store_health_read(void *arg, enum drover_error error, const struct fleet_health *health);
/* Brings the comparison of its current stage up to date, and reads it; begins anew with the stage, and with each resume. For the leader, again and again: the time
 * between two calls is what device_ms is made of. */
void store_rollout_health(struct store *store, const struct rollout *rollout, int64_t at_ms, store_health_read *done, void *arg);
/* As the leader read it last; all 0 when no gate compares. */
void store_rollout_health_last(struct store *store, const char *rollout_id, store_health_read *done, void *arg);

/* Keeps the readings and the engine's word for readers: drover:v1:rollout:<r>:gates. done may be NULL. */
void store_gates_write(struct store *store, const char *rollout_id, const struct engine_move *said, int64_t at_ms, store_written *done, void *arg);
