/* The table of settings, and where their values come from. What they say together is looked at in daemon_settings_check.c. */
#include "orchestrator/edges/daemon_settings.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#define SETTINGS_OF struct daemon_settings
#include "common/settings_rows.h"

#define POLICY(member, min, max, fallback, unit, help) {"flow." #member, SETTING_INTEGER, AT(flow.member), min, max, NULL, fallback, true, false, unit, help}
#define TLS(listener, member) \
    TEXT(listener ".tls_certificate", member.certificate, "", "PEM file with the server's certificate and its chain; empty: no TLS. Read again on SIGHUP, like the next three."), \
    TEXT(listener ".tls_key", member.key, "", "PEM file with its key, without a passphrase; empty: it is in the file of the certificate."), \
    TEXT(listener ".tls_client_ca", member.client_ca, "", "PEM file with the authorities of client certificates."), \
    TEXT(listener ".tls_client_crl", member.client_crl, "", "PEM file with a revocation list of each of them; empty: none is looked at. An outdated list refuses everybody."), \
    CHOICE(listener ".tls_client", member.client, "off|optional|required", "off", "Client certificates: not asked for, verified if there is one, needed."), \
    CHOICE(listener ".tls_min", member.min, "1.3|1.2", "1.3", "Lowest version of TLS.")

#define DAY_MS (24 * 60 * 60 * 1000LL)

