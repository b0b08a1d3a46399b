/* How long a stage takes. Without windows that is arithmetic; with them its devices are told minute by minute, group by group, while their windows are
 * open, and the time in which none is open is skipped. Groups stand for all devices of a zone that come in the same quarter of a window's spread. */
#include <stdlib.h>

#include "orchestrator/core/forecast_inside.h"
#include "orchestrator/core/schedule.h"

#define MINUTES_MAX 20000
#define MINUTE_MS 60000
#define FLIGHTS_MAX 4096      /* minutes in which somebody is under way: so an upgrade may take almost three days */
#define NEVER INT64_MAX
#define NOBODY 1e-6           /* counts of a sample are scaled, so they are fractions */

/* --- without windows --- */

/* Of at least one: minute by minute while the pace grows, the rest at the last pace. */
static int64_t dispatch_s(const struct rollout *rollout, int64_t devices)
{
    struct rollout at = *rollout;
    int64_t left = devices, minute = 0, pace = 0;
    at.stage_ms = 0;
    for (; left > 0 && minute < MINUTES_MAX; minute++) {
        int64_t before = pace;
        pace = schedule_per_minute(&at, minute * MINUTE_MS);
        if (pace == 0)
            return 0;
        if (pace == before && (at.plan->limits.growth_pct == 0 || pace == at.plan->limits.per_minute_max))
            break;
        left -= pace;
    }
    if (left <= 0)   /* a part of the last minute was enough */
        return (minute - 1) * 60 + (left + pace) * 60 / pace;
    return minute * 60 + left * 60 / pace;
}

static int64_t flight_s(int64_t devices, int64_t places, int64_t upgrade_s)
{
    return places > 0 ? (devices + places - 1) / places * upgrade_s : upgrade_s;
}

int64_t forecast_stage_s(const struct rollout *rollout, int64_t stage, int64_t devices, int64_t upgrade_s)
{
    int64_t soak_s = rollout->plan && stage > 0 ? rollout->plan->stages[stage - 1].soak_s : 0;
    if (devices == 0)
        return soak_s;
    int64_t told_s = rollout->plan ? dispatch_s(rollout, devices) + upgrade_s : 0;
    int64_t flown_s = flight_s(devices, rollout->max_in_flight, upgrade_s);
    return (told_s > flown_s ? told_s : flown_s) + soak_s;
}

/* --- groups --- */

static unsigned zone_index(struct forecast *forecast, const struct time_zone *zone)
{
    unsigned i = 0;
    while (i < forecast->zone_count && forecast->zones[i] != zone)
        i++;
    if (i == FORECAST_ZONES_MAX)
        return 0;
    if (i == forecast->zone_count)
        forecast->zones[forecast->zone_count++] = zone;
    return i;
}

void forecast_group_add(struct forecast *forecast, unsigned stage, const struct heartbeat *heartbeat, const struct time_zone *zone)
{
    const struct rollout *at = &forecast->at[stage];
    if (!at->plan || at->plan->windows.count == 0)
        return;
    unsigned place = schedule_window_place(at->id, heartbeat->device_id) * FORECAST_PLACES / 10000;
    forecast->online[stage][zone_index(forecast, zone) * FORECAST_PLACES + place]++;
}

/* --- with windows --- */

struct group {
    const struct time_zone *zone;
    unsigned place;              /* in the middle of those it stands for */
    double left;                 /* devices that are still to be told */
    bool open;
    int64_t change_ms;           /* when it opens or closes next */
    int64_t told_ms;             /* when the last of them were told */
};

struct flight {
    int64_t until_ms;
    double devices;
};

struct run {
    struct forecast *forecast;
    const struct rollout *rollout;   /* as it is in the stage, which begins with the run */
    int64_t at_ms, upgrade_ms;
    unsigned count;
    struct group groups[FORECAST_GROUPS];
    double left, open_left, in_flight;
    unsigned first, flights;         /* a ring */
    struct flight flying[FLIGHTS_MAX];
};

static const struct plan_windows *windows_of(const struct run *run)
{
    return &run->rollout->plan->windows;
}

static void group_look(const struct run *run, struct group *group)
{
    group->open = schedule_is_open(windows_of(run), WINDOW_DOWNLOAD, group->zone, group->place, run->at_ms);
    group->change_ms = schedule_change_ms(windows_of(run), WINDOW_DOWNLOAD, group->zone, group->place, run->at_ms);
    if (group->change_ms == 0)
        group->change_ms = NEVER;
}

