/* A table of the headers that matter and a strict reader for each: what is not well-formed counts as not sent. */
#include "sim/http_head.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"

#define RETRY_AFTER_MAX_S 86400

void http_head_clear(struct http_head *head)
{
    *head = (struct http_head){.length = -1, .range_first = -1, .range_last = -1, .range_total = -1};
}

/* "bytes 0-99/1000", nothing else. */
static void read_content_range(struct http_head *head, const char *value, size_t length)
{
    const char *end = value + length;
    const char *dash = memchr(value, '-', length), *slash = memchr(value, '/', length);
    int64_t first, last, total;

    if (length < 7 || strncasecmp(value, "bytes ", 6) != 0 || !dash || !slash || slash < dash || dash < value + 6)
        return;
    if (!text_to_i64(value + 6, (size_t)(dash - value - 6), 0, INT64_MAX, &first) ||
        !text_to_i64(dash + 1, (size_t)(slash - dash - 1), first, INT64_MAX, &last) ||
        !text_to_i64(slash + 1, (size_t)(end - slash - 1), last, INT64_MAX, &total))
        return;
    head->range_first = first;
    head->range_last = last;
    head->range_total = total;
}

static void read_length(struct http_head *head, const char *value, size_t length)
{
    (void)text_to_i64(value, length, 0, INT64_MAX, &head->length);
}

static void read_retry_after(struct http_head *head, const char *value, size_t length)
{
    (void)text_to_i64(value, length, 0, RETRY_AFTER_MAX_S, &head->retry_after_s);
}

static void read_etag(struct http_head *head, const char *value, size_t length)
{
    (void)text_copy_n(head->etag, sizeof head->etag, value, length);
}

static const struct {
    const char *name;
    void (*read)(struct http_head *head, const char *value, size_t length);
} known_headers[] = {
    {"content-range", read_content_range}, {"content-length", read_length}, {"retry-after", read_retry_after}, {"etag", read_etag},
};

void http_head_take(struct http_head *head, const char *bytes, size_t length)
{
    const char *colon = memchr(bytes, ':', length), *value, *end = bytes + length;

    if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0) /* also of what comes after 100 Continue */
        http_head_clear(head);
    if (!colon)
        return;
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    for (size_t i = 0; i < sizeof known_headers / sizeof known_headers[0]; i++)
        if (strlen(known_headers[i].name) == (size_t)(colon - bytes) && strncasecmp(known_headers[i].name, bytes, (size_t)(colon - bytes)) == 0)
            known_headers[i].read(head, value, (size_t)(end - value));
}
