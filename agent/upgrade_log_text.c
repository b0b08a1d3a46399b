/* The record and the device's memory as JSON: one table of members each, from which reader and writer come, so that they cannot disagree. */
#include "agent/upgrade_log_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/crc32.h"
#include "common/json.h"

#define SCHEMA 1
#define LARGEST ((int64_t)1 << 53)

static const char *const state_names[AGENT_STATE_COUNT] = {
    [AGENT_IDLE] = "idle", [AGENT_WAITING] = "waiting", [AGENT_DOWNLOADING] = "downloading", [AGENT_HOLDING] = "holding", [AGENT_INSTALLING] = "installing",
    [AGENT_SWITCHED] = "switched", [AGENT_CHECKING] = "checking", [AGENT_GOING_BACK] = "going_back",
};

const char *agent_state_name(enum agent_state state)
{
    return (unsigned)state < AGENT_STATE_COUNT ? state_names[state] : "?";
}

enum member_kind { MEMBER_STATE, MEMBER_CODE, MEMBER_VERSION, MEMBER_ID, MEMBER_PLAIN, MEMBER_I64, MEMBER_UNSIGNED, MEMBER_BOOL };

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset, size;
};
#define RECORD(field) offsetof(struct upgrade_record, field), sizeof(((struct upgrade_record *)0)->field)
#define MEMORY(field) offsetof(struct device_memory, field), sizeof(((struct device_memory *)0)->field)

static const struct member record_members[] = {
    {"state", MEMBER_STATE, RECORD(state)},
    {"from_version", MEMBER_VERSION, RECORD(from_version)},
    {"boot_id", MEMBER_ID, RECORD(boot_id)},
    {"state_since_ms", MEMBER_I64, RECORD(state_since_ms)},
    {"wake_ms", MEMBER_I64, RECORD(wake_ms)},
    {"tries", MEMBER_UNSIGNED, RECORD(tries)},
    {"passes", MEMBER_UNSIGNED, RECORD(passes)},
    {"report_seq", MEMBER_I64, RECORD(report_seq)},
    {"release_counter", MEMBER_I64, RECORD(release_counter)},
    {"build_time_ms", MEMBER_I64, RECORD(build_time_ms)},
    {"error", MEMBER_CODE, RECORD(error)},
    {"why", MEMBER_PLAIN, RECORD(why)},
    {"outcome_due", MEMBER_BOOL, RECORD(outcome_due)},
};
static const struct member memory_members[] = {
    {"release_counter", MEMBER_I64, MEMORY(release_counter)},
    {"floor_ms", MEMBER_I64, MEMORY(floor_ms)},
    {"notice_epoch", MEMBER_I64, MEMORY(notice_epoch)},
};
#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

/* --- reading --- */

static bool text_fits(enum member_kind kind, const char *text)
{
    char version[VERSION_SIZE];

    switch (kind) {
    case MEMBER_VERSION: return text[0] == '\0' || (semver_read(text, strlen(text), version, NULL) == DROVER_OK && strcmp(version, text) == 0);
    case MEMBER_ID: return text[0] == '\0' || text_is_id(text, strlen(text));
    default: return text_is_plain(text, strlen(text));
    }
}

static enum drover_error text_member(const struct json_member *found, const struct member *member, char *ret, struct problem *ret_problem)
{
    enum drover_error error = json_member_text(found, member->name, ret, member->size, ret_problem);

    if (!error && !text_fits(member->kind, ret))
        return problem_set(ret_problem, DROVER_SYNTAX, member->name, "is not what it should be");
    return error;
}

static enum drover_error state_member(const struct json_member *found, const char *name, enum agent_state *ret, struct problem *ret_problem)
{
    char text[24];
    enum drover_error error = json_member_text(found, name, text, sizeof text, ret_problem);

    for (unsigned i = 0; !error && i < AGENT_STATE_COUNT; i++)
        if (strcmp(text, state_names[i]) == 0) {
            *ret = (enum agent_state)i;
            return DROVER_OK;
        }
    return error ? error : problem_set(ret_problem, DROVER_UNKNOWN, name, "is no state");
}

