/* /metrics: what every part counts, under names that stay. One function a part. Never a device id in a label. */
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/metrics.h"
#include "orchestrator/edges/process.h"

/* The flow's counters by their own names; what is not here appears as drover_flow_<name>_total{kind=}. */
static const struct flow_family {
    const char *counter, *name, *label, *help;
} flow_families[] = {
    {"moves", "moves", "on", "Moves of upgrades, by the event of the state machine."},
    {"refusals", "flow_refused", "why", "Observations that changed nothing, by reason."},
    {"heartbeats", "heartbeats", "outcome", "Heartbeats by what Redis said: same, loaded, stale, clash."},
    {"commands", "commands", "command", "Commands told to devices."},
    {"work", "work", "kind", "Pieces of work begun."},
    {"work_dropped", "work_dropped", NULL, "Pieces of work dropped for want of memory or room; deadlines repeat them."},
    {"work_full", "work_full", NULL, "Pieces of work refused because too many were under way."},
    {"heartbeats_coalesced", "flow_heartbeats_coalesced", NULL, "Heartbeats of a busy device replaced by a newer one."},
    {"opens_refused", "opens_refused", NULL, "Upgrades not opened: no place free, or the device had its turn."},
    {"held_back", "held_back", NULL, "Heartbeats of devices that were not taken into their rollout because the depot had no room."},
    {"queue_joined", "queue_joined", NULL, "Devices that stood in line for a place in a rollout."},
    {"queue_turns", "queue_turns", NULL, "Turns given to devices that waited in line; one that finds no place has another later."},
    {"queue_dropped", "queue_dropped", NULL, "Devices that left the line without an upgrade: offline, or not to be taken any more, when their turn came."},
    {"zones_unknown", "zones_unknown", NULL, "Heartbeats whose time zone is not known here, in a rollout with maintenance windows: the plan's own zone counts for them."},
    {"save_conflicts", "save_conflicts", NULL, "Saves that found another revision and were decided again."},
    {"save_conflicts_lost", "save_conflicts_lost", NULL, "Saves given up after too many conflicts."},
    {"saves_resent", "saves_resent", NULL, "Saves sent again because their outcome was unknown."},
    {"store_unavailable", "store_unavailable", NULL, "Pieces of work that ended because Redis did not answer."},
    {"store_refused", "flow_store_refused", NULL, "Pieces of work that ended because Redis refused."},
};

struct flow_page {
    struct metrics *metrics;
    const struct flow_family *family;
    char counter[METRICS_NAME_SIZE];   /* whose family is being written */
};

static const struct flow_family *flow_family_find(const char *counter)
{
    for (unsigned i = 0; i < sizeof flow_families / sizeof flow_families[0]; i++)
        if (strcmp(flow_families[i].counter, counter) == 0)
            return &flow_families[i];
    return NULL;
}

static void flow_counter_write(void *arg, const char *counter, const char *label, uint64_t value)
{
    struct flow_page *page = arg;
    const char *label_name;

    if (strcmp(page->counter, counter) != 0) {
        char name[METRICS_NAME_SIZE];

        (void)text_copy(page->counter, sizeof page->counter, counter);
        (void)snprintf(name, sizeof name, "flow_%.80s", counter);
        page->family = flow_family_find(counter);
        metrics_family(page->metrics, page->family ? page->family->name : name, METRIC_COUNTER,
                       page->family ? page->family->help : "Counted by the flow.");
    }
    label_name = !label[0] ? NULL : page->family && page->family->label ? page->family->label : "kind";
    metrics_sample_u64(page->metrics, label_name, label, value);
}

static void flow_write(struct metrics *metrics, const struct daemon *daemon)
{
    struct flow_page page = {.metrics = metrics};

    flow_counters(daemon->flow, flow_counter_write, &page);
    metrics_gauge(metrics, "devices_waiting", "Devices that wait in line for a place in a rollout.", (double)flow_waiting(daemon->flow));
    metrics_gauge(metrics, "work_under_way", "Pieces of work that have not ended.", (double)flow_work_count(daemon->flow));
}

