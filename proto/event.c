/* The event's fields: the same in every entry, "-" where one does not apply. */
#include "proto/event.h"

#include "common/json.h"
#include "proto/field.h"

#define AT(member) FIELD_AT(event, member)
#define NUMBER_MAX ((int64_t)1 << 53)

static const struct field fields[] = {
    {"schema", FIELD_SCHEMA, FIELD_OPTIONAL, .help = "version of this contract"},
    {"id", FIELD_STREAM_ID, FIELD_OPTIONAL, AT(id), .help = "of the entry in drover:v1:events"},
    {"at_ms", FIELD_INTEGER, FIELD_REQUIRED, AT(at_ms), .max = NUMBER_MAX, .help = "unix time of the move"},
    {"kind", FIELD_WORD, FIELD_REQUIRED, AT(kind), .help = "move, rollout, alarm, audit, release"},
    {"device", FIELD_ID, FIELD_OR_DASH, AT(device_id), .help = "the device it is about"},
    {"model", FIELD_ID, FIELD_OR_DASH, AT(model), .help = "the device's or the rollout's model"},
    {"rollout", FIELD_ID, FIELD_OR_DASH, AT(rollout), .help = "the rollout it belongs to"},
    {"upgrade", FIELD_ID, FIELD_OR_DASH, AT(upgrade_id), .help = "the upgrade that moved"},
    {"from", FIELD_WORD, FIELD_OR_DASH, AT(from), .help = "the state before; none before the first"},
    {"to", FIELD_WORD, FIELD_OR_DASH, AT(to), .help = "the state after"},
    {"on", FIELD_WORD, FIELD_OR_DASH, AT(on), .help = "what made it move, an event of the state machine"},
    {"attempt", FIELD_INTEGER, FIELD_REQUIRED, AT(attempt), .max = NUMBER_MAX, .help = "of the upgrade"},
    {"revision", FIELD_INTEGER, FIELD_REQUIRED, AT(revision), .max = NUMBER_MAX, .help = "of the upgrade after the move"},
    {"version", FIELD_VERSION, FIELD_OR_DASH, AT(version), .help = "the target"},
    {"error", FIELD_WORD, FIELD_OR_DASH, AT(error), .help = "an error code"},
    {"why", FIELD_TEXT, FIELD_OR_DASH, AT(why), .help = "the reason in words"},
    {"prev", FIELD_STREAM_ID, FIELD_OR_DASH, AT(prev), .help = "id of the device's entry before this one"},
    {"instance", FIELD_ID, FIELD_OR_DASH, AT(instance), .help = "which droverd did it"},
    {"stage", FIELD_INTEGER, FIELD_OPTIONAL, AT(stage), .max = NUMBER_MAX, .help = "of the rollout, through which the device was taken; 0: none"},
};
const struct field_table event_fields = {"event", fields, sizeof fields / sizeof fields[0]};

enum drover_error event_read(const char *bytes, size_t length, struct event *ret_event, struct problem *ret_problem)
{
    struct event event = {.at_ms = 0};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &json_message_limits, &flat, ret_problem);

    if (!error)
        error = fields_read(&event_fields, &flat, &event, ret_problem);
    if (!error)
        *ret_event = event;
    return error;
}

void event_write(const struct event *event, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&event_fields, event, &writer);
    json_end(&writer);
}
