/* See forecast.h; how long it takes is in forecast_time.c. One copy of the rollout stands in each stage, so that stage_of answers as it would then. */
#include "orchestrator/core/forecast_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/predicates.h"
#include "orchestrator/core/stage.h"

#define STEPS_MAX 40000   /* some 30 ms, with groups of 32 zones */

struct forecast *forecast_new(const struct policy *policy, const struct rollout *rollout, int64_t now_ms)
{
    unsigned count = rollout->plan ? rollout->plan->stage_count : 1;
    struct forecast *forecast = calloc(1, sizeof *forecast + count * sizeof forecast->at[0]);
    if (!forecast)
        return NULL;
    forecast->policy = policy;
    forecast->now_ms = now_ms;
    forecast->result.stage_count = count;
    forecast->steps_left = STEPS_MAX;
    for (unsigned i = 0; i < count; i++) {
        struct rollout *at = &forecast->at[i];
        rollout_keep(at, rollout);
        if (at->plan)
            rollout_enter_stage(at, (int64_t)i + 1, now_ms);
        at->state = ROLLOUT_RUNNING;
        at->start_ms = 0;
    }
    return forecast;
}

void forecast_free(struct forecast *forecast)
{
    if (!forecast)
        return;
    for (unsigned i = 0; i < forecast->result.stage_count; i++)
        rollout_drop(&forecast->at[i]);
    free(forecast);
}

const struct forecast_result *forecast_result(const struct forecast *forecast)
{
    return &forecast->result;
}

static void table_count(struct forecast_table *table, const char *word)
{
    unsigned i = 0;
    while (i < table->count && strcmp(table->rows[i].word, word) != 0)
        i++;
    if (i == FORECAST_ROWS_MAX) {
        table->others++;
        return;
    }
    if (i == table->count) {
        table->count++;
        (void)text_copy(table->rows[i].word, sizeof table->rows[i].word, word);
    }
    table->rows[i].devices++;
}

/* What holds only at times. Whoever it holds back now will be taken another time. */
static bool passes_by_time(const char *predicate)
{
    static const char *const names[] = {"stop", "conditions", "window"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], predicate) == 0)
            return true;
    return false;
}

/* The first predicate that would hold it back for good, or NULL, and the first that does for now (or NULL). The stage is looked at apart, limits are not:
 * they say when. */
static const char *reason_of(const struct forecast *forecast, const struct device *device, const struct time_zone *zone, const char **ret_held)
{
    const struct look look = {.now_ms = forecast->now_ms, .policy = forecast->policy, .rollout = &forecast->at[0], .zone = zone, .heartbeat = &device->last, .device = device};
    unsigned count;
    const struct predicate *rows = predicates(&count);
    *ret_held = NULL;
    for (unsigned i = 0; i < count; i++) {
        bool asked = !rows[i].limit && (!look.rollout->plan || strcmp(rows[i].name, "stage") != 0);
        if (!asked || !rows[i].refusal(&look))
            continue;
        if (!passes_by_time(rows[i].name))
            return rows[i].name;
        if (!*ret_held)
            *ret_held = rows[i].name;
    }
    return NULL;
}

/* One more in this stage; of a stage that counts, in its stratum. */
static void stage_take(struct forecast *forecast, unsigned i, const struct heartbeat *heartbeat)
{
    struct rollout *at = &forecast->at[i];
    const struct plan_stage *stage = &at->plan->stages[i];
    char stratum[ID_SIZE];
    unsigned j = 0;
    at->staged.opened++;
    if (stage->kind != STAGE_COUNT || !stage->per[0])
        return;
    stage_stratum(stage, heartbeat, stratum);
    uint64_t hash = hash_text(stratum, 0);
    while (j < forecast->stratum_count && (forecast->strata[j].stage != at->stage || forecast->strata[j].hash != hash))
        j++;
    if (j == FORECAST_STRATA_MAX)
        return;
    if (j == forecast->stratum_count) {
        forecast->stratum_count++;
        forecast->strata[j].stage = at->stage;
        forecast->strata[j].hash = hash;
    }
    if (++forecast->strata[j].devices == stage->count)
        stage_note_stratum(at, stratum, stage->count);
}

