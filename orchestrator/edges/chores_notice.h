/* Which notices have to be said: one retained notice a model, as long as a rollout takes devices of it. Pure: rollouts in, notices out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "orchestrator/core/pace.h"
#include "orchestrator/core/rollout.h"
#include "proto/notice.h"

#define NOTICES_MAX 1024

/* What the broker was last told about a model. */
struct notice_told {
    char model[ID_SIZE];
    char rollout[ID_SIZE];   /* "": cleared */
    int64_t epoch, spread_s;
};

struct notice_book {
    struct notice_told told[NOTICES_MAX];
    unsigned count;
};

/* Forgets what was told: after a connection to the broker everything is said again. */
void notice_forget(struct notice_book *book);

/* Says what differs: calls `say` with the notice of each model whose running rollout is new or changed, and with NULL for each
 * model that has no running rollout (any more). A notice whose spread has to be another (pace_spread_s) is said again, under the same epoch: who
 * heard it before stays with what it was told. rollouts: those of one or more models, in any order; a model of which none
 * is given is cleared only if it was told something. `say` returns false when it could not take the notice: it comes again at the next call. */
typedef bool notice_say(void *arg, const char *model, const struct notice *notice);
/* What all notices have in common: where devices ask, and what the depot can carry. */
struct notice_place {
    const char *public_url;
    struct depot_load depot;
};
void notice_update(struct notice_book *book, const struct rollout *rollouts, size_t count, const struct notice_place *place, notice_say *say, void *arg);

/* The notice of a running rollout. */
void notice_make(const struct rollout *rollout, const char *public_url, int64_t spread_s, struct notice *ret);
