/* What settings say together, which no single row of their table can check: addresses, what needs something else, waits that must be longer than others. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/daemon_settings.h"
#include "orchestrator/edges/networks.h"
#include "orchestrator/edges/webhook_url.h"

bool daemon_settings_listen(const char *text, char *ret_host, size_t size, uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    const char *begin = text, *end = colon;
    int64_t port;

    if (!colon || !text_to_i64(colon + 1, strlen(colon + 1), 0, UINT16_MAX, &port))
        return false;
    if (*begin == '[') {
        if (end == begin || end[-1] != ']')
            return false;
        begin++;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin))) {
        return false;
    }
    if (end == begin || !text_copy_n(ret_host, size, begin, (size_t)(end - begin)))
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool has_scheme(const char *url, const char *schemes)
{
    const char *colon = strstr(url, "://");
    size_t length = colon ? (size_t)(colon - url) : 0;

    for (const char *at = schemes; length && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == length && strncmp(at, url, length) == 0 && colon[3])
            return true;
    return false;
}

static enum drover_error ids_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    if (!text_is_id(settings->instance, strlen(settings->instance)))
        return problem_set(ret_problem, DROVER_SYNTAX, "instance", "must be an id: letters, digits, '.', '_', '-'");
    if (settings->mqtt_share_group[0] && !text_is_id(settings->mqtt_share_group, strlen(settings->mqtt_share_group)))
        return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.share_group", "must be an id: letters, digits, '.', '_', '-'");
    return DROVER_OK;
}

static enum drover_error addresses_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    const struct {
        const char *name, *value, *schemes;
    } urls[] = {
        {"mqtt.url", settings->mqtt_url, "tcp mqtt ssl mqtts"},
        {"redis.url", settings->redis_url, "redis unix"},
        {"http.public_url", settings->http_public_url, "http https"},
    };
    const char *const listeners[][2] = {{"http.listen", settings->http_listen}, {"api.listen", settings->api_listen}};
    char host[SETTING_PATH_SIZE];
    uint16_t port;

    for (unsigned i = 0; i < sizeof urls / sizeof urls[0]; i++)
        if (urls[i].value[0] && !has_scheme(urls[i].value, urls[i].schemes))
            return problem_set(ret_problem, DROVER_SYNTAX, urls[i].name, "must begin with one of %s and ://", urls[i].schemes);
    for (unsigned i = 0; i < sizeof listeners / sizeof listeners[0]; i++)
        if (!daemon_settings_listen(listeners[i][1], host, sizeof host, &port))
            return problem_set(ret_problem, DROVER_SYNTAX, listeners[i][0], "must be host:port or [v6]:port");
    if (strcmp(settings->http_listen, settings->api_listen) == 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "api.listen", "is the address of http.listen too");
    return DROVER_OK;
}

static enum drover_error tls_check(const struct daemon_tls_settings *tls, const char *listener, struct problem *ret_problem)
{
    char name[32];

    (void)snprintf(name, sizeof name, "%s.tls_certificate", listener);
    if (!tls->certificate[0] && (tls->key[0] || tls->client_ca[0] || tls->client_crl[0] || tls->client))
        return problem_set(ret_problem, DROVER_MISMATCH, name, "is empty: the other settings of TLS need it");
    (void)snprintf(name, sizeof name, "%s.tls_client", listener);
    if (!tls->client != !tls->client_ca[0] || (tls->client_crl[0] && !tls->client))
        return problem_set(ret_problem, DROVER_MISMATCH, name, "and tls_client_ca need each other; tls_client_crl needs both");
    return DROVER_OK;
}

static enum drover_error broker_tls_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    bool tls = has_scheme(settings->mqtt_url, "ssl mqtts");

    if (!tls && (settings->mqtt_tls_ca[0] || settings->mqtt_tls_certificate[0]))
        return problem_set(ret_problem, DROVER_MISMATCH, "mqtt.url", "must begin with ssl:// when mqtt.tls_ca or mqtt.tls_certificate is set");
    if (settings->mqtt_tls_key[0] && !settings->mqtt_tls_certificate[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "mqtt.tls_certificate", "is empty: mqtt.tls_key needs it");
    return DROVER_OK;
}

static enum drover_error auth_settings_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    if (settings->auth_devices && !settings->auth_keys_file[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "auth.devices", "needs auth.keys_file");
    return DROVER_OK;
}

static enum drover_error load_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    struct networks networks;

    if (settings->depot_connection_bytes_s && settings->depot_connection_bytes_s < 2 * settings->http_reader_bytes_s)
        return problem_set(ret_problem, DROVER_MISMATCH, "depot.connection_bytes_s", "must be twice http.reader_bytes_s at the least, or every download is cut");
    return networks_read(settings->http_shared_addresses, "http.shared_addresses", &networks, ret_problem);
}

static enum drover_error exports_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    if (settings->webhook_url[0] && !webhook_url_is_safe(settings->webhook_url))
        return problem_set(ret_problem, DROVER_SYNTAX, "webhook.url", "must begin with https://, or with http:// and 127.0.0.1, [::1] or localhost");
    if (!settings->webhook_url[0] && (settings->webhook_secret_file[0] || settings->webhook_tls_ca[0]))
        return problem_set(ret_problem, DROVER_MISMATCH, "webhook.url", "is empty: the other settings of webhooks need it");
    if (settings->kafka_brokers[0] && !settings->kafka_topic[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "kafka.topic", "is empty: kafka.brokers needs it");
    if (!settings->kafka_brokers[0] && settings->kafka_properties_file[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "kafka.brokers", "is empty: kafka.properties_file needs it");
    return DROVER_OK;
}

static enum drover_error waits_check(const struct policy *flow, struct problem *ret_problem)
{
    if (flow->offline_after_ms <= flow->heartbeat_ms)
        return problem_set(ret_problem, DROVER_MISMATCH, "flow.offline_after_ms", "must be over flow.heartbeat_ms");
    if (flow->silent_after_ms <= flow->heartbeat_ms)
        return problem_set(ret_problem, DROVER_MISMATCH, "flow.silent_after_ms", "must be over flow.heartbeat_ms");
    if (flow->retry_cap_ms < flow->retry_base_ms)
        return problem_set(ret_problem, DROVER_MISMATCH, "flow.retry_cap_ms", "must not be below flow.retry_base_ms");
    if (flow->download_total_ms < flow->download_stall_ms)
        return problem_set(ret_problem, DROVER_MISMATCH, "flow.download_total_ms", "must not be below flow.download_stall_ms");
    return DROVER_OK;
}

enum drover_error daemon_settings_check(const struct daemon_settings *settings, struct problem *ret_problem)
{
    enum drover_error error = ids_check(settings, ret_problem);

    if (!error)
        error = addresses_check(settings, ret_problem);
    if (!error)
        error = tls_check(&settings->http_tls, "http", ret_problem);
    if (!error)
        error = tls_check(&settings->api_tls, "api", ret_problem);
    if (!error)
        error = broker_tls_check(settings, ret_problem);
    if (!error)
        error = auth_settings_check(settings, ret_problem);
    if (!error)
        error = load_check(settings, ret_problem);
    if (!error)
        error = exports_check(settings, ret_problem);
    if (!error)
        error = waits_check(&settings->flow, ret_problem);
    return error;
}
