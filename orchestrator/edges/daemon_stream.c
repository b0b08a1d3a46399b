/* The threads beside the loop that work through streams: the sealer, and an exporter for each channel that is switched on. Each has a connection to
 * Redis of its own. */
#include <string.h>

#include <curl/curl.h>

#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/export_kafka.h"
#include "orchestrator/edges/export_webhook.h"
#include "orchestrator/edges/metrics.h"
#include "orchestrator/edges/secret.h"

static struct redis_sync_config redis_of(const struct daemon *daemon, const char *password)
{
    const struct daemon_settings *settings = &daemon->settings;

    return (struct redis_sync_config){.url = settings->redis_url, .username = settings->redis_username, .password = password, .timeout_ms = settings->redis_timeout_ms};
}

/* --- channels --- */

static enum drover_error webhook_make(const struct daemon *daemon, struct export_channel *ret_channel, struct problem *ret_problem)
{
    const struct daemon_settings *settings = &daemon->settings;
    char secret[DAEMON_SECRET_SIZE] = "";
    const struct webhook_config config = {
        .url = settings->webhook_url,
        .secret = secret,
        .ca_file = settings->webhook_tls_ca,
        .instance = settings->instance,
        .timeout_ms = settings->webhook_timeout_ms,
        .batch_max = (size_t)settings->webhook_batch,
    };
    enum drover_error error = DROVER_OK;

    if (settings->webhook_secret_file[0])
        error = secret_read(settings->webhook_secret_file, secret, sizeof secret, ret_problem);
    if (!error)
        error = webhook_new(&config, ret_channel, ret_problem);
    explicit_bzero(secret, sizeof secret);
    return error;
}

static enum drover_error kafka_make(const struct daemon *daemon, struct export_channel *ret_channel, struct problem *ret_problem)
{
    const struct daemon_settings *settings = &daemon->settings;
    const struct kafka_config config = {
        .brokers = settings->kafka_brokers,
        .topic = settings->kafka_topic,
        .properties_file = settings->kafka_properties_file,
        .instance = settings->instance,
    };

    return kafka_new(&config, ret_channel, ret_problem);
}

static enum drover_error exporters_start(struct daemon *daemon, const char *password, struct problem *ret_problem)
{
    const struct {
        const char *where;   /* it is switched on when this is set */
        enum drover_error (*make)(const struct daemon *daemon, struct export_channel *ret_channel, struct problem *ret_problem);
    } channels[DAEMON_EXPORTERS] = {{daemon->settings.webhook_url, webhook_make}, {daemon->settings.kafka_brokers, kafka_make}};
    struct exporter_config config = {
        .instance = daemon->settings.instance,
        .redis = redis_of(daemon, password),
        .give_up_ms = daemon->settings.export_give_up_s * 1000,
        .dead_keep = daemon->settings.export_dead_keep,
    };
    enum drover_error error = DROVER_OK;

    for (unsigned i = 0; i < DAEMON_EXPORTERS && !error; i++) {
        if (!channels[i].where[0])
            continue;
        error = channels[i].make(daemon, &config.channel, ret_problem);
        if (!error)
            error = exporter_start(&config, &daemon->exporters[i], ret_problem);
    }
    return error;
}

/* --- life --- */

static enum drover_error threads_start(struct daemon *daemon, const char *password, struct problem *ret_problem)
{
    const struct sealer_config sealer = {
        .instance = daemon->settings.instance,
        .redis = redis_of(daemon, password),
        .seal_ms = daemon->settings.events_seal_ms,
        .keep = {[SEALED_EVENTS] = daemon->settings.events_keep, [SEALED_AUDIT] = daemon->settings.audit_keep},
        .seals_keep = daemon->settings.events_seals_keep,
    };
    enum drover_error error = sealer_start(&sealer, &daemon->sealer, ret_problem);

    return error ? error : exporters_start(daemon, password, ret_problem);
}

enum drover_error daemon_stream_make(struct daemon *daemon, struct problem *ret_problem)
{
    char password[DAEMON_SECRET_SIZE] = "";
    enum drover_error error = DROVER_OK;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return problem_set(ret_problem, DROVER_MEMORY, "webhook.url", "libcurl cannot be prepared");
    if (daemon->settings.redis_password_file[0])
        error = secret_read(daemon->settings.redis_password_file, password, sizeof password, ret_problem);
    if (!error)
        error = threads_start(daemon, password, ret_problem);
    explicit_bzero(password, sizeof password);
    return error;
}

void daemon_stream_stop(struct daemon *daemon)
{
    sealer_stop(daemon->sealer);
    for (unsigned i = 0; i < DAEMON_EXPORTERS; i++)
        exporter_stop(daemon->exporters[i]);
}

