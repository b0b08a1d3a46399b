/* A plan's life and its lists. */
#include "proto/plan.h"

#include <stdlib.h>
#include <string.h>

static const char *const measure_names[GATE_MEASURE_COUNT] = {
    [GATE_FAILURE_RATE] = "failure_rate", [GATE_SUCCESS_RATE] = "success_rate", [GATE_LOST_RATE] = "lost_rate",
    [GATE_HEARTBEAT_LOSS] = "heartbeat_loss", [GATE_UNHEALTHY] = "unhealthy", [GATE_REBOOTS] = "reboots",
};
static const char *const outcome_names[GATE_OUTCOME_COUNT] = {
    [GATE_PAUSE] = "pause", [GATE_CANCEL] = "cancel", [GATE_ROLL_BACK] = "roll_back",
};

const char *gate_measure_name(enum gate_measure measure)
{
    return (unsigned)measure < GATE_MEASURE_COUNT ? measure_names[measure] : "unknown";
}

const char *gate_outcome_name(enum gate_outcome outcome)
{
    return (unsigned)outcome < GATE_OUTCOME_COUNT ? outcome_names[outcome] : "unknown";
}

struct plan *plan_hold(struct plan *plan)
{
    if (plan)
        plan->references++;
    return plan;
}

void plan_drop(struct plan *plan)
{
    if (!plan || --plan->references > 0)
        return;
    free(plan->target.ids);
    for (unsigned i = 0; i < plan->stage_count; i++)
        free(plan->stages[i].filter.ids);
    free(plan);
}

bool plan_words_have(const struct plan_words *words, const char *word)
{
    for (unsigned i = 0; i < words->count; i++)
        if (strcmp(words->words[i], word) == 0)
            return true;
    return false;
}

/* --- comma-separated tags --- */

static const char *tag_next(const char *tags, size_t *ret_length)
{
    tags += strspn(tags, ",");
    *ret_length = strcspn(tags, ",");
    return *ret_length > 0 ? tags : NULL;
}

static bool has_tag(const char *tags, const char *tag)
{
    size_t length, wanted = strlen(tag);
    while ((tags = tag_next(tags, &length))) {
        if (length == wanted && memcmp(tags, tag, length) == 0)
            return true;
        tags += length;
    }
    return false;
}

static unsigned tags_found(const struct plan_words *words, const char *tags)
{
    unsigned found = 0;
    for (unsigned i = 0; i < words->count; i++)
        found += has_tag(tags, words->words[i]);
    return found;
}

void plan_tag_with_prefix(const char *tags, const char *prefix, char *ret)
{
    size_t length, wanted = strlen(prefix);
    ret[0] = '\0';
    while ((tags = tag_next(tags, &length))) {
        if (length >= wanted && memcmp(tags, prefix, wanted) == 0) {
            size_t kept = length < ID_SIZE ? length : ID_SIZE - 1;
            memcpy(ret, tags, kept);
            ret[kept] = '\0';
            return;
        }
        tags += length;
    }
}

/* --- filters --- */

static int by_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static bool tags_fit(const struct plan_filter *filter, const char *tags)
{
    return (filter->tags_any.count == 0 || tags_found(&filter->tags_any, tags) > 0) &&
           tags_found(&filter->tags_all, tags) == filter->tags_all.count && tags_found(&filter->tags_none, tags) == 0;
}

static bool version_fits(const struct plan_filter *filter, const char *version)
{
    return (!filter->min_version[0] || semver_compare(version, filter->min_version) >= 0) &&
           (!filter->max_version[0] || semver_compare(version, filter->max_version) <= 0);
}

const char *plan_filter_refusal(const struct plan_filter *filter, const struct heartbeat *heartbeat)
{
    if (!tags_fit(filter, heartbeat->tags))
        return "its tags are not meant";
    if (filter->hw_revs.count > 0 && !plan_words_have(&filter->hw_revs, heartbeat->hw_rev))
        return "its hardware revision is not meant";
    if (!version_fits(filter, heartbeat->version))
        return "the version it runs is not meant";
    if (filter->id_count > 0 && !bsearch(heartbeat->device_id, filter->ids, filter->id_count, sizeof *filter->ids, by_text))
        return "it is not on the list";
    return NULL;
}
