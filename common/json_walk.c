/* Large documents without a tree: the flat table of the outermost object, then arrays item by item. The text was checked as a
 * whole when the document was read, so that walking only has to find where a value ends. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_scan.h"

enum drover_error json_document_read(const char *bytes, size_t length, const struct json_limits *limits,
                                     struct json_flat *ret_flat, struct problem *ret_problem)
{
    uint64_t *keys = malloc((limits->members ? limits->members : 1) * sizeof *keys);
    enum drover_error error;

    if (!keys)
        return problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to read it");
    ret_flat->count = 0;
    ret_flat->next = 0;
    error = json_scan(bytes, length, limits, keys, ret_flat, ret_problem);
    free(keys);
    return error;
}

enum drover_error json_array_begin(const struct json_member *member, const char *name, struct json_array *ret_array,
                                   struct problem *ret_problem)
{
    if (member->kind != JSON_ARRAY)
        return problem_set(ret_problem, DROVER_TYPE, name, "must be an array");
    ret_array->at = member->value.bytes + 1;
    ret_array->end = member->value.bytes + member->value.length - 1;
    return DROVER_OK;
}

/* Behind the closing quote; *ret_span is what stands between the quotes. */
static const char *string_end(const char *quote, const char *end, struct json_span *ret_span)
{
    const char *at = quote + 1, *what;
    uint32_t saved = 0;
    unsigned bytes;
    char decoded[4];

    while (at < end && *at != '"') {
        size_t step = *at == '\\' ? json_escape_decode(at, end, decoded, &bytes, &what) : 0;

        if (step > 0)
            saved += (uint32_t)(step - bytes);
        at += step > 0 ? step : 1;
    }
    *ret_span = (struct json_span){quote + 1, (uint32_t)(at - quote - 1), (uint32_t)(at - quote - 1) - saved};
    return at < end ? at + 1 : end;
}

/* Behind the bracket that closes the one at `open`. */
static const char *container_end(const char *open, const char *end)
{
    const char *at = open;
    struct json_span span;
    unsigned depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end, &span);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && !strchr(" \t\r\n,", *at))
        at++;
    return at;
}

static enum json_kind kind_of(char first)
{
    static const struct {
        char first;
        enum json_kind kind;
    } kinds[] = {{'{', JSON_OBJECT}, {'[', JSON_ARRAY}, {'"', JSON_STRING}, {'t', JSON_TRUE}, {'f', JSON_FALSE}, {'n', JSON_NULL}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].first == first)
            return kinds[i].kind;
    return JSON_NUMBER;
}

bool json_array_next(struct json_array *array, struct json_member *ret_item)
{
    const char *start;

    while (array->at < array->end && strchr(" \t\r\n,", *array->at))
        array->at++;
    if (array->at >= array->end)
        return false;
    start = array->at;
    *ret_item = (struct json_member){.kind = kind_of(*start)};
    if (ret_item->kind == JSON_STRING) {
        array->at = string_end(start, array->end, &ret_item->value);
        return true;
    }
    array->at = ret_item->kind == JSON_OBJECT || ret_item->kind == JSON_ARRAY ? container_end(start, array->end) : word_end(start, array->end);
    ret_item->value = (struct json_span){start, (uint32_t)(array->at - start), (uint32_t)(array->at - start)};
    return true;
}
