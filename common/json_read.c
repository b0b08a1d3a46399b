/* Values out of JSON that json_scan.c has checked: from the flat table, or from cJSON's tree. Both ways end in the same
 * functions, so that a field is judged alike whichever way it came. */
#include <cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_scan.h"
#include "common/text.h"

#define INTEGER_MAX ((double)((int64_t)1 << 53))

enum drover_error json_flat_read(const char *bytes, size_t length, const struct json_limits *limits,
                                 struct json_flat *ret_flat, struct problem *ret_problem)
{
    uint64_t keys[JSON_FLAT_MEMBERS];

    ret_flat->count = 0;
    ret_flat->next = 0;
    if (limits->members > JSON_FLAT_MEMBERS)
        return problem_set(ret_problem, DROVER_RANGE, "limits", "at most %d members", JSON_FLAT_MEMBERS);
    return json_scan(bytes, length, limits, keys, ret_flat, ret_problem);
}

static bool name_is(const struct json_span *span, const char *name, size_t length)
{
    char decoded[64];

    if (span->decoded != length)
        return false;
    if (span->length == length)
        return memcmp(span->bytes, name, length) == 0;
    if (length > sizeof decoded)
        return false;
    json_span_decode(span, decoded);
    return memcmp(decoded, name, length) == 0;
}

const struct json_member *json_flat_find(struct json_flat *flat, const char *name)
{
    size_t length = strlen(name);

    for (unsigned i = 0, at = flat->next; i < flat->count; i++, at++) {
        if (at >= flat->count)
            at = 0;
        if (!name_is(&flat->members[at].name, name, length))
            continue;
        flat->next = at + 1;
        return flat->members[at].kind == JSON_NULL ? NULL : &flat->members[at];
    }
    return NULL;
}

static enum drover_error fail_type(const char *name, const char *needed, struct problem *ret_problem)
{
    return problem_set(ret_problem, DROVER_TYPE, name, "must be %s", needed);
}

static enum drover_error fail_missing(const char *name, struct problem *ret_problem)
{
    return problem_set(ret_problem, DROVER_MISSING, name, "is required");
}

static enum drover_error check_length(const char *name, size_t length, size_t size, struct problem *ret_problem)
{
    if (length < size)
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_TOO_LONG, name, "%zu bytes; at most %zu", length, size - 1);
}

/* 5.0 and 5e0 are the integer 5, as in JSON Schema. */
static enum drover_error take_number(const char *name, double number, int64_t min, int64_t max, int64_t *ret,
                                     struct problem *ret_problem)
{
    int64_t value;

    if (!(fabs(number) <= INTEGER_MAX))
        return problem_set(ret_problem, DROVER_RANGE, name, "over 2^53");
    value = (int64_t)number;
    if ((double)value < number || (double)value > number)
        return fail_type(name, "an integer", ret_problem);
    if (value < min || value > max)
        return problem_set(ret_problem, DROVER_RANGE, name, "%" PRId64 " is not in %" PRId64 " .. %" PRId64, value, min, max);
    *ret = value;
    return DROVER_OK;
}

enum drover_error json_member_text(const struct json_member *member, const char *name, char *ret, size_t size,
                                   struct problem *ret_problem)
{
    enum drover_error error;

    if (member->kind != JSON_STRING)
        return fail_type(name, "a string", ret_problem);
    error = check_length(name, member->value.decoded, size, ret_problem);
    if (error)
        return error;
    json_span_decode(&member->value, ret);
    ret[member->value.decoded] = '\0';
    return DROVER_OK;
}

enum drover_error json_member_i64(const struct json_member *member, const char *name, int64_t min, int64_t max,
                                  int64_t *ret, struct problem *ret_problem)
{
    char text[48]; /* strtod needs an end; the scanner lets no number over 40 bytes pass */
    int64_t value;

    if (member->kind != JSON_NUMBER)
        return fail_type(name, "an integer", ret_problem);
    if (text_to_i64(member->value.bytes, member->value.length, min, max, &value)) {
        *ret = value;
        return DROVER_OK;
    }
    if (!text_copy_n(text, sizeof text, member->value.bytes, member->value.length))
        return problem_set(ret_problem, DROVER_TOO_LONG, name, "a number has too many digits");
    return take_number(name, strtod(text, NULL), min, max, ret, ret_problem);
}

enum drover_error json_member_scaled(const struct json_member *member, const char *name, int decimals, int64_t min, int64_t max, int64_t *ret,
                                     struct problem *ret_problem)
{
    char text[48];
    double power = 1, scaled;
    int64_t whole;

