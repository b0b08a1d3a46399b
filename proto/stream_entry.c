/* Entries: their canonical bytes, and as JSON and back. */
#include "proto/stream_entry.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "proto/event.h"
#include "proto/field.h"

static const struct json_limits line_limits = {ENTRY_LINE_BYTES, 2, JSON_FLAT_MEMBERS, ENTRY_LINE_BYTES};

/* --- ids --- */

static bool number_read(const char *bytes, size_t length, uint64_t *ret)
{
    int64_t value;

    if (!text_to_i64(bytes, length, 0, INT64_MAX, &value))
        return false;
    *ret = (uint64_t)value;
    return true;
}

bool stream_id_read(const char *bytes, size_t length, struct stream_id *ret)
{
    const char *dash = length < STREAM_ID_SIZE ? memchr(bytes, '-', length) : NULL;
    size_t first = dash ? (size_t)(dash - bytes) : 0;
    struct stream_id id;

    if (!dash || !number_read(bytes, first, &id.ms) || !number_read(dash + 1, length - first - 1, &id.seq))
        return false;
    *ret = id;
    return true;
}

bool stream_id_read_half(const char *text, struct stream_id *ret)
{
    struct stream_id id = {0, 0};

    if (stream_id_read(text, strlen(text), ret))
        return true;
    if (!number_read(text, strlen(text), &id.ms))
        return false;
    *ret = id;
    return true;
}

