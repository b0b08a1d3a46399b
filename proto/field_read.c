/* Reading the fields of a message by its table: one function a kind, chosen by the kind. */
#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"
#include "common/time_zone.h"
#include "proto/error_code.h"
#include "proto/field.h"
#include "proto/heartbeat.h"

#define TEXT_MAX 4608 /* COMMAND_PERMIT_SIZE, the largest text field of any message, and some; no field is read into more */

static enum drover_error refuse(struct problem *ret_problem, const struct field *field, const char *text, const char *needed)
{
    char excerpt[40];

    return problem_set(ret_problem, DROVER_SYNTAX, field->name, "'%s' is not %s",
                       text_excerpt(excerpt, sizeof excerpt, text, strlen(text)), needed);
}

static bool is_tags(const char *text, size_t length)
{
    const char *end = text + length;

    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));

        if (!text_is_id(text, (size_t)((comma ? comma : end) - text)))
            return false;
        if (!comma)
            return true;
        text = comma + 1;
    }
}

static bool is_zone(const char *text, size_t length)
{
    (void)length;
    return time_zone_name_fits(text);
}

static bool is_url(const char *text, size_t length)
{
    size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return scheme > 0 && length > scheme;
}

static bool is_sha256(const char *text, size_t length)
{
    return text_is_hex(text, length, 2 * SHA256_BYTES);
}

/* Two numbers as Redis makes them; a '-' between. */
static bool is_stream_id(const char *text, size_t length)
{
    const char *dash = memchr(text, '-', length);
    int64_t number;

    return dash && text_to_i64(text, (size_t)(dash - text), 0, INT64_MAX, &number) &&
           text_to_i64(dash + 1, length - (size_t)(dash + 1 - text), 0, INT64_MAX, &number);
}

/* Texts that are stored as they come, once they have the right form. */
static const struct {
    bool (*fits)(const char *text, size_t length);
    const char *needed;
} forms[] = {
    [FIELD_ID] = {text_is_id, "an id"},
    [FIELD_WORD] = {text_is_word, "a word of A-Z a-z 0-9 . _ + -"},
    [FIELD_TAGS] = {is_tags, "ids with commas between them"},
    [FIELD_ZONE] = {is_zone, "the name of a time zone such as Europe/Berlin"},
    [FIELD_TEXT] = {text_is_plain, "text without control characters"},
    [FIELD_URL] = {is_url, "an http or https address"},
    [FIELD_SHA256] = {is_sha256, "64 lower-case hex digits"},
    [FIELD_STREAM_ID] = {is_stream_id, "an entry id of a stream"},
};

static enum drover_error form_read(const struct field *field, const char *text, char *ret, struct problem *ret_problem)
{
    if (!forms[field->kind].fits(text, strlen(text)))
        return refuse(ret_problem, field, text, forms[field->kind].needed);
    (void)text_copy(ret, field->size, text);
    return DROVER_OK;
}

static enum drover_error version_read(const struct field *field, const char *text, char *ret, struct problem *ret_problem)
{
    struct problem problem;

    if (semver_read(text, strlen(text), ret, &problem) == DROVER_OK)
        return DROVER_OK;
    return problem_set(ret_problem, problem.error, field->name, "%s", problem.what);
}

static enum drover_error slot_read(const struct field *field, const char *text, char *ret, struct problem *ret_problem)
{
    if ((text[0] != 'a' && text[0] != 'b') || text[1] != '\0')
        return refuse(ret_problem, field, text, "slot a or b");
    *ret = text[0];
    return DROVER_OK;
}

static enum drover_error choice_read(const struct field *field, const char *text, void *ret, struct problem *ret_problem)
{
    char excerpt[40];

    for (int i = 0; field->names[i]; i++)
        if (strcmp(field->names[i], text) == 0) {
            memcpy(ret, &i, sizeof i);
            return DROVER_OK;
        }
    return problem_set(ret_problem, DROVER_UNKNOWN, field->name, "'%s' is not known",
                       text_excerpt(excerpt, sizeof excerpt, text, strlen(text)));
}

/* Devices may know codes that this Drover does not: they are still errors. */
static enum drover_error code_read(const struct field *field, const char *text, void *ret, struct problem *ret_problem)
{
    enum error_code code = E_INTERNAL;

