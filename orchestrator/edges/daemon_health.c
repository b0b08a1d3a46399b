/* Arithmetic on what daemon.c and the links show. */
#include "orchestrator/edges/daemon_health.h"

void health_tick(struct daemon_health *health, int64_t mono_us)
{
    int64_t lag_us = health->expected_mono_us ? mono_us - health->expected_mono_us : 0;

    if (health->expected_mono_us) {
        histogram_record(&health->lag_us, lag_us);
        histogram_record(&health->recent_lag_us, lag_us);
    }
    health->expected_mono_us = mono_us + HEALTH_TICK_MS * 1000;
}

void health_link(struct link_health *link, bool ready, bool busy, uint64_t done, uint64_t tries, int64_t mono_ms)
{
    bool progress = link->progress_mono_ms == 0 || ready != link->ready || (ready ? !busy || done != link->done : tries != link->tries);

    link->ready = ready;
    link->busy = busy;
    link->done = done;
    link->tries = tries;
    if (progress)
        link->progress_mono_ms = mono_ms;
}

bool health_is_alive(const struct daemon_health *health, int64_t mono_ms)
{
    return mono_ms - health->redis.progress_mono_ms < HEALTH_STUCK_MS && mono_ms - health->mqtt.progress_mono_ms < HEALTH_STUCK_MS;
}

int64_t health_take_recent(struct daemon_health *health)
{
    int64_t p99_us = (int64_t)histogram_quantile(&health->recent_lag_us, 0.99);

    histogram_clear(&health->recent_lag_us);
    return (p99_us + 999) / 1000;
}
