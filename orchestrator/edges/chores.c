/* Rollouts, notices and deadlines: the chores of every instance. */
#include "orchestrator/edges/chores_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "orchestrator/edges/store_control.h"

static void stop_read(void *arg, enum drover_error error, const struct stop *stop);

#define ROLLOUTS_MS 1000
#define NOTICES_MS 1000
#define DEADLINES_MS 100         /* when nothing was due; half of it when something was */
#define DEADLINES_AT_A_TIME 200
#define LEADER_MS 5000
#define SWEEP_MS 1000
#define SERIES_MS 10000
#define PROOFS_MS 10000
#define DELTAS_MS 2000

/* --- notices --- */

static bool notice_said(void *arg, const char *model, const struct notice *notice)
{
    struct chores *chores = arg;

    if (!chores->config.say_notice(chores->config.arg, model, notice))
        return false;
    if (notice) {
        chores->counters.notices_said++;
        log_event(LOG_INFO, "notice_said", LOG_TEXT("model", model), LOG_TEXT("rollout", notice->rollout),
                  LOG_TEXT("version", notice->version), LOG_NUMBER("spread_s", notice->spread_s));
    } else {
        chores->counters.notices_cleared++;
        log_event(LOG_INFO, "notice_cleared", LOG_TEXT("model", model));
    }
    return true;
}

static void notices_update(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    const struct notice_place place = {chores->config.public_url, flow_pace(chores->config.flow)->depot};

    notice_update(&chores->notices, rollouts, count, &place, notice_said, chores);
}

static void all_rollouts_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct chores *chores = arg;

    if (!error && chores->mqtt_ready) {
        notice_forget(&chores->notices);
        chores->notices_stale = false;
        notices_update(chores, rollouts, count);
    }
    chore_finish(&chores->chores[CHORE_NOTICES], error, -1);
}

/* After each connection to the broker: it may hold notices of offers that ended while nobody told it, so every model that ever
 * had a rollout is told where it stands. */
static void notices_run(void *arg)
{
    struct chores *chores = arg;

    if (chores->notices_stale && chores->redis_ready && chores->mqtt_ready)
        store_rollouts(chores->config.store, ROLLOUTS_ALL, all_rollouts_read, chores);
    else
        chore_finish(&chores->chores[CHORE_NOTICES], DROVER_OK, -1);
}

/* --- rollouts --- */

static void rollouts_count(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    chores->counters.rollouts_known = count;
    chores->counters.rollouts_running = 0;
    chores->counters.in_flight = 0;
    for (size_t i = 0; i < count; i++) {
        chores->counters.rollouts_running += rollouts[i].state == ROLLOUT_RUNNING;
        chores->counters.in_flight += rollout_in_flight(&rollouts[i]);
    }
}

static void rollouts_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct chores *chores = arg;

    if (!error) {
        flow_set_rollouts(chores->config.flow, rollouts, count);
        chores->config.rollouts_read(chores->config.arg, rollouts, count);
        rollouts_count(chores, rollouts, count);
        if (chores->mqtt_ready && !chores->notices_stale)
            notices_update(chores, rollouts, count);
        chores_watch_budgets(chores, rollouts, count);
        chores_watch_releases(chores, rollouts, count);
        chores_watch_backs(chores, rollouts, count);
        chores_run_engine(chores, rollouts, count);
    }
    chore_finish(&chores->chores[CHORE_ROLLOUTS], error, -1);
}

static void rollouts_run(void *arg)
{
    struct chores *chores = arg;

    store_stop(chores->config.store, stop_read, chores);
    store_rollouts(chores->config.store, ROLLOUTS_KNOWN, rollouts_read, chores);   /* answered after it */
}

static void stop_read(void *arg, enum drover_error error, const struct stop *stop)
{
    struct chores *chores = arg;

    if (!error)
        flow_set_stopped(chores->config.flow, stop->at_ms);
}

/* --- deadlines --- */

static void deadlines_worked_off(void *arg, enum drover_error error, const char *why)
{
    struct chores *chores = arg;
    int64_t taken = 0;
    int64_t next_ms = DEADLINES_MS;

    if (!error && text_to_i64(why, strspn(why, "0123456789"), 0, INT32_MAX, &taken) && taken > 0) {
        chores->counters.deadlines += (uint64_t)taken;
        next_ms = taken >= DEADLINES_AT_A_TIME ? 0 : DEADLINES_MS / 2;
    }
    chore_finish(&chores->chores[CHORE_DEADLINES], error, next_ms);
}

