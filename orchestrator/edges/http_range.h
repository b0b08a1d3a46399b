/* The Range, If-Range and If-None-Match headers of one representation with a strong ETag (RFC 9110, sections 13 and 14). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_range_kind {
    HTTP_WHOLE,          /* no range, one that is not understood, or several: 200 (RFC 9110, 14.2, allows it) */
    HTTP_PART,           /* 206 */
    HTTP_UNSATISFIABLE,  /* 416 */
};
struct http_range {
    enum http_range_kind kind;
    int64_t start;       /* first byte; HTTP_WHOLE: 0 */
    int64_t length;      /* HTTP_WHOLE: size; HTTP_UNSATISFIABLE: 0 */
};

/* header: the value of Range, not terminated, NULL when absent. size: of the representation, >= 0. */
struct http_range http_range_read(const char *header, size_t length, int64_t size);
/* May the Range count? True without If-Range, or when it is exactly our strong ETag (with its quotes). Dates never match. */
bool http_if_range_holds(const char *header, const char *etag);
/* Does If-None-Match name our ETag (weak comparison) or "*"? Then the answer is 304. */
bool http_none_match_hits(const char *header, const char *etag);
