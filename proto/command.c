/* Commands: fields that all have, and those of an update. */
#include "proto/command.h"

#include <string.h>

#include "common/json.h"
#include "proto/field.h"

#define AT(member) FIELD_AT(command, member)
#define MS_MAX ((int64_t)1 << 53)

static const char *const kinds[] = {
    [COMMAND_UPDATE] = "update", [COMMAND_CANCEL] = "cancel", [COMMAND_ROLLBACK] = "rollback", NULL,
};

static const struct field fields[] = {
    {"schema", FIELD_SCHEMA, FIELD_REQUIRED, .help = "version of this contract"},
    {"command", FIELD_CHOICE, FIELD_REQUIRED, AT(kind), .names = kinds, .help = "what to do"},
    {"upgrade_id", FIELD_ID, FIELD_REQUIRED, AT(upgrade_id), .help = "opaque; reports repeat it"},
    {"rollout", FIELD_ID, FIELD_OPTIONAL, AT(rollout), .help = "the plan it belongs to; absent for an operator's command"},
    {"attempt", FIELD_INTEGER, FIELD_REQUIRED, AT(attempt), .max = 1000, .help = "reports repeat it; at least 1 in an update"},
    {"version", FIELD_VERSION, FIELD_OPTIONAL, AT(version), .help = "the target; of a rollback the version to go back to; absent only in a cancel"},
    {"deadline_ms", FIELD_INTEGER, FIELD_OPTIONAL, AT(deadline_ms), .max = MS_MAX, .help = "unix time by which it should be done; 0 or absent: none"},
};
const struct field_table command_fields = {"command", fields, sizeof fields / sizeof fields[0]};

static const struct field update_fields[] = {
    {"url", FIELD_URL, FIELD_REQUIRED, AT(url), .help = "of the package"},
    {"size", FIELD_INTEGER, FIELD_REQUIRED, AT(size_bytes), .min = 1, .max = MS_MAX, .help = "bytes of the package"},
    {"sha256", FIELD_SHA256, FIELD_REQUIRED, AT(sha256), .help = "of the package"},
    {"manifest_sha256", FIELD_SHA256, FIELD_OPTIONAL, AT(manifest_sha256), .help = "of the package's manifest"},
    {"delta", FIELD_BOOL, FIELD_OPTIONAL, AT(delta), .help = "true: the package is a difference to base_version"},
    {"base_version", FIELD_VERSION, FIELD_OPTIONAL, AT(base_version), .help = "what a delta applies to; required with delta true"},
    {"install_after_ms", FIELD_INTEGER, FIELD_OPTIONAL, AT(install_after_ms), .min = 1, .max = MS_MAX, .help = "unix time before which it is not installed; absent: at once"},
    {"install_before_ms", FIELD_INTEGER, FIELD_OPTIONAL, AT(install_before_ms), .min = 1, .max = MS_MAX, .help = "unix time from which on it is not begun to install; absent: any"},
};
const struct field_table command_update_fields = {"command update", update_fields, sizeof update_fields / sizeof update_fields[0]};

/* Beside struct command, which would be ten times as long with it. */
struct rollback {
    char permit[COMMAND_PERMIT_SIZE];
};
static const struct field rollback_fields[] = {
    {"permit", FIELD_TEXT, FIELD_OPTIONAL, FIELD_AT(rollback, permit), .help = "a signed permit to go back (docs/trust.md), for devices that ask for one"},
};
const struct field_table command_rollback_fields = {"command rollback", rollback_fields, sizeof rollback_fields / sizeof rollback_fields[0]};

static const struct json_limits command_limits = {8192, 4, 64, COMMAND_PERMIT_SIZE - 1};

/* What a row of the tables cannot say, because it depends on another field. */
static enum drover_error command_check(const struct command *command, struct problem *ret_problem)
{
    if (command->kind != COMMAND_CANCEL && command->version[0] == '\0')
        return problem_set(ret_problem, DROVER_MISSING, "version", "is required in %s", kinds[command->kind]);
    if (command->kind == COMMAND_UPDATE && command->attempt < 1)
        return problem_set(ret_problem, DROVER_RANGE, "attempt", "0 is not in 1 .. 1000");
    if (command->install_before_ms > 0 && command->install_before_ms <= command->install_after_ms)
        return problem_set(ret_problem, DROVER_RANGE, "install_before_ms", "is not after install_after_ms");
    if (command->delta && command->base_version[0] == '\0')
        return problem_set(ret_problem, DROVER_MISSING, "base_version", "is required with delta");
    return DROVER_OK;
}

enum drover_error command_read(const char *bytes, size_t length, struct command *ret_command, struct problem *ret_problem)
{
    struct command command = {.attempt = 0};
    struct rollback rollback = {.permit = ""};
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &command_limits, &flat, ret_problem);

    if (!error)
        error = fields_read(&command_fields, &flat, &command, ret_problem);
    if (!error && command.kind == COMMAND_UPDATE)
        error = fields_read(&command_update_fields, &flat, &command, ret_problem);
    if (!error && command.kind == COMMAND_ROLLBACK)
        error = fields_read(&command_rollback_fields, &flat, &rollback, ret_problem);
    if (!error)
        error = command_check(&command, ret_problem);
    if (!error)
        *ret_command = command;
    return error;
}

void command_read_permit(const char *bytes, size_t length, char ret[COMMAND_PERMIT_SIZE])
{
    struct rollback rollback = {.permit = ""};
    struct json_flat flat;
    struct problem problem;

    ret[0] = '\0';
    if (!json_flat_read(bytes, length, &command_limits, &flat, &problem) && !fields_read(&command_rollback_fields, &flat, &rollback, &problem))
        memcpy(ret, rollback.permit, COMMAND_PERMIT_SIZE);
}

static void permit_write(const char *permit, struct json_writer *writer)
{
    struct rollback rollback = {.permit = ""};

    if (permit && text_copy(rollback.permit, sizeof rollback.permit, permit))
        fields_write(&command_rollback_fields, &rollback, writer);
}

void command_write(const struct command *command, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    fields_write(&command_fields, command, &writer);
    if (command->kind == COMMAND_UPDATE)
        fields_write(&command_update_fields, command, &writer);
    if (command->kind == COMMAND_ROLLBACK)
        permit_write(command->permit, &writer);
    json_end(&writer);
}
