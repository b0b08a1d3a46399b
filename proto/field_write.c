/* Writing the fields of a message by its table, in the table's order. What is empty or ABSENT is left out. */
#include <string.h>

#include "common/json.h"
#include "proto/error_code.h"
#include "proto/field.h"
#include "proto/heartbeat.h"

static int enum_at(const void *at)
{
    int value;

    memcpy(&value, at, sizeof value);
    return value;
}

static void integer_write(const struct field *field, const void *at, struct json_writer *writer)
{
    int64_t value;

    memcpy(&value, at, sizeof value);
    if (value != ABSENT && (value != 0 || field->min <= 0)) /* a 0 that cannot be sent stands for none */
        json_put_i64(writer, field->name, value);
}

static void text_write(const struct field *field, const char *text, struct json_writer *writer)
{
    if (text[0] == '\0' && field->use == FIELD_OR_DASH)
        text = "-";
    if (text[0] != '\0')
        json_put_text(writer, field->name, text);
}

static void field_write(const struct field *field, const void *at, struct json_writer *writer)
{
    switch (field->kind) {
    case FIELD_SCHEMA:
        json_put_i64(writer, field->name, 1);
        break;
    case FIELD_SELF:
        break;
    case FIELD_INTEGER:
        integer_write(field, at, writer);
        break;
    case FIELD_BOOL:
        json_put_bool(writer, field->name, *(const bool *)at);
        break;
    case FIELD_MANAGED:
        if (enum_at(at) != KIND_UNKNOWN)
            json_put_bool(writer, field->name, enum_at(at) == KIND_MANAGED);
        break;
    case FIELD_SLOT:
        text_write(field, (char[]){*(const char *)at, '\0'}, writer);
        break;
    case FIELD_CHOICE:
        text_write(field, field->names[enum_at(at)], writer);
        break;
    case FIELD_CODE:
        text_write(field, error_code_name((enum error_code)enum_at(at)), writer);
        break;
    default:
        text_write(field, at, writer);
    }
}

void fields_write(const struct field_table *table, const void *message, struct json_writer *writer)
{
    for (size_t i = 0; i < table->count; i++)
        field_write(&table->fields[i], (const char *)message + table->fields[i].offset, writer);
}
