/* The shortest message: one flag, which a broker may also send as the device's last will. */
#include "proto/online.h"

#include "common/json.h"
#include "proto/field.h"

struct online {
    bool online;
};

static const struct field fields[] = {
    {"online", FIELD_BOOL, FIELD_REQUIRED, FIELD_AT(online, online), .help = "false is the last will"},
};
const struct field_table online_fields = {"online", fields, sizeof fields / sizeof fields[0]};

/* "schema" may stand in it, but nothing is written: the payload is the contract, byte for byte. */
static const struct field schema_field[] = {{"schema", FIELD_SCHEMA, FIELD_OPTIONAL}};
static const struct field_table schema_fields = {"online", schema_field, 1};

enum drover_error online_read(const char *bytes, size_t length, bool *ret_online, struct problem *ret_problem)
{
    struct online message = {false};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &json_message_limits, &flat, ret_problem);

    if (!error)
        error = fields_read(&schema_fields, &flat, &message, ret_problem);
    if (!error)
        error = fields_read(&online_fields, &flat, &message, ret_problem);
    if (!error)
        *ret_online = message.online;
    return error;
}

void online_write(bool online, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&online_fields, &(struct online){online}, &writer);
    json_end(&writer);
}
