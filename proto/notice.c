/* The notice's fields. */
#include "proto/notice.h"

#include "common/json.h"
#include "proto/field.h"

#define AT(member) FIELD_AT(notice, member)
#define MS_MAX ((int64_t)1 << 53)
#define SPREAD_MAX_S (7 * 24 * 3600)

static const struct field fields[] = {
    {"schema", FIELD_SCHEMA, FIELD_REQUIRED, .help = "version of this contract"},
    {"rollout", FIELD_ID, FIELD_REQUIRED, AT(rollout), .help = "the plan behind the offer"},
    {"model", FIELD_ID, FIELD_REQUIRED, AT(model), .help = "whom it is for"},
    {"version", FIELD_VERSION, FIELD_REQUIRED, AT(version), .help = "what is on offer"},
    {"url", FIELD_URL, FIELD_REQUIRED, AT(url), .help = "of /firmware/latest, to ask there whether it is this device's turn"},
    {"size", FIELD_INTEGER, FIELD_REQUIRED, AT(size_bytes), .min = 1, .max = MS_MAX, .help = "bytes of the full package"},
    {"sha256", FIELD_SHA256, FIELD_REQUIRED, AT(sha256), .help = "of the full package"},
    {"share_pct", FIELD_INTEGER, FIELD_REQUIRED, AT(share_pct), .max = 100, .help = "share of the fleet now eligible"},
    {"spread_s", FIELD_INTEGER, FIELD_OPTIONAL, AT(spread_s), .max = SPREAD_MAX_S, .help = "ask after a random wait of at most this; absent: at once"},
    {"epoch", FIELD_INTEGER, FIELD_REQUIRED, AT(epoch), .max = MS_MAX, .help = "unix ms of the rollout's last change; a notice whose epoch is not newer is ignored"},
    {"expires_at", FIELD_INTEGER, FIELD_OPTIONAL, AT(expires_ms), .max = MS_MAX, .help = "unix ms; 0 or absent: never"},
};
const struct field_table notice_fields = {"notice", fields, sizeof fields / sizeof fields[0]};

enum drover_error notice_read(const char *bytes, size_t length, struct notice *ret_notice, struct problem *ret_problem)
{
    struct notice notice = {.epoch = 0};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &json_message_limits, &flat, ret_problem);

    if (!error)
        error = fields_read(&notice_fields, &flat, &notice, ret_problem);
    if (!error)
        *ret_notice = notice;
    return error;
}

void notice_write(const struct notice *notice, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&notice_fields, notice, &writer);
    json_end(&writer);
}
