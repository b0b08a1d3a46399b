/* Every setting of drover-agent: one table, one struct. Rank: defaults < file < environment (DROVER_AGENT_*) < command line. */
#pragma once

#include <stdint.h>

#include "agent/slots.h"
#include "common/settings.h"
#include "common/text.h"
#include "common/semver.h"
#include "proto/heartbeat.h"

#define AGENT_TEXT_SIZE 161   /* a path, URL or command in a setting: fits on a line of the file, with its name */

enum agent_mode { MODE_MANAGED, MODE_PULL };

struct agent_settings {
    char device_id[ID_SIZE];
    char device_model[ID_SIZE];
    char device_hw_rev[WORD_SIZE];
    char device_version[VERSION_SIZE];
    char device_version_file[AGENT_TEXT_SIZE];
    char device_tags[TAGS_SIZE];
    char device_priority[WORD_SIZE];
    char device_network[WORD_SIZE];
    char device_wireless[WORD_SIZE];
    char device_time_zone[TIME_ZONE_SIZE];
    char device_battery_file[AGENT_TEXT_SIZE];
    char boot_id_file[AGENT_TEXT_SIZE];
    int64_t mode;                       /* enum agent_mode */
    char state_dir[AGENT_TEXT_SIZE];
    char staging_dir[AGENT_TEXT_SIZE];

    char mqtt_url[AGENT_TEXT_SIZE];
    char mqtt_username[ID_SIZE];
    char mqtt_password_file[AGENT_TEXT_SIZE];
    int64_t mqtt_keepalive_s;
    int64_t mqtt_session_expiry_s;
    int64_t mqtt_retry_max_s;
    int64_t heartbeat_s;
    int64_t heartbeat_qos;

    char tls_ca_file[AGENT_TEXT_SIZE];
    char tls_certificate_file[AGENT_TEXT_SIZE];
    char tls_key_file[AGENT_TEXT_SIZE];

    char depot_token_file[AGENT_TEXT_SIZE];
    int64_t depot_bandwidth_bytes_s;
    int64_t depot_stall_s;
    int64_t depot_total_s;
    int64_t depot_min_bytes_s;
    int64_t depot_window;
    int64_t depot_failures;

    char trust_file[AGENT_TEXT_SIZE];
    char permit_file[AGENT_TEXT_SIZE];
    char model_key_file[AGENT_TEXT_SIZE];
    char device_key_file[AGENT_TEXT_SIZE];

    int64_t slots_backend;              /* in the order of the table */
    char slots_dir[AGENT_TEXT_SIZE];
    char slots_running[ID_SIZE];
    char slots_running_parameter[ID_SIZE];
    char slots_parts[AGENT_TEXT_SIZE];
    char slots_install_command[AGENT_TEXT_SIZE];
    char slots_switch_command[AGENT_TEXT_SIZE];
    char slots_confirm_command[AGENT_TEXT_SIZE];
    char slots_back_command[AGENT_TEXT_SIZE];
    int64_t slots_command_timeout_s;
    int64_t slots_tries;

    int64_t update_spread_s;
    char update_condition_command[AGENT_TEXT_SIZE];
    int64_t update_condition_timeout_s;

    char health_command[AGENT_TEXT_SIZE];
    int64_t health_passes;
    int64_t health_interval_ms;
    int64_t health_timeout_s;
    int64_t health_total_s;
    bool rollback_needs_permit;
    bool health_needs_link;

    char reboot_command[AGENT_TEXT_SIZE];
    int64_t reboot_delay_ms;
    int64_t reboot_retry_s;

    int64_t log_level;                  /* enum log_level */
    int64_t log_format;                 /* enum log_format */
};

extern const struct settings_table agent_settings_table;

/* Where values come from, in rising order of weight. */
struct agent_settings_source {
    const char *file;                   /* NULL: none */
    char *const *environment;           /* NULL: none */
    const char *const *names;           /* of the command line, with values at the same index */
    const char *const *values;
    unsigned count;
};

/* Reads all sources and checks what settings say together. *ret is written only on success. Unknown DROVER_AGENT_ variables are errors. */
MUST_USE enum drover_error agent_settings_load(const struct agent_settings_source *source, struct agent_settings *ret, struct problem *ret_problem);

/* The slots' part, with slots.parts taken apart and slots.running found out; its texts point into settings. */
MUST_USE enum drover_error agent_settings_slots(const struct agent_settings *settings, struct slots_config *ret_config, struct problem *ret_problem);
