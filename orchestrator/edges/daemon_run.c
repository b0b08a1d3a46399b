/* A turn of the running droverd: what it does when a link changes, ten times a second, and when it is told to end. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/sd_notify.h"

#define WAITING_SAID_MS 5000    /* how often the log says what is missing */
#define DRAIN_MS 10000          /* from the signal to the end at the latest */
#define ANSWERS_MS 2000         /* of these: for answers to HTTP requests; long polls are cut */

/* --- links --- */

/* Appends "redis" or "mqtt", "mqtt and redis". buffer NULL: only the answer. */
static bool links_ready(struct daemon *daemon, struct buffer *missing)
{
    bool redis = redis_link_is_ready(daemon->redis);

    if (missing && !daemon->mqtt_ready)
        buffer_add_text(missing, redis ? "mqtt" : "mqtt and ");
    if (missing && !redis)
        buffer_add_text(missing, "redis");
    return redis && daemon->mqtt_ready;
}

bool daemon_ready(void *arg, struct buffer *missing)
{
    struct daemon *daemon = arg;

    if (daemon->phase < DAEMON_DRAINING)
        return links_ready(daemon, missing);
    if (missing)
        buffer_add_text(missing, "it is about to end");
    return false;
}

static void links_changed(struct daemon *daemon)
{
    chores_links_changed(daemon->chores, redis_link_is_ready(daemon->redis), daemon->mqtt_ready);
    if (daemon->phase != DAEMON_WAITING || !links_ready(daemon, NULL))
        return;
    daemon->phase = DAEMON_RUNNING;
    log_event(LOG_INFO, "ready", LOG_NUMBER("after_ms", clock_mono_ms() - daemon->started_mono_ms));
    (void)sd_notify("READY=1");
}

void daemon_redis_changed(void *arg, bool ready, const char *why)
{
    struct daemon *daemon = arg;

    (void)why; /* the link has said it */
    if (ready && daemon->phase < DAEMON_DRAINING)
        ingest_resume(daemon->ingest);
    links_changed(daemon);
}

void daemon_mqtt_changed(struct daemon *daemon)
{
    struct mqtt_link_state state;

    mqtt_link_seen(daemon->mqtt);
    mqtt_link_state(daemon->mqtt, &state);
    if (state.subscribed != daemon->mqtt_ready) {
        if (state.subscribed)
            log_event(LOG_INFO, "mqtt_ready", LOG_TEXT("url", daemon->settings.mqtt_url));
        else
            log_event(LOG_WARN, "mqtt_lost", LOG_TEXT("url", daemon->settings.mqtt_url), LOG_TEXT("why", state.error));
    } else if (state.failures + state.losses != daemon->mqtt_troubles) {
        log_event(LOG_WARN, "mqtt_failed", LOG_TEXT("url", daemon->settings.mqtt_url), LOG_TEXT("why", state.error));
    }
    daemon->mqtt_troubles = state.failures + state.losses;
    daemon->mqtt_ready = state.subscribed;
    links_changed(daemon);
}

/* --- ten times a second --- */

static void waiting_say(struct daemon *daemon, int64_t now_ms)
{
    struct mqtt_link_state state;
    struct buffer missing;

    buffer_init(&missing, 64);
    if (!links_ready(daemon, &missing) && now_ms - daemon->waiting_said_mono_ms >= WAITING_SAID_MS) {
        mqtt_link_state(daemon->mqtt, &state);
        daemon->waiting_said_mono_ms = now_ms;
        log_event(LOG_WARN, "waiting", LOG_TEXT("for", missing.bytes), LOG_TEXT("redis", redis_link_why(daemon->redis)),
                  LOG_TEXT("mqtt", daemon->mqtt_ready ? "" : state.error));
    }
    buffer_done(&missing);
}

/* Each refusal means that something was not saved, and therefore not spoken: somebody has to look. */
static void refusals_say(struct daemon *daemon)
{
    uint64_t counts[STORE_REFUSAL_COUNT];

    store_refusals(daemon->redis, counts);
    for (int i = 0; i < STORE_REFUSAL_COUNT; i++) {
        if (counts[i] != daemon->refused_said[i])
            log_event(LOG_ERROR, "store_refused", LOG_TEXT("kind", store_refusal_name((enum store_refusal)i)),
                      LOG_NUMBER("count", counts[i] - daemon->refused_said[i]), LOG_NUMBER("total", counts[i]));
        daemon->refused_said[i] = counts[i];
    }
}

