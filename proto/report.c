/* The report's fields and the words for its states. */
#include "proto/report.h"

#include "common/json.h"
#include "proto/field.h"

#define AT(member) FIELD_AT(report, member)
#define COUNT_MAX ((int64_t)1 << 53)

static const char *const states[] = {
    [REPORT_ACKNOWLEDGED] = "acknowledged", [REPORT_DOWNLOADING] = "downloading",
    [REPORT_INSTALLING] = "installing",     [REPORT_VERIFYING] = "verifying",
    [REPORT_SUCCEEDED] = "succeeded",       [REPORT_FAILED] = "failed",
    [REPORT_REJECTED] = "rejected",         [REPORT_ROLLED_BACK] = "rolled_back",
    [REPORT_STATE_COUNT] = NULL,
};

static const struct field fields[] = {
    {"schema", FIELD_SCHEMA, FIELD_REQUIRED, .help = "version of this contract"},
    {"upgrade_id", FIELD_ID, FIELD_REQUIRED, AT(upgrade_id), .help = "from the command, opaque"},
    {"attempt", FIELD_INTEGER, FIELD_REQUIRED, AT(attempt), .min = 1, .max = 1000, .help = "from the command"},
    {"seq", FIELD_INTEGER, FIELD_REQUIRED, AT(seq), .max = COUNT_MAX, .help = "counts up within the upgrade"},
    {"state", FIELD_CHOICE, FIELD_REQUIRED, AT(state), .names = states, .help = "where the device is"},
    {"progress", FIELD_INTEGER, FIELD_OPTIONAL, AT(progress), .max = 100, .help = "per cent of this state"},
    {"version", FIELD_VERSION, FIELD_OPTIONAL, AT(version), .help = "the firmware it runs now"},
    {"error", FIELD_CODE, FIELD_OPTIONAL, AT(error), .help = "an error code; an unknown one counts as E_INTERNAL"},
    {"text", FIELD_TEXT, FIELD_OPTIONAL, AT(text), .help = "for people"},
    {"device_id", FIELD_SELF, FIELD_OPTIONAL, AT(device_id), .help = "when sent, the id in the topic"},
};
const struct field_table report_fields = {"report", fields, sizeof fields / sizeof fields[0]};

const char *report_state_name(enum report_state state)
{
    return (unsigned)state < REPORT_STATE_COUNT ? states[state] : "unknown";
}

enum drover_error report_read(const char *device_id, const char *bytes, size_t length, struct report *ret_report,
                              struct problem *ret_problem)
{
    struct report report = {.progress = ABSENT};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &json_message_limits, &flat, ret_problem);

    if (!error && !text_copy(report.device_id, sizeof report.device_id, device_id))
        error = problem_set(ret_problem, DROVER_TOO_LONG, "device_id", "the topic's id is too long");
    if (!error)
        error = fields_read(&report_fields, &flat, &report, ret_problem);
    if (!error)
        *ret_report = report;
    return error;
}

void report_write(const struct report *report, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&report_fields, report, &writer);
    json_end(&writer);
}
