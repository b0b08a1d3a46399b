/* Any bytes as an event stream: however they are cut, the same events with the same types and ids come out. */
#include "fuzz.h"

#include "cli/sse.h"
#include "common/hash.h"

struct seen {
    uint64_t hash;
    unsigned count;
    const struct sse *sse;
};

static bool event_seen(void *arg, const char *type, const char *data, size_t length)
{
    struct seen *seen = arg;
    MUST(length > 0 && strlen(type) < SSE_TYPE_SIZE && strlen(seen->sse->id) < SSE_ID_SIZE);
    seen->hash = hash_bytes(data, length, hash_text(type, hash_text(seen->sse->id, seen->hash)));
    return ++seen->count < 1000;
}

static struct seen fed(const uint8_t *bytes, size_t length, size_t step)
{
    struct sse sse;
    struct seen seen = {.sse = &sse};
    bool goes_on = true;
    sse_init(&sse, event_seen, &seen);
    for (size_t i = 0; i < length && goes_on; i += step)
        goes_on = sse_feed(&sse, (const char *)bytes + i, i + step < length ? step : length - i);
    sse_done(&sse);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct seen whole = fed(bytes, length, length ? length : 1);
    for (size_t step = 1; step <= 7; step += 3) {
        struct seen parts = fed(bytes, length, step);
        MUST(parts.hash == whole.hash && parts.count == whole.count);
    }
    return 0;
}
