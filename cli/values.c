/* See values.h. Numbers beyond 2^53 were refused when the text was parsed, so that a double holds what is left. */
#include "cli/values.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "common/text.h"

#define NAME_SIZE 128

const struct cJSON *value_find(const struct cJSON *object, const char *path)
{
    char name[NAME_SIZE];

    for (;;) {
        size_t length = strcspn(path, ".");

        if (!text_copy_n(name, sizeof name, path, length))
            return NULL;
        object = cJSON_GetObjectItemCaseSensitive(object, name);
        if (!object || cJSON_IsNull(object))
            return NULL;
        if (path[length] == '\0')
            return object;
        path += length + 1;
    }
}

const char *value_text(const struct cJSON *object, const char *path)
{
    const struct cJSON *value = value_find(object, path);

    return cJSON_IsString(value) ? value->valuestring : "";
}

int64_t value_number(const struct cJSON *object, const char *path, int64_t fallback)
{
    const struct cJSON *value = value_find(object, path);

    if (!cJSON_IsNumber(value) || !(value->valuedouble > -9e15 && value->valuedouble < 9e15))
        return fallback;
    return (int64_t)value->valuedouble;
}

bool value_bool(const struct cJSON *object, const char *path)
{
    return cJSON_IsTrue(value_find(object, path)) || value_number(object, path, 0) != 0;
}
