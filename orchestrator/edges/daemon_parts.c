/* Makes droverd's parts, from the ones that need nobody to the ones that need all, and frees them the other way round.
 * The links start last: what they bring in finds everybody at his place. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/secret.h"

#define REQUESTS_MAX 16384       /* outstanding at Redis: what heartbeats and reports lead to, and sweeps */
#define WORK_MAX 65536           /* pieces of work under way in the flow */
#define RING_SYNC_MS 1000        /* what a power cut may take of the rings, as of Redis with everysec */
#define GOODBYE_MS 2000          /* for the broker's goodbye, after a drain */

enum drover_error daemon_folder_make(const char *path, struct problem *ret_problem)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_IO, "data_dir", "%.60s cannot be made: %s", path, strerror(errno));
}

static enum drover_error ring_make(const struct daemon *daemon, const char *name, int64_t size_mib, bool shared, struct ring **ret_ring,
                                   struct problem *ret_problem)
{
    char path[2 * SETTING_PATH_SIZE];
    struct ring_config config = {.path = path, .size_bytes = (size_t)size_mib << 20, .sync_ms = RING_SYNC_MS, .shared = shared};
    struct ring_found found = {.created = false};
    enum drover_error error;

    (void)snprintf(path, sizeof path, "%s/%s/%s.ring", daemon->settings.data_dir, daemon->settings.instance, name);
    error = ring_open(&config, ret_ring, &found, ret_problem);
    if (error)
        return error;
    log_event(found.torn ? LOG_WARN : LOG_INFO, "ring_opened", LOG_TEXT("ring", name), LOG_NUMBER("records", found.records),
              LOG_NUMBER("bytes", found.bytes), LOG_NUMBER("torn", found.torn), LOG_NUMBER("power_lost", found.power_lost));
    return DROVER_OK;
}

static enum drover_error rings_make(struct daemon *daemon, struct problem *ret_problem)
{
    char folder[2 * SETTING_PATH_SIZE];
    enum drover_error error = daemon_folder_make(daemon->settings.data_dir, ret_problem);

    (void)snprintf(folder, sizeof folder, "%s/%s", daemon->settings.data_dir, daemon->settings.instance);
    if (!error)
        error = daemon_folder_make(folder, ret_problem);
    if (!error)
        error = ring_make(daemon, "heartbeats", daemon->settings.ring_heartbeats_mib, false, &daemon->heartbeats, ret_problem);
    if (!error)
        error = ring_make(daemon, "reports", daemon->settings.ring_reports_mib, true, &daemon->reports, ret_problem);
    return error;
}

static enum drover_error redis_make(struct daemon *daemon, struct problem *ret_problem)
{
    const struct daemon_settings *settings = &daemon->settings;
    char password[DAEMON_SECRET_SIZE] = "";
    enum drover_error error = DROVER_OK;

    if (settings->redis_password_file[0])
        error = secret_read(settings->redis_password_file, password, sizeof password, ret_problem);
    if (!error) {
        const struct redis_link_config link = {
            .base = daemon->base,
            .url = settings->redis_url,
            .username = settings->redis_username,
            .password = password,
            .timeout_ms = settings->redis_timeout_ms,
            .requests_max = REQUESTS_MAX,
            .changed = daemon_redis_changed,
            .arg = daemon,
        };

        error = redis_link_new(&link, &daemon->redis, ret_problem);
    }
    explicit_bzero(password, sizeof password);
    if (!error) {
        const struct store_config store = {.instance = settings->instance, .events_keep = settings->events_keep, .audit_keep = settings->audit_keep};

        daemon->store = store_new(daemon->redis, &store);
    }
    return error || daemon->store ? error : DROVER_MEMORY;
}

static int64_t wall_clock(void *arg)
{
    (void)arg;
    return clock_unix_ms();
}

static bool zone_find(void *zones, const char *name, const struct time_zone **ret)
{
    return time_zones_find(zones, name, ret);
}

static enum drover_error flow_make(struct daemon *daemon)
{
    const struct outbox_config outbox = {.window = (size_t)daemon->settings.mqtt_window};
    struct flow_config flow = {
        .policy = daemon->settings.flow,
        .instance = daemon->settings.instance,
        .public_url = daemon->public_url,
        .work_max = WORK_MAX,
        .seed = clock_random(),
        .now_ms = wall_clock,
    };

