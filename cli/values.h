/* Reading members of the server's JSON by a path like "states.pending"; what is absent or of another type has a fallback. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cJSON;

/* NULL when absent or null. */
const struct cJSON *value_find(const struct cJSON *object, const char *path);
const char *value_text(const struct cJSON *object, const char *path);   /* "" when absent or no string */
int64_t value_number(const struct cJSON *object, const char *path, int64_t fallback);
bool value_bool(const struct cJSON *object, const char *path);          /* a number that is not 0 counts as true */
