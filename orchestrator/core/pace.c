/* See pace.h. */
#include "orchestrator/core/pace.h"

#define SPREAD_STEP_S 30
#define NARROWER_BY 4

const char pace_refusal[] = "the depot has no room for another download";

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

int64_t pace_taken(const struct pace *pace)
{
    return pace->announced + pace->deciding + larger(pace->downloading, pace->depot.used);
}

bool pace_has_room(const struct pace *pace)
{
    return pace->depot.places == 0 || pace_taken(pace) < pace->depot.places;
}

int64_t pace_spread_s(const struct depot_load *depot, int64_t planned_s, int64_t told_s)
{
    int64_t queue_s = (depot->ahead_ms + 999) / 1000, spread_s = planned_s;
    for (int64_t step_s = SPREAD_STEP_S; spread_s < queue_s; step_s *= 2)
        spread_s = larger(step_s, planned_s);
    bool still_wide = told_s > spread_s && told_s < NARROWER_BY * larger(queue_s, 1);
    return still_wide ? told_s : spread_s;
}
