/* Structs to hashes and back, driven by tables. */
#include "orchestrator/edges/record.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "common/text.h"

static void *member_of(const struct record_field *field, void *record)
{
    return (char *)record + field->offset;
}

void record_clear(const struct record_table *table, void *record)
{
    for (const struct record_field *field = table->fields; field < table->fields + table->count; field++) {
        void *member = member_of(field, record);
        switch (field->kind) {
        case RECORD_TEXT: *(char *)member = '\0'; break;
        case RECORD_I64: *(int64_t *)member = field->absent; break;
        case RECORD_BOOL: *(bool *)member = false; break;
        case RECORD_WORD: *(int *)member = (int)field->absent; break;
        case RECORD_SLOT: *(char *)member = 0; break;
        }
    }
}

static bool read_value(const struct record_field *field, const char *text, size_t length, void *record)
{
    void *member = member_of(field, record);
    switch (field->kind) {
    case RECORD_TEXT: return text_copy_n(member, field->size, text, length);
    case RECORD_I64: return text_to_i64(text, length, INT64_MIN, INT64_MAX, member);
    case RECORD_BOOL: return length == 1 && (text[0] == '0' || text[0] == '1') && ((*(bool *)member = text[0] == '1'), true);
    case RECORD_WORD: return field->words->read(text, member);
    case RECORD_SLOT: return length == 1 && ((*(char *)member = text[0]), true);
    }
    return false;
}

/* Hashes keep the order in which they were written, mostly the table's: so look from where the last one was found. */
static const struct record_field *field_find(const struct record_table *table, const struct redisReply *name, size_t *at)
{
    for (size_t tried = 0; tried < table->count; tried++) {
        const struct record_field *field = &table->fields[*at];
        *at = *at + 1 < table->count ? *at + 1 : 0;
        if (field->name_length == name->len && memcmp(field->name, name->str, name->len) == 0)
            return field;
    }
    return NULL;
}

size_t record_read(const struct record_table *table, const struct redisReply *reply, void *record)
{
    size_t bad = 0, at = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2)
        return SIZE_MAX;
    for (size_t i = 0; i < reply->elements; i += 2) {
        const struct redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            return SIZE_MAX;
        const struct record_field *field = field_find(table, name, &at);
        if (field && !read_value(field, value->str, value->len, record))
            bad++;
    }
    return bad;
}

/* What a member is in a hash: a text, or NULL and a number. */
static const char *value_of(const struct record_field *field, const void *record, char slot[2], int64_t *ret_number)
{
    const void *member = (const char *)record + field->offset;
    *ret_number = 0;
    switch (field->kind) {
    case RECORD_TEXT: return member;
    case RECORD_I64: *ret_number = *(const int64_t *)member; return NULL;
    case RECORD_BOOL: *ret_number = *(const bool *)member; return NULL;
    case RECORD_WORD: return *(const int *)member == (int)field->absent ? "" : field->words->name(*(const int *)member);
    case RECORD_SLOT: slot[0] = *(const char *)member; slot[1] = '\0'; return slot;
    }
    return "";
}

static bool is_absent(const struct record_field *field, const char *text, int64_t number)
{
    return !field->always && (text ? !text[0] : number == (field->kind == RECORD_I64 ? field->absent : 0));
}

static void add_pair(const struct record_field *field, const char *text, int64_t number, struct redis_args *args)
{
    redis_args_add(args, field->name, field->name_length);
    if (text)
        redis_args_add_text(args, text);
    else
        redis_args_add_i64(args, number);
}

void record_add(const struct record_table *table, const void *record, struct redis_args *args)
{
    for (const struct record_field *field = table->fields; field < table->fields + table->count; field++) {
        char slot[2];
        int64_t number;
        const char *text = value_of(field, record, slot, &number);
        if (!is_absent(field, text, number))
            add_pair(field, text, number, args);
    }
}

void record_add_changes(const struct record_table *table, const void *was, const void *record, struct redis_args *args)
{
    for (const struct record_field *field = table->fields; field < table->fields + table->count; field++) {
        if (field->apart)
            continue;
        char slot[2], slot_was[2];
        int64_t number, number_was;
        const char *text = value_of(field, record, slot, &number), *text_was = value_of(field, was, slot_was, &number_was);
        if (text ? strcmp(text, text_was) != 0 : number != number_was)
            add_pair(field, is_absent(field, text, number) ? "" : text, number, args);
    }
}
