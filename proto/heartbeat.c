/* The heartbeat's fields. This is the hot path: it is read without allocating. */
#include "proto/heartbeat.h"

#include <string.h>

#include "common/json.h"
#include "proto/field.h"

#define AT(member) FIELD_AT(heartbeat, member)
#define COUNT_MAX ((int64_t)1 << 53)

static const struct field fields[] = {
    {"schema", FIELD_SCHEMA, FIELD_REQUIRED, .help = "version of this contract"},
    {"model", FIELD_ID, FIELD_REQUIRED, AT(model), .help = "what releases are made for"},
    {"version", FIELD_VERSION, FIELD_REQUIRED, AT(version), .help = "the firmware it runs now"},
    {"hw_rev", FIELD_WORD, FIELD_OPTIONAL, AT(hw_rev), .help = "hardware revision"},
    {"status", FIELD_WORD, FIELD_OPTIONAL, AT(status), .help = "idle, busy, updating, unhealthy, ...; absent: idle"},
    {"slot", FIELD_SLOT, FIELD_OPTIONAL, AT(slot), .help = "the A/B slot it runs from"},
    {"boot_id", FIELD_ID, FIELD_OPTIONAL, AT(boot_id), .help = "new at each boot"},
    {"uptime_s", FIELD_INTEGER, FIELD_OPTIONAL, AT(uptime_s), .max = COUNT_MAX, .help = "seconds since boot"},
    {"seq", FIELD_INTEGER, FIELD_OPTIONAL, AT(seq), .max = COUNT_MAX, .help = "counts up within a boot"},
    {"network", FIELD_WORD, FIELD_OPTIONAL, AT(network), .help = "wifi, ethernet, cellular, ..."},
    {"rssi_dbm", FIELD_INTEGER, FIELD_OPTIONAL, AT(rssi_dbm), .min = -200, .max = 0, .help = "signal strength"},
    {"battery_pct", FIELD_INTEGER, FIELD_OPTIONAL, AT(battery_pct), .max = 100, .help = "battery charge"},
    {"priority", FIELD_WORD, FIELD_OPTIONAL, AT(priority), .help = "priority class; absent: normal"},
    {"tags", FIELD_TAGS, FIELD_OPTIONAL, AT(tags), .help = "for choosing devices in rollouts"},
    {"tz", FIELD_ZONE, FIELD_OPTIONAL, AT(tz), .help = "IANA time zone, for maintenance windows: Europe/Berlin"},
    {"managed", FIELD_MANAGED, FIELD_OPTIONAL, AT(kind), .help = "true: it reports each step of an upgrade"},
    {"device_id", FIELD_SELF, FIELD_OPTIONAL, AT(device_id), .help = "when sent, the id in the topic"},
};
const struct field_table heartbeat_fields = {"heartbeat", fields, sizeof fields / sizeof fields[0]};

enum drover_error heartbeat_read(const char *device_id, const char *bytes, size_t length,
                                 struct heartbeat *ret_heartbeat, struct problem *ret_problem)
{
    struct heartbeat heartbeat = {.uptime_s = ABSENT, .seq = ABSENT, .rssi_dbm = ABSENT, .battery_pct = ABSENT};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &json_message_limits, &flat, ret_problem);

    if (!error && !text_copy(heartbeat.device_id, sizeof heartbeat.device_id, device_id))
        error = problem_set(ret_problem, DROVER_TOO_LONG, "device_id", "the topic's id is too long");
    if (!error)
        error = fields_read(&heartbeat_fields, &flat, &heartbeat, ret_problem);
    if (!error)
        *ret_heartbeat = heartbeat;
    return error;
}

void heartbeat_write(const struct heartbeat *heartbeat, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&heartbeat_fields, heartbeat, &writer);
    json_end(&writer);
}

enum health heartbeat_health(const char *status)
{
    static const struct {
        const char *status;
        enum health health;
    } known[] = {
        {"", HEALTH_GOOD},       {"idle", HEALTH_GOOD},  {"busy", HEALTH_GOOD},      {"ok", HEALTH_GOOD},
        {"running", HEALTH_GOOD}, {"online", HEALTH_GOOD}, {"unhealthy", HEALTH_BAD}, {"error", HEALTH_BAD},
        {"failed", HEALTH_BAD},  {"degraded", HEALTH_BAD},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].status, status) == 0)
            return known[i].health;
    return HEALTH_NOT_READY;
}
