/* Every setting of droverd: one table, one struct. Rank: defaults < file < environment < command line. */
#pragma once

#include <stdint.h>

#include "common/settings.h"
#include "common/text.h"
#include "orchestrator/core/policy.h"

#define SETTING_PATH_SIZE 161 /* a path or URL in a setting: fits on a line of the file, with its name */

struct daemon_tls_settings {     /* of one listener */
    char certificate[SETTING_PATH_SIZE];
    char key[SETTING_PATH_SIZE];
    char client_ca[SETTING_PATH_SIZE];
    char client_crl[SETTING_PATH_SIZE];
    int64_t client;              /* enum http_tls_client */
    int64_t min;                 /* enum http_tls_min */
};

struct daemon_settings {
    char instance[ID_SIZE];
    char data_dir[SETTING_PATH_SIZE];
    char mqtt_url[SETTING_PATH_SIZE];
    char mqtt_username[ID_SIZE];
    char mqtt_password_file[SETTING_PATH_SIZE];
    char mqtt_tls_ca[SETTING_PATH_SIZE];
    char mqtt_tls_certificate[SETTING_PATH_SIZE];
    char mqtt_tls_key[SETTING_PATH_SIZE];
    char mqtt_share_group[ID_SIZE];
    int64_t mqtt_keepalive_s;
    int64_t mqtt_session_expiry_s;
    int64_t mqtt_window;
    char redis_url[SETTING_PATH_SIZE];
    char redis_username[ID_SIZE];
    char redis_password_file[SETTING_PATH_SIZE];
    int64_t redis_timeout_ms;
    char http_listen[SETTING_PATH_SIZE];
    char http_public_url[SETTING_PATH_SIZE];
    int64_t http_threads;
    int64_t http_connections;
    int64_t http_requests_s;
    int64_t http_address_connections;
    int64_t http_address_requests_s;
    int64_t http_device_requests_s;
    char http_shared_addresses[SETTING_PATH_SIZE];
    int64_t http_clients;
    int64_t http_reader_bytes_s;
    struct daemon_tls_settings http_tls;
    int64_t depot_downloads;
    int64_t depot_device_downloads;
    int64_t depot_bytes_s;
    int64_t depot_download_bytes_s;
    int64_t depot_connection_bytes_s;
    int64_t depot_upload_bytes_s;
    int64_t depot_pace_pct;
    char api_listen[SETTING_PATH_SIZE];
    char api_token_file[SETTING_PATH_SIZE];
    struct daemon_tls_settings api_tls;
    char zones_folder[SETTING_PATH_SIZE];
    char auth_keys_file[SETTING_PATH_SIZE];
    int64_t auth_devices;        /* enum http_devices_auth */
    int64_t auth_leeway_ms;
    int64_t auth_window_ms;
    int64_t auth_remembered_tokens;
    int64_t auth_nonces_max;
    int64_t log_level;           /* enum log_level */
    int64_t log_format;          /* enum log_format */
    int64_t ring_heartbeats_mib;
    int64_t ring_reports_mib;
    int64_t events_keep, audit_keep;
    int64_t events_seal_ms;
    int64_t events_seals_keep;
    int64_t export_give_up_s;
    int64_t export_dead_keep;
    char webhook_url[SETTING_PATH_SIZE];
    char webhook_secret_file[SETTING_PATH_SIZE];
    char webhook_tls_ca[SETTING_PATH_SIZE];
    int64_t webhook_timeout_ms;
    int64_t webhook_batch;
    char kafka_brokers[SETTING_PATH_SIZE];
    char kafka_topic[SETTING_PATH_SIZE];
    char kafka_properties_file[SETTING_PATH_SIZE];
    char release_trust[SETTING_PATH_SIZE];
    int64_t release_workers;
    int64_t release_worker_timeout_s;
    int64_t release_worker_memory_mib;
    int64_t api_approvals_min, api_proposal_ms;
    int64_t release_delta_from;
    char release_delta_key[SETTING_PATH_SIZE];
    char release_permit_key[SETTING_PATH_SIZE];
    int64_t release_permit_s;
    int64_t release_delta_max_bytes;
    int64_t release_delta_min_saving_pct;
    struct policy flow;
};

extern const struct settings_table daemon_settings_table;

/* Where values come from, in rising order of weight. */
struct daemon_settings_source {
    const char *file;                 /* NULL: none */
    char *const *environment;         /* NULL: none */
    const char *const *names;         /* of the command line, with values at the same index */
    const char *const *values;
    unsigned count;
};

/* Reads all sources and checks what settings say together. *ret is written only on success. */
MUST_USE enum drover_error daemon_settings_load(const struct daemon_settings_source *source,
                                                struct daemon_settings *ret, struct problem *ret_problem);
/* Calls `unknown` for each DROVER_ variable that is neither a setting nor one that the `drover` command reads. They are
 * ignored: container platforms put variables of their own under a service's name (DROVER_PORT=tcp://...). */
void daemon_settings_unknown(char *const *environment, void (*unknown)(const char *variable, void *arg), void *arg);

/* daemon_settings_check.c: what they say together; the first thing that does not fit. */
MUST_USE enum drover_error daemon_settings_check(const struct daemon_settings *settings, struct problem *ret_problem);
/* "host:port" or "[v6]:port" taken apart; false when it is neither. host: at least 64 bytes. */
bool daemon_settings_listen(const char *text, char *ret_host, size_t size, uint16_t *ret_port);

