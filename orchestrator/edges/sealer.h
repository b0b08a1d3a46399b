/* Seals drover:v1:events block by block into drover:v1:seals, and drover:v1:audit into drover:v1:audit_seals: two chains of the same kind (proto/seal.h),
 * for who may read one need not read the other. A stream_worker, so nothing of it is on the loop. A block has up to 1000 entries; it is sealed when it is full, or when its oldest entry is seal_ms old. The leader seals; a seal that another instance has added meanwhile is
 * never overwritten (seal_add.lua). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/redis_sync.h"
#include "proto/seal.h"

#define SEAL_ENTRIES_MAX 1000

const char *sealed_log_name(enum sealed_log which);   /* "events", "audit" */

struct sealer;

struct sealer_config {
    const char *instance;               /* borrowed */
    struct redis_sync_config redis;
    int64_t seal_ms;                    /* the oldest entry that is not sealed is about this old at most */
    int64_t keep[SEALED_LOGS];          /* what the logs are trimmed to */
    int64_t seals_keep;                 /* length of each chain of seals, about */
};

MUST_USE enum drover_error sealer_start(const struct sealer_config *config, struct sealer **ret_sealer, struct problem *ret_problem);
void sealer_stop(struct sealer *sealer);    /* returns at once; NULL is fine, as below */
void sealer_free(struct sealer *sealer);

struct sealer_counters {
    uint64_t seals;            /* made by this process */
    uint64_t entries;          /* sealed by it */
    uint64_t missed;           /* entries that were gone before they could be sealed */
    uint64_t conflicts;        /* seals that another instance was faster with */
    uint64_t failures;         /* steps that failed */
    int64_t n;                 /* of the newest seal seen; 0: none */
    int64_t unsealed_ms;       /* age of the oldest entry that is not sealed; 0: none, or another instance leads */
};
struct sealer_counters sealer_counters(struct sealer *sealer, enum sealed_log which);