    daemon->zones = time_zones_new(daemon->settings.zones_folder);
    daemon->outbox = outbox_new(&outbox);
    daemon->speaker = daemon->outbox ? speaker_new(daemon->outbox) : NULL;
    if (!daemon->speaker || !daemon->zones)
        return DROVER_MEMORY;
    flow.zones = (struct zone_port){daemon->zones, zone_find};
    flow.store = store_port(daemon->store);
    flow.speaker = speaker_port(daemon->speaker);
    flow.permit = permits_get;
    flow.permit_arg = daemon->permits;
    daemon->flow = flow_new(&flow);
    return daemon->flow ? DROVER_OK : DROVER_MEMORY;
}

static void online_store(void *arg, const char *device_id, bool online, int64_t at_ms, ingest_online_done *done, void *done_arg)
{
    struct daemon *daemon = arg;

    store_online(daemon->store, device_id, online, at_ms, done, done_arg);
}

static void rollouts_read(void *arg, const struct rollout *rollouts, size_t count)
{
    struct daemon *daemon = arg;

    api_note_rollouts(daemon->api, rollouts, count);
}

static void rollout_changed(void *arg, const char *rollout_id)
{
    struct daemon *daemon = arg;

    (void)rollout_id;
    chores_rollouts_changed(daemon->chores);
}

static void release_added(void *arg)
{
    struct daemon *daemon = arg;

    chores_releases_changed(daemon->chores);
}

static bool notice_say_now(void *arg, const char *model, const struct notice *notice)
{
    struct daemon *daemon = arg;

    return speaker_notice(daemon->speaker, model, notice);
}

static enum drover_error users_of_the_flow_make(struct daemon *daemon)
{
    const struct ingest_config ingest = {
        .base = daemon->base,
        .heartbeats = daemon->heartbeats,
        .reports = daemon->reports,
        .flow = daemon->flow,
        .online = online_store,
        .online_arg = daemon,
    };
    const struct api_config api = {
        .flow = daemon->flow,
        .store = daemon->store,
        .base = daemon->base,
        .instance = daemon->settings.instance,
        .ready = daemon_ready,
        .metrics = daemon_metrics,
        .status = daemon_status,
        .changed = rollout_changed,
        .later = daemon_depot_later,
        .released = release_added,
        .proofs = daemon->proofs,
        .workers = daemon->workers,
        .data_dir = daemon->settings.data_dir,
        .proposal_ms = &daemon->settings.api_proposal_ms,
        .approvals_min = &daemon->settings.api_approvals_min,
        .delta_from = &daemon->settings.release_delta_from,
        .arg = daemon,
    };
    const struct chores_config chores = {
        .base = daemon->base,
        .flow = daemon->flow,
        .store = daemon->store,
        .instance = daemon->settings.instance,
        .public_url = daemon->public_url,
        .policy = &daemon->settings.flow,
        .proofs = daemon->proofs,
        .workers = daemon->workers,
        .trust = &daemon->trust,
        .settings = &daemon->settings,
        .work_folder = daemon->work_folder,
        .rollouts_read = rollouts_read,
        .say_notice = notice_say_now,
        .sample = daemon_sample,
        .arg = daemon,
    };

    daemon->ingest = ingest_new(&ingest);
    daemon->api = api_new(&api);
    daemon->chores = chores_new(&chores);
    return daemon->ingest && daemon->api && daemon->chores ? DROVER_OK : DROVER_MEMORY;
}

/* On an HTTP thread. */
static bool served_keep(void *arg, const struct served *served)
{
    struct daemon *daemon = arg;

    return ingest_put_served(daemon->reports, served);
}

static void nonce_ask(void *arg, const struct nonce_claim *claim, nonce_taken *done, void *done_arg)
{
    struct daemon *daemon = arg;

    nonce_take(daemon->redis, claim, done, done_arg);
}

static enum drover_error keys_make(struct daemon *daemon, struct problem *ret_problem)
{
    return daemon->settings.auth_keys_file[0] ? auth_ring_new(daemon->settings.auth_keys_file, &daemon->keys, ret_problem) : DROVER_OK;
}

static struct http_tls_settings tls_of(const struct daemon_tls_settings *tls, const char *listener)
{
    return (struct http_tls_settings){.name = listener, .certificate = tls->certificate, .key = tls->key, .client_ca = tls->client_ca,
                                      .client_crl = tls->client_crl, .client = (enum http_tls_client)tls->client, .min = (enum http_tls_min)tls->min};
}

