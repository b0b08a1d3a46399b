/* The table of settings, and what no single row can check. */
#include "agent/agent_settings.h"

#include <string.h>

#define SETTINGS_OF struct agent_settings
#include "common/settings_rows.h"

static const struct setting rows[] = {
    TEXT("device.id", device_id, "", "Name of the device: topics, MQTT client id, subject of its token and certificate. Needed."),
    TEXT("device.model", device_model, "", "Its model: only packages for it are installed. Needed."),
    TEXT("device.hw_rev", device_hw_rev, "", "Hardware revision; empty: only packages that name none."),
    NEEDED("device.version", device_version, "0.0.0", "Version of the image that the factory put in, for a slot that no update has written yet."),
    TEXT("device.version_file", device_version_file, "", "File whose first line is the version of the running image; empty: as its slot was written. With it an image that lies is found out."),
    TEXT("device.tags", device_tags, "", "Tags in the heartbeat, separated by commas."),
    TEXT("device.priority", device_priority, "", "Priority class in the heartbeat."),
    TEXT("device.network", device_network, "", "Kind of network in the heartbeat: `wifi`, `ethernet`, `cellular`."),
    TEXT("device.wireless", device_wireless, "", "Interface whose signal level in `/proc/net/wireless` stands in the heartbeat."),
    TEXT("device.time_zone", device_time_zone, "", "IANA time zone in the heartbeat, for maintenance windows; empty: the `TZ` variable's, or where `/etc/localtime` leads."),
    TEXT("device.battery_file", device_battery_file, "", "File with the battery's charge in per cent, such as `/sys/class/power_supply/BAT0/capacity`."),
    NEEDED("device.boot_id_file", boot_id_file, "/proc/sys/kernel/random/boot_id", "File that holds something else after each boot."),

    CHOICE("agent.mode", mode, "managed|pull", "managed", "`managed`: does what commands say and reports each step. `pull`: asks `/firmware/latest` after a notice, and reports nothing."),
    NEEDED("agent.state_dir", state_dir, "/var/lib/drover-agent", "Folder that every image sees: the log of the upgrade, what is remembered for ever, a newer trust store."),
    TEXT("agent.staging_dir", staging_dir, "", "Folder of the package while it is fetched; empty: `agent.state_dir`."),

    NEEDED("mqtt.url", mqtt_url, "tcp://127.0.0.1:1883", "The broker: `tcp://` or `ssl://`, host and port."),
    TEXT("mqtt.username", mqtt_username, "", "User name at the broker; empty: none."),
    TEXT("mqtt.password_file", mqtt_password_file, "", "File whose first line is the password."),
    NUMBER("mqtt.keepalive_s", mqtt_keepalive_s, 5, 3600, "60", "s", "Keepalive of the connection; not over the broker's `max_keepalive`."),
    NUMBER("mqtt.session_expiry_s", mqtt_session_expiry_s, 0, 2592000, "604800", "s", "How long the broker keeps commands for an absent device."),
    NUMBER("mqtt.retry_max_s", mqtt_retry_max_s, 1, 3600, "120", "s", "Longest wait before it connects again; doubles from 1 s, with full jitter."),
    NUMBER("mqtt.heartbeat_s", heartbeat_s, 1, 86400, "30", "s", "Time between heartbeats; a tenth of it is jitter."),
    NUMBER("mqtt.heartbeat_qos", heartbeat_qos, 0, 1, "0", "", "QoS of heartbeats."),

    TEXT("tls.ca_file", tls_ca_file, "", "Certificates that broker and depot are checked against; empty: the system's."),
    TEXT("tls.certificate_file", tls_certificate_file, "", "The device's own certificate, for both."),
    TEXT("tls.key_file", tls_key_file, "", "Its private key."),

    TEXT("depot.token_file", depot_token_file, "", "File whose first line is the bearer token for the depot; read anew for each download."),
    NUMBER("depot.bandwidth_bytes_s", depot_bandwidth_bytes_s, 0, 10000000000, "0", "bytes/s", "Most that a download takes; 0: no limit."),
    NUMBER("depot.stall_s", depot_stall_s, 1, 3600, "30", "s", "A request without a byte for this long has failed."),
    NUMBER("depot.total_s", depot_total_s, 1, 604800, "7200", "s", "A download takes at most this."),
    NUMBER("depot.min_bytes_s", depot_min_bytes_s, 0, 1000000000, "100", "bytes/s", "A request that is slower than this has failed."),
    NUMBER("depot.window", depot_window, 1, 32, "8", "requests", "Most requests at a time."),
    NUMBER("depot.failures", depot_failures, 1, 1000, "12", "failures", "As many failed requests in a row end the download."),

    TEXT("trust.file", trust_file, "/etc/drover-agent/trust.json", "Trust store of this image. A newer one in `agent.state_dir`, which came with a package, outranks it."),
    TEXT("trust.permit_file", permit_file, "", "Permit to install an older version; may be absent until it is needed."),
    TEXT("trust.model_key_file", model_key_file, "", "Model key, for encrypted packages."),
    TEXT("trust.device_key_file", device_key_file, "", "The device's private key (PEM), for encrypted packages."),

    SWITCH("rollback.needs_permit", rollback_needs_permit, "false",
           "A rollback command must bring a permit that the trust store's keys have signed (role `permit`). Without, whoever may send commands may send the device back to its other slot."),

    CHOICE("slots.backend", slots_backend, "file|block|script|rauc|swupdate", "file", "How the two slots are written and switched."),
    NEEDED("slots.dir", slots_dir, "/var/lib/drover-agent/slots", "Folder of `boot.state`; of the back end `file` also of the slots."),
    TEXT("slots.running", slots_running, "", "Slot that runs, `a` or `b`; empty: as `boot.state` says."),
    TEXT("slots.running_parameter", slots_running_parameter, "", "Parameter of the kernel's command line that names the running slot, such as `rauc.slot`; `A` and `a` are slot a."),
    TEXT("slots.parts", slots_parts, "", "Parts separated by spaces; for `block` with their devices: `rootfs=/dev/mmcblk0p2:/dev/mmcblk0p3`."),
    TEXT("slots.install_command", slots_install_command, "", "Back end `script`: writes the staged images into the slot."),
    TEXT("slots.switch_command", slots_switch_command, "", "Back end `script`: makes the other slot the next to boot, on trial."),
    TEXT("slots.confirm_command", slots_confirm_command, "", "Back end `script`: the running slot is good."),
    TEXT("slots.back_command", slots_back_command, "", "Back end `script`: makes the other slot the next to boot, for good."),
    NUMBER("slots.command_timeout_s", slots_command_timeout_s, 1, 86400, "600", "s", "Each of these commands takes at most this."),
    NUMBER("slots.tries", slots_tries, 1, 99, "3", "boots", "Boots that a new image gets to prove itself."),

    NUMBER("update.spread_s", update_spread_s, 0, 86400, "0", "s", "Random wait before a download, at most."),
    TEXT("update.condition_command", update_condition_command, "", "Asked before each download: 0 go on, 77 refuse this update, anything else: not now."),
    NUMBER("update.condition_timeout_s", update_condition_timeout_s, 1, 3600, "30", "s", "It takes at most this."),

    TEXT("health.command", health_command, "", "Tells by its exit code whether the new image is healthy; empty: reaching the broker is enough."),
    NUMBER("health.passes", health_passes, 1, 1000, "3", "times", "It must pass this often in a row."),
    NUMBER("health.interval_ms", health_interval_ms, 10, 3600000, "2000", "ms", "Time between two of them."),
    NUMBER("health.timeout_s", health_timeout_s, 1, 3600, "30", "s", "One that takes longer has failed."),
    NUMBER("health.total_s", health_total_s, 1, 86400, "60", "s", "Not healthy for this long after the boot: back to the old image."),
    SWITCH("health.needs_link", health_needs_link, "true", "Healthy only while the broker is reached: an image that cannot be updated again is no good."),

    NEEDED("reboot.command", reboot_command, "systemctl reboot", "Reboots the device."),
    NUMBER("reboot.delay_ms", reboot_delay_ms, 0, 600000, "2000", "ms", "Wait before it, for the last report; shorter when the broker has that."),
    NUMBER("reboot.retry_s", reboot_retry_s, 5, 86400, "120", "s", "No reboot for this long: it is asked for again, five times in all."),

    CHOICE("log.level", log_level, "debug|info|warn|error", "info", "Lowest level that is written."),
    CHOICE("log.format", log_format, "logfmt|json", "logfmt", "One event a line on stderr, in this format."),
};