/* The place of the stage that takes it, or -1. */
static int stage_find(const struct forecast *forecast, const struct heartbeat *heartbeat)
{
    if (!forecast->at[0].plan)
        return 0;
    for (unsigned i = 0; i < forecast->result.stage_count; i++)
        if (stage_of(&forecast->at[i], heartbeat) == (int64_t)i + 1)
            return (int)i;
    return -1;
}

void forecast_device(struct forecast *forecast, const struct device *device, const struct time_zone *zone)
{
    struct forecast_result *result = &forecast->result;
    const struct heartbeat *heartbeat = &device->last;
    const char *held, *reason = reason_of(forecast, device, zone, &held);
    int stage = reason ? -1 : stage_find(forecast, heartbeat);
    result->looked++;
    if (stage < 0) {
        table_count(&result->reasons, reason ? reason : "stage");
        return;
    }
    if (forecast->at[0].plan)
        stage_take(forecast, (unsigned)stage, heartbeat);
    result->taken++;
    result->stages[stage].devices++;
    result->stages[stage].online += device->online;
    if (device->online)
        forecast_group_add(forecast, (unsigned)stage, heartbeat, zone);
    if (held)
        table_count(&result->held, held);
    table_count(&result->versions, heartbeat->version);
    table_count(&result->networks, heartbeat->network[0] ? heartbeat->network : "-");
}

/* --- as engine.c passes stages --- */

static int64_t online_in(const struct forecast *forecast, unsigned first, unsigned end)
{
    int64_t online = 0;
    for (unsigned i = first; i < end; i++)
        online += forecast->result.stages[i].online;
    return online;
}

/* When nobody is left for the last stage, the rollout is through; any other one must have tried the release. Of a stage that counts those were found that were shown
 * first; any of a later stage that is online would be faster than they. */
static bool has_nobody(const struct forecast *forecast, unsigned stage)
{
    unsigned count = forecast->result.stage_count;
    bool last = stage + 1 == count, counts = forecast->at[0].plan->stages[stage].kind == STAGE_COUNT;
    if (last && online_in(forecast, 0, stage) > 0)
        return false;
    return forecast->result.stages[stage].devices == 0 || online_in(forecast, stage, counts ? count : stage + 1) == 0;
}

const char *forecast_stands(const struct forecast *forecast, unsigned stage, int64_t devices)
{
    enum { NOBODY, OFFLINE, FEW };
    static const char *const texts[][2] = {   /* in the middle, the last one */
        [NOBODY] = {"no device fits it: it stands until an operator promotes it", "no device fits it: the rollout does not complete by itself"},
        [OFFLINE] = {"none of its devices is online: it stands until one comes, or an operator promotes it",
                     "none of its devices is online: the rollout does not complete before one comes"},
        [FEW] = {"fewer devices fit than its count: it stands until more come, or an operator promotes it",
                 "fewer devices fit than its count: the rollout does not complete before more come"},
    };
    const struct plan *plan = forecast->at[0].plan;
    bool last = stage + 1 == forecast->result.stage_count;
    if (!plan)
        return NULL;
    if (plan->stages[stage].kind == STAGE_COUNT && !plan->stages[stage].per[0] && devices > 0 && devices < plan->stages[stage].count)
        return texts[FEW][last];
    return has_nobody(forecast, stage) ? texts[devices > 0 ? OFFLINE : NOBODY][last] : NULL;
}

int64_t forecast_error_ppm(int64_t looked, int64_t fleet)
{
    if (looked <= 0 || looked >= fleet)
        return 0;
    double left = 1 - (double)looked / (double)fleet;
    return (int64_t)ceil(1.96 * sqrt(0.25 / (double)looked * left) * 1e6);
}
