/* What operators hold against devices and against all rollouts: part of the store (store.h). */
#pragma once

#include "orchestrator/edges/store.h"

/* All rollouts are stopped, since when, by whom, why. */
struct stop {
    int64_t at_ms;       /* 0: they are not */
    char who[ID_SIZE];
    char why[WHY_SIZE];
};
typedef void store_stop_read(void *arg, enum drover_error error, const struct stop *stop);
void store_stop(struct store *store, store_stop_read *done, void *arg);
/* on: stop them, from stop->at_ms; else let them go on. done: changed is false when it was so before, and stayed as it was. */
typedef void store_stop_changed(void *arg, enum drover_error error, bool changed);
void store_stop_all(struct store *store, const struct stop *stop, bool on, const struct actor *actor, store_stop_changed *done, void *arg);

enum device_hold { HOLD_QUARANTINE, HOLD_READMIT, HOLD_EXCLUDE, HOLD_INCLUDE };
struct hold {
    enum device_hold what;
    const char *device_id;
    const char *name;      /* quarantine: the version; exclude and include: the rollout's id; readmit: "" */
    int64_t until_ms;      /* quarantine; 0: until it is lifted */
    int64_t at_ms;
    const char *why;       /* with who, for the event */
};
/* What "why?" asks of a device and a rollout: core/predicates.h. site: its own in the rollout, "": none. */
struct look_known;
typedef void store_standing_read(void *arg, enum drover_error error, const struct look_known *known);
void store_standing(struct store *store, const char *device_id, const char *rollout_id, const char *site, store_standing_read *done, void *arg);

/* Devices that are excluded from a rollout, the oldest exclusion first: at most limit after the cursor ("": from the first); next: "" at the end.
 * cursor: one of ours. DROVER_NOT_FOUND: no such rollout. */
struct exclusion {
    const char *device_id, *why;
    int64_t at_ms;
};
#define EXCLUSION_CURSOR_SIZE (ID_SIZE + 24)
typedef void store_exclusions_listed(void *arg, enum drover_error error, const struct exclusion *exclusions, size_t count, const char *next);
void store_exclusions(struct store *store, const char *rollout_id, const char *cursor, size_t limit, store_exclusions_listed *done, void *arg);

/* DROVER_NOT_FOUND: no such device, or rollout; DROVER_REFUSED: it is not held so, or the rollout is over; why says which. */
typedef void store_device_held(void *arg, enum drover_error error, const char *why);
void store_device_hold(struct store *store, const struct hold *hold, const struct actor *actor, store_device_held *done, void *arg);