const struct settings_table agent_settings_table = {rows, sizeof rows / sizeof rows[0], "DROVER_AGENT_"};

static enum drover_error needed_id(const char *name, const char *value, struct problem *ret_problem)
{
    if (!value[0])
        return problem_set(ret_problem, DROVER_MISSING, name, "must be set");
    if (!text_is_id(value, strlen(value)))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "must be an id: letters, digits, '.', '_', '-'");
    return DROVER_OK;
}

static enum drover_error word(const char *name, const char *value, struct problem *ret_problem)
{
    if (value[0] && !text_is_word(value, strlen(value)))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "must be one word of letters, digits, '.', '_', '+', '-'");
    return DROVER_OK;
}

static enum drover_error identity_check(struct agent_settings *settings, struct problem *ret_problem)
{
    enum drover_error error = needed_id("device.id", settings->device_id, ret_problem);
    char version[VERSION_SIZE];
    struct problem problem;

    if (!error)
        error = needed_id("device.model", settings->device_model, ret_problem);
    if (!error)
        error = word("device.hw_rev", settings->device_hw_rev, ret_problem);
    if (!error)
        error = word("device.priority", settings->device_priority, ret_problem);
    if (!error)
        error = word("device.network", settings->device_network, ret_problem);
    if (!error && settings->device_time_zone[0] && !time_zone_name_fits(settings->device_time_zone))
        return problem_set(ret_problem, DROVER_SYNTAX, "device.time_zone", "must be the name of a time zone such as Europe/Berlin");
    if (!error && semver_read(settings->device_version, strlen(settings->device_version), version, &problem) != DROVER_OK)
        return problem_set(ret_problem, DROVER_SYNTAX, "device.version", "%s", problem.what);
    if (!error)
        (void)text_copy(settings->device_version, sizeof settings->device_version, version); /* without a leading v */
    return error;
}