static void deadlines_run(void *arg)
{
    struct chores *chores = arg;
    int64_t wait_ms = chores->deadlines_from_mono_ms - clock_mono_ms();

    if (!chores->hearing_since_mono_ms)
        chore_finish(&chores->chores[CHORE_DEADLINES], DROVER_OK, DEADLINES_MS);
    else if (wait_ms > 0)
        chore_finish(&chores->chores[CHORE_DEADLINES], DROVER_OK, wait_ms);
    else
        flow_deadlines(chores->config.flow, DEADLINES_AT_A_TIME, deadlines_worked_off, chores);
}

/* --- the whole --- */

static const struct {
    const char *name;
    int64_t interval_ms;
    void (*run)(void *chores);
} plan[CHORE_COUNT] = {
    [CHORE_ROLLOUTS] = {"rollouts", ROLLOUTS_MS, rollouts_run},
    [CHORE_NOTICES] = {"notices", NOTICES_MS, notices_run},
    [CHORE_DEADLINES] = {"deadlines", DEADLINES_MS, deadlines_run},
    [CHORE_LEADER] = {"leader", LEADER_MS, chores_lead},
    [CHORE_SWEEP] = {"sweep", SWEEP_MS, chores_sweep},
    [CHORE_SERIES] = {"series", SERIES_MS, chores_write_series},
    [CHORE_PROOFS] = {"proofs", PROOFS_MS, chores_prove_releases},
    [CHORE_DELTAS] = {"deltas", DELTAS_MS, chores_derive_deltas},
};

struct chores *chores_new(const struct chores_config *config)
{
    struct chores *chores = calloc(1, sizeof *chores);

    if (!chores)
        return NULL;
    chores->config = *config;
    chores->notices_stale = true;
    for (unsigned i = 0; i < CHORE_COUNT; i++) {
        if (chore_init(&chores->chores[i], config->base, plan[i].name, plan[i].interval_ms, plan[i].run, chores) != DROVER_OK) {
            chores_free(chores);
            return NULL;
        }
    }
    return chores;
}

void chores_start(struct chores *chores)
{
    for (unsigned i = 0; i < CHORE_COUNT; i++)
        chore_start(&chores->chores[i]);
}

void chores_stop(struct chores *chores)
{
    for (unsigned i = 0; i < CHORE_COUNT; i++)
        chore_stop(&chores->chores[i]);
}

bool chores_are_idle(const struct chores *chores)
{
    bool busy = chores->pauses_open > 0 || chores->backs_open > 0 || chores->looks_open > 0;

    for (unsigned i = 0; i < CHORE_COUNT; i++)
        busy = busy || chores->chores[i].busy;
    return !busy;
}

void chores_free(struct chores *chores)
{
    if (!chores)
        return;
    for (unsigned i = 0; i < CHORE_COUNT; i++)
        chore_done(&chores->chores[i]);
    chores_derivations_free(chores);
    free(chores);
}

void chores_rollouts_changed(struct chores *chores)
{
    chore_now(&chores->chores[CHORE_ROLLOUTS]);
}

/* Devices that spoke while droverd was deaf for longer than a heartbeat must be heard before they are judged. */
static void hearing_begins(struct chores *chores, int64_t now_ms)
{
    bool long_deaf = !chores->deaf_since_mono_ms || now_ms - chores->deaf_since_mono_ms >= chores->config.policy->heartbeat_ms;

    chores->hearing_since_mono_ms = now_ms;
    if (long_deaf)
        chores->deadlines_from_mono_ms = now_ms + chores->config.policy->heartbeat_ms;
}

void chores_links_changed(struct chores *chores, bool redis_ready, bool mqtt_ready)
{
    bool both_before = chores->redis_ready && chores->mqtt_ready, both = redis_ready && mqtt_ready;
    int64_t now_ms = clock_mono_ms();

    if (mqtt_ready && !chores->mqtt_ready)
        chores->notices_stale = true;
    chores->redis_ready = redis_ready;
    chores->mqtt_ready = mqtt_ready;
    if (both && !both_before) {
        hearing_begins(chores, now_ms);
        for (enum chore_id id = CHORE_ROLLOUTS; id <= CHORE_LEADER; id++)
            chore_now(&chores->chores[id]);
    } else if (!both && both_before) {
        chores->hearing_since_mono_ms = 0;
        chores->deaf_since_mono_ms = now_ms;
    }
}

struct chores_counters chores_counters(const struct chores *chores)
{
    struct chores_counters counters = chores->counters;

    counters.leader = chores_is_leader(chores);
    for (unsigned i = 0; i < CHORE_COUNT; i++)
        counters.failures += chores->chores[i].failures;
    return counters;
}