int stream_id_compare(const struct stream_id *a, const struct stream_id *b)
{
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

/* --- fields --- */

struct entry_text entry_text(const char *text)
{
    return (struct entry_text){text, strlen(text)};
}

bool entry_text_is(const struct entry_text *text, const char *wanted)
{
    return text->length == strlen(wanted) && memcmp(text->bytes, wanted, text->length) == 0;
}

const struct entry_text *entry_find(const struct stream_entry *entry, const char *name)
{
    for (unsigned i = 0; i < entry->count; i++)
        if (entry_text_is(&entry->fields[i].name, name))
            return &entry->fields[i].value;
    return NULL;
}

/* --- canonical form --- */

static void netstring_add(const struct entry_text *text, struct buffer *buffer)
{
    char digits[TEXT_I64_SIZE], *end = digits + sizeof digits, *begin = text_put_u64(end, text->length);
    char *room = buffer_extend(buffer, (size_t)(end - begin) + 1 + text->length + 1);

    if (!room)
        return;
    room = mempcpy(room, begin, (size_t)(end - begin));
    *room++ = ':';
    if (text->length)
        room = mempcpy(room, text->bytes, text->length);
    *room = ',';
}

void entry_canonical(const struct stream_entry *entry, struct buffer *buffer)
{
    netstring_add(&entry->id, buffer);
    for (unsigned i = 0; i < entry->count; i++) {
        netstring_add(&entry->fields[i].name, buffer);
        netstring_add(&entry->fields[i].value, buffer);
    }
    buffer_add(buffer, "\n", 1);
}

/* --- JSON --- */

void entry_write_json(const struct stream_entry *entry, const char *id_name, struct buffer *buffer)
{
    buffer_add_text(buffer, "{");
    json_add_quoted(buffer, id_name);
    buffer_add_text(buffer, ":");
    json_add_quoted_n(buffer, entry->id.bytes, entry->id.length);
    for (unsigned i = 0; i < entry->count; i++) {
        buffer_add_text(buffer, ",");
        json_add_quoted_n(buffer, entry->fields[i].name.bytes, entry->fields[i].name.length);
        buffer_add_text(buffer, ":");
        json_add_quoted_n(buffer, entry->fields[i].value.bytes, entry->fields[i].value.length);
    }
    buffer_add_text(buffer, "}");
}

void entry_storage_done(struct entry_storage *storage)
{
    free(storage->bytes);
    *storage = (struct entry_storage){.bytes = NULL};
}

/* Decoded texts are never longer than the line; each has a NUL behind it, as its quotes leave room for. */
static bool storage_reserve(struct entry_storage *storage, size_t size)
{
    char *bytes = size > storage->size ? realloc(storage->bytes, size) : storage->bytes;

    if (!bytes)
        return false;
    storage->bytes = bytes;
    storage->size = size > storage->size ? size : storage->size;
    return true;
}

static enum drover_error member_read(const struct json_member *member, char **at, struct entry_field *ret_field, struct problem *ret_problem)
{
    char where[48];
    enum drover_error error;

    (void)text_excerpt(where, sizeof where, member->name.bytes, member->name.length);
    if (!text_is_word(member->name.bytes, member->name.length))
        return problem_set(ret_problem, DROVER_SYNTAX, "entry", "'%s' is no name of a field", where);
    error = json_member_text(member, where, *at, member->value.decoded + 1, ret_problem);
    if (error)
        return error;
    *ret_field = (struct entry_field){{member->name.bytes, member->name.length}, {*at, member->value.decoded}};
    *at += member->value.decoded + 1;
    return DROVER_OK;
}

static enum drover_error id_name_find(const struct entry_field *id, const char *const *id_names, unsigned *ret, struct problem *ret_problem)
{
    for (unsigned i = 0; id_names[i]; i++)
        if (entry_text_is(&id->name, id_names[i])) {
            struct stream_id read;

            *ret = i;
            return stream_id_read(id->value.bytes, id->value.length, &read) ? DROVER_OK
                                                                            : problem_set(ret_problem, DROVER_SYNTAX, id_names[i], "is no id of a stream's entry");
        }
    return problem_set(ret_problem, DROVER_MISSING, id_names[0], "must be the first member");
}

enum drover_error entry_read_json(const char *bytes, size_t length, const char *const *id_names, struct entry_storage *storage,
                                  struct stream_entry *ret_entry, unsigned *ret_id_name, struct problem *ret_problem)
{
    struct json_flat flat;
    struct entry_field id = {.name = {"", 0}};
    enum drover_error error = json_flat_read(bytes, length, &line_limits, &flat, ret_problem);
    char *at;

    if (error)
        return error;
    if (!storage_reserve(storage, length + 1))
        return problem_set(ret_problem, DROVER_MEMORY, "entry", "out of memory");
    if (flat.count == 0 || flat.count - 1 > ENTRY_FIELDS_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "entry", "%u members", flat.count);
    at = storage->bytes;
    error = member_read(&flat.members[0], &at, &id, ret_problem);
    if (!error)
        error = id_name_find(&id, id_names, ret_id_name, ret_problem);
    for (unsigned i = 1; i < flat.count && !error; i++)
        error = member_read(&flat.members[i], &at, &ret_entry->fields[i - 1], ret_problem);
    ret_entry->id = id.value;
    ret_entry->count = flat.count - 1;
    return error;
}

/* --- events --- */

static enum drover_error value_take(const struct entry_text *value, const struct field *field, struct event *event, struct problem *ret_problem)
{
    char *at = (char *)event + field->offset;

    if (field->kind == FIELD_INTEGER) {
        int64_t number;

        if (!text_to_i64(value->bytes, value->length, field->min, field->max, &number))
            return problem_set(ret_problem, DROVER_RANGE, field->name, "is no number from %lld to %lld", (long long)field->min, (long long)field->max);
        memcpy(at, &number, sizeof number);
        return DROVER_OK;
    }
    return text_copy_n(at, field->size, value->bytes, value->length) ? DROVER_OK : problem_set(ret_problem, DROVER_TOO_LONG, field->name, "does not fit");
}

enum drover_error event_from_entry(const struct stream_entry *entry, struct event *ret_event, struct problem *ret_problem)
{
    struct event event = {.at_ms = 0};
    enum drover_error error = DROVER_OK;

    if (!text_copy_n(event.id, sizeof event.id, entry->id.bytes, entry->id.length))
        return problem_set(ret_problem, DROVER_TOO_LONG, "id", "does not fit");
    for (size_t i = 0; i < event_fields.count && !error; i++) {
        const struct field *field = &event_fields.fields[i];
        const struct entry_text *value = field->kind == FIELD_SCHEMA ? NULL : entry_find(entry, field->name);

        if (value)
            error = value_take(value, field, &event, ret_problem);
    }
    if (!error)
        *ret_event = event;
    return error;
}
