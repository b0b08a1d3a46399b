/* See fetch_http.h. */
#include "agent/fetch_http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/text.h"

/* The digits up to `end` (or the end of the value for '\0'); *at moves behind it. */
static bool number_read(const char **at, const char *last, char end, int64_t *ret)
{
    const char *stop = end ? memchr(*at, end, (size_t)(last - *at)) : last;

    if (!stop || !text_to_i64(*at, (size_t)(stop - *at), 0, INT64_MAX, ret))
        return false;
    *at = end ? stop + 1 : last;
    return true;
}

bool http_content_range_read(const char *value, size_t length, struct http_span *ret_span, int64_t *ret_total)
{
    static const char unit[] = "bytes ";
    const char *at = value + sizeof unit - 1, *last = value + length;
    int64_t first_byte, last_byte, total;

    if (length < sizeof unit - 1 || strncasecmp(value, unit, sizeof unit - 1) != 0)
        return false;
    if (!number_read(&at, last, '-', &first_byte) || !number_read(&at, last, '/', &last_byte) || !number_read(&at, last, '\0', &total))
        return false;
    if (first_byte > last_byte || last_byte >= total)
        return false;
    *ret_span = (struct http_span){first_byte, last_byte - first_byte + 1};
    *ret_total = total;
    return true;
}

/* Any of the three forms of RFC 9110, 5.6.7; 0: none of them. Not by curl_getdate: a libcurl with a time_t of 32 bits gives half of ours. */
static int64_t date_read(const char *value, size_t length)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    char text[40];

    if (!text_copy_n(text, sizeof text, value, length))
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm when = {0};
        const char *end = strptime(text, forms[i], &when);

        if (end && !*end) {
            int64_t unix_s = (int64_t)timegm(&when);

            return unix_s > 0 ? unix_s : 0;
        }
    }
    return 0;
}

int64_t http_retry_after_read(const char *value, size_t length, int64_t date_s)
{
    int64_t seconds = 0, until_s;

    if (!text_to_i64(value, length, 0, INT64_MAX, &seconds)) {
        until_s = date_read(value, length);
        seconds = until_s > date_s ? until_s - date_s : 0;
    }
    return seconds < HTTP_RETRY_AFTER_MAX_MS / 1000 ? seconds * 1000 : HTTP_RETRY_AFTER_MAX_MS;
}

static void length_seen(struct http_reply *reply, const char *value, size_t length)
{
    int64_t bytes;

    if (!text_to_i64(value, length, 0, INT64_MAX, &bytes) || (reply->has_length && bytes != reply->length)) {
        reply->is_odd = true;
        return;
    }
    reply->has_length = true;
    reply->length = bytes;
}

static void range_seen(struct http_reply *reply, const char *value, size_t length)
{
    if (reply->has_range || !http_content_range_read(value, length, &reply->range, &reply->total))
        reply->is_odd = true;
    reply->has_range = true;
}

static void etag_seen(struct http_reply *reply, const char *value, size_t length)
{
    if (!text_copy_n(reply->etag, sizeof reply->etag, value, length) || !text_is_plain(reply->etag, strlen(reply->etag)))
        reply->etag[0] = '\0';
}

static void encoding_seen(struct http_reply *reply, const char *value, size_t length)
{
    static const char identity[] = "identity";

    reply->is_encoded |= length != sizeof identity - 1 || strncasecmp(value, identity, length) != 0;
}

static void retry_after_seen(struct http_reply *reply, const char *value, size_t length)
{
    (void)text_copy_n(reply->retry_after, sizeof reply->retry_after, value, length);
}

static void date_seen(struct http_reply *reply, const char *value, size_t length)
{
    reply->date_s = date_read(value, length);
}

static const struct {
    const char *name;
    void (*seen)(struct http_reply *reply, const char *value, size_t length);
} headers[] = {
    {"Content-Length", length_seen},
    {"Content-Range", range_seen},
    {"Content-Encoding", encoding_seen},
    {"ETag", etag_seen},
    {"Retry-After", retry_after_seen},
    {"Date", date_seen},
};

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static void header_seen(struct http_reply *reply, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length), *value = colon ? colon + 1 : NULL;
    size_t left = colon ? length - (size_t)(value - line) : 0;

    if (!colon)
        return;
    for (; left > 0 && is_space(*value); value++)
        left--;
    while (left > 0 && is_space(value[left - 1]))
        left--;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if ((size_t)(colon - line) == strlen(headers[i].name) && strncasecmp(line, headers[i].name, strlen(headers[i].name)) == 0)
            headers[i].seen(reply, value, left);
}

/* "HTTP/1.1 206 Partial Content"; the number is three digits behind the first space. */
static int status_read(const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length);
    int64_t status = 0;

    if (!space || length - (size_t)(space - line) < 4 || !text_to_i64(space + 1, 3, 100, 999, &status))
        return 0;
    return (int)status;
}

bool http_reply_line(struct http_reply *reply, const char *line, size_t length)
{
    size_t header_bytes = reply->header_bytes + length;

    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
        *reply = (struct http_reply){.status = status_read(line, length)};
    else
        header_seen(reply, line, length);
    reply->header_bytes = header_bytes;
    return header_bytes <= HTTP_HEADERS_MAX_BYTES;
}

/* A 206 must be the asked range to the byte: what it holds is written where the range says. */
static const char *part_wrong(const struct http_reply *reply, struct http_span asked, int64_t total)
{
    if (!reply->has_range)
        return "206 without Content-Range";
    if (reply->range.start != asked.start || reply->range.length != asked.length)
        return "206 with another range than the one that was asked for";
    if (reply->total != total)
        return "Content-Range names another size than the announced one";
    if (reply->has_length && reply->length != asked.length)
        return "Content-Length and Content-Range contradict each other";
    return NULL;
}

static const char *reply_wrong(const struct http_reply *reply, struct http_span asked, int64_t total)
{
    if (reply->is_encoded)
        return "Content-Encoding was not asked for";
    if (reply->is_odd)
        return "Content-Length or Content-Range cannot be read, or is there twice";
    if (reply->status == 206)
        return part_wrong(reply, asked, total);
    return reply->has_length && reply->length != total ? "the whole has another size than the announced one" : NULL;
}

enum http_verdict http_reply_judge(const struct http_reply *reply, struct http_span asked, int64_t total, const char *etag, const char **ret_why)
{
    const char *wrong;

    *ret_why = "";
    if (reply->status != 200 && reply->status != 206) {
        *ret_why = "an error";
        return HTTP_STATUS;
    }
    if (etag[0] && reply->etag[0] && strcmp(etag, reply->etag) != 0) {
        *ret_why = "the ETag changed on the way";
        return HTTP_CHANGED;
    }
    wrong = reply_wrong(reply, asked, total);
    if (wrong) {
        *ret_why = wrong;
        return HTTP_WRONG;
    }
    if (reply->status == 206)
        return HTTP_RANGE;
    *ret_why = asked.start > 0 ? "200 to a range: everything instead of the part" : "";
    return asked.start > 0 ? HTTP_IGNORED : HTTP_ALL;
}
