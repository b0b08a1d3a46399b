/* See json_place.h: down the pointer, word by word. */
#include "cli/json_place.h"

#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define WORD_MAX 128

/* The next word of the pointer, unescaped; false at its end, or when it is no pointer. */
static bool word_next(const char **pointer, char word[static WORD_MAX])
{
    size_t length = 0;
    const char *at = *pointer;

    if (*at != '/')
        return false;
    for (at++; *at && *at != '/' && length + 1 < WORD_MAX; at++) {
        bool escaped = *at == '~' && (at[1] == '0' || at[1] == '1');

        word[length++] = !escaped ? *at : at[1] == '0' ? '~' : '/';
        at += escaped;
    }
    word[length] = '\0';
    *pointer = at;
    return true;
}

static bool member_find(const struct json_member *object, const char *word, struct json_member *ret)
{
    const struct json_limits limits = {object->value.length, 64, object->value.length / 2 + 2, object->value.length};
    struct json_flat flat;

    if (json_document_read(object->value.bytes, object->value.length, &limits, &flat, NULL))
        return false;
    for (unsigned i = 0; i < flat.count; i++)
        if (flat.members[i].name.length == strlen(word) && memcmp(flat.members[i].name.bytes, word, strlen(word)) == 0) {
            *ret = flat.members[i];
            return true;
        }
    return false;
}

static bool item_find(const struct json_member *list, const char *word, struct json_member *ret)
{
    struct json_array array;
    int64_t index;

    if (!text_to_i64(word, strlen(word), 0, INT32_MAX, &index) || json_array_begin(list, "", &array, NULL))
        return false;
    for (bool more = json_array_next(&array, ret); more; more = json_array_next(&array, ret))
        if (index-- == 0)
            return true;
    return false;
}

size_t json_place(const char *bytes, size_t length, const char *pointer)
{
    struct json_member at = {.value = {bytes, (uint32_t)length, (uint32_t)length}, .kind = JSON_OBJECT}, next;
    const char *place = bytes;
    char word[WORD_MAX];

    while (word_next(&pointer, word)) {
        bool found = at.kind == JSON_OBJECT ? member_find(&at, word, &next) : at.kind == JSON_ARRAY && item_find(&at, word, &next);

        if (!found)
            break;
        place = at.kind == JSON_OBJECT ? next.name.bytes - 1 : next.kind == JSON_STRING ? next.value.bytes - 1 : next.value.bytes;
        at = next;
    }
    return (size_t)(place - bytes);
}