static const struct setting rows[] = {
    NEEDED("instance", instance, "drover-1", "Name of this droverd: MQTT client id, leases, events. Two that run side by side need two names."),
    NEEDED("data_dir", data_dir, "/var/lib/drover", "Folder of the packages and, below the instance's name, of the rings."),

    NEEDED("mqtt.url", mqtt_url, "tcp://127.0.0.1:1883", "The broker: `tcp://` or, with TLS, `ssl://`, host and port."),
    TEXT("mqtt.username", mqtt_username, "", "User name at the broker; empty: anonymous."),
    TEXT("mqtt.password_file", mqtt_password_file, "", "File whose first line is the password."),
    TEXT("mqtt.tls_ca", mqtt_tls_ca, "", "PEM file with the authorities the broker's certificate is checked against; empty: the system's."),
    TEXT("mqtt.tls_certificate", mqtt_tls_certificate, "", "PEM file with our own certificate for the broker; empty: none."),
    TEXT("mqtt.tls_key", mqtt_tls_key, "", "PEM file with its key, without a passphrase; empty: it is in the file of the certificate."),
    TEXT("mqtt.share_group", mqtt_share_group, "", "Empty: plain subscriptions. The same word for all of several instances, such as `drover`: shared ones."),
    NUMBER("mqtt.keepalive_s", mqtt_keepalive_s, 5, 3600, "60", "s", "Keepalive of the connection; not over the broker's `max_keepalive`."),
    NUMBER("mqtt.session_expiry_s", mqtt_session_expiry_s, 0, 604800, "3600", "s", "How long the broker keeps messages for an absent droverd."),
    NUMBER("mqtt.window", mqtt_window, 1, 10000, "500", "messages", "Most messages sent and not yet confirmed; below the broker's `max_inflight_messages`."),

    NEEDED("redis.url", redis_url, "redis://127.0.0.1:6379/0", "`redis://host:port/db` or `unix:///path?db=N`."),
    TEXT("redis.username", redis_username, "", "User of Redis' ACL; empty: the default user."),
    TEXT("redis.password_file", redis_password_file, "", "File whose first line is the password."),
    NUMBER("redis.timeout_ms", redis_timeout_ms, 100, 60000, "5000", "ms", "No answer for this long: the connection is dropped and made again."),

    NEEDED("http.listen", http_listen, "0.0.0.0:8080", "Address for devices: `/firmware/latest`, `/artifacts/`, `/healthz`."),
    TEXT("http.public_url", http_public_url, "", "How devices reach that address; stands in commands and notices. Empty: `http://` (`https://` with TLS) and `http.listen`."),
    NUMBER("http.threads", http_threads, 1, 16, "2", "threads", "Threads that serve HTTP."),
    NUMBER("http.connections", http_connections, 1, 1000000, "8192", "connections", "Open at a time at `http.listen`."),
    NUMBER("http.requests_s", http_requests_s, 0, 1000000, "0", "requests/s", "Of all clients together; 0: no limit."),
    NUMBER("http.address_connections", http_address_connections, 0, 1000000, "512", "connections", "Open at a time from one address (of IPv6: one /64); 0: no limit."),
    NUMBER("http.address_requests_s", http_address_requests_s, 0, 1000000, "500", "requests/s", "Of one address, those of devices that prove their id not counted; 0: no limit."),
    NUMBER("http.device_requests_s", http_device_requests_s, 0, 1000000, "500", "requests/s", "Of one device that proves its id; 0: no limit."),
    TEXT("http.shared_addresses", http_shared_addresses, "127.0.0.0/8 ::1/128", "Networks without limits per address, because many devices stand behind one: proxies, a carrier's NAT."),
    NUMBER("http.clients", http_clients, 64, 16777216, "65536", "clients", "Addresses and devices whose limits are remembered; 24 bytes each."),
    NUMBER("http.reader_bytes_s", http_reader_bytes_s, 0, 1000000, "64", "bytes/s", "Who takes an answer slower than this for a minute is cut; 0: a byte a minute is enough."),
    TLS("http", http_tls),

    NUMBER("depot.downloads", depot_downloads, 1, 1000000, "8192", "devices", "That download at a time; the others are told when to come again."),
    NUMBER("depot.device_downloads", depot_device_downloads, 1, 1000, "16", "replies", "With parts of packages, at a time to one device."),
    NUMBER("depot.bytes_s", depot_bytes_s, 0, 1000000000000, "0", "bytes/s", "Of all downloads together; 0: no limit."),
    NUMBER("depot.download_bytes_s", depot_download_bytes_s, 1, 1000000000, "32768", "bytes/s", "With `depot.bytes_s`: no more devices download at a time than get this much each."),
    NUMBER("depot.connection_bytes_s", depot_connection_bytes_s, 0, 4000000000, "0", "bytes/s", "Of one connection that downloads; 0: no limit."),
    NUMBER("depot.upload_bytes_s", depot_upload_bytes_s, 0, 1000000000000, "0", "bytes/s", "Of all uploads together; 0: no limit."),
    RELOAD("depot.pace_pct", depot_pace_pct, 0, 1000, "100", "%", "How much of `depot.downloads` is promised to devices by telling them to update; 0: they are told whatever the depot can carry."),

    NEEDED("api.listen", api_listen, "127.0.0.1:8081", "Address for operators and Prometheus: everything."),
    {"api.token_file", SETTING_TEXT, AT(api_token_file), 0, 0, NULL, "", true, false, "",
     "File whose first line is the operators' bearer token; empty: no operator API. Read again on SIGHUP."},
    RELOAD("api.approvals_min", api_approvals_min, 0, 2, "0", "approvals", "Every plan must ask for at least so many `approvals`, and there are no rollouts without a plan; 0: nobody needs to."),
    RELOAD("api.proposal_ms", api_proposal_ms, 60000, 30 * DAY_MS, "86400000", "ms", "An order for an approved rollout waits this long for another person's approval."),

    TLS("api", api_tls),

    TEXT("auth.keys_file", auth_keys_file, "", "Keys of tokens and signed requests ([authentication.md](authentication.md)); empty: none. Its content is read again on SIGHUP."),
    {"auth.devices", SETTING_CHOICE, AT(auth_devices), 0, 0, "off|optional|required", "off", false, false, "",
     "Must devices prove who they are at `/firmware/latest` and `/artifacts/`? `optional`: who sends a proof must send a good one."},
    NUMBER("auth.leeway_ms", auth_leeway_ms, 0, 600000, "30000", "ms", "How far the clock of a token's issuer may be from ours."),
    NUMBER("auth.window_ms", auth_window_ms, 1000, 600000, "60000", "ms", "How far the timestamp of a signed request may be from our clock, either way."),
    NUMBER("auth.remembered_tokens", auth_remembered_tokens, 0, 1048576, "16384", "tokens", "Good tokens that each HTTP thread remembers; about 200 bytes each."),
    NUMBER("auth.nonces_max", auth_nonces_max, 1, 1000000, "1000", "requests", "Signed requests of one key and subject within `auth.window_ms`."),

    {"log.level", SETTING_CHOICE, AT(log_level), 0, 0, "debug|info|warn|error", "info", true, false, "", "Lowest level that is written."},
    {"log.format", SETTING_CHOICE, AT(log_format), 0, 0, "logfmt|json", "logfmt", true, false, "", "One event a line on stderr, in this format."},

    NUMBER("ring.heartbeats_mib", ring_heartbeats_mib, 1, 16384, "256", "MiB", "Ring file between the broker's connection and the loop, for heartbeats."),
    NUMBER("ring.reports_mib", ring_reports_mib, 1, 16384, "64", "MiB", "The same for reports and online messages."),

    TEXT("zones.folder", zones_folder, "/usr/share/zoneinfo", "The time zones (TZif files) of devices and maintenance windows."),

    NUMBER("audit.keep", audit_keep, 1000, 100000000, "100000", "entries", "Length of the stream `drover:v1:audit`, about: what operators did."),
    NUMBER("events.keep", events_keep, 1000, 100000000, "1000000", "events", "Length of the stream `drover:v1:events`, about."),
    NUMBER("events.seal_ms", events_seal_ms, 100, 3600000, "60000", "ms", "An event, or an entry of the audit, is sealed at this age at the latest ([events.md](events.md)); 1000 new ones are sealed at once."),
    NUMBER("events.seals_keep", events_seals_keep, 1000, 10000000, "100000", "seals", "Length of the streams `drover:v1:seals` and `drover:v1:audit_seals`, about; 400 bytes each. Seals are to outlive what they cover."),

    NUMBER("export.give_up_s", export_give_up_s, 1, 31536000, "86400", "s", "An event this old that a webhook or Kafka did not take in 10 tries goes to the dead letters ([events.md](events.md))."),
    NUMBER("export.dead_keep", export_dead_keep, 100, 10000000, "100000", "events", "Length of the stream `drover:v1:export:<name>:dead`, about."),

    TEXT("webhook.url", webhook_url, "", "Where events are posted to: `https://`, or `http://` to this machine; empty: nowhere."),
    TEXT("webhook.secret_file", webhook_secret_file, "", "File whose first line is the secret of the signatures; empty: they are not signed."),
    TEXT("webhook.tls_ca", webhook_tls_ca, "", "PEM file with the authorities the receiver's certificate is checked against; empty: the system's."),
    NUMBER("webhook.timeout_ms", webhook_timeout_ms, 100, 300000, "10000", "ms", "Of one POST, from the connection to the end of the answer."),
    NUMBER("webhook.batch", webhook_batch, 1, 500, "100", "events", "Most in one POST; about 256 KiB end one too."),

    TEXT("kafka.brokers", kafka_brokers, "", "Kafka's bootstrap servers, `host:port` with commas between them; empty: no Kafka."),
    TEXT("kafka.topic", kafka_topic, "drover.events", "The topic that events go to; their key is the device's id."),
    TEXT("kafka.properties_file", kafka_properties_file, "", "File with properties of librdkafka, `name=value` a line: TLS, SASL, compression."),

    {"release.trust", SETTING_TEXT, AT(release_trust), 0, 0, NULL, "", true, false, "",
     "Trust store against which packages are verified; empty: nothing can be released or offered. Read again on SIGHUP."},
    RELOAD("release.workers", release_workers, 1, 8, "1", "processes", "Deltas derived at a time; verifications have a process of their own."),
    RELOAD("release.worker_timeout_s", release_worker_timeout_s, 1, 86400, "1800", "s", "A worker that takes longer is ended."),
    RELOAD("release.worker_memory_mib", release_worker_memory_mib, 128, 1048576, "2048", "MiB", "Address space of one worker."),
    RELOAD("release.delta_from", release_delta_from, 0, 8, "3", "releases", "Deltas are derived from this many older releases of the model; 0: none."),
    {"release.delta_key", SETTING_TEXT, AT(release_delta_key), 0, 0, NULL, "", true, false, "",
     "PEM file of the key with the role `delta` that signs them; empty: only where the trust store asks for no such signature."},
    {"release.permit_key", SETTING_TEXT, AT(release_permit_key), 0, 0, NULL, "", true, false, "",
     "PEM file of the key with the role `permit` alone that signs permits for rollouts that go back; empty: only a plan's own permit is given to devices."},
    RELOAD("release.permit_s", release_permit_s, 60, 2592000, "86400", "s", "How long a permit that is signed here counts."),
    RELOAD("release.delta_max_bytes", release_delta_max_bytes, 4096, 1099511627776, "134217728", "bytes", "The largest image of which deltas are derived."),
    RELOAD("release.delta_min_saving_pct", release_delta_min_saving_pct, 0, 90, "20", "%", "A delta that is not smaller than the full package by this much is not kept."),

    POLICY(heartbeat_ms, 100, DAY_MS, "30000", "ms", "Time between a device's heartbeats that is expected."),
    POLICY(offline_after_ms, 200, 7 * DAY_MS, "90000", "ms", "No heartbeat for this long: the device is offline."),
    POLICY(silent_after_ms, 200, 7 * DAY_MS, "180000", "ms", "A deadline passes and the device was silent for this long: its upgrade is lost."),
    POLICY(lost_give_up_ms, 1000, 365 * DAY_MS, "604800000", "ms", "Lost for this long: failed."),
    POLICY(pending_ms, 100, DAY_MS, "5000", "ms", "A pending upgrade is looked at again after this."),
    POLICY(acknowledge_ms, 100, DAY_MS, "30000", "ms", "From the command to the device's reaction; for simple devices the rollout's spread comes on top."),
    POLICY(acknowledge_repeats, 0, 100, "2", "times", "How often the command is said again before the attempt counts as failed."),
    POLICY(start_ms, 100, DAY_MS, "300000", "ms", "From the reaction to the download's begin."),
    POLICY(download_stall_ms, 100, DAY_MS, "300000", "ms", "A download without progress for this long has failed."),
    POLICY(download_total_ms, 100, 7 * DAY_MS, "7200000", "ms", "The whole download."),
    POLICY(install_ms, 100, DAY_MS, "900000", "ms", "The installation."),
    POLICY(verify_ms, 100, DAY_MS, "300000", "ms", "From the reboot to the confirmation, the rollout's soak not counted."),
    POLICY(ready_ms, 100, DAY_MS, "30000", "ms", "From the first sign of the new firmware to its being ready; otherwise it is rolled back."),
    POLICY(unhealthy_max, 1, 1000, "3", "heartbeats", "This many unhealthy ones in a row: rolled back."),
    POLICY(boot_loop_max, 2, 1000, "4", "boots", "This many different boot ids after the command: a boot loop, rolled back."),
    POLICY(rollback_ms, 100, DAY_MS, "60000", "ms", "A rollback's time before it is told again."),
    POLICY(rollback_repeats, 0, 100, "2", "times", "How often a rollback is told again before it counts as failed, with an alarm."),
    POLICY(retry_base_ms, 1, DAY_MS, "10000", "ms", "First backoff before a new attempt; doubles each time, with full jitter."),
    POLICY(retry_cap_ms, 1, 7 * DAY_MS, "900000", "ms", "Longest backoff before a new attempt."),
    POLICY(busy_ms, 100, DAY_MS, "60000", "ms", "A busy device is asked again after this, with jitter."),
    POLICY(busy_max, 0, 100000, "20", "answers", "Answers of `busy` that cost no attempt; further ones do."),
    POLICY(queue_max, 0, 10000000, "20000", "devices", "That wait in line for a place in one rollout ([rollouts.md](rollouts.md)); the others come again with their next heartbeat. 100 bytes of Redis each."),
    POLICY(quarantine_ms, 0, 3650 * DAY_MS, "86400000", "ms", "A device that came back from a version by itself, or was not well on it, is kept from it for this long; 0: it is not."),
    POLICY(clash_ms, 0, 30 * DAY_MS, "3600000", "ms", "No upgrade for this long after two devices with one identity were seen."),
};