static void ring_write(struct metrics *metrics, const struct ring_state *heartbeats, const struct ring_state *reports)
{
    const struct ring_state *const rings[] = {heartbeats, reports};
    static const char *const names[] = {"heartbeats", "reports"};

    metrics_family(metrics, "ring_size_bytes", METRIC_GAUGE, "Size of the ring.");
    for (unsigned i = 0; i < 2; i++)
        metrics_sample_u64(metrics, "ring", names[i], rings[i]->size_bytes);
    metrics_family(metrics, "ring_used_bytes", METRIC_GAUGE, "What Redis has not taken yet.");
    for (unsigned i = 0; i < 2; i++)
        metrics_sample_u64(metrics, "ring", names[i], rings[i]->used_bytes);
    metrics_family(metrics, "ring_waits", METRIC_COUNTER, "How often the broker's connection had to wait for room in the ring.");
    for (unsigned i = 0; i < 2; i++)
        metrics_sample_u64(metrics, "ring", names[i], rings[i]->waits);
}

static void messages_write(struct metrics *metrics, const struct ingest_counters *counters)
{
    metrics_family(metrics, "messages", METRIC_COUNTER, "Messages taken out of the rings; again after a loss of Redis.");
    for (int i = 0; i < INGEST_MESSAGE_COUNT; i++)
        metrics_sample_u64(metrics, "message", ingest_message_name((enum ingest_message)i), counters->received[i]);
    metrics_family(metrics, "refused", METRIC_COUNTER, "Messages that were refused as malformed, by what was wrong.");
    for (int i = 0; i < INGEST_MESSAGE_COUNT; i++)
        for (int error = DROVER_OK + 1; error < DROVER_ERROR_COUNT; error++)
            metrics_sample_pair(metrics, "message", ingest_message_name((enum ingest_message)i), "reason",
                                drover_error_name((enum drover_error)error), counters->refused[i][error]);
    metrics_family(metrics, "answered", METRIC_COUNTER, "What the flow answered: heartbeats a batch, others each.");
    for (int i = 0; i < INGEST_MESSAGE_COUNT; i++)
        for (int error = DROVER_OK; error < DROVER_ERROR_COUNT; error++)
            if (counters->answered[i][error])
                metrics_sample_pair(metrics, "message", ingest_message_name((enum ingest_message)i), "answer",
                                    drover_error_name((enum drover_error)error), counters->answered[i][error]);
}

static void batches_write(struct metrics *metrics, const struct ingest_counters *counters)
{
    uint64_t seen = 0;

    metrics_family(metrics, "batch_heartbeats", METRIC_HISTOGRAM, "Heartbeats in one call of Redis.");
    for (unsigned i = 0; i + 1 < INGEST_SIZE_BUCKETS; i++) {
        seen += counters->batch_sizes[i];
        metrics_bucket(metrics, (double)(1u << i), seen);
    }
    metrics_histogram_end(metrics, counters->batches, (double)counters->batch_heartbeats);
}

static void ingest_write(struct metrics *metrics, const struct daemon *daemon)
{
    struct ingest_counters counters;

    ingest_counters(daemon->ingest, clock_unix_ms(), &counters);
    messages_write(metrics, &counters);
    batches_write(metrics, &counters);
    metrics_counter(metrics, "heartbeats_merged", "Heartbeats replaced by a newer one of the same device within a batch.", counters.merged);
    metrics_counter(metrics, "heartbeats_coalesced", "The same, taken out of a filling ring while Redis was away.", counters.coalesced);
    metrics_counter(metrics, "heartbeats_dropped", "Oldest heartbeats thrown out while Redis was away for too long.", counters.late_dropped);
    metrics_counter(metrics, "ingest_rewinds", "How often reading stopped because Redis did not take something.", counters.rewinds);
    metrics_gauge(metrics, "ingest_stopped", "1 while reading waits for Redis.", counters.stopped);
    metrics_gauge(metrics, "ingest_lag_seconds", "Age of the oldest message that Redis has not taken.", (double)counters.lag_ms / 1000);
    metrics_gauge(metrics, "ingest_late_heartbeats", "Heartbeats held in memory because Redis is away.", (double)counters.late);
    ring_write(metrics, &counters.heartbeats, &counters.reports);
}

