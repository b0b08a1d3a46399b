/* Any bytes as the header lines of a depot's answer: nothing is read beyond them, and what counts as the asked range is the asked range. */
#include "fuzz.h"

#include "agent/fetch_http.h"

#define TOTAL 1000000

static void span_check(const char *text, size_t length)
{
    struct http_span span;
    int64_t total;

    if (http_content_range_read(text, length, &span, &total))
        MUST(span.start >= 0 && span.length > 0 && span.length <= total - span.start);
    MUST(http_retry_after_read(text, length, 0) >= 0 && http_retry_after_read(text, length, 0) <= HTTP_RETRY_AFTER_MAX_MS);
}

static void judge_check(const struct http_reply *reply, struct http_span asked)
{
    const char *why = NULL;
    enum http_verdict verdict = http_reply_judge(reply, asked, TOTAL, "\"a\"", &why);

    MUST(why);
    MUST(verdict != HTTP_RANGE || (reply->status == 206 && reply->range.start == asked.start && reply->range.length == asked.length && reply->total == TOTAL));
    MUST(verdict != HTTP_RANGE || !reply->has_length || reply->length == asked.length);
    MUST(verdict != HTTP_ALL || (reply->status == 200 && asked.start == 0));
    MUST((verdict != HTTP_RANGE && verdict != HTTP_ALL) || !reply->is_encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    struct http_reply reply = {0};

    span_check(text, length);
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t line = end ? (size_t)(end + 1 - text) : length;

        if (!http_reply_line(&reply, text, line))
            break;
        text += line;
        length -= line;
    }
    MUST(strlen(reply.etag) < sizeof reply.etag && strlen(reply.retry_after) < sizeof reply.retry_after);
    judge_check(&reply, (struct http_span){0, 100});
    judge_check(&reply, (struct http_span){100, 100});
    return 0;
}
