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
/* DROVER_NOT_FOUND: no such device, or rollout; DROVER_REFUSED: it is not held so, or the rollout is over; why says which. */
typedef void store_device_held(void *arg, enum drover_error error, const char *why);
void store_device_hold(struct store *store, const struct hold *hold, const struct actor *actor, store_device_held *done, void *arg);
