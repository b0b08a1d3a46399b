/* A package as a careful device fetches it: in ranges, resumed where it broke off, restarted when it changed, hashed while
 * it streams, never longer than announced, and kept nowhere. */
#pragma once

#include <stdint.h>

#include "sim/device.h"
#include "sim/http.h"

struct download;

struct download_request {
    const char *url;           /* copied, like device and sha256 */
    const char *device;        /* who downloads */
    int64_t size_bytes;
    const char *sha256;
    int64_t chunk_bytes;       /* of one Range; 0: an eighth of the package, within reason */
    unsigned cuts;             /* break it off so many times, at places drawn from seed */
    uint64_t seed;
};

struct download_totals {
    uint64_t requests, bytes, cuts, retries, restarts;
};

struct download_handler {
    void (*progress)(void *arg, unsigned percent);   /* may cancel */
    void (*done)(void *arg, enum download_result result, int64_t bytes);   /* the download is gone afterwards */
    void (*bytes)(void *arg, int64_t offset, const void *bytes, size_t length);   /* in order; offset 0 begins (anew); may be NULL */
};

struct download *download_start(struct http *http, struct event_base *base, const struct download_request *request,
                                const struct download_handler *handler, void *arg, struct download_totals *totals);
/* Nothing is told afterwards; returns the bytes it had received. NULL is fine. Not from `done`. */
int64_t download_cancel(struct download *download);