static void run_begin(struct run *run, struct forecast *forecast, unsigned stage, double scale, int64_t begins_ms)
{
    run->forecast = forecast;
    run->rollout = &forecast->at[stage];
    run->at_ms = begins_ms;
    for (unsigned i = 0; i < forecast->zone_count * FORECAST_PLACES; i++) {
        struct group *group = &run->groups[run->count];
        if (forecast->online[stage][i] == 0)
            continue;
        *group = (struct group){.zone = forecast->zones[i / FORECAST_PLACES], .left = (double)forecast->online[stage][i] * scale, .told_ms = begins_ms,
                                .place = (2 * (i % FORECAST_PLACES) + 1) * 10000 / (2 * FORECAST_PLACES)};
        group_look(run, group);
        run->left += group->left;
        run->count++;
    }
}

/* Brings the groups up to run->at_ms. Returns when the next one changes. */
static int64_t groups_update(struct run *run)
{
    int64_t next_ms = NEVER;
    run->open_left = 0;
    for (unsigned i = 0; i < run->count; i++) {
        struct group *group = &run->groups[i];
        if (group->left <= NOBODY)
            continue;
        if (group->change_ms <= run->at_ms)
            group_look(run, group);
        if (group->open)
            run->open_left += group->left;
        if (group->change_ms < next_ms)
            next_ms = group->change_ms;
    }
    return next_ms;
}

static void flights_land(struct run *run)
{
    while (run->flights > 0 && run->flying[run->first].until_ms <= run->at_ms) {
        run->in_flight -= run->flying[run->first].devices;
        run->first = (run->first + 1) % FLIGHTS_MAX;
        run->flights--;
    }
}

/* So many of the open groups, of each its share. */
static void tell(struct run *run, double devices, int64_t told_ms)
{
    double share = devices / run->open_left;
    for (unsigned i = 0; i < run->count; i++) {
        struct group *group = &run->groups[i];
        if (!group->open || group->left <= NOBODY)
            continue;
        group->left -= group->left * share;
        group->told_ms = told_ms;
    }
    run->left -= devices;
    run->in_flight += devices;
    run->flying[(run->first + run->flights) % FLIGHTS_MAX] = (struct flight){told_ms + run->upgrade_ms, devices};
    run->flights++;
}

/* What one minute does, or the time until something can be done. False: nothing will ever happen again, or it would take too long to find out. */
static bool minute_pass(struct run *run)
{
    int64_t next_ms = groups_update(run), pace, landing_ms;
    flights_land(run);
    landing_ms = run->flights > 0 ? run->flying[run->first].until_ms : NEVER;
    double room = run->rollout->max_in_flight > 0 ? (double)run->rollout->max_in_flight - run->in_flight : run->open_left;
    if (run->open_left <= NOBODY || room <= NOBODY || run->flights == FLIGHTS_MAX) {
        run->at_ms = run->open_left <= NOBODY ? next_ms : landing_ms < next_ms ? landing_ms : next_ms;
        return run->at_ms < NEVER;
    }
    pace = schedule_per_minute(run->rollout, run->at_ms);
    double devices = run->open_left < room ? run->open_left : room;
    if (pace > 0 && devices > (double)pace)
        devices = (double)pace;
    int64_t took_ms = pace > 0 ? (int64_t)(devices * MINUTE_MS / (double)pace) : 0;
    tell(run, devices, run->at_ms + took_ms);
    run->at_ms += took_ms;
    return true;
}

/* When the last of a group that was told then has installed: at once, or when its own window for that opens. */
static int64_t done_ms(const struct run *run, const struct group *group)
{
    int64_t after_ms, before_ms;
    schedule_install(windows_of(run), group->zone, group->place, group->told_ms, &after_ms, &before_ms);
    return (after_ms > group->told_ms ? after_ms : group->told_ms) + run->upgrade_ms;
}

int64_t forecast_stage_ends_ms(struct forecast *forecast, unsigned stage, int64_t devices, int64_t begins_ms, int64_t upgrade_s, bool *ret_longer)
{
    struct rollout *at = &forecast->at[stage];
    int64_t online = forecast->result.stages[stage].online, ends_ms = begins_ms;
    *ret_longer = false;
    at->stage_ms = begins_ms;
    if (!at->plan || at->plan->windows.count == 0 || online == 0)
        return begins_ms + 1000 * forecast_stage_s(at, at->plan ? (int64_t)stage + 1 : 0, devices, upgrade_s);
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return *ret_longer = true, begins_ms;
    run->upgrade_ms = upgrade_s * 1000;
    run_begin(run, forecast, stage, (double)devices / (double)online, begins_ms);
    while (run->left > NOBODY && !*ret_longer)
        *ret_longer = forecast->steps_left == 0 || (forecast->steps_left--, !minute_pass(run));
    for (unsigned i = 0; i < run->count; i++) {
        int64_t group_ms = done_ms(run, &run->groups[i]);
        ends_ms = group_ms > ends_ms ? group_ms : ends_ms;
    }
    free(run);
    return ends_ms + 1000 * at->plan->stages[stage].soak_s;
}
