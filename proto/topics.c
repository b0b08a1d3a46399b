/* Topics are matched level by level against one table of patterns: a word stands for itself, '%' begins an id. */
#include "proto/topics.h"

#include <stdio.h>
#include <string.h>

#define LEVELS_MAX 3

struct level {
    const char *text;
    size_t length;
};

/* An id's level is named by what it fills: d device, m model, r rollout. */
static const struct {
    enum topic_kind kind;
    unsigned count;
    const char *levels[LEVELS_MAX];
} patterns[] = {
    {TOPIC_HEARTBEAT, 3, {"device", "%d", "heartbeat"}},
    {TOPIC_ONLINE,    3, {"device", "%d", "online"}},
    {TOPIC_REPORT,    3, {"device", "%d", "report"}},
    {TOPIC_NOTICE,    2, {"update", "%m"}},
    {TOPIC_COMMAND,   3, {"update", "%m", "%d"}},
    {TOPIC_EVENT,     3, {"fleet", "event", "%r"}},
};
#define PATTERN_COUNT (sizeof patterns / sizeof patterns[0])

static char *id_field(struct topic *topic, char name)
{
    return name == 'd' ? topic->device_id : name == 'm' ? topic->model : topic->rollout;
}

/* Returns the number of levels; LEVELS_MAX + 1 when there are more. */
static unsigned split(const char *text, size_t length, struct level *levels)
{
    const char *end = text + length;

    for (unsigned count = 0;; count++) {
        const char *slash = memchr(text, '/', (size_t)(end - text));

        if (count == LEVELS_MAX)
            return LEVELS_MAX + 1;
        levels[count] = (struct level){text, (size_t)((slash ? slash : end) - text)};
        if (!slash)
            return count + 1;
        text = slash + 1;
    }
}

static bool level_is(const struct level *level, const char *word)
{
    return level->length == strlen(word) && memcmp(level->text, word, level->length) == 0;
}

static bool pattern_matches(size_t pattern, const struct level *levels, unsigned count)
{
    if (count != patterns[pattern].count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (patterns[pattern].levels[i][0] != '%' && !level_is(&levels[i], patterns[pattern].levels[i]))
            return false;
    return true;
}

static enum drover_error ids_read(size_t pattern, const struct level *levels, struct topic *topic, struct problem *ret_problem)
{
    for (unsigned i = 0; i < patterns[pattern].count; i++) {
        const char *expected = patterns[pattern].levels[i];
        char excerpt[40];

        if (expected[0] != '%')
            continue;
        if (!text_is_id(levels[i].text, levels[i].length))
            return problem_set(ret_problem, DROVER_SYNTAX, "topic", "'%s' is not an id",
                               text_excerpt(excerpt, sizeof excerpt, levels[i].text, levels[i].length));
        (void)text_copy_n(id_field(topic, expected[1]), ID_SIZE, levels[i].text, levels[i].length);
    }
    return DROVER_OK;
}

enum drover_error topic_read(const char *text, size_t length, struct topic *ret_topic, struct problem *ret_problem)
{
    struct level levels[LEVELS_MAX];
    unsigned count = split(text, length, levels);
    char excerpt[64];

    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        struct topic topic = {.kind = patterns[i].kind};
        enum drover_error error;

        if (!pattern_matches(i, levels, count))
            continue;
        error = ids_read(i, levels, &topic, ret_problem);
        if (!error)
            *ret_topic = topic;
        return error;
    }
    return problem_set(ret_problem, DROVER_UNKNOWN, "topic", "'%s' is no topic of ours",
                       text_excerpt(excerpt, sizeof excerpt, text, length));
}

size_t topic_write(const struct topic *topic, char *ret)
{
    struct topic copy = *topic; /* id_field() gives what may be written to */
    size_t length = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        if (patterns[i].kind != topic->kind)
            continue;
        for (unsigned j = 0; j < patterns[i].count; j++) {
            const char *level = patterns[i].levels[j];

            if (level[0] == '%')
                level = id_field(&copy, level[1]);
            length += (size_t)snprintf(ret + length, TOPIC_SIZE - length, "%s%s", j > 0 ? "/" : "", level);
        }
    }
    return length; /* at most 7 + 64 + 1 + 64 */
}

void topic_filters(const char *share_group, char ret[TOPIC_FILTER_COUNT][TOPIC_SIZE])
{
    static const char *const words[TOPIC_FILTER_COUNT] = {"heartbeat", "online", "report"};
    bool shared = share_group && share_group[0];

    for (unsigned i = 0; i < TOPIC_FILTER_COUNT; i++)
        (void)snprintf(ret[i], TOPIC_SIZE, "%s%.64s%sdevice/+/%s", shared ? "$share/" : "", shared ? share_group : "",
                       shared ? "/" : "", words[i]);
}
