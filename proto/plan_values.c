/* The values of a plan: one function a kind, which reads it or notes what is wrong with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "proto/plan_table.h"

#define YEAR_9999_MS INT64_C(253402300799000)

/* A text of at most size - 1 bytes. */
static bool text_read(struct plan_reading *reading, const struct json_member *value, char *ret, size_t size)
{
    struct problem problem;
    if (json_member_text(value, "", ret, size, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "%s", problem.what);
    return false;
}

static bool form_read(struct plan_reading *reading, enum plan_form form, const struct json_member *value, char *ret, size_t size)
{
    const char *needed;
    if (!text_read(reading, value, ret, size))
        return false;
    if (plan_form_fits(form, ret, &needed))
        return true;
    plan_problem(reading, NULL, "'%.40s' is not %s", ret, needed);
    ret[0] = '\0';
    return false;
}

/* "" is no way to say that there is none: leaving it out is. */
static bool member_text_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    if (value->kind == JSON_STRING && value->value.length == 0) {
        plan_problem(reading, NULL, "is empty; leave it out");
        return false;
    }
    return form_read(reading, member->form, value, at, member->size);
}

static bool version_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[VERSION_SIZE + 1]; /* a leading v */
    struct problem problem;
    (void)member;
    if (!text_read(reading, value, text, sizeof text))
        return false;
    if (semver_read(text, strlen(text), at, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "'%.40s' is not a version: %s", text, problem.what);
    return false;
}

static bool integer_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct problem problem;
    if (json_member_i64(value, "", member->min, member->max, at, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "%s", problem.what);
    return false;
}

static bool schema_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct problem problem;
    int64_t schema;
    (void)member;
    (void)at;
    if (json_member_i64(value, "", 1, 1, &schema, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "is not 1, the only one that is known");
    return false;
}

static bool scaled_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct problem problem;
    if (json_member_scaled(value, "", member->decimals, member->min, member->max, at, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "%s", problem.what);
    return false;
}

static bool bool_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct problem problem;
    (void)member;
    if (json_member_bool(value, "", at, &problem) == DROVER_OK)
        return true;
    plan_problem(reading, NULL, "%s", problem.what);
    return false;
}

/* --- words with a meaning --- */

static void refuse_choice(struct plan_reading *reading, const char *text, const struct plan_member *member)
{
    char known[128] = "";
    for (int i = 0; i <= (int)member->max; i++) {
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", member->name_of(i));
    }
    plan_problem(reading, NULL, "'%.30s' is none of %s", text, known);
}

static bool choice_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[WORD_SIZE];
    if (!text_read(reading, value, text, sizeof text))
        return false;
    for (int i = 0; i <= (int)member->max; i++)
        if (strcmp(member->name_of(i), text) == 0) {
            memcpy(at, &i, sizeof i);
            return true;
        }
    refuse_choice(reading, text, member);
    return false;
}

static bool manual_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[WORD_SIZE];
    (void)member;
    if (!text_read(reading, value, text, sizeof text))
        return false;
    *(bool *)at = strcmp(text, "manual") == 0;
    if (!*(bool *)at && strcmp(text, "auto") != 0)
        plan_problem(reading, NULL, "'%.30s' is none of auto, manual", text);
    return *(bool *)at || strcmp(text, "auto") == 0;
}

static bool error_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[WORD_SIZE];
    enum error_code code;
    (void)member;
    if (!text_read(reading, value, text, sizeof text))
        return false;
    if (text[0] && error_code_read(text, &code)) {
        memcpy(at, &code, sizeof code);
        return true;
    }
    plan_problem(reading, NULL, "'%.30s' is not an error code", text);
    return false;
}

/* --- times --- */

/* "22:00"; 24:00 is an end only, and as an end 00:00 is the same. */
static bool clock_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[WORD_SIZE];
    int minutes;
    if (!text_read(reading, value, text, sizeof text))
        return false;
    if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 || strspn(text + 3, "0123456789") != 2) {
        plan_problem(reading, NULL, "'%.30s' is not a time of day such as 22:00", text);
        return false;
    }
    minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
    if (minutes == 0 && member->min > 0)
        minutes = 24 * 60;
    if (minutes > member->max || text[3] > '5') {
        plan_problem(reading, NULL, "'%s' is no time of the day", text);
        return false;
    }
    memcpy(at, &minutes, sizeof minutes);
    return true;
}

static bool moment_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char text[TEXT_TIME_SIZE];
    struct problem problem;
    int64_t unix_ms;
    (void)member;
    if (value->kind == JSON_NUMBER) {
        if (json_member_i64(value, "", 0, YEAR_9999_MS, at, &problem) == DROVER_OK)
            return true;
        plan_problem(reading, NULL, "%s", problem.what);
        return false;
    }
    if (!text_read(reading, value, text, sizeof text))
        return false;
    if (strlen(text) > strlen("2026-01-31") && text_time_read(text, &unix_ms) && unix_ms >= 0) {
        memcpy(at, &unix_ms, sizeof unix_ms);
        return true;
    }
    plan_problem(reading, NULL, "'%.30s' is not a time such as 2026-01-31T22:00:00Z or 2026-01-31T22:00:00+02:00", text);
    return false;
}

/* --- lists of texts --- */

