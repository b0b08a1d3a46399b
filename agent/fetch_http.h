/* What a depot's answer says, and whether it is the answer to what was asked (RFC 9110, sections 8, 10 and 14). Pure: no socket, no clock.
 * Everything a server can grow is cut or refused here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ETAG_SIZE 132
#define HTTP_HEADERS_MAX_BYTES (32 * 1024)         /* of one answer */
#define HTTP_RETRY_AFTER_MAX_MS (24 * 3600 * 1000LL)

struct http_span {
    int64_t start, length;
};

/* "bytes FIRST-LAST/TOTAL", nothing else: no other unit, no '*', no bytes behind it. False: *ret_span and *ret_total are untouched. */
bool http_content_range_read(const char *value, size_t length, struct http_span *ret_span, int64_t *ret_total);
/* Retry-After as seconds, or as a date against date_s (Unix time), capped. 0: it says nothing, or "now". */
int64_t http_retry_after_read(const char *value, size_t length, int64_t date_s);

/* One answer, header by header. */
struct http_reply {
    int status;
    size_t header_bytes;
    bool has_range, has_length, is_encoded, is_odd;   /* is_odd: two different values, or one that cannot be read */
    struct http_span range;
    int64_t total, length;
    char etag[HTTP_ETAG_SIZE];                        /* with its quotes; "": none that can be used */
    char retry_after[40];
    int64_t date_s;                                   /* of the server; 0: not said */
};
/* A status line starts afresh, so that of several answers (100 Continue) the last one counts. False: over HTTP_HEADERS_MAX_BYTES. */
bool http_reply_line(struct http_reply *reply, const char *line, size_t length);

enum http_verdict {
    HTTP_RANGE,      /* 206, exactly what was asked */
    HTTP_ALL,        /* 200 to a range that began at 0: the bytes are the package's from its beginning */
    HTTP_IGNORED,    /* 200 to a range further on: nothing of it may be used */
    HTTP_CHANGED,    /* another ETag than before */
    HTTP_WRONG,      /* it claims success, but is not the answer to this request */
    HTTP_STATUS,     /* anything that is not 200 or 206 */
};
/* asked: the range of the request; total: the announced size of the package; etag: of earlier answers, "" for the first. *ret_why is a constant text. */
enum http_verdict http_reply_judge(const struct http_reply *reply, struct http_span asked, int64_t total, const char *etag, const char **ret_why);
