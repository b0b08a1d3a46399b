/* The shelf of plans: few, looked through from the front. */
#include "orchestrator/edges/store_plans.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static struct shelved *find(struct plan_shelf *shelf, const char *rollout_id)
{
    for (size_t i = 0; i < shelf->count; i++)
        if (strcmp(shelf->plans[i].rollout, rollout_id) == 0)
            return &shelf->plans[i];
    return NULL;
}

static void take_off(struct plan_shelf *shelf, struct shelved *shelved)
{
    plan_drop(shelved->plan);
    *shelved = shelf->plans[--shelf->count];
}

void plan_shelf_done(struct plan_shelf *shelf)
{
    while (shelf->count > 0)
        take_off(shelf, &shelf->plans[0]);
    free(shelf->plans);
    *shelf = (struct plan_shelf){0};
}

/* "1.5.0,2.0.0"; "": none. */
static void add_stones(const struct plan *plan, struct redis_args *args)
{
    char all[PLAN_STEPS_MAX * VERSION_SIZE] = "";
    size_t length = 0;
    for (unsigned i = 0; i < plan->step_count; i++)
        length += (size_t)snprintf(all + length, sizeof all - length, "%s%s", i ? "," : "", plan->steps[i]);
    redis_args_add_text(args, all);
}

void plan_shelf_add(const struct plan_shelf *shelf, struct redis_args *args)
{
    for (size_t i = 0; i < shelf->count; i++) {
        redis_args_add_text(args, shelf->plans[i].rollout);
        redis_args_add_i64(args, shelf->plans[i].plan_revision);
        add_stones(shelf->plans[i].plan, args);
    }
}

/* Without memory it is not kept, and read again next time. */
static void put(struct plan_shelf *shelf, const struct rollout *rollout)
{
    struct shelved *at = find(shelf, rollout->id);
    if (at)
        take_off(shelf, at);
    if (shelf->count == shelf->room) {
        size_t room = shelf->room ? 2 * shelf->room : 16;
        struct shelved *plans = realloc(shelf->plans, room * sizeof *plans);
        if (!plans)
            return;
        shelf->plans = plans;
        shelf->room = room;
    }
    at = &shelf->plans[shelf->count++];
    *at = (struct shelved){.plan_revision = rollout->plan_revision, .plan = plan_hold(rollout->plan), .seen = true};
    memcpy(at->rollout, rollout->id, sizeof at->rollout);
}

static bool read_new(struct plan_shelf *shelf, const struct redisReply *json, struct rollout *rollout)
{
    struct plan_problems problems;
    enum drover_error error = plan_read(json->str, json->len, &rollout->plan, &problems);
    if (error) {
        rollout->plan = NULL;
        log_event(LOG_ERROR, "plan_unreadable", LOG_TEXT("rollout", rollout->id), LOG_TEXT("where", problems.count ? problems.items[0].where : ""),
                  LOG_TEXT("what", problems.count ? problems.items[0].what : drover_error_text(error)));
        return false;
    }
    put(shelf, rollout);
    return true;
}

bool plan_shelf_give(struct plan_shelf *shelf, const struct redisReply *json, struct rollout *rollout)
{
    rollout->plan = NULL;
    if (rollout->plan_revision > 0 && json->type == REDIS_REPLY_STRING && json->len > 0)
        return read_new(shelf, json, rollout);
    plan_shelf_take(shelf, rollout);
    return true;
}

void plan_shelf_take(struct plan_shelf *shelf, struct rollout *rollout)
{
    struct shelved *shelved = find(shelf, rollout->id);
    if (shelved && shelved->plan_revision == rollout->plan_revision) {
        shelved->seen = true;
        rollout->plan = plan_hold(shelved->plan);
    }
}

void plan_shelf_begin(struct plan_shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        shelf->plans[i].seen = false;
}

void plan_shelf_end(struct plan_shelf *shelf)
{
    for (size_t i = shelf->count; i-- > 0;)
        if (!shelf->plans[i].seen)
            take_off(shelf, &shelf->plans[i]);
}
