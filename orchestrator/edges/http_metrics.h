/* What the HTTP side counts, and its text for Prometheus. Counters are written by all HTTP threads and read by any. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "common/buffer.h"
#include "orchestrator/edges/http_route.h"

enum http_refusal {
    REFUSED_CONNECTIONS,   /* the cap was reached: listening paused */
    REFUSED_DESCRIPTORS,   /* accept failed, mostly for want of file descriptors: listening paused */
    REFUSED_SLOW,          /* a request was not here whole in time */
    REFUSED_STALLED,       /* a reply took too long */
    REFUSED_FRAMING,       /* Content-Length twice, a body where none belongs, no Host, ... */
    REFUSED_TOO_LARGE,     /* a body over its route's limit */
    REFUSED_ROUTE,         /* unknown path, bad value in it, wrong method */
    REFUSED_QUERY,         /* unknown, repeated or malformed parameter */
    REFUSED_TOKEN,         /* none, or a wrong one */
    REFUSED_CALLS,         /* too many calls wait for the loop */
    REFUSED_LATE,          /* the loop did not answer in time */
    REFUSED_OBSERVATION,   /* an observation about a download found no place in the ring */
    HTTP_REFUSAL_COUNT
};

#define HTTP_STATUS_MAX 24
#define HTTP_BUCKET_COUNT 8

struct http_metrics {
    atomic_uint_fast64_t requests[HTTP_ROUTE_COUNT + 1][HTTP_STATUS_MAX];   /* last row: no route */
    atomic_uint_fast64_t refused[HTTP_REFUSAL_COUNT];
    atomic_uint_fast64_t sent_bytes, received_bytes;
    atomic_uint_fast64_t accepted[HTTP_LISTENER_COUNT];
    atomic_uint_fast64_t open[HTTP_LISTENER_COUNT];
    atomic_uint_fast64_t seconds[2][HTTP_BUCKET_COUNT + 1];                 /* by enum http_served_by; last: slower */
    atomic_uint_fast64_t micros[2];
};

/* route NULL: the request matched none. */
void http_metrics_request(struct http_metrics *metrics, const struct http_route *route, int status, int64_t micros);
void http_metrics_refused(struct http_metrics *metrics, enum http_refusal reason);
void http_metrics_print(const struct http_metrics *metrics, struct buffer *text);