static enum drover_error together_check(const struct agent_settings *settings, struct problem *ret_problem)
{
    static const char *const schemes[] = {"tcp://", "mqtt://", "ssl://", "mqtts://"};
    bool known = false;

    for (unsigned i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        known |= strncmp(settings->mqtt_url, schemes[i], strlen(schemes[i])) == 0;
    if (!known)
        return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.url", "must begin with tcp://, mqtt://, ssl:// or mqtts://");
    if (!settings->tls_certificate_file[0] != !settings->tls_key_file[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "tls.key_file", "certificate and key go together");
    if (settings->slots_running[0] && settings->slots_running_parameter[0])
        return problem_set(ret_problem, DROVER_MISMATCH, "slots.running_parameter", "slots.running says it already");
    if (settings->health_interval_ms * settings->health_passes > settings->health_total_s * 1000)
        return problem_set(ret_problem, DROVER_MISMATCH, "health.total_s", "health.passes times health.interval_ms do not fit into it");
    return DROVER_OK;
}

static enum drover_error settings_check(struct agent_settings *settings, struct problem *ret_problem)
{
    struct slots_config config;
    enum drover_error error = identity_check(settings, ret_problem);

    if (!error)
        error = together_check(settings, ret_problem);
    if (!error)
        error = agent_settings_slots(settings, &config, ret_problem);
    if (!settings->staging_dir[0])
        (void)text_copy(settings->staging_dir, sizeof settings->staging_dir, settings->state_dir);
    return error;
}

enum drover_error agent_settings_load(const struct agent_settings_source *source, struct agent_settings *ret, struct problem *ret_problem)
{
    struct agent_settings settings = {.device_id = ""};
    enum drover_error error = DROVER_OK;

    settings_defaults(&agent_settings_table, &settings);
    if (source->file)
        error = settings_read_file(&agent_settings_table, source->file, &settings, ret_problem);
    if (!error && source->environment)
        error = settings_read_environment(&agent_settings_table, source->environment, &settings, ret_problem);
    for (unsigned i = 0; i < source->count && !error; i++)
        error = settings_set(&agent_settings_table, source->names[i], source->values[i], &settings, ret_problem);
    if (!error)
        error = settings_check(&settings, ret_problem);
    if (!error)
        *ret = settings;
    return error;
}
