/* See event_facts.h. Walked once to check, and again by whoever needs them: nothing is kept. */
#include "proto/event_facts.h"

#include <string.h>

#include "common/text.h"

#define DEPTH_MAX 10   /* a plan has 6 */

static bool text_next(struct json_array *array, char *ret, size_t size)
{
    struct json_member item;

    return json_array_next(array, &item) && json_member_text(&item, "facts", ret, size, NULL) == DROVER_OK;
}

bool event_facts_next_set(struct event_facts *facts, char ret_name[FACTS_NAME_SIZE], char ret_value[FACTS_VALUE_SIZE])
{
    return text_next(&facts->set, ret_name, FACTS_NAME_SIZE) && text_next(&facts->set, ret_value, FACTS_VALUE_SIZE);
}

bool event_facts_next_unset(struct event_facts *facts, char ret_name[FACTS_NAME_SIZE])
{
    return text_next(&facts->unset, ret_name, FACTS_NAME_SIZE);
}

/* sizes: of the buffers its texts go to, in turns. */
static enum drover_error texts_check(struct json_array array, const char *name, const size_t sizes[2], struct problem *ret_problem)
{
    char text[FACTS_VALUE_SIZE];
    struct json_member item;
    enum drover_error error = DROVER_OK;
    unsigned count = 0;

    while (!error && json_array_next(&array, &item))
        error = json_member_text(&item, name, text, sizes[count++ % 2], ret_problem);
    if (!error && sizes[0] != sizes[1] && count % 2 != 0)
        error = problem_set(ret_problem, DROVER_SYNTAX, name, "a name without a value");
    return error;
}

static enum drover_error list_read(struct json_flat *flat, const char *name, const size_t sizes[2], struct json_array *ret_array, struct problem *ret_problem)
{
    const struct json_member *member = json_flat_find(flat, name);
    enum drover_error error = member ? json_array_begin(member, name, ret_array, ret_problem) : DROVER_OK;

    return error || !member ? error : texts_check(*ret_array, name, sizes, ret_problem);
}

static enum drover_error plan_take(struct json_flat *flat, struct event_facts *facts, struct problem *ret_problem)
{
    const struct json_member *plan = json_flat_find(flat, "plan"), *bytes = json_flat_find(flat, "plan_bytes");

    if (plan && plan->kind != JSON_OBJECT)
        return problem_set(ret_problem, DROVER_SYNTAX, "plan", "is no object");
    if (plan) {
        facts->plan = plan->value.bytes;
        facts->plan_length = plan->value.length;
    }
    return bytes ? json_member_i64(bytes, "plan_bytes", 1, INT64_MAX, &facts->plan_bytes, ret_problem) : DROVER_OK;
}

static enum drover_error members_read(struct json_flat *flat, struct event_facts *facts, struct problem *ret_problem)
{
    static const size_t pairs[2] = {FACTS_NAME_SIZE, FACTS_VALUE_SIZE}, names[2] = {FACTS_NAME_SIZE, FACTS_NAME_SIZE};
    const struct json_member *stratum = json_flat_find(flat, "stratum");
    enum drover_error error = list_read(flat, "set", pairs, &facts->set, ret_problem);

    if (!error)
        error = list_read(flat, "unset", names, &facts->unset, ret_problem);
    if (!error && stratum)
        error = json_member_text(stratum, "stratum", facts->stratum, sizeof facts->stratum, ret_problem);
    return error ? error : plan_take(flat, facts, ret_problem);
}

enum drover_error event_facts_read(const struct stream_entry *entry, struct event_facts *ret_facts, struct problem *ret_problem)
{
    const struct entry_text *text = entry_find(entry, "facts");
    struct event_facts facts = {.known = text != NULL};
    struct json_flat flat;
    enum drover_error error = DROVER_OK;

    if (text && !entry_text_is(text, "-")) {
        const struct json_limits limits = {FACTS_BYTES_MAX, DEPTH_MAX, (unsigned)(text->length / 2 + 1), FACTS_BYTES_MAX};   /* no value is shorter than 2 */

        error = json_document_read(text->bytes, text->length, &limits, &flat, ret_problem);
        if (!error)
            error = members_read(&flat, &facts, ret_problem);
    }
    if (!error)
        *ret_facts = facts;
    return error;
}