/* Counts the items; false: too few or too many, or no list. */
static bool list_begin(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, unsigned most, struct json_array *ret,
                       unsigned *ret_count)
{
    struct json_array array;
    struct json_member item;
    struct problem problem;
    *ret_count = 0;
    if (json_array_begin(value, "", &array, &problem)) {
        plan_problem(reading, NULL, "%s", problem.what);
        return false;
    }
    *ret = array;
    while (json_array_next(&array, &item))
        ++*ret_count;
    if (*ret_count <= most && (int64_t)*ret_count >= member->min)
        return true;
    if (*ret_count > most)
        plan_problem(reading, NULL, "%u items; at most %u", *ret_count, most);
    else
        plan_problem(reading, NULL, "is empty; leave it out");
    return false;
}

/* Items of `size` bytes each; every wrong one is noted. */
static bool forms_read(struct plan_reading *reading, const struct plan_member *member, struct json_array *array, char *items, size_t stride, size_t size)
{
    struct json_member item;
    unsigned problems = reading->problems->count;
    for (unsigned i = 0; json_array_next(array, &item); i++) {
        size_t here = plan_path_enter(reading, NULL, i);
        (void)form_read(reading, member->form, &item, items + i * stride, size);
        plan_path_leave(reading, here);
    }
    return problems == reading->problems->count;
}

static bool words_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct plan_words *words = at;
    struct json_array array;
    unsigned count;
    if (!list_begin(reading, member, value, PLAN_WORDS_MAX, &array, &count))
        return false;
    if (!forms_read(reading, member, &array, words->words[0], sizeof words->words[0], member->size))
        return false;
    for (words->count = 0; words->count < count; words->count++)
        if (plan_words_have(words, words->words[words->count])) {
            plan_problem(reading, NULL, "'%s' stands in it twice", words->words[words->count]);
            return false;
        }
    return true;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static bool ids_sort(struct plan_reading *reading, char (*ids)[ID_SIZE], size_t count)
{
    qsort(ids, count, sizeof *ids, by_text);
    for (size_t i = 1; i < count; i++)
        if (strcmp(ids[i], ids[i - 1]) == 0) {
            plan_problem(reading, NULL, "'%s' stands in it twice", ids[i]);
            return false;
        }
    return true;
}

static bool ids_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct plan_filter *filter = at;
    struct json_array array;
    unsigned count;
    if (!list_begin(reading, member, value, member->most, &array, &count))
        return false;
    filter->ids = calloc(count, sizeof *filter->ids);
    if (!filter->ids) {
        reading->out_of_memory = true;
        return false;
    }
    filter->id_count = count;
    return forms_read(reading, member, &array, filter->ids[0], sizeof *filter->ids, sizeof *filter->ids) && ids_sort(reading, filter->ids, count);
}

static bool versions_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    char (*versions)[VERSION_SIZE] = at;
    struct json_array array;
    struct json_member item;
    unsigned count, problems = reading->problems->count;
    if (!list_begin(reading, member, value, member->most, &array, &count))
        return false;
    for (unsigned i = 0; json_array_next(&array, &item); i++) {
        size_t here = plan_path_enter(reading, NULL, i);
        (void)version_read(reading, member, &item, versions[i]);
        plan_path_leave(reading, here);
    }
    if (problems != reading->problems->count)
        return false;
    memcpy((char *)at - member->offset + member->count_offset, &count, sizeof count);
    return true;
}

static unsigned day_read(struct plan_reading *reading, const struct json_member *value)
{
    char text[WORD_SIZE];
    if (!text_read(reading, value, text, sizeof text))
        return 0;
    for (unsigned i = 0; i < 7; i++)
        if (strcmp(plan_days[i], text) == 0)
            return 1U << i;
    plan_problem(reading, NULL, "'%.30s' is none of mon, tue, wed, thu, fri, sat, sun", text);
    return 0;
}

static bool days_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    struct json_array array;
    struct json_member item;
    unsigned count, days = 0, problems = reading->problems->count;
    if (!list_begin(reading, member, value, 7, &array, &count))
        return false;
    for (unsigned i = 0; json_array_next(&array, &item); i++) {
        size_t here = plan_path_enter(reading, NULL, i);
        unsigned day = day_read(reading, &item);
        if (days & day)
            plan_problem(reading, NULL, "stands in it twice");
        days |= day;
        plan_path_leave(reading, here);
    }
    memcpy(at, &days, sizeof days);
    return problems == reading->problems->count;
}

bool plan_value_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at)
{
    static bool (*const readers[])(struct plan_reading *, const struct plan_member *, const struct json_member *, void *) = {
        [PLAN_SCHEMA] = schema_read, [PLAN_INTEGER] = integer_read, [PLAN_SCALED] = scaled_read, [PLAN_BOOL] = bool_read,
        [PLAN_TEXT] = member_text_read, [PLAN_VERSION] = version_read, [PLAN_ERROR] = error_read, [PLAN_CHOICE] = choice_read,
        [PLAN_MANUAL] = manual_read, [PLAN_CLOCK] = clock_read, [PLAN_DAYS] = days_read, [PLAN_MOMENT] = moment_read,
        [PLAN_WORDS] = words_read, [PLAN_IDS] = ids_read, [PLAN_VERSIONS] = versions_read,
    };
    return readers[member->kind](reading, member, value, at);
}
