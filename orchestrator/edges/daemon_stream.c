/* The threads beside the loop that work through the event stream: the sealer. Each has a connection to Redis of its own. */
#include <string.h>

#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/metrics.h"
#include "orchestrator/edges/secret.h"

static struct redis_sync_config redis_of(const struct daemon *daemon, const char *password)
{
    const struct daemon_settings *settings = &daemon->settings;

    return (struct redis_sync_config){.url = settings->redis_url, .username = settings->redis_username, .password = password, .timeout_ms = settings->redis_timeout_ms};
}

static enum drover_error threads_start(struct daemon *daemon, const char *password, struct problem *ret_problem)
{
    const struct sealer_config sealer = {
        .instance = daemon->settings.instance,
        .redis = redis_of(daemon, password),
        .seal_ms = daemon->settings.events_seal_ms,
        .events_keep = daemon->settings.events_keep,
        .seals_keep = daemon->settings.events_seals_keep,
    };

    return sealer_start(&sealer, &daemon->sealer, ret_problem);
}

enum drover_error daemon_stream_make(struct daemon *daemon, struct problem *ret_problem)
{
    char password[DAEMON_SECRET_SIZE] = "";
    enum drover_error error = DROVER_OK;

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
}

void daemon_stream_free(struct daemon *daemon)
{
    daemon_stream_stop(daemon);
    sealer_free(daemon->sealer);
}

void daemon_stream_metrics(struct daemon *daemon, struct metrics *metrics)
{
    const struct sealer_counters seals = sealer_counters(daemon->sealer);

    metrics_counter(metrics, "seals", "Blocks of events sealed by this instance.", seals.seals);
    metrics_counter(metrics, "seals_events", "Events in them.", seals.entries);
    metrics_counter(metrics, "seals_missed", "Events that were gone from the stream before they could be sealed.", seals.missed);
    metrics_counter(metrics, "seals_conflicts", "Seals that another instance was faster with.", seals.conflicts);
    metrics_counter(metrics, "seals_failures", "Tries to seal that failed; look at the log.", seals.failures);
    metrics_gauge(metrics, "seals_unsealed_seconds", "Age of the oldest event that is not sealed; 0 while another instance leads.", (double)seals.unsealed_ms / 1000);
}

void daemon_stream_status(struct daemon *daemon, struct json_writer *writer)
{
    const struct sealer_counters seals = sealer_counters(daemon->sealer);

    json_open_object(writer, "seals");
    json_put_i64(writer, "n", seals.n);
    json_put_i64(writer, "unsealed_ms", seals.unsealed_ms);
    json_put_i64(writer, "missed", (int64_t)seals.missed);
    json_close_object(writer);
}