const struct settings_table daemon_settings_table = {rows, sizeof rows / sizeof rows[0], "DROVER_"};

/* True for DROVER_X when x is a setting. */
static bool variable_is_setting(const char *variable)
{
    size_t length = strcspn(variable, "=");
    char name[ID_SIZE];

    if (!text_copy_n(name, sizeof name, variable, length))
        return false;
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    return settings_find(&daemon_settings_table, name + strlen(daemon_settings_table.env_prefix)) != NULL;
}

static bool variable_is_ours(const char *variable)
{
    return strncmp(variable, daemon_settings_table.env_prefix, strlen(daemon_settings_table.env_prefix)) == 0;
}

void daemon_settings_unknown(char *const *environment, void (*unknown)(const char *variable, void *arg), void *arg)
{
    static const char *const of_the_command[] = {"DROVER_API=", "DROVER_TOKEN=", "DROVER_TOKEN_FILE=", "DROVER_CA_FILE=",
                                               "DROVER_CERTIFICATE_FILE="};

    for (; *environment; environment++) {
        bool known = !variable_is_ours(*environment) || variable_is_setting(*environment);

        for (unsigned i = 0; i < sizeof of_the_command / sizeof of_the_command[0]; i++)
            known = known || strncmp(*environment, of_the_command[i], strlen(of_the_command[i])) == 0;
        if (!known)
            unknown(*environment, arg);
    }
}

static enum drover_error environment_read(char *const *environment, struct daemon_settings *settings, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    for (; *environment && !error; environment++) {
        char *const one[] = {*environment, NULL};

        if (variable_is_ours(*environment) && variable_is_setting(*environment))
            error = settings_read_environment(&daemon_settings_table, one, settings, ret_problem);
    }
    return error;
}

enum drover_error daemon_settings_load(const struct daemon_settings_source *source, struct daemon_settings *ret,
                                       struct problem *ret_problem)
{
    struct daemon_settings settings = {.instance = ""};
    enum drover_error error = DROVER_OK;

    settings_defaults(&daemon_settings_table, &settings);
    if (source->file)
        error = settings_read_file(&daemon_settings_table, source->file, &settings, ret_problem);
    if (!error && source->environment)
        error = environment_read(source->environment, &settings, ret_problem);
    for (unsigned i = 0; i < source->count && !error; i++)
        error = settings_set(&daemon_settings_table, source->names[i], source->values[i], &settings, ret_problem);
    if (!error)
        error = daemon_settings_check(&settings, ret_problem);
    if (!error)
        *ret = settings;
    return error;
}
