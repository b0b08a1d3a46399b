/* Memory for small things whose callback must come later, so that there is no way to say "out of memory": the program stops.
 * It may: memory holds caches only, and its next start goes on from Redis and the rings. */
#pragma once

#include <stdlib.h>
#include <string.h>

static inline void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

/* Not zeroed. */
static inline void *must_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

static inline void *must_copy(const void *bytes, size_t length)
{
    void *memory = must_alloc(length);
    if (length)
        memcpy(memory, bytes, length);
    return memory;
}
