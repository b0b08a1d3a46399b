/* See sse.h. The field retry is not needed here and left out. */
#include "cli/sse.h"

#include <string.h>

#include "common/text.h"

void sse_init(struct sse *sse, bool (*event)(void *arg, const char *type, const char *data, size_t length), void *arg)
{
    *sse = (struct sse){.event = event, .arg = arg};
    buffer_init(&sse->line, SSE_EVENT_BYTES);
    buffer_init(&sse->data, SSE_EVENT_BYTES);
}

void sse_done(struct sse *sse)
{
    buffer_done(&sse->line);
    buffer_done(&sse->data);
}

void sse_restart(struct sse *sse)
{
    buffer_clear(&sse->line);
    buffer_clear(&sse->data);
    sse->type[0] = '\0';
    sse->after_cr = sse->begun = false;
}

static void field_take(struct sse *sse, const char *name, size_t name_length, const char *value, size_t length)
{
    if (name_length == 4 && memcmp(name, "data", 4) == 0) {
        if (sse->data.length > 0)
            buffer_add(&sse->data, "\n", 1);
        buffer_add(&sse->data, value, length);
    } else if (name_length == 2 && memcmp(name, "id", 2) == 0 && !memchr(value, '\0', length)) {
        (void)text_copy_n(sse->id, sizeof sse->id, value, length);
    } else if (name_length == 5 && memcmp(name, "event", 5) == 0) {
        (void)text_copy_n(sse->type, sizeof sse->type, value, length);
    }
}

/* A comment has no name before its colon. */
static bool line_take(struct sse *sse, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    bool goes_on = true;

    if (length == 0) {
        if (sse->data.length > 0)
            goes_on = sse->event(sse->arg, sse->type, sse->data.bytes, sse->data.length);
        buffer_clear(&sse->data);
        sse->type[0] = '\0';
    } else if (!colon) {
        field_take(sse, line, length, "", 0);
    } else if (colon > line) {
        const char *value = colon + 1, *end = line + length;
        if (value < end && *value == ' ')
            value++;
        field_take(sse, line, (size_t)(colon - line), value, (size_t)(end - value));
    }
    return goes_on && !sse->data.failed;
}

static bool line_end(struct sse *sse)
{
    const char *line = sse->line.bytes ? sse->line.bytes : "";
    size_t length = sse->line.length, skip = !sse->begun && length >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool goes_on = !sse->line.failed && line_take(sse, line + skip, length - skip);

    sse->begun = true;
    if (goes_on)
        buffer_clear(&sse->line);
    return goes_on;
}

bool sse_feed(struct sse *sse, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t part = 0;
        if (sse->after_cr && bytes[i] == '\n')
            i++;
        sse->after_cr = false;
        while (i + part < length && bytes[i + part] != '\r' && bytes[i + part] != '\n')
            part++;
        buffer_add(&sse->line, bytes + i, part);
        i += part;
        if (sse->line.failed)
            return false;
        if (i == length)
            break;
        sse->after_cr = bytes[i++] == '\r';
        if (!line_end(sse))
            return false;
    }
    return true;
}
