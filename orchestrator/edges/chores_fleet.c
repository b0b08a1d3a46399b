/* The leader's chores. One instance of several holds a lease in Redis; it goes to another when it is not prolonged. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/chores_inside.h"

#define LEASE_MS 15000
#define SWEEP_AT_A_TIME 500

/* --- leadership --- */

bool chores_is_leader(const struct chores *chores)
{
    return clock_mono_ms() < chores->leader_until_mono_ms;
}

static void led(void *arg, enum drover_error error, bool leader)
{
    struct chores *chores = arg;
    bool before = chores_is_leader(chores);

    /* The lease began when Redis answered, so it is counted from before the question: shorter here than there. */
    if (!error)
        chores->leader_until_mono_ms = leader ? chores->led_asked_mono_ms + LEASE_MS : 0;
    if (!error && leader != before)
        log_event(LOG_INFO, leader ? "leader_begins" : "leader_ends", LOG_NUMBER("lease_ms", LEASE_MS));
    if (!error && leader && !before)
        chores_releases_changed(chores);
    chore_finish(&chores->chores[CHORE_LEADER], error, -1);
}

void chores_lead(void *arg)
{
    struct chores *chores = arg;

    chores->led_asked_mono_ms = clock_mono_ms();
    store_leader(chores->config.store, LEASE_MS, led, chores);
}

void chores_resign(struct chores *chores)
{
    if (chores_is_leader(chores))
        store_leader_resign(chores->config.store, NULL, NULL);
    chores->leader_until_mono_ms = 0;
}

/* --- offline sweep --- */

static void swept(void *arg, enum drover_error error, size_t count)
{
    struct chores *chores = arg;

    if (!error)
        chores->counters.swept += count;
    chore_finish(&chores->chores[CHORE_SWEEP], error, !error && count >= SWEEP_AT_A_TIME ? 0 : -1);
}

void chores_sweep(void *arg)
{
    struct chores *chores = arg;
    int64_t offline_after_ms = chores->config.policy->offline_after_ms;
    bool heard_long = chores->hearing_since_mono_ms && clock_mono_ms() - chores->hearing_since_mono_ms >= offline_after_ms;

    if (heard_long && chores_is_leader(chores))
        store_sweep_offline(chores->config.store, clock_unix_ms(), offline_after_ms, SWEEP_AT_A_TIME, swept, chores);
    else
        chore_finish(&chores->chores[CHORE_SWEEP], DROVER_OK, -1);
}

/* --- pauses, error budgets --- */

void chores_write_alarm(struct chores *chores, enum rollout_state from, const struct rollout *rollout, const char *on)
{
    struct event event = {.at_ms = clock_unix_ms(), .kind = "alarm", .device_id = "-", .upgrade_id = "-", .error = "-"};

    (void)text_copy(event.model, sizeof event.model, rollout->model);
    (void)text_copy(event.rollout, sizeof event.rollout, rollout->id);
    (void)text_copy(event.from, sizeof event.from, rollout_state_name(from));
    (void)text_copy(event.to, sizeof event.to, rollout_state_name(rollout->state));
    (void)text_copy(event.on, sizeof event.on, on);
    (void)text_copy(event.version, sizeof event.version, rollout->version);
    (void)text_copy(event.why, sizeof event.why, rollout->why);
    event.revision = rollout->revision;
    store_event_add(chores->config.store, &event, NULL, NULL);
}

void chores_say_paused(struct chores *chores, const struct rollout *rollout, const char *on)
{
    log_event(LOG_ERROR, "rollout_paused", LOG_TEXT("rollout", rollout->id), LOG_TEXT("model", rollout->model), LOG_TEXT("why", rollout->why));
    chores_write_alarm(chores, ROLLOUT_RUNNING, rollout, on);
}

static void rollout_paused(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct chores *chores = arg;

    chores->pauses_open--;
    if (error) { /* changed meanwhile, or Redis away: the next reading decides again */
        log_event(LOG_WARN, "budget_pause_failed", LOG_TEXT("why", drover_error_text(error)));
    } else {
        chores->counters.budget_pauses++;
        chores_say_paused(chores, rollout, "budget_spent");
    }
    chores_rollouts_changed(chores);
}

void chores_pause(struct chores *chores, const struct rollout *rollout, const char *why, store_rollout_changed *done)
{
    const struct rollout_change change = {.id = rollout->id, .on = ROLLOUT_EVENT_PAUSE, .to = ROLLOUT_PAUSED, .expected_revision = rollout->revision,
                                          .why = why, .at_ms = clock_unix_ms()};
    chores->pauses_open++;
    store_rollout_move(chores->config.store, &change, done, chores);
}

void chores_watch_budgets(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    char why[sizeof rollouts->why];

    budget_observe(&chores->budgets, rollouts, count);
    if (!chores_is_leader(chores) || chores->pauses_open)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!budget_is_over(&chores->budgets, &rollouts[i], why, sizeof why))
            continue;
        chores_pause(chores, &rollouts[i], why, rollout_paused);
    }
}

/* --- series --- */

static int64_t rate(uint64_t now, uint64_t before, int64_t span_ms)
{
    return span_ms > 0 && now > before ? (int64_t)((now - before) * 1000 / (uint64_t)span_ms) : 0;
}

static void series_added(void *arg, enum drover_error error)
{
    struct chores *chores = arg;

    chore_finish(&chores->chores[CHORE_SERIES], error, -1);
}

/* The same fields in every entry: Grafana takes a stream's columns from its first one. */
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models,
                       size_t count)
{
    struct chores *chores = arg;
    int64_t now_ms = clock_mono_ms(), span_ms = now_ms - chores->sampled_mono_ms;
    struct chores_sample sample = {.heartbeats = 0};

    (void)models;
    if (error) {
        chore_finish(&chores->chores[CHORE_SERIES], error, -1);
        return;
    }
    chores->config.sample(chores->config.arg, &sample);
    const struct series_field fields[] = {
        {"devices", devices},
        {"online", online},
        {"models", (int64_t)count},
        {"rollouts_running", (int64_t)chores->counters.rollouts_running},
        {"in_flight", chores->counters.in_flight},
        {"heartbeats_per_s", rate(sample.heartbeats, chores->before.heartbeats, span_ms)},
        {"reports_per_s", rate(sample.reports, chores->before.reports, span_ms)},
        {"moves_per_s", rate(sample.moves, chores->before.moves, span_ms)},
        {"lag_p99_ms", sample.lag_p99_ms},
        {"redis_max_us", sample.redis_max_us},
        {"ring_pct", sample.ring_pct},
        {"outbox", sample.outbox},
    };
    chores->before = sample;
    chores->sampled_mono_ms = now_ms;
    store_series_add(chores->config.store, fields, sizeof fields / sizeof fields[0], series_added, chores);
}

void chores_write_series(void *arg)
{
    struct chores *chores = arg;

    if (!chores->sampled_mono_ms) { /* rates need a beginning */
        chores->config.sample(chores->config.arg, &chores->before);
        chores->sampled_mono_ms = clock_mono_ms();
        chore_finish(&chores->chores[CHORE_SERIES], DROVER_OK, -1);
    } else if (chores_is_leader(chores)) {
        store_fleet(chores->config.store, fleet_read, chores);
    } else {
        chores->sampled_mono_ms = 0;
        chore_finish(&chores->chores[CHORE_SERIES], DROVER_OK, -1);
    }
}
