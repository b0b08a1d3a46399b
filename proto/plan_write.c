/* A plan as JSON, member by member in the order of its tables: one text for one plan. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "proto/plan_table.h"

static void object_write(const struct plan_object *table, const void *object, struct json_writer *writer);

static int64_t i64_at(const void *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int int_at(const void *at)
{
    int value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void texts_write(struct json_writer *writer, const char *name, const char *texts, size_t stride, size_t count)
{
    if (count == 0)
        return;
    json_open_array(writer, name);
    for (size_t i = 0; i < count; i++)
        json_put_text(writer, NULL, texts + i * stride);
    json_close_array(writer);
}

static void days_write(struct json_writer *writer, const char *name, unsigned days)
{
    json_open_array(writer, name);
    for (unsigned i = 0; i < 7; i++)
        if (days >> i & 1)
            json_put_text(writer, NULL, plan_days[i]);
    json_close_array(writer);
}

static void clock_write(struct json_writer *writer, const char *name, int minutes)
{
    char text[24];
    snprintf(text, sizeof text, "%02d:%02d", minutes / 60, minutes % 60);
    json_put_text(writer, name, text);
}

static void list_write(struct json_writer *writer, const struct plan_member *member, const char *object)
{
    int count = int_at(object + member->count_offset);
    if (count == 0)
        return;
    json_open_array(writer, member->name);
    for (int i = 0; i < count; i++) {
        json_open_object(writer, NULL);
        object_write(member->object, object + member->offset + (size_t)i * member->size, writer);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void member_write(const struct plan_member *member, const char *object, struct json_writer *writer)
{
    const char *at = object + member->offset;
    switch (member->kind) {
    case PLAN_SCHEMA:
        json_put_i64(writer, member->name, 1);
        break;
    case PLAN_INTEGER:
    case PLAN_MOMENT:
        if (!member->some || i64_at(at) != 0)
            json_put_i64(writer, member->name, i64_at(at));
        break;
    case PLAN_SCALED:
        if (!member->some || i64_at(at) != 0)
            json_put_scaled(writer, member->name, i64_at(at), member->decimals);
        break;
    case PLAN_BOOL:
        json_put_bool(writer, member->name, *(const bool *)at);
        break;
    case PLAN_TEXT:
    case PLAN_VERSION:
        json_put_text(writer, member->name, at[0] ? at : NULL);
        break;
    case PLAN_ERROR:
        json_put_text(writer, member->name, int_at(at) != E_NONE ? error_code_name((enum error_code)int_at(at)) : NULL);
        break;
    case PLAN_CHOICE:
        json_put_text(writer, member->name, member->name_of(int_at(at)));
        break;
    case PLAN_MANUAL:
        json_put_text(writer, member->name, *(const bool *)at ? "manual" : "auto");
        break;
    case PLAN_CLOCK:
        clock_write(writer, member->name, int_at(at));
        break;
    case PLAN_DAYS:
        days_write(writer, member->name, (unsigned)int_at(at));
        break;
    case PLAN_WORDS:
        texts_write(writer, member->name, ((const struct plan_words *)at)->words[0], ID_SIZE, ((const struct plan_words *)at)->count);
        break;
    case PLAN_IDS:
        texts_write(writer, member->name, (const char *)((const struct plan_filter *)object)->ids, ID_SIZE, ((const struct plan_filter *)object)->id_count);
        break;
    case PLAN_VERSIONS:
        texts_write(writer, member->name, at, VERSION_SIZE, (size_t)int_at(object + member->count_offset));
        break;
    case PLAN_OBJECT:
        json_open_object(writer, member->name);
        object_write(member->object, at, writer);
        json_close_object(writer);
        break;
    case PLAN_LIST:
        list_write(writer, member, object);
        break;
    }
}

static void object_write(const struct plan_object *table, const void *object, struct json_writer *writer)
{
    for (unsigned i = 0; i < table->count; i++)
        if (!table->members[i].read_only && plan_member_applies(&table->members[i], object))
            member_write(&table->members[i], object, writer);
}

void plan_write(const struct plan *plan, struct buffer *buffer)
{
    struct json_writer writer;
    json_begin(&writer, buffer);
    object_write(&plan_object, plan, &writer);
    json_end(&writer);
}

/* As text, so that a new member of filters is looked at, too. */
static void membership_write(const struct plan_stage *stage, struct buffer *buffer)
{
    struct plan_stage bare = {.kind = stage->kind, .percent_x100 = stage->percent_x100, .count = stage->count, .filter = stage->filter};
    struct json_writer writer;
    memcpy(bare.name, stage->name, sizeof bare.name);
    memcpy(bare.per, stage->per, sizeof bare.per);
    json_begin(&writer, buffer);
    object_write(&plan_stage_object, &bare, &writer);
    json_end(&writer);
}

bool plan_stage_takes_same(const struct plan_stage *left, const struct plan_stage *right)
{
    struct buffer left_text, right_text;
    buffer_init(&left_text, 0);
    buffer_init(&right_text, 0);
    membership_write(left, &left_text);
    membership_write(right, &right_text);
    bool same = !left_text.failed && !right_text.failed && left_text.length == right_text.length && memcmp(left_text.bytes, right_text.bytes, left_text.length) == 0;
    buffer_done(&left_text);
    buffer_done(&right_text);
    return same;
}