    if (member->kind != JSON_NUMBER)
        return fail_type(name, "a number", ret_problem);
    if (!text_copy_n(text, sizeof text, member->value.bytes, member->value.length))
        return problem_set(ret_problem, DROVER_TOO_LONG, name, "a number has too many digits");
    for (int i = 0; i < decimals; i++)
        power *= 10;
    scaled = strtod(text, NULL) * power;
    if (!(fabs(scaled) <= INTEGER_MAX))
        return problem_set(ret_problem, DROVER_RANGE, name, "over 2^53");
    whole = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if (whole < min || whole > max)
        return problem_set(ret_problem, DROVER_RANGE, name, "%.40s is not in %.15g .. %.15g", text, (double)min / power, (double)max / power);
    if (fabs(scaled - (double)whole) > 1e-6) /* a double's own error is far smaller in any range that has a use here */
        return problem_set(ret_problem, DROVER_RANGE, name, "%.40s has more than %d decimals", text, decimals);
    *ret = whole;
    return DROVER_OK;
}

enum drover_error json_member_bool(const struct json_member *member, const char *name, bool *ret, struct problem *ret_problem)
{
    if (member->kind != JSON_TRUE && member->kind != JSON_FALSE)
        return fail_type(name, "true or false", ret_problem);
    *ret = member->kind == JSON_TRUE;
    return DROVER_OK;
}

enum drover_error json_parse(const char *bytes, size_t length, const struct json_limits *limits,
                             struct cJSON **ret_object, struct problem *ret_problem)
{
    uint64_t *keys = malloc((limits->members ? limits->members : 1) * sizeof *keys);
    enum drover_error error;
    cJSON *object;

    if (!keys)
        return problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to read it");
    error = json_scan(bytes, length, limits, keys, NULL, ret_problem);
    free(keys);
    if (error)
        return error;
    object = cJSON_ParseWithLength(bytes, length);
    if (!object)
        return problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to read it");
    *ret_object = object;
    return DROVER_OK;
}

/* The member, or NULL when it is absent or null; *ret_error says whether that is wrong. */
static const cJSON *tree_find(const struct cJSON *object, const char *name, bool required, enum drover_error *ret_error,
                              struct problem *ret_problem)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    *ret_error = DROVER_OK;
    if (item && !cJSON_IsNull(item))
        return item;
    if (required)
        *ret_error = fail_missing(name, ret_problem);
    return NULL;
}

enum drover_error json_get_text(const struct cJSON *object, const char *name, bool required, char *ret, size_t size,
                                struct problem *ret_problem)
{
    enum drover_error error;
    const cJSON *item = tree_find(object, name, required, &error, ret_problem);

    if (!item)
        return error;
    if (!cJSON_IsString(item))
        return fail_type(name, "a string", ret_problem);
    error = check_length(name, strlen(item->valuestring), size, ret_problem);
    if (!error)
        (void)text_copy(ret, size, item->valuestring);
    return error;
}

enum drover_error json_get_id(const struct cJSON *object, const char *name, bool required, char *ret, struct problem *ret_problem)
{
    char id[ID_SIZE] = "";
    enum drover_error error = json_get_text(object, name, required, id, sizeof id, ret_problem);

    if (error || !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(object, name)))
        return error;
    if (!text_is_id(id, strlen(id)))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "'%s' is not an id", id);
    (void)text_copy(ret, ID_SIZE, id);
    return DROVER_OK;
}

enum drover_error json_get_i64(const struct cJSON *object, const char *name, bool required, int64_t min, int64_t max,
                               int64_t *ret, struct problem *ret_problem)
{
    enum drover_error error;
    const cJSON *item = tree_find(object, name, required, &error, ret_problem);

    if (!item)
        return error;
    if (!cJSON_IsNumber(item))
        return fail_type(name, "an integer", ret_problem);
    return take_number(name, item->valuedouble, min, max, ret, ret_problem);
}

enum drover_error json_get_bool(const struct cJSON *object, const char *name, bool required, bool *ret, struct problem *ret_problem)
{
    enum drover_error error;
    const cJSON *item = tree_find(object, name, required, &error, ret_problem);

    if (!item)
        return error;
    if (!cJSON_IsBool(item))
        return fail_type(name, "true or false", ret_problem);
    *ret = cJSON_IsTrue(item);
    return DROVER_OK;
}
