/* Prints what the code knows of the protocol as one JSON object: messages with their fields, topics, limits, error codes, the plan.
 * The checks of schemas, asyncapi.yaml and docs/protocol.md compare with it. */
#include <inttypes.h>
#include <stdio.h>

#include "common/json.h"
#include "proto/command.h"
#include "proto/error_code.h"
#include "proto/field.h"
#include "proto/heartbeat.h"
#include "proto/plan_table.h"
#include "proto/topics.h"

static const char *const kind_words[] = {
    [FIELD_SCHEMA] = "1",       [FIELD_SELF] = "id",       [FIELD_ID] = "id",           [FIELD_WORD] = "word",
    [FIELD_VERSION] = "version", [FIELD_TAGS] = "tags",    [FIELD_ZONE] = "zone",
    [FIELD_TEXT] = "text",       [FIELD_URL] = "url",
    [FIELD_SHA256] = "sha256",  [FIELD_STREAM_ID] = "stream id", [FIELD_SLOT] = "slot", [FIELD_CHOICE] = "choice",
    [FIELD_CODE] = "error code", [FIELD_INTEGER] = "integer", [FIELD_BOOL] = "boolean", [FIELD_MANAGED] = "boolean",
};

static void choices_print(struct json_writer *writer, const char *const *names)
{
    json_open_array(writer, "choices");
    for (; *names; names++)
        json_put_text(writer, NULL, *names);
    json_close_array(writer);
}

static void field_print(struct json_writer *writer, const struct field *field)
{
    static const char *const uses[] = {[FIELD_OPTIONAL] = "optional", [FIELD_REQUIRED] = "required", [FIELD_OR_DASH] = "or dash"};

    json_open_object(writer, NULL);
    json_put_text(writer, "name", field->name);
    json_put_text(writer, "kind", kind_words[field->kind]);
    json_put_text(writer, "use", uses[field->use]);
    json_put_text(writer, "help", field->help);
    switch (field->kind) {
    case FIELD_INTEGER:
        json_put_i64(writer, "min", field->min);
        json_put_i64(writer, "max", field->max);
        break;
    case FIELD_ID:
    case FIELD_WORD:
    case FIELD_VERSION:
    case FIELD_TAGS:
    case FIELD_ZONE:
    case FIELD_TEXT:
    case FIELD_URL:
    case FIELD_STREAM_ID:
        json_put_i64(writer, "longest", (int64_t)field->size - 1);
        break;
    case FIELD_CHOICE:
        choices_print(writer, field->names);
        break;
    default:
        break;
    }
    json_close_object(writer);
}

static void messages_print(struct json_writer *writer)
{
    static const struct field_table *const tables[] = {&heartbeat_fields, &online_fields,  &report_fields, &notice_fields,
                                                       &command_fields,   &command_update_fields, &command_rollback_fields, &event_fields};

    json_open_object(writer, "messages");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        json_open_array(writer, tables[i]->message);
        for (size_t j = 0; j < tables[i]->count; j++)
            field_print(writer, &tables[i]->fields[j]);
        json_close_array(writer);
    }
    json_close_object(writer);
}

static void topics_print(struct json_writer *writer)
{
    static const struct {
        enum topic_kind kind;
        const char *message;
    } topics[] = {{TOPIC_HEARTBEAT, "heartbeat"}, {TOPIC_ONLINE, "online"},   {TOPIC_REPORT, "report"},
                  {TOPIC_NOTICE, "notice"},       {TOPIC_COMMAND, "command"}, {TOPIC_EVENT, "event"}};

    json_open_object(writer, "topics");
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct topic topic = {topics[i].kind, "{device_id}", "{model}", "{rollout}"};
        char text[TOPIC_SIZE];

        (void)topic_write(&topic, text);
        json_put_text(writer, topics[i].message, text);
    }
    json_close_object(writer);
}

static void limits_print(struct json_writer *writer)
{
    json_open_object(writer, "limits");
    json_put_i64(writer, "payload", (int64_t)json_message_limits.bytes);
    json_put_i64(writer, "depth", json_message_limits.depth);
    json_put_i64(writer, "values", json_message_limits.members);
    json_put_i64(writer, "string", (int64_t)json_message_limits.string_bytes);
    json_close_object(writer);
}

static void codes_print(struct json_writer *writer)
{
    static const char *const classes[] = {"", "transient", "permanent", "busy"};

    json_open_array(writer, "error_codes");
    for (int i = E_NONE + 1; i < ERROR_CODE_COUNT; i++) {
        json_open_object(writer, NULL);
        json_put_text(writer, "name", error_code_name((enum error_code)i));
        json_put_text(writer, "class", classes[error_code_class((enum error_code)i)]);
        json_put_text(writer, "text", error_code_text((enum error_code)i));
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void plan_members_print(struct json_writer *writer, const char *name, const struct plan_object *table);

static void plan_fallback_print(struct json_writer *writer, const struct plan_member *member)
{
    if (member->some)
        return;
    if (member->kind == PLAN_INTEGER)
        json_put_i64(writer, "fallback", member->fallback);
    else if (member->kind == PLAN_BOOL)
        json_put_bool(writer, "fallback", member->fallback);
    else if (member->kind == PLAN_MANUAL)
        json_put_text(writer, "fallback", "auto");
    else if (member->kind == PLAN_CHOICE)
        json_put_text(writer, "fallback", member->required ? NULL : member->name_of((int)member->fallback));
    else
        json_put_text(writer, "fallback", member->text);
}

static void plan_member_print(struct json_writer *writer, const struct plan_member *member)
{
    static const char *const kinds[] = {[PLAN_OBJECT] = "object", [PLAN_LIST] = "list"};
    unsigned most = member->kind == PLAN_WORDS ? PLAN_WORDS_MAX : member->most;

    json_open_object(writer, NULL);
    json_put_text(writer, "name", member->name);
    json_put_text(writer, "kind", member->object ? kinds[member->kind] : "value");
    json_put_bool(writer, "required", member->required && !member->measures);
    plan_fallback_print(writer, member);
    if (member->kind == PLAN_INTEGER || member->kind == PLAN_SCALED) {
        json_put_i64(writer, "min", member->min);
        json_put_i64(writer, "max", member->max);
        json_put_i64(writer, "decimals", member->decimals);
    }
    if (most > 0) {
        json_put_i64(writer, "least", member->min);
        json_put_i64(writer, "most", most);
    }
    if (member->kind == PLAN_CHOICE) {
        json_open_array(writer, "choices");
        for (int i = 0; i <= member->max; i++)
            json_put_text(writer, NULL, member->name_of(i));
        json_close_array(writer);
    }
    if (member->object)
        plan_members_print(writer, "members", member->object);
    json_close_object(writer);
}

static void plan_members_print(struct json_writer *writer, const char *name, const struct plan_object *table)
{
    json_open_array(writer, name);
    for (unsigned i = 0; i < table->count; i++)
        plan_member_print(writer, &table->members[i]);
    json_close_array(writer);
}

int main(void)
{
    struct json_writer writer;
    struct buffer buffer;
    int failed;

    buffer_init(&buffer, 0);
    json_begin(&writer, &buffer);
    messages_print(&writer);
    topics_print(&writer);
    limits_print(&writer);
    codes_print(&writer);
    plan_members_print(&writer, "plan", &plan_object);
    json_end(&writer);
    failed = buffer.failed || puts(buffer.bytes) < 0;
    buffer_done(&buffer);
    return failed;
}