    if (!text_is_word(text, strlen(text)))
        return refuse(ret_problem, field, text, "an error code");
    (void)error_code_read(text, &code);
    memcpy(ret, &code, sizeof code);
    return DROVER_OK;
}

static enum drover_error self_check(const struct field *field, const char *text, const char *known, struct problem *ret_problem)
{
    char excerpt[40];

    if (strcmp(text, known) == 0)
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_MISMATCH, field->name, "'%s' is not the id in the topic",
                       text_excerpt(excerpt, sizeof excerpt, text, strlen(text)));
}

/* What a text field may hold, so that too long a text is refused before its form is looked at. */
static size_t text_size(const struct field *field)
{
    switch (field->kind) {
    case FIELD_SELF:
        return ID_SIZE;
    case FIELD_SLOT:
    case FIELD_CHOICE:
    case FIELD_CODE:
        return WORD_SIZE;
    case FIELD_VERSION:
        return field->size + 1; /* a leading v */
    default:
        return field->size;
    }
}

static enum drover_error text_field_read(const struct field *field, const struct json_member *member, void *at,
                                         struct problem *ret_problem)
{
    char text[TEXT_MAX];
    size_t size = text_size(field);
    enum drover_error error = json_member_text(member, field->name, text, size < sizeof text ? size : sizeof text, ret_problem);

    if (error)
        return error;
    if (text[0] == '\0' && field->use == FIELD_OPTIONAL)
        return DROVER_OK;
    if (field->use == FIELD_OR_DASH && strcmp(text, "-") == 0) {
        (void)text_copy(at, field->size, text);
        return DROVER_OK;
    }
    switch (field->kind) {
    case FIELD_SELF:
        return self_check(field, text, at, ret_problem);
    case FIELD_VERSION:
        return version_read(field, text, at, ret_problem);
    case FIELD_SLOT:
        return slot_read(field, text, at, ret_problem);
    case FIELD_CHOICE:
        return choice_read(field, text, at, ret_problem);
    case FIELD_CODE:
        return code_read(field, text, at, ret_problem);
    default:
        return form_read(field, text, at, ret_problem);
    }
}

static enum drover_error schema_check(const struct field *field, const struct json_member *member, struct problem *ret_problem)
{
    int64_t schema;
    enum drover_error error = json_member_i64(member, field->name, INT64_MIN, INT64_MAX, &schema, ret_problem);

    if (error || schema == 1)
        return error;
    return problem_set(ret_problem, DROVER_UNKNOWN, field->name, "%" PRId64 " is not known, only 1", schema);
}

static enum drover_error managed_read(const struct field *field, const struct json_member *member, void *at,
                                      struct problem *ret_problem)
{
    bool managed;
    enum drover_error error = json_member_bool(member, field->name, &managed, ret_problem);
    enum device_kind kind;

    if (error)
        return error;
    kind = managed ? KIND_MANAGED : KIND_SIMPLE;
    memcpy(at, &kind, sizeof kind);
    return DROVER_OK;
}

static enum drover_error field_read(const struct field *field, const struct json_member *member, void *at,
                                    struct problem *ret_problem)
{
    switch (field->kind) {
    case FIELD_SCHEMA:
        return schema_check(field, member, ret_problem);
    case FIELD_INTEGER:
        return json_member_i64(member, field->name, field->min, field->max, at, ret_problem);
    case FIELD_BOOL:
        return json_member_bool(member, field->name, at, ret_problem);
    case FIELD_MANAGED:
        return managed_read(field, member, at, ret_problem);
    default:
        return text_field_read(field, member, at, ret_problem);
    }
}

enum drover_error fields_read(const struct field_table *table, struct json_flat *flat, void *message,
                              struct problem *ret_problem)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        const struct json_member *member = json_flat_find(flat, field->name);
        enum drover_error error = DROVER_OK;

        if (member)
            error = field_read(field, member, (char *)message + field->offset, ret_problem);
        else if (field->use != FIELD_OPTIONAL)
            error = problem_set(ret_problem, DROVER_MISSING, field->name, "is required");
        if (error)
            return error;
    }
    return DROVER_OK;
}
