/* What the forecast*.c files share. */
#pragma once

#include "common/time_zone.h"
#include "orchestrator/core/forecast.h"

#define FORECAST_STRATA_MAX 256   /* of all stages together; devices of a further one count as taken */
#define FORECAST_ZONES_MAX 32     /* devices of a further zone count as of the first */
#define FORECAST_PLACES 4         /* groups of devices by their second in the windows (schedule.h) */
#define FORECAST_GROUPS (FORECAST_ZONES_MAX * FORECAST_PLACES)

struct forecast {
    const struct policy *policy;
    int64_t now_ms;
    struct forecast_result result;
    unsigned stratum_count;
    struct {
        int64_t stage;
        uint64_t hash;
        int64_t devices;
    } strata[FORECAST_STRATA_MAX];
    unsigned zone_count;
    const struct time_zone *zones[FORECAST_ZONES_MAX];
    int64_t online[PLAN_STAGES_MAX][FORECAST_GROUPS];   /* by zone and place: group zone x FORECAST_PLACES + place. With windows only */
    unsigned steps_left;        /* of the search through windows, for all stages together */
    struct rollout at[];        /* [i]: as it is in stage i + 1; one when there are no stages */
};

/* One more device that is online, in this place of the stages. */
void forecast_group_add(struct forecast *forecast, unsigned stage, const struct heartbeat *heartbeat, const struct time_zone *zone);
