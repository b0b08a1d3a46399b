/* HTTP GET on libevent, by libcurl's multi interface: many transfers at a time, at most so many of them open, streaming. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct http;
struct http_transfer;

#define HTTP_ETAG_SIZE 128

/* What stands before the body. */
struct http_head {
    int status;                   /* 0: no answer at all */
    int64_t length;               /* Content-Length; -1: not said */
    int64_t range_first, range_last, range_total;   /* Content-Range; all -1: none, or not well-formed */
    int64_t retry_after_s;        /* 0: not said */
    char etag[HTTP_ETAG_SIZE];    /* "": none */
};

enum http_end { HTTP_DONE, HTTP_TIMEOUT, HTTP_BROKEN };

struct http_request {
    const char *device;           /* whose certificate is shown, when there is TLS; copied; NULL: nobody's */
    const char *url;              /* copied */
    int64_t first, last;          /* Range; first < 0: none */
    const char *if_range;         /* copied; "" or NULL: none */
};

struct http_handler {
    /* The first bytes of the body are there; false ends the transfer as HTTP_BROKEN. May be NULL. */
    bool (*began)(void *arg, const struct http_head *head);
    bool (*body)(void *arg, const void *bytes, size_t length);   /* likewise */
    /* The end; the transfer is gone afterwards. Not called after http_cancel. */
    void (*done)(void *arg, enum http_end end, const struct http_head *head);
};

struct tls;

/* tls: authorities and certificates for https; borrowed; NULL: the system's authorities. Returns NULL when out of memory. */
struct http *http_new(struct event_base *base, const struct tls *tls, unsigned open_max);
void http_free(struct http *http);                                   /* also its transfers, without telling */
/* Queued when open_max are open. NULL: out of memory. May be called from handlers. */
struct http_transfer *http_get(struct http *http, const struct http_request *request, const struct http_handler *handler, void *arg);
/* May be called from handlers, but not from the transfer's own done. NULL is fine. */
void http_cancel(struct http_transfer *transfer);