static enum drover_error http_make(struct daemon *daemon, struct problem *ret_problem)
{
    struct http_config config = {
        .listen = {[HTTP_DEVICES] = daemon->settings.http_listen, [HTTP_OPERATORS] = daemon->settings.api_listen},
        .threads = (unsigned)daemon->settings.http_threads,
        .data_dir = daemon->settings.data_dir,
        .token = daemon->api_token,
        .tls = {[HTTP_DEVICES] = tls_of(&daemon->settings.http_tls, "http"), [HTTP_OPERATORS] = tls_of(&daemon->settings.api_tls, "api")},
        .keys = daemon->keys,
        .auth = {.tokens = {daemon->settings.auth_leeway_ms, (unsigned)daemon->settings.auth_remembered_tokens},
                 .requests = {daemon->settings.auth_window_ms, daemon->settings.auth_nonces_max}},
        .devices = (enum http_devices_auth)daemon->settings.auth_devices,
        .nonce = nonce_ask,
        .nonce_arg = daemon,
        .call = api_call,
        .arg = daemon->api,
        .served = served_keep,
        .served_arg = daemon,
    };

    daemon_limits(&daemon->settings, &config.limits);
    return http_server_start(&config, daemon->base, &daemon->http, ret_problem);
}

static enum drover_error mqtt_make(struct daemon *daemon, struct problem *ret_problem)
{
    const struct daemon_settings *settings = &daemon->settings;
    char password[DAEMON_SECRET_SIZE] = "";
    enum drover_error error = DROVER_OK;

    if (settings->mqtt_password_file[0])
        error = secret_read(settings->mqtt_password_file, password, sizeof password, ret_problem);
    if (!error) {
        const struct mqtt_link_config config = {
            .url = settings->mqtt_url,
            .instance = settings->instance,
            .username = settings->mqtt_username,
            .password = password,
            .ca_file = settings->mqtt_tls_ca,
            .certificate_file = settings->mqtt_tls_certificate,
            .key_file = settings->mqtt_tls_key[0] ? settings->mqtt_tls_key : settings->mqtt_tls_certificate,
            .share_group = settings->mqtt_share_group,
            .keepalive_s = settings->mqtt_keepalive_s,
            .session_expiry_s = settings->mqtt_session_expiry_s,
            .heartbeats = daemon->heartbeats,
            .reports = daemon->reports,
            .outbox = daemon->outbox,
        };

        error = mqtt_link_new(&config, &daemon->mqtt, ret_problem);
    }
    explicit_bzero(password, sizeof password);
    return error;
}

enum drover_error daemon_parts_make(struct daemon *daemon, struct problem *ret_problem)
{
    enum drover_error error;

    (void)problem_set(ret_problem, DROVER_MEMORY, "droverd", "out of memory"); /* what those mean that say nothing themselves */
    error = rings_make(daemon, ret_problem);
    if (!error)
        error = redis_make(daemon, ret_problem);
    if (!error)
        error = daemon_workers_make(daemon, ret_problem);
    if (!error)
        error = flow_make(daemon);
    if (!error)
        error = users_of_the_flow_make(daemon);
    if (!error)
        error = keys_make(daemon, ret_problem);
    if (!error)
        error = http_make(daemon, ret_problem);
    if (!error)
        error = mqtt_make(daemon, ret_problem);
    if (!error)
        error = daemon_stream_make(daemon, ret_problem);
    if (error)
        return error;
    redis_link_start(daemon->redis);
    chores_start(daemon->chores);
    return DROVER_OK;
}

void daemon_parts_free(struct daemon *daemon)
{
    if (daemon->http)
        http_server_stop(daemon->http);
    if (mqtt_link_free(daemon->mqtt, GOODBYE_MS) != DROVER_OK)
        _exit(0); /* one of Paho's callbacks waits for room in a ring: what it holds was not acknowledged and comes again */
    worker_pool_stop(daemon->workers);
    daemon_stream_free(daemon);
    api_free(daemon->api);
    if (daemon->store)
        store_flush(daemon->store);
    redis_link_free(daemon->redis);
    chores_free(daemon->chores);
    ingest_free(daemon->ingest);
    flow_free(daemon->flow);
    time_zones_free(daemon->zones);
    store_free(daemon->store);
    permits_free(daemon->permits);
    proofs_free(daemon->proofs);
    worker_pool_free(daemon->workers);
    daemon_trust_done(&daemon->trust);
    http_server_free(daemon->http);
    auth_ring_free(daemon->keys);
    speaker_free(daemon->speaker);
    outbox_free(daemon->outbox);
    ring_close(daemon->heartbeats);
    ring_close(daemon->reports);
}
