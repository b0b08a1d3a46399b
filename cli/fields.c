/* Formatting one member of a JSON object by its kind. */
#include "cli/fields.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/human.h"
#include "cli/json_print.h"
#include "cli/safe_text.h"
#include "cli/values.h"

bool field_is_number(enum field_kind kind)
{
    return kind == FIELD_NUMBER || kind == FIELD_BYTES || kind == FIELD_PERCENT || kind == FIELD_COUNT ||
           kind == FIELD_ITEMS;
}

enum tone state_tone(const char *state)
{
    static const struct {
        const char *state;
        enum tone tone;
    } rows[] = {
        {"succeeded", TONE_GOOD}, {"running", TONE_GOOD},   {"failed", TONE_BAD},    {"lost", TONE_BAD},
        {"rejected", TONE_BAD},   {"rolled_back", TONE_BAD}, {"cancelled", TONE_DIM}, {"superseded", TONE_DIM},
        {"paused", TONE_WARN},    {"retry_wait", TONE_WARN}, {"rolling_back", TONE_WARN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].tone;
    return TONE_PLAIN;
}

static void text_format(const struct cJSON *value, struct buffer *out)
{
    if (cJSON_IsString(value))
        buffer_add_text(out, value->valuestring[0] ? value->valuestring : "-");
    else
        json_print(out, value, -1);
}

static enum tone flag_format(bool on, const char *yes, const char *no, struct buffer *out)
{
    buffer_add_text(out, on ? yes : no);
    return on ? TONE_GOOD : TONE_WARN;
}

void counts_format(const struct cJSON *object, struct buffer *out)
{
    const struct cJSON *member;
    const char *separator = "";

    cJSON_ArrayForEach(member, object) {
        if (!cJSON_IsNumber(member) || !(member->valuedouble >= 1)) /* by the member itself: a version has dots */
            continue;
        buffer_add_format(out, "%s%s %.0f", separator, member->string, member->valuedouble);
        separator = ", ";
    }
    if (!separator[0])
        buffer_add_text(out, "-");
}

static void list_format(const struct cJSON *array, struct buffer *out)
{
    const struct cJSON *item;

    cJSON_ArrayForEach(item, array) {
        if (item != array->child)
            buffer_add_text(out, ", ");
        text_format(item, out);
    }
}

enum tone field_format(const struct field *field, const struct cJSON *object, int64_t now_ms, struct buffer *out)
{
    const struct cJSON *value = value_find(object, field->path);
    int64_t number = value_number(object, field->path, 0);

    if (!value) {
        buffer_add_text(out, "-");
        return TONE_PLAIN;
    }
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_NUMBER:
        text_format(value, out);
        break;
    case FIELD_BYTES:
        human_bytes(out, number);
        break;
    case FIELD_AGO:
        human_ago(out, number, now_ms);
        break;
    case FIELD_TIME:
        human_time(out, number);
        break;
    case FIELD_DURATION:
        human_duration(out, number);
        break;
    case FIELD_SECONDS:
        human_duration(out, number * 1000);
        break;
    case FIELD_PERCENT:
        buffer_add_format(out, "%lld %%", (long long)number);
        break;
    case FIELD_STATE:
        if (cJSON_IsString(value) && strcmp(value->valuestring, "none") == 0)
            buffer_add_text(out, "-");
        else
            text_format(value, out);
        return state_tone(cJSON_IsString(value) ? value->valuestring : "");
    case FIELD_ONLINE:
        return flag_format(value_bool(object, field->path), "online", "offline", out);
    case FIELD_YES:
        return flag_format(value_bool(object, field->path), "yes", "no", out);
    case FIELD_COUNT:
        buffer_add_format(out, "%lld", (long long)number);
        return number ? TONE_BAD : TONE_PLAIN;
    case FIELD_COUNTS:
        counts_format(value, out);
        break;
    case FIELD_LIST:
        list_format(value, out);
        break;
    case FIELD_ITEMS:
        buffer_add_format(out, "%d", cJSON_GetArraySize(value));
        break;
    }
    return TONE_PLAIN;
}

static void fact_print(const struct field *field, unsigned width, const struct cJSON *object, int64_t now_ms, FILE *out, bool color)
{
    struct buffer raw, safe;
    enum tone tone;

    buffer_init(&raw, 0);
    buffer_init(&safe, 0);
    tone = field_format(field, object, now_ms, &raw);
    safe_text_add(&safe, raw.bytes, raw.length);
    fprintf(out, "%-*s  ", (int)width, field->title);
    tone_print(out, tone, color, safe.bytes, safe.length);
    fputc('\n', out);
    buffer_done(&safe);
    buffer_done(&raw);
}

static bool is_worth_a_line(const struct field *field, const struct cJSON *object)
{
    const struct cJSON *value = value_find(object, field->path);

    return value && !(cJSON_IsString(value) && value->valuestring[0] == '\0') && !(cJSON_IsArray(value) && !value->child);
}

void facts_print(const struct field *fields, unsigned count, const struct cJSON *object, int64_t now_ms, FILE *out, bool color)
{
    size_t width = 0;

    for (unsigned i = 0; i < count; i++)
        if (is_worth_a_line(&fields[i], object) && strlen(fields[i].title) > width)
            width = strlen(fields[i].title);
    for (unsigned i = 0; i < count; i++)
        if (is_worth_a_line(&fields[i], object))
            fact_print(&fields[i], (unsigned)width, object, now_ms, out, color);
}