static void mqtt_write(struct metrics *metrics, const struct daemon *daemon)
{
    struct mqtt_link_state state;

    mqtt_link_state(daemon->mqtt, &state);
    metrics_gauge(metrics, "mqtt_up", "1 while connected to the broker and subscribed.", state.subscribed);
    metrics_counter(metrics, "mqtt_connects", "Connections to the broker that succeeded.", state.connects);
    metrics_counter(metrics, "mqtt_losses", "Connections to the broker that were lost.", state.losses);
    metrics_counter(metrics, "mqtt_connect_failures", "Tries to connect that failed.", state.failures);
    metrics_family(metrics, "mqtt_received", METRIC_COUNTER, "Messages put into the rings.");
    metrics_sample_u64(metrics, "ring", "heartbeats", state.received_heartbeats);
    metrics_sample_u64(metrics, "ring", "reports", state.received_reports);
    metrics_counter(metrics, "mqtt_received_bytes", "Their payloads.", state.received_bytes);
    metrics_counter(metrics, "mqtt_oversized", "Messages over 8 KiB, whose payload was left out.", state.oversized);
}

static void outbox_write(struct metrics *metrics, const struct daemon *daemon)
{
    static const char *const lanes[LANE_COUNT] = {"notice", "command", "event"};
    const struct outbox_counters counters = outbox_counters(daemon->outbox);
    const struct {
        const char *reason;
        const uint64_t *counts;
    } drops[] = {{"full", counters.full}, {"expired", counters.expired}, {"offline", counters.offline}, {"refused", counters.refused}};

    metrics_family(metrics, "mqtt_sent", METRIC_COUNTER, "Messages handed to the broker.");
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        metrics_sample_u64(metrics, "lane", lanes[lane], counters.sent[lane]);
    metrics_family(metrics, "outbox_dropped", METRIC_COUNTER, "Messages that were not sent, by reason; commands are repeated by their deadline.");
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        for (unsigned i = 0; i < sizeof drops / sizeof drops[0]; i++)
            metrics_sample_pair(metrics, "lane", lanes[lane], "reason", drops[i].reason, drops[i].counts[lane]);
    metrics_family(metrics, "outbox_waiting", METRIC_GAUGE, "Messages that wait to be sent.");
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        metrics_sample_u64(metrics, "lane", lanes[lane], counters.waiting[lane]);
    metrics_counter(metrics, "outbox_replaced", "Notices overtaken by a newer one before they were sent.", counters.replaced);
    metrics_counter(metrics, "outbox_failed", "Messages handed over but not delivered, says the library.", counters.failed);
    metrics_counter(metrics, "outbox_stalls", "Windows opened anew because no confirmation came.", counters.stalls);
    metrics_gauge(metrics, "outbox_unconfirmed", "Messages that the broker has not confirmed.", (double)counters.unconfirmed);
}

static void redis_write(struct metrics *metrics, struct daemon *daemon)
{
    const struct redis_link_counters counters = redis_link_counters(daemon->redis, false);
    uint64_t refusals[STORE_REFUSAL_COUNT];

    metrics_gauge(metrics, "redis_up", "1 while Redis is connected and ready.", redis_link_is_ready(daemon->redis));
    metrics_counter(metrics, "redis_commands", "Commands sent to Redis.", counters.commands);
    metrics_counter(metrics, "redis_replies", "Answers of Redis.", counters.replies);
    metrics_counter(metrics, "redis_sent_bytes", "Bytes sent to Redis.", counters.bytes_out);
    metrics_counter(metrics, "redis_received_bytes", "Bytes received from Redis.", counters.bytes_in);
    metrics_counter(metrics, "redis_connects", "Connections to Redis that became ready.", counters.connects);
    metrics_counter(metrics, "redis_connect_failures", "Tries to connect that failed.", counters.connect_failures);
    metrics_counter(metrics, "redis_losses", "Ready connections that were lost.", counters.losses);
    metrics_counter(metrics, "redis_watchdog", "Of these: dropped because Redis did not answer in time.", counters.watchdog);
    metrics_counter(metrics, "redis_timeouts", "Requests whose own deadline passed.", counters.timeouts);
    metrics_counter(metrics, "redis_not_sent", "Requests not sent: not connected, or too many outstanding.", counters.refused);
    metrics_counter(metrics, "redis_scripts_loaded", "Scripts that Redis had forgotten.", counters.noscript);
    metrics_counter(metrics, "redis_busy", "Answers of a Redis that was loading or busy.", counters.errors_busy);
    metrics_gauge(metrics, "redis_outstanding", "Requests without an answer yet.", (double)redis_link_outstanding(daemon->redis));
    metrics_gauge(metrics, "redis_answer_seconds", "How long the last answer took.", (double)counters.last_us / 1e6);
    store_refusals(daemon->redis, refusals);
    metrics_family(metrics, "store_refused", METRIC_COUNTER, "Commands that Redis refused: nothing was saved, nothing spoken. Look at the log.");
    for (int i = 0; i < STORE_REFUSAL_COUNT; i++)
        metrics_sample_u64(metrics, "kind", store_refusal_name((enum store_refusal)i), refusals[i]);
}

