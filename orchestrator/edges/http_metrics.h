/* What the HTTP side counts, and its text for Prometheus. Counters are written by all HTTP threads and read by any. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "common/buffer.h"
#include "orchestrator/edges/http_route.h"

enum http_refusal {
    REFUSED_CONNECTIONS,   /* the cap was reached: told to come again, or listening paused */
    REFUSED_CLIENT_CONNECTIONS,   /* an address has as many as it may */
    REFUSED_REQUESTS,      /* more a second than all may send */
    REFUSED_CLIENT_REQUESTS,      /* more than this client may */
    REFUSED_DOWNLOADS,     /* all places of the depot are taken */
    REFUSED_CLIENT_DOWNLOADS,     /* a device fetches as much at a time as it may */
    REFUSED_DESCRIPTORS,   /* accept failed, mostly for want of file descriptors: listening paused */
    REFUSED_SLOW,          /* a request was not here whole in time */
    REFUSED_HANDSHAKE,     /* TLS: not done in time, or not in our way */
    REFUSED_CERTIFICATE,   /* TLS: the client's certificate, or that there is none */
    REFUSED_STALLED,       /* a reply took too long */
    REFUSED_READER,        /* a reply was taken too slowly, or not at all */
    REFUSED_FRAMING,       /* Content-Length twice, a body where none belongs, no Host, ... */
    REFUSED_TOO_LARGE,     /* a body over its route's limit */
    REFUSED_ROUTE,         /* unknown path, bad value in it, wrong method */
    REFUSED_QUERY,         /* unknown, repeated or malformed parameter */
    REFUSED_HEADER,        /* Idempotency-Key, If-Match or Last-Event-ID that is none */
    REFUSED_BODY,          /* a body that is none of its route's */
    REFUSED_TOKEN,         /* who asks is not proved: nothing was sent, or what is no proof at all */
    REFUSED_KEY,           /* a token or signature of a key that is not ours */
    REFUSED_FORGED,        /* a wrong signature, algorithm, audience or issuer */
    REFUSED_EXPIRED,       /* expired, not valid yet, out of the clock window */
    REFUSED_ROLE,          /* proved, but may not do this */
    REFUSED_SUBJECT,       /* proved, but asks for another device */
    REFUSED_REPLAY,        /* a nonce that was used before */
    REFUSED_NONCES,        /* too many nonces, or Redis cannot say whether this one is new */
    REFUSED_CALLS,         /* too many calls wait for the loop */
    REFUSED_LATE,          /* the loop did not answer in time */
    REFUSED_STREAM,        /* an event stream that is taken too slowly */
    REFUSED_OBSERVATION,   /* an observation about a download found no place in the ring */
    HTTP_REFUSAL_COUNT
};

#define HTTP_STATUS_MAX 24
#define HTTP_BUCKET_COUNT 8

struct http_metrics {
    atomic_uint_fast64_t requests[HTTP_ROUTE_COUNT + 1][HTTP_STATUS_MAX];   /* last row: no route */
    atomic_uint_fast64_t refused[HTTP_REFUSAL_COUNT];
    atomic_uint_fast64_t sent_bytes, received_bytes;
    atomic_uint_fast64_t hashed_bytes;                                      /* of packages, for devices that resume */
    atomic_uint_fast64_t taken_bytes;                                       /* of packages, while they go out: what peers have taken */
    atomic_uint_fast64_t accepted[HTTP_LISTENER_COUNT];
    atomic_uint_fast64_t open[HTTP_LISTENER_COUNT];
    atomic_uint_fast64_t seconds[HTTP_SERVED_BY_COUNT][HTTP_BUCKET_COUNT + 1];                 /* by enum http_served_by; last: slower */
    atomic_uint_fast64_t micros[HTTP_SERVED_BY_COUNT];
    atomic_uint_fast64_t tokens_checked, tokens_remembered;                 /* signatures computed, and those that were spared */
};

/* route NULL: the request matched none. */
void http_metrics_request(struct http_metrics *metrics, const struct http_route *route, int status, int64_t micros);
void http_metrics_refused(struct http_metrics *metrics, enum http_refusal reason);
void http_metrics_print(const struct http_metrics *metrics, struct buffer *text);