/* A code that a newer agent wrote is still an error. */
static enum drover_error code_member(const struct json_member *found, const char *name, enum error_code *ret, struct problem *ret_problem)
{
    char text[32];
    enum drover_error error = json_member_text(found, name, text, sizeof text, ret_problem);

    if (!error && !error_code_read(text, ret))
        *ret = E_INTERNAL;
    return error;
}

static enum drover_error unsigned_member(const struct json_member *found, const char *name, unsigned *ret, struct problem *ret_problem)
{
    int64_t value = 0;
    enum drover_error error = json_member_i64(found, name, 0, UINT32_MAX, &value, ret_problem);

    if (!error)
        *ret = (unsigned)value;
    return error;
}

static enum drover_error member_read(const struct json_member *found, const struct member *member, void *at, struct problem *ret_problem)
{
    switch (member->kind) {
    case MEMBER_STATE: return state_member(found, member->name, at, ret_problem);
    case MEMBER_CODE: return code_member(found, member->name, at, ret_problem);
    case MEMBER_I64: return json_member_i64(found, member->name, 0, LARGEST, at, ret_problem);
    case MEMBER_UNSIGNED: return unsigned_member(found, member->name, at, ret_problem);
    case MEMBER_BOOL: return json_member_bool(found, member->name, at, ret_problem);
    default: return text_member(found, member, at, ret_problem);
    }
}

static enum drover_error members_read(const struct member *members, size_t count, struct json_flat *flat, void *into, struct problem *ret_problem)
{
    for (size_t i = 0; i < count; i++) {
        const struct json_member *found = json_flat_find(flat, members[i].name);
        enum drover_error error;

        if (!found && members[i].kind != MEMBER_STATE) /* the release before did not know it: zero */
            continue;
        if (!found)
            return problem_set(ret_problem, DROVER_MISSING, members[i].name, "is missing");
        error = member_read(found, &members[i], (char *)into + members[i].offset, ret_problem);
        if (error)
            return error;
    }
    return DROVER_OK;
}

static enum drover_error object_member(struct json_flat *flat, const char *name, const struct json_member **ret, struct problem *ret_problem)
{
    const struct json_member *found = json_flat_find(flat, name);

    if (!found || found->kind != JSON_OBJECT)
        return problem_set(ret_problem, DROVER_MISSING, name, "there is no such object");
    *ret = found;
    return DROVER_OK;
}

/* Checks the frame; *ret_data holds the members of "data". */
static enum drover_error frame_read(const char *bytes, size_t length, struct json_flat *ret_data, struct problem *ret_problem)
{
    const struct json_member *schema, *sum, *data = NULL;
    char text[9] = "", expected[9];
    struct json_flat frame;
    int64_t number = 0;
    enum drover_error error = json_document_read(bytes, length, &json_message_limits, &frame, ret_problem);

    if (error)
        return error;
    schema = json_flat_find(&frame, "schema");
    sum = json_flat_find(&frame, "crc32");
    error = object_member(&frame, "data", &data, ret_problem);
    if (!error && (!schema || json_member_i64(schema, "schema", SCHEMA, SCHEMA, &number, NULL) != DROVER_OK))
        return problem_set(ret_problem, DROVER_UNKNOWN, "schema", "is not 1");
    if (!error && (!sum || json_member_text(sum, "crc32", text, sizeof text, NULL) != DROVER_OK))
        return problem_set(ret_problem, DROVER_MISSING, "crc32", "is not a checksum");
    if (error)
        return error;
    (void)snprintf(expected, sizeof expected, "%08" PRIx32, crc32_of(data->value.bytes, data->value.length));
    if (strcmp(text, expected) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "crc32", "damaged: it does not have its checksum");
    return json_document_read(data->value.bytes, data->value.length, &json_message_limits, ret_data, ret_problem);
}

enum drover_error upgrade_record_read(const char *bytes, size_t length, struct upgrade_record *ret_record, struct problem *ret_problem)
{
    struct upgrade_record record = {.state = AGENT_IDLE};
    const struct json_member *command = NULL;
    struct json_flat data;
    enum drover_error error = frame_read(bytes, length, &data, ret_problem);