static void store_write(struct metrics *metrics, const struct daemon *daemon)
{
    const struct store_counters counters = store_counters(daemon->store);

    metrics_counter(metrics, "heartbeats_recorded", "Heartbeats that are in Redis.", counters.beats_same + counters.beats_loaded);
    metrics_family(metrics, "heartbeats_sent", METRIC_COUNTER, "Heartbeats sent to Redis, by form.");
    metrics_sample_u64(metrics, "form", "short", counters.beats_short);
    metrics_sample_u64(metrics, "form", "long", counters.beats_long);
    metrics_counter(metrics, "heartbeats_asked", "Short ones of which Redis asked the long form.", counters.beats_asked);
    metrics_counter(metrics, "saves", "Moves and notes saved.", counters.moves);
    metrics_counter(metrics, "saves_refused", "Saves that found another revision.", counters.move_conflicts);
    metrics_counter(metrics, "saves_repeated", "Saves sent again that had worked the first time.", counters.move_repeats);
    metrics_counter(metrics, "facts_evicted", "Fingerprints of heartbeats thrown out for want of room.", counters.facts_evicted);
    metrics_counter(metrics, "records_bad", "Answers of Redis that could not be understood.", counters.bad_records);
    metrics_gauge(metrics, "facts", "Fingerprints of heartbeats held.", (double)counters.facts);
}

static void chores_write(struct metrics *metrics, const struct daemon *daemon)
{
    const struct chores_counters counters = chores_counters(daemon->chores);

    metrics_gauge(metrics, "leader", "1 while this instance does the fleet's chores.", counters.leader);
    metrics_gauge(metrics, "rollouts_running", "Rollouts that run.", (double)counters.rollouts_running);
    metrics_gauge(metrics, "upgrades_in_flight", "Upgrades that hold a place in flight.", (double)counters.in_flight);
    metrics_counter(metrics, "deadlines", "Upgrades worked off because their deadline had passed.", counters.deadlines);
    metrics_counter(metrics, "devices_swept", "Devices called offline because no heartbeat came.", counters.swept);
    metrics_counter(metrics, "notices_said", "Notices said to a model's devices.", counters.notices_said);
    metrics_counter(metrics, "notices_cleared", "Notices taken back.", counters.notices_cleared);
    metrics_family(metrics, "rollout_moves", METRIC_COUNTER, "Moves of staged rollouts that the engine decided.");
    for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
        if (counters.engine_moves[on])
            metrics_sample_u64(metrics, "on", rollout_event_name((enum rollout_event)on), counters.engine_moves[on]);
    metrics_counter(metrics, "budget_pauses", "Rollouts paused because too many devices ended badly.", counters.budget_pauses);
    metrics_counter(metrics, "chore_failures", "Runs of chores that ended with an error.", counters.failures);
}

