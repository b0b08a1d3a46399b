/* See failures.h. At most one page of events a look: when more came than that, the oldest of them are passed over. */
#include "cli/failures.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/values.h"

#define PAGE_EVENTS 500

static struct failure *failure_find(struct failures *failures, const char *code)
{
    for (unsigned i = 0; i < failures->count; i++)
        if (strcmp(failures->items[i].code, code) == 0)
            return &failures->items[i];
    return NULL;
}

static int more_frequent_first(const void *left, const void *right)
{
    const struct failure *one = left, *other = right;

    if (one->devices != other->devices)
        return one->devices < other->devices ? 1 : -1;
    return strcmp(one->code, other->code);
}

/* The place of a code that is new here: a free one, or that of the rarest when this one is more frequent. */
static struct failure *place_for(struct failures *failures, int64_t devices)
{
    struct failure *rarest = &failures->items[FAILURES_MAX - 1];

    if (failures->count < FAILURES_MAX)
        return &failures->items[failures->count++];
    for (unsigned i = 0; i < FAILURES_MAX; i++)
        if (failures->items[i].devices < rarest->devices)
            rarest = &failures->items[i];
    return rarest->devices < devices ? rarest : NULL;
}

static void count_take(struct failures *failures, const char *code, int64_t devices)
{
    struct failure *failure = failure_find(failures, code);

    if (!failure) {
        failure = place_for(failures, devices);
        if (!failure)
            return;
        *failure = (struct failure){0};
        if (!text_copy(failure->code, sizeof failure->code, code))
            return;
    }
    failure->devices = devices;
}

static void counts_take(struct failures *failures, const struct cJSON *errors)
{
    const struct cJSON *member;

    failures->total = 0;
    cJSON_ArrayForEach(member, errors) {
        if (!cJSON_IsNumber(member) || !(member->valuedouble >= 1 && member->valuedouble < 9e15))
            continue;
        failures->total += (int64_t)member->valuedouble;
        count_take(failures, member->string, (int64_t)member->valuedouble);
    }
    qsort(failures->items, failures->count, sizeof failures->items[0], more_frequent_first);
}

static void events_take(struct failures *failures, const struct cJSON *items)
{
    const struct cJSON *event;

    cJSON_ArrayForEach(event, items) {
        struct failure *failure = failure_find(failures, value_text(event, "error"));

        if (failure && text_copy(failure->last, sizeof failure->last, value_text(event, "device")))
            failure->last_ms = value_number(event, "at_ms", 0);
    }
}

static void events_read(struct failures *failures, struct cli *cli, const char *rollout_id)
{
    struct api_answer answer;
    struct buffer path;
    char limit[16];

    buffer_init(&path, 0);
    (void)snprintf(limit, sizeof limit, "%d", PAGE_EVENTS);
    buffer_add_text(&path, "/api/v1/events");
    http_query_add(&path, "after", failures->after[0] ? failures->after : "$");
    http_query_add(&path, "rollout", rollout_id);
    http_query_add(&path, "limit", limit);
    if (api_call(&cli->api, &(struct api_call){.method = "GET", .path = path.bytes, .repeatable = true, .attempts = 1}, &answer) == CLI_OK) {
        const struct cJSON *items = value_find(answer.json, "items");

        events_take(failures, items);
        if (cJSON_GetArraySize(items) >= PAGE_EVENTS || !text_copy(failures->after, sizeof failures->after, value_text(answer.json, "next")))
            failures->after[0] = '\0';
    }
    api_answer_done(&answer);
    buffer_done(&path);
}

void failures_look(struct failures *failures, struct cli *cli, const struct standing *standing)
{
    int64_t total = failures->total;

    counts_take(failures, value_find(standing->rollout, "errors"));
    if (!failures->after[0] || failures->total > total)
        events_read(failures, cli, value_text(standing->rollout, "id"));
}
