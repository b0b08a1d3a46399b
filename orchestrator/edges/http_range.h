/* The Range, If-Range and If-None-Match headers of one representation with a strong ETag (RFC 9110, sections 13 and 14). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_RANGES_MAX 16   /* asked for in one request; more are answered with the whole */

enum http_range_kind {
    HTTP_WHOLE,          /* no range, one that is not understood, or too many: 200 (RFC 9110, 14.2, allows it) */
    HTTP_PART,           /* 206 with the bytes of one range */
    HTTP_PARTS,          /* 206 with several, as multipart/byteranges */
    HTTP_UNSATISFIABLE,  /* 416 */
};
struct http_range {
    int64_t start, length;   /* lies inside the representation */
};
struct http_ranges {
    enum http_range_kind kind;
    unsigned count;          /* HTTP_WHOLE, HTTP_PART: 1; HTTP_UNSATISFIABLE: 0 */
    struct http_range list[HTTP_RANGES_MAX];
};

/* header: the value of Range, not terminated, NULL when absent. size: of the representation, >= 0.
 * What overlaps or touches becomes one range at the place of the first of them, so that nobody is sent a byte twice, however often it is asked
 * for (RFC 9110, 14.2 and 17.15); ranges behind the end are left out of the others; the order is otherwise that of the request. */
struct http_ranges http_range_read(const char *header, size_t length, int64_t size);
/* May the Range count? True without If-Range, or when it is exactly our strong ETag (with its quotes). Dates never match: an answer without
 * Last-Modified has none that could be meant (RFC 9110, 13.1.5). */
bool http_if_range_holds(const char *header, const char *etag);
/* Does If-None-Match name our ETag (weak comparison) or "*"? Then the answer is 304. */
bool http_none_match_hits(const char *header, const char *etag);