static void status_say(struct daemon *daemon)
{
    const struct chores_counters chores = chores_counters(daemon->chores);
    struct buffer missing;
    char status[sizeof daemon->status];

    buffer_init(&missing, 64);
    if (daemon->phase >= DAEMON_DRAINING)
        (void)snprintf(status, sizeof status, "STATUS=ending");
    else if (!links_ready(daemon, &missing))
        (void)snprintf(status, sizeof status, "STATUS=waiting for %s", missing.bytes ? missing.bytes : "");
    else
        (void)snprintf(status, sizeof status, "STATUS=%zu rollouts running, %lld upgrades in flight%s", chores.rollouts_running,
                       (long long)chores.in_flight, chores.leader ? ", leader" : "");
    buffer_done(&missing);
    if (strcmp(status, daemon->status) == 0)
        return;
    memcpy(daemon->status, status, sizeof status);
    (void)sd_notify(status);
}

static void links_look(struct daemon *daemon, int64_t now_ms)
{
    const struct redis_link_counters redis = redis_link_counters(daemon->redis, false);
    const struct outbox_counters outbox = outbox_counters(daemon->outbox);
    struct mqtt_link_state mqtt;
    uint64_t sent = outbox.stalls + outbox.unconfirmed;
    bool busy = outbox.unconfirmed > 0;

    mqtt_link_state(daemon->mqtt, &mqtt);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        sent += outbox.sent[lane];
        busy = busy || outbox.waiting[lane] > 0;
    }
    health_link(&daemon->health.redis, redis_link_is_ready(daemon->redis), redis_link_outstanding(daemon->redis) > 0,
                redis.replies, redis.connect_failures + redis.losses, now_ms);
    health_link(&daemon->health.mqtt, mqtt.subscribed, busy, sent, mqtt.failures + mqtt.losses + mqtt.connects, now_ms);
}

static void watchdog_feed(struct daemon *daemon, int64_t now_ms)
{
    bool due = daemon->watchdog_interval_ms && now_ms - daemon->watchdog_fed_mono_ms >= daemon->watchdog_interval_ms / 2;

    if (due && health_is_alive(&daemon->health, now_ms) && sd_notify("WATCHDOG=1"))
        daemon->watchdog_fed_mono_ms = now_ms;
}

/* --- the end --- */

void daemon_drain(struct daemon *daemon, const char *why)
{
    daemon->phase = DAEMON_DRAINING;
    daemon->drain_end_mono_ms = clock_mono_ms() + DRAIN_MS;
    log_event(LOG_INFO, "draining", LOG_TEXT("why", why), LOG_NUMBER("work", flow_work_count(daemon->flow)),
              LOG_NUMBER("ingest", ingest_outstanding(daemon->ingest)));
    (void)sd_notify("STOPPING=1");
    http_server_drain(daemon->http);
    api_drain(daemon->api);
    ingest_stop(daemon->ingest);
    chores_stop(daemon->chores);
    worker_pool_stop(daemon->workers);
    daemon_stream_stop(daemon);
}

static bool outbox_is_empty(const struct daemon *daemon)
{
    const struct outbox_counters counters = outbox_counters(daemon->outbox);

    if (!daemon->mqtt_ready)
        return true; /* nobody to tell; what matters is repeated by its deadline */
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        if (counters.waiting[lane])
            return false;
    return counters.unconfirmed == 0;
}

static bool work_has_ended(const struct daemon *daemon, int64_t now_ms)
{
    bool answered = http_server_open_calls(daemon->http) == 0 || now_ms > daemon->drain_end_mono_ms - DRAIN_MS + ANSWERS_MS;

    return answered && ingest_outstanding(daemon->ingest) == 0 && flow_work_count(daemon->flow) == 0 &&
           chores_are_idle(daemon->chores) && outbox_is_empty(daemon);
}

static void drain_turn(struct daemon *daemon, int64_t now_ms)
{
    if (daemon->phase == DAEMON_DRAINING && work_has_ended(daemon, now_ms)) {
        daemon->phase = DAEMON_LEAVING;
        chores_resign(daemon->chores);
    }
    daemon->drained = daemon->phase == DAEMON_LEAVING && redis_link_outstanding(daemon->redis) == 0;
    if (daemon->drained || now_ms >= daemon->drain_end_mono_ms)
        (void)event_base_loopbreak(daemon->base);
}

void daemon_tick(struct daemon *daemon)
{
    int64_t now_ms = clock_mono_ms();

    health_tick(&daemon->health, clock_mono_us());
    links_look(daemon, now_ms);
    watchdog_feed(daemon, now_ms);
    daemon_depot_look(daemon);
    if (daemon->phase >= DAEMON_DRAINING)
        drain_turn(daemon, now_ms);
    if (now_ms - daemon->second_mono_ms < 1000)
        return;
    daemon->second_mono_ms = now_ms;
    if (daemon->phase < DAEMON_DRAINING)
        waiting_say(daemon, now_ms);
    refusals_say(daemon);
    status_say(daemon);
}
