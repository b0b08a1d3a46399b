/* What a rollout would do if it were started now: devices are shown to it one by one, and it counts whom it would take, in which stage, and why not the
 * others; then how long that takes at best. Pure: the predicates and stages are those of real rollouts, nothing is changed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/time_zone.h"
#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"

#define FORECAST_ROWS_MAX 32

/* Devices by a word: version, network, reason. What finds no row counts as others. */
struct forecast_table {
    unsigned count;
    struct {
        char word[VERSION_SIZE];
        int64_t devices;
    } rows[FORECAST_ROWS_MAX];
    int64_t others;
};

struct forecast_stage {
    int64_t devices, online;
};

struct forecast;
/* policy is borrowed; the rollout is copied, with its plan held: it may be in any state before its first stage. NULL: out of memory. */
struct forecast *forecast_new(const struct policy *policy, const struct rollout *rollout, int64_t now_ms);
void forecast_free(struct forecast *forecast);   /* NULL is allowed */

/* zone: the device's own, or else the plan's; NULL: UTC. It lives as long as the forecast. What another rollout does with the device is not looked at: that ends. */
void forecast_device(struct forecast *forecast, const struct device *device, const struct time_zone *zone);

struct forecast_result {
    int64_t looked;                        /* devices that were shown */
    int64_t taken;                         /* ... of which it would take so many */
    unsigned stage_count;
    struct forecast_stage stages[PLAN_STAGES_MAX];
    struct forecast_table versions, networks;   /* of those taken */
    struct forecast_table held;                 /* of those taken: what holds them back at present, but passes: conditions, windows, the stop of everything */
    struct forecast_table reasons;              /* of the others: name of the first predicate that does not hold */
};
const struct forecast_result *forecast_result(const struct forecast *forecast);

/* Why the engine would not pass this stage (or, the last one, complete) by itself, because of the devices that there are; NULL: it would. stage: its place in the
 * result; devices: the stage's, scaled when only a sample was shown. */
const char *forecast_stands(const struct forecast *forecast, unsigned stage, int64_t devices);

/* Half the width of the 95 % interval of any count (at the worst, of half the fleet) out of a random sample of `looked` of `fleet` devices, as a share of the
 * fleet in millionths; 0: all were seen. Normal approximation with the correction for a finite population. */
int64_t forecast_error_ppm(int64_t looked, int64_t fleet);

/* Seconds from a stage's beginning until its last device is done and its soak time over, for so many devices that are all online, need upgrade_s each, and
 * succeed: bounded by dispatches a minute (with their growth) and by upgrades in flight. Without windows. stage: from 1; 0 in a flat rollout. */
int64_t forecast_stage_s(const struct rollout *rollout, int64_t stage, int64_t devices, int64_t upgrade_s);

/* When a stage that begins then is over, unix ms: the same, and with windows, each device in its own zone and at its own second of them. stage: from 0, its place in
 * the result; devices: those that are online, scaled when only a sample was shown. *ret_longer: windows never open for some, or it would take too long to find out; it
 * lasts longer than is returned. */
int64_t forecast_stage_ends_ms(struct forecast *forecast, unsigned stage, int64_t devices, int64_t begins_ms, int64_t upgrade_s, bool *ret_longer);
