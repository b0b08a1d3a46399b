/* How droverd is, in short: for /api/v1/status, the series, and the alarm about refusals of Redis. */
#include "common/clock.h"
#include "orchestrator/edges/daemon_inside.h"

const char *store_refusal_name(enum store_refusal refusal)
{
    static const char *const names[STORE_REFUSAL_COUNT] = {"read_only", "out_of_memory", "script", "other"};

    return names[refusal];
}

void store_refusals(struct redis_link *redis, uint64_t ret_counts[STORE_REFUSAL_COUNT])
{
    const struct redis_link_counters counters = redis_link_counters(redis, false);

    ret_counts[STORE_READONLY] = counters.errors_readonly;
    ret_counts[STORE_OOM] = counters.errors_oom;
    ret_counts[STORE_SCRIPT] = counters.errors_script;
    ret_counts[STORE_OTHER] = counters.errors_other;
}

static int64_t ring_pct(const struct ring_state *ring)
{
    return ring->size_bytes ? (int64_t)(ring->used_bytes * 100 / ring->size_bytes) : 0;
}

static void mqtt_put(struct daemon *daemon, struct json_writer *writer)
{
    struct mqtt_link_state state;

    mqtt_link_state(daemon->mqtt, &state);
    json_open_object(writer, "mqtt");
    json_put_text(writer, "url", daemon->settings.mqtt_url);
    json_put_bool(writer, "up", state.subscribed);
    json_put_i64(writer, "since_ms", state.since_ms);
    json_put_i64(writer, "received", (int64_t)(state.received_heartbeats + state.received_reports));
    json_put_i64(writer, "losses", (int64_t)state.losses);
    json_put_text(writer, "error", state.subscribed || !state.error[0] ? NULL : state.error);
    json_close_object(writer);
}

static void redis_put(struct daemon *daemon, struct json_writer *writer)
{
    const struct redis_link_counters counters = redis_link_counters(daemon->redis, false);
    const char *why = redis_link_why(daemon->redis);
    uint64_t refusals[STORE_REFUSAL_COUNT], refused = 0;

    store_refusals(daemon->redis, refusals);
    for (int i = 0; i < STORE_REFUSAL_COUNT; i++)
        refused += refusals[i];
    json_open_object(writer, "redis");
    json_put_text(writer, "url", daemon->settings.redis_url);
    json_put_bool(writer, "up", redis_link_is_ready(daemon->redis));
    json_put_i64(writer, "answer_us", counters.last_us);
    json_put_i64(writer, "losses", (int64_t)counters.losses);
    json_put_i64(writer, "refused", (int64_t)refused);
    json_put_text(writer, "error", why[0] ? why : NULL);
    json_close_object(writer);
}

void daemon_status(void *arg, struct json_writer *writer)
{
    struct daemon *daemon = arg;
    struct ingest_counters counters;

    ingest_counters(daemon->ingest, clock_unix_ms(), &counters);
    json_put_i64(writer, "lag_ms", counters.lag_ms);
    json_put_i64(writer, "ring_pct", ring_pct(&counters.heartbeats));
    json_put_bool(writer, "leader", chores_counters(daemon->chores).leader);
    mqtt_put(daemon, writer);
    redis_put(daemon, writer);
    daemon_depot_status(daemon, writer);
    daemon_stream_status(daemon, writer);
}

void daemon_sample(void *arg, struct chores_sample *ret)
{
    struct daemon *daemon = arg;
    const struct redis_link_counters redis = redis_link_counters(daemon->redis, true);
    const struct outbox_counters outbox = outbox_counters(daemon->outbox);
    struct ingest_counters counters;
    int64_t reports_pct;

    ingest_counters(daemon->ingest, clock_unix_ms(), &counters);
    reports_pct = ring_pct(&counters.reports);
    *ret = (struct chores_sample){
        .heartbeats = counters.received[INGEST_HEARTBEAT],
        .reports = counters.received[INGEST_REPORT],
        .moves = store_counters(daemon->store).moves,
        .lag_p99_ms = health_take_recent(&daemon->health),
        .redis_max_us = redis.max_us,
        .ring_pct = ring_pct(&counters.heartbeats) > reports_pct ? ring_pct(&counters.heartbeats) : reports_pct,
    };
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        ret->outbox += (int64_t)outbox.waiting[lane];
}
