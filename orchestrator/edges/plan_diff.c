/* See plan_diff.h. Lists are compared as a whole, unless both are as long. */
#include "orchestrator/edges/plan_diff.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "proto/plan.h"

#define VALUE_BYTES_MAX 256
#define MEMBERS_MAX 64
#define POINTER_SIZE 256

struct diff {
    struct buffer *before, *after;
    unsigned before_count, after_count;
};

static void members_compare(struct diff *diff, const char *pointer, const cJSON *before, const cJSON *after);

static void member_add(struct buffer *buffer, unsigned *count, const char *pointer, const cJSON *value)
{
    char *text = value != NULL && *count < MEMBERS_MAX ? cJSON_PrintUnformatted(value) : NULL;
    if (text == NULL)
        return;
    buffer_add_format(buffer, "%s\"%s\":", (*count)++ > 0 ? "," : "", pointer);   /* names of a plan's members need no escapes */
    if (strlen(text) <= VALUE_BYTES_MAX)
        buffer_add_text(buffer, text);
    else
        buffer_add_format(buffer, "\"%zu bytes\"", strlen(text));
    cJSON_free(text);
}

static void both_compare(struct diff *diff, const char *folder, const char *name, const cJSON *before, const cJSON *after)
{
    char pointer[POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "%s/%s", folder, name);
    bool inside = before != NULL && after != NULL && ((cJSON_IsObject(before) && cJSON_IsObject(after)) ||
                  (cJSON_IsArray(before) && cJSON_IsArray(after) && cJSON_GetArraySize(before) == cJSON_GetArraySize(after) && cJSON_IsObject(before->child)));
    if (inside) {
        members_compare(diff, pointer, before, after);
    } else if (!cJSON_Compare(before, after, true)) {
        member_add(diff->before, &diff->before_count, pointer, before);
        member_add(diff->after, &diff->after_count, pointer, after);
    }
}

static void items_compare(struct diff *diff, const char *pointer, const cJSON *before, const cJSON *after)
{
    char number[12];
    unsigned i = 0;
    for (const cJSON *was = before->child, *is = after->child; was != NULL && is != NULL; was = was->next, is = is->next) {
        snprintf(number, sizeof number, "%u", i++);
        both_compare(diff, pointer, number, was, is);
    }
}

static void members_compare(struct diff *diff, const char *pointer, const cJSON *before, const cJSON *after)
{
    if (cJSON_IsArray(before)) {
        items_compare(diff, pointer, before, after);
        return;
    }
    for (const cJSON *was = before->child; was != NULL; was = was->next)
        both_compare(diff, pointer, was->string, was, cJSON_GetObjectItemCaseSensitive(after, was->string));
    for (const cJSON *is = after->child; is != NULL; is = is->next)
        if (cJSON_GetObjectItemCaseSensitive(before, is->string) == NULL)
            both_compare(diff, pointer, is->string, NULL, is);
}

static cJSON *plan_tree(const struct plan *plan)
{
    struct buffer json;
    buffer_init(&json, 0);
    plan_write(plan, &json);
    cJSON *tree = json.failed ? NULL : cJSON_ParseWithLength(json.bytes, json.length);
    buffer_done(&json);
    return tree;
}

void plan_diff(const struct plan *before, const struct plan *after, struct buffer *ret_before, struct buffer *ret_after)
{
    struct diff diff = {.before = ret_before, .after = ret_after};
    cJSON *was = plan_tree(before), *is = plan_tree(after);
    buffer_add_text(ret_before, "{");
    buffer_add_text(ret_after, "{");
    if (was != NULL && is != NULL)
        members_compare(&diff, "", was, is);
    buffer_add_text(ret_before, "}");
    buffer_add_text(ret_after, "}");
    cJSON_Delete(was);
    cJSON_Delete(is);
}
