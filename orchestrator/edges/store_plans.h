/* Plans that were read from Redis, so that each is parsed once: by rollout and plan_revision. */
#pragma once

#include "orchestrator/core/rollout.h"
#include "orchestrator/edges/redis_args.h"

struct redisReply;

struct plan_shelf {
    struct shelved {
        char rollout[ID_SIZE];
        int64_t plan_revision;
        struct plan *plan;     /* held */
        bool seen;             /* in the reading under way */
    } *plans;
    size_t count, room;
};

void plan_shelf_done(struct plan_shelf *shelf);
/* Adds id, plan_revision and stepping stones of each, for rollouts_load. */
void plan_shelf_add(const struct plan_shelf *shelf, struct redis_args *args);
/* Gives the rollout its plan (held): from the JSON when there is one, else from the shelf. False: the JSON cannot be read; the rollout has none then. */
bool plan_shelf_give(struct plan_shelf *shelf, const struct redisReply *json, struct rollout *rollout);
/* Gives it the plan of the shelf, when that is the one (held). */
void plan_shelf_take(struct plan_shelf *shelf, struct rollout *rollout);
/* Before and after a reading of all known rollouts: plans that were not seen in it are let go. */
void plan_shelf_begin(struct plan_shelf *shelf);
void plan_shelf_end(struct plan_shelf *shelf);