void daemon_stream_free(struct daemon *daemon)
{
    daemon_stream_stop(daemon);
    sealer_free(daemon->sealer);
    for (unsigned i = 0; i < DAEMON_EXPORTERS; i++)
        exporter_free(daemon->exporters[i]);
}

/* --- metrics and status --- */

static void seals_write(struct daemon *daemon, struct metrics *metrics)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"seals", "Blocks sealed by this instance, by log (events, audit).", offsetof(struct sealer_counters, seals)},
        {"seals_entries", "Entries in them.", offsetof(struct sealer_counters, entries)},
        {"seals_missed", "Entries that were gone from their log before they could be sealed.", offsetof(struct sealer_counters, missed)},
        {"seals_conflicts", "Seals that another instance was faster with.", offsetof(struct sealer_counters, conflicts)},
        {"seals_failures", "Tries to seal that failed; look at the log.", offsetof(struct sealer_counters, failures)},
    };

    for (unsigned row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        metrics_family(metrics, rows[row].name, METRIC_COUNTER, rows[row].help);
        for (unsigned which = 0; which < SEALED_LOGS; which++) {
            const struct sealer_counters counters = sealer_counters(daemon->sealer, which);

            metrics_sample_u64(metrics, "log", sealed_log_name(which), *(const uint64_t *)((const char *)&counters + rows[row].offset));
        }
    }
    metrics_family(metrics, "seals_unsealed_seconds", METRIC_GAUGE, "Age of the oldest entry that is not sealed; 0 while another instance leads.");
    for (unsigned which = 0; which < SEALED_LOGS; which++)
        metrics_sample(metrics, "log", sealed_log_name(which), (double)sealer_counters(daemon->sealer, which).unsealed_ms / 1000);
}

static void exports_write(struct daemon *daemon, struct metrics *metrics)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"export_events", "Events delivered, by exporter (webhook, kafka); repeated ones count again.", offsetof(struct exporter_counters, delivered)},
        {"export_batches", "Batches they were delivered in.", offsetof(struct exporter_counters, batches)},
        {"export_failures", "Tries that failed.", offsetof(struct exporter_counters, failures)},
        {"export_dead", "Events that were refused or given up: they are in drover:v1:export:<name>:dead.", offsetof(struct exporter_counters, dead)},
        {"export_gaps", "Times that the event stream was trimmed before it was delivered: events are missing.", offsetof(struct exporter_counters, gaps)},
    };

    for (unsigned row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        metrics_family(metrics, rows[row].name, METRIC_COUNTER, rows[row].help);
        for (unsigned i = 0; i < DAEMON_EXPORTERS; i++)
            if (daemon->exporters[i]) {
                const struct exporter_counters counters = exporter_counters(daemon->exporters[i]);

                metrics_sample_u64(metrics, "exporter", exporter_name(daemon->exporters[i]), *(const uint64_t *)((const char *)&counters + rows[row].offset));
            }
    }
    metrics_family(metrics, "export_lag_seconds", METRIC_GAUGE, "Age of the oldest event that is not delivered; 0 while another instance leads.");
    for (unsigned i = 0; i < DAEMON_EXPORTERS; i++)
        if (daemon->exporters[i])
            metrics_sample(metrics, "exporter", exporter_name(daemon->exporters[i]), (double)exporter_counters(daemon->exporters[i]).lag_ms / 1000);
}

void daemon_stream_metrics(struct daemon *daemon, struct metrics *metrics)
{
    seals_write(daemon, metrics);
    exports_write(daemon, metrics);
}

static void seals_put(struct json_writer *writer, const char *name, struct sealer_counters seals)
{
    json_open_object(writer, name);
    json_put_i64(writer, "n", seals.n);
    json_put_i64(writer, "unsealed_ms", seals.unsealed_ms);
    json_put_i64(writer, "missed", (int64_t)seals.missed);
    json_close_object(writer);
}

void daemon_stream_status(struct daemon *daemon, struct json_writer *writer)
{
    seals_put(writer, "seals", sealer_counters(daemon->sealer, SEALED_EVENTS));
    seals_put(writer, "audit_seals", sealer_counters(daemon->sealer, SEALED_AUDIT));
    json_open_array(writer, "exports");
    for (unsigned i = 0; i < DAEMON_EXPORTERS; i++)
        if (daemon->exporters[i]) {
            const struct exporter_counters counters = exporter_counters(daemon->exporters[i]);

            json_open_object(writer, NULL);
            json_put_text(writer, "name", exporter_name(daemon->exporters[i]));
            json_put_i64(writer, "lag_ms", counters.lag_ms);
            json_put_bool(writer, "failing", counters.failing);
            json_put_i64(writer, "delivered", (int64_t)counters.delivered);
            json_put_i64(writer, "dead", (int64_t)counters.dead);
            json_close_object(writer);
        }
    json_close_array(writer);
}