    if (!error)
        error = members_read(record_members, COUNT_OF(record_members), &data, &record, ret_problem);
    if (error)
        return error;
    if (json_flat_find(&data, "command")) {
        error = object_member(&data, "command", &command, ret_problem);
        if (!error)
            error = command_read(command->value.bytes, command->value.length, &record.command, ret_problem);
    } else if (record.state != AGENT_IDLE) {
        error = problem_set(ret_problem, DROVER_MISSING, "command", "an upgrade without its command");
    }
    if (!error)
        *ret_record = record;
    return error;
}

enum drover_error device_memory_read(const char *bytes, size_t length, struct device_memory *ret_memory, struct problem *ret_problem)
{
    struct device_memory memory = {.release_counter = 0};
    struct json_flat data;
    enum drover_error error = frame_read(bytes, length, &data, ret_problem);

    if (!error)
        error = members_read(memory_members, COUNT_OF(memory_members), &data, &memory, ret_problem);
    if (!error)
        *ret_memory = memory;
    return error;
}

/* --- writing --- */

/* Nothing that the reader would refuse gets into the file. */
static void plain_write(const char *name, const char *text, struct json_writer *writer)
{
    char safe[sizeof(((struct upgrade_record *)0)->why)];

    if (!text_is_plain(text, strlen(text)))
        text = text_excerpt(safe, sizeof safe, text, strlen(text));
    json_put_text(writer, name, text);
}

static void member_write(const struct member *member, const void *at, struct json_writer *writer)
{
    switch (member->kind) {
    case MEMBER_STATE: json_put_text(writer, member->name, agent_state_name(*(const enum agent_state *)at)); break;
    case MEMBER_CODE: json_put_text(writer, member->name, error_code_name(*(const enum error_code *)at)); break;
    case MEMBER_I64: json_put_i64(writer, member->name, *(const int64_t *)at); break;
    case MEMBER_UNSIGNED: json_put_i64(writer, member->name, *(const unsigned *)at); break;
    case MEMBER_BOOL: json_put_bool(writer, member->name, *(const bool *)at); break;
    case MEMBER_PLAIN: plain_write(member->name, at, writer); break;
    default: json_put_text(writer, member->name, at); break;
    }
}

static void members_write(const struct member *members, size_t count, const void *from, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    for (size_t i = 0; i < count; i++)
        member_write(&members[i], (const char *)from + members[i].offset, &writer);
    json_end(&writer);
}

static void frame_write(const struct buffer *data, struct buffer *buffer)
{
    if (data->failed || data->length == 0) {
        buffer->failed = true;
        return;
    }
    buffer_add_format(buffer, "{\"schema\":%d,\"crc32\":\"%08" PRIx32 "\",\"data\":", SCHEMA, crc32_of(data->bytes, data->length));
    buffer_add(buffer, data->bytes, data->length);
    buffer_add_text(buffer, "}\n");
}

/* The command is written by its own writer and put in as it stands, before the brace that ends the record. */
static void command_insert(const struct command *command, struct buffer *data)
{
    if (command->upgrade_id[0] == '\0' || data->failed || data->length == 0)
        return;
    data->bytes[--data->length] = '\0';
    buffer_add_text(data, ",\"command\":");
    command_write(command, data);
    buffer_add_text(data, "}");
}

void upgrade_record_write(const struct upgrade_record *record, struct buffer *buffer)
{
    struct buffer data;

    buffer_init(&data, LOG_TEXT_BYTES);
    members_write(record_members, COUNT_OF(record_members), record, &data);
    command_insert(&record->command, &data);
    frame_write(&data, buffer);
    buffer_done(&data);
}

void device_memory_write(const struct device_memory *memory, struct buffer *buffer)
{
    struct buffer data;

    buffer_init(&data, LOG_TEXT_BYTES);
    members_write(memory_members, COUNT_OF(memory_members), memory, &data);
    frame_write(&data, buffer);
    buffer_done(&data);
}
