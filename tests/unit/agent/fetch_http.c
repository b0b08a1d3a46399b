/* What a depot's headers say, and which answers count. */
#include "agent/fetch_http.h"
#include "tests/unit/common/check.h"

#define SIZE 1000000
#define MINUTE_S 60
#define DATE_S 784111777   /* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */

static void content_range(void **state)
{
    static const struct {
        const char *value;
        bool good;
        int64_t start, length, total;
    } rows[] = {
        {"bytes 0-0/1", true, 0, 1, 1},
        {"bytes 0-16383/1000000", true, 0, 16384, 1000000},
        {"Bytes 5-9/10", true, 5, 5, 10},
        {"bytes 0-9223372036854775806/9223372036854775807", true, 0, INT64_MAX, INT64_MAX},
        {"bytes 0-9/10 ", false, 0, 0, 0},
        {"bytes  0-9/10", false, 0, 0, 0},
        {"bytes 0-10/10", false, 0, 0, 0},
        {"bytes 5-4/10", false, 0, 0, 0},
        {"bytes 0-9/*", false, 0, 0, 0},
        {"bytes */10", false, 0, 0, 0},
        {"bytes 0-9", false, 0, 0, 0},
        {"bytes -1-9/10", false, 0, 0, 0},
        {"bytes 0--9/10", false, 0, 0, 0},
        {"bytes 00-9/10", false, 0, 0, 0},
        {"bytes 0-9/10/11", false, 0, 0, 0},
        {"bytes 0-9/99999999999999999999", false, 0, 0, 0},
        {"bytes=0-9/10", false, 0, 0, 0},
        {"octets 0-9/10", false, 0, 0, 0},
        {"bytes", false, 0, 0, 0},
        {"", false, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_span span = {-7, -7};
        int64_t total = -7;

        CHECK_ROW(http_content_range_read(rows[i].value, strlen(rows[i].value), &span, &total) == rows[i].good, rows[i].value);
        CHECK_ROW(span.start == (rows[i].good ? rows[i].start : -7), rows[i].value);
        CHECK_ROW(span.length == (rows[i].good ? rows[i].length : -7), rows[i].value);
        CHECK_ROW(total == (rows[i].good ? rows[i].total : -7), rows[i].value);
    }
}

static void retry_after(void **state)
{
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = {
        {"120", 120000},
        {"0", 0},
        {"86400", HTTP_RETRY_AFTER_MAX_MS},
        {"86401", HTTP_RETRY_AFTER_MAX_MS},
        {"9223372036854775807", HTTP_RETRY_AFTER_MAX_MS},
        {"-5", 0},
        {"", 0},
        {"soon", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT", MINUTE_S * 1000},
        {"Sunday, 06-Nov-94 08:50:37 GMT", MINUTE_S * 1000},
        {"Sun Nov  6 08:50:37 1994", MINUTE_S * 1000},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Sun, 06 Nov 2044 08:49:37 GMT", HTTP_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:50:37 UTC", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT and a long text behind it", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(http_retry_after_read(rows[i].value, strlen(rows[i].value), DATE_S) == rows[i].ms, rows[i].value);
}

static struct http_reply reply_of(const char *text)
{
    struct http_reply reply = {0};

    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(http_reply_line(&reply, line, (size_t)(strchr(line, '\n') + 1 - line)));
    return reply;
}

#define PART "HTTP/1.1 206 Partial Content\r\nETag: \"one\"\r\n"
#define RANGE "Content-Range: bytes 100-199/1000000\r\n"

static void which_answers_count(void **state)
{
    static const struct {
        const char *text;
        int64_t start;
        enum http_verdict verdict;
    } rows[] = {
        {PART RANGE "Content-Length: 100\r\n\r\n", 100, HTTP_RANGE},
        {PART RANGE "\r\n", 100, HTTP_RANGE},
        {PART "content-range:bytes 100-199/1000000\n\r\n", 100, HTTP_RANGE},
        {PART RANGE "Content-Encoding: identity\r\n\r\n", 100, HTTP_RANGE},
        {"HTTP/1.1 100 Continue\r\nContent-Encoding: gzip\r\n\r\n" PART RANGE "\r\n", 100, HTTP_RANGE},
        {PART RANGE "\r\n", 0, HTTP_WRONG},
        {PART RANGE "\r\n", 101, HTTP_WRONG},
        {PART "\r\n", 100, HTTP_WRONG},
        {PART "Content-Range: bytes 100-198/1000000\r\n\r\n", 100, HTTP_WRONG},
        {PART "Content-Range: bytes 100-200/1000000\r\n\r\n", 100, HTTP_WRONG},
        {PART "Content-Range: bytes 100-199/1000001\r\n\r\n", 100, HTTP_WRONG},
        {PART "Content-Range: bytes 100-199/*\r\n\r\n", 100, HTTP_WRONG},
        {PART RANGE RANGE "\r\n", 100, HTTP_WRONG},
        {PART RANGE "Content-Length: 101\r\n\r\n", 100, HTTP_WRONG},
        {PART RANGE "Content-Length: 100\r\nContent-Length: 101\r\n\r\n", 100, HTTP_WRONG},
        {PART RANGE "Content-Length: +100\r\n\r\n", 100, HTTP_WRONG},
        {PART RANGE "Content-Encoding: gzip\r\n\r\n", 100, HTTP_WRONG},
        {PART RANGE "Content-Encoding: identity, gzip\r\n\r\n", 100, HTTP_WRONG},
        {"HTTP/1.1 206 X\r\nETag: \"two\"\r\n" RANGE "\r\n", 100, HTTP_CHANGED},
        {"HTTP/1.1 206 X\r\nETag: W/\"one\"\r\n" RANGE "\r\n", 100, HTTP_CHANGED},
        {"HTTP/1.1 206 X\r\n" RANGE "\r\n", 100, HTTP_RANGE}, /* no ETag is not another ETag */
        {"HTTP/1.1 200 OK\r\nETag: \"two\"\r\n\r\n", 100, HTTP_CHANGED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 100, HTTP_IGNORED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 0, HTTP_ALL},
        {"HTTP/1.1 200 OK\r\n\r\n", 0, HTTP_ALL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 0, HTTP_WRONG},
        {"HTTP/1.1 204 No Content\r\n\r\n", 100, HTTP_STATUS},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", 100, HTTP_STATUS},
        {"HTTP/1.1 404 Not Found\r\n\r\n", 100, HTTP_STATUS},
        {"HTTP/1.1 2060 X\r\n" RANGE "\r\n", 100, HTTP_RANGE}, /* three digits are the status */
        {"HTTP/1.1\r\n" RANGE "\r\n", 100, HTTP_STATUS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_reply reply = reply_of(rows[i].text);
        const char *why = NULL;

        CHECK_ROW(http_reply_judge(&reply, (struct http_span){rows[i].start, 100}, SIZE, "\"one\"", &why) == rows[i].verdict, rows[i].text);
        CHECK_ROW(why && (why[0] != '\0') == (rows[i].verdict != HTTP_RANGE && rows[i].verdict != HTTP_ALL), rows[i].text);
    }
}

static void what_is_too_long_is_left_out(void **state)
{
    char line[1000] = "ETag: \"";
    struct http_reply reply = {0};
    unsigned lines = 0;

    (void)state;
    memset(line + 7, 'a', sizeof line - 7);
    while (http_reply_line(&reply, line, sizeof line))
        lines++;
    assert_int_equal(lines, HTTP_HEADERS_MAX_BYTES / sizeof line);
    assert_string_equal(reply.etag, "");
    reply = reply_of("HTTP/1.1 206 X\r\nETag: \"a\x01\"\r\nRetry-After:  7 \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    assert_string_equal(reply.etag, "");
    assert_string_equal(reply.retry_after, "7");
    assert_int_equal(reply.date_s, DATE_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_range),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(which_answers_count),
        cmocka_unit_test(what_is_too_long_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
