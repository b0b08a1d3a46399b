/* Is droverd well? Measures how late the loop's timers fire, decides when the service manager's watchdog may be fed, and
 * what STATUS= says. Pure but for the timer's owner (daemon.c), which calls health_tick every HEALTH_TICK_MS. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/edges/metrics_histogram.h"

#define HEALTH_TICK_MS 100
#define HEALTH_STUCK_MS 20000   /* a link that neither works nor tries for this long is stuck */

/* One link as seen from outside: it makes progress when it answers or, being away, goes on trying. */
struct link_health {
    bool ready;
    bool busy;                /* has something outstanding */
    uint64_t done;            /* counts answers; standing still while busy is no progress */
    uint64_t tries;           /* counts attempts to connect; standing still while not ready is no progress */
    int64_t progress_mono_ms; /* when it last made progress */
};

struct daemon_health {
    struct histogram lag_us;         /* since start, for /metrics */
    struct histogram recent_lag_us;  /* since health_take_recent */
    int64_t expected_mono_us;        /* when the next tick is due; 0 before the first */
    struct link_health redis, mqtt;
};

/* Call every HEALTH_TICK_MS; records the lag. */
void health_tick(struct daemon_health *health, int64_t mono_us);
/* Tells what a link shows now. */
void health_link(struct link_health *link, bool ready, bool busy, uint64_t done, uint64_t tries, int64_t mono_ms);
/* True while both links make progress: the watchdog may be fed. That the loop does is shown by calling this at all. */
bool health_is_alive(const struct daemon_health *health, int64_t mono_ms);
/* The 99th percentile of the lag since the last call, in ms. */
int64_t health_take_recent(struct daemon_health *health);