static void workers_write(struct metrics *metrics, const struct daemon *daemon)
{
    const struct worker_counters workers = worker_pool_counters(daemon->workers);
    const struct chores_counters chores = chores_counters(daemon->chores);

    metrics_family(metrics, "workers_begun", METRIC_COUNTER, "Processes begun to verify a package or to derive a delta.");
    for (int job = 0; job < WORKER_JOB_COUNT; job++)
        metrics_sample_u64(metrics, "job", worker_job_name((enum worker_job)job), workers.begun[job]);
    metrics_family(metrics, "workers_answered", METRIC_COUNTER, "Those of them that gave an answer, whatever it said.");
    for (int job = 0; job < WORKER_JOB_COUNT; job++)
        metrics_sample_u64(metrics, "job", worker_job_name((enum worker_job)job), workers.answered[job]);
    metrics_counter(metrics, "workers_crashed", "Those that ended without one: crashed or killed. Tried again up to three times in all.", workers.crashed);
    metrics_counter(metrics, "workers_timed_out", "Those that were ended because they took too long.", workers.timed_out);
    metrics_counter(metrics, "workers_not_started", "Times that no process could be begun.", workers.not_started);
    const struct permit_counters permits = permits_counters(daemon->permits);
    metrics_counter(metrics, "permits_made", "Permits to go back that were signed with release.permit_key.", permits.made);
    metrics_counter(metrics, "permits_failed", "Times that none could be made: the log says why.", permits.failed);
    metrics_gauge(metrics, "workers_running", "Workers that run now.", (double)workers.running);
    metrics_gauge(metrics, "workers_waiting", "Jobs that wait for one.", (double)workers.waiting);
    metrics_family(metrics, "deltas_settled", METRIC_COUNTER, "Deltas that were to be derived, by what became of them.");
    for (int state = RELEASE_DELTA_DERIVED; state < RELEASE_DELTA_STATE_COUNT; state++)
        if (!release_delta_is_open(&(struct release_delta){.state = (enum release_delta_state)state}))
            metrics_sample_u64(metrics, "state", release_delta_state_name((enum release_delta_state)state), chores.deltas[state]);
    metrics_counter(metrics, "releases_judged", "Releases verified again because the trust store was another one, or a key's time began or ended.", chores.releases_judged);
    metrics_counter(metrics, "releases_refused", "Those of them that do not verify any more.", chores.releases_refused);
    metrics_counter(metrics, "release_pauses", "Rollouts paused because their release does not verify any more.", chores.release_pauses);
    metrics_gauge(metrics, "trust_version", "Version of the trust store in effect; 0 without one.", daemon->trust.text ? (double)daemon->trust.version : 0);
}

static void process_write(struct metrics *metrics, struct daemon *daemon)
{
    const struct process_facts facts = process_facts();

    metrics_gauge(metrics, "ready", "1 when /readyz says yes.", daemon_ready(daemon, NULL));
    histogram_write(&daemon->health.lag_us, metrics, "loop_lag_seconds", "How late the loop's 100 ms timer fires.", 128, 1 << 22, 1e-6);
    metrics_gauge(metrics, "process_resident_memory_bytes", "Resident memory.", (double)facts.resident_bytes);
    metrics_family(metrics, "process_cpu_seconds", METRIC_COUNTER, "CPU time, user and system.");
    metrics_sample(metrics, NULL, NULL, facts.cpu_s);
    metrics_gauge(metrics, "process_open_fds", "Open file descriptors.", (double)facts.open_fds);
    metrics_gauge(metrics, "process_max_fds", "The most there may be.", (double)facts.max_fds);
    metrics_gauge(metrics, "process_start_time_seconds", "When the process began, unix time.", facts.start_unix_s);
    metrics_family(metrics, "build_info", METRIC_GAUGE, "Always 1; the version is the label.");
    metrics_sample(metrics, "version", DROVER_VERSION, 1);
}

void daemon_metrics(void *arg, struct buffer *text)
{
    struct daemon *daemon = arg;
    struct metrics metrics;

    metrics_begin(&metrics, text);
    process_write(&metrics, daemon);
    ingest_write(&metrics, daemon);
    store_write(&metrics, daemon);
    flow_write(&metrics, daemon);
    chores_write(&metrics, daemon);
    workers_write(&metrics, daemon);
    daemon_stream_metrics(daemon, &metrics);
    redis_write(&metrics, daemon);
    mqtt_write(&metrics, daemon);
    outbox_write(&metrics, daemon);
    http_server_metrics(daemon->http, text);
}
