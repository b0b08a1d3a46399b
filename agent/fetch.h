/* One package from the depot into a staging file, over a bad network, with what was fetched proved chunk by chunk and kept over restarts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sha256.h"
#include "firmware/package_head.h"
#include "proto/error_code.h"

typedef void CURLM;

struct fetch_config {
    const char *ca_file, *certificate_file, *key_file;   /* TLS; "" : the system's CAs, no client certificate */
    const char *const *headers;                          /* "Authorization: Bearer ...", NULL at the end; asked for anew with each request through token */
    const char *(*token)(void *arg);                     /* bearer token or NULL */
    void *token_arg;
    int64_t bandwidth_bytes_s;                           /* 0: no limit */
    int64_t stall_ms;                                    /* over 0; a request without a byte for this long has failed */
    int64_t total_ms;                                    /* over 0; the whole, then E_DOWNLOAD_TIMEOUT */
    int64_t min_bytes_s;                                 /* slow retrieval: below this over stall_ms is a failure */
    unsigned window_max;                                 /* most parallel requests, 8 */
    unsigned failures_max;                               /* in a row, with backoff, before it gives up */
};

struct fetch_job {
    const char *url, *sha256;          /* of the package, hex */
    int64_t size_bytes;
    const char *staging_path;
    const struct package_policy *policy;      /* outlives the fetch */
    const struct recipient_keys *keys;        /* NULL: none */
};

struct fetch_events {
    void (*progress)(void *arg, int64_t done_bytes, int64_t total_bytes);   /* at most once a second */
    /* E_NONE: the whole package is in the staging file and has the announced SHA-256. Otherwise why; retry_after_ms > 0: the server asked for this
     * wait. Called once, from fetch_step; the fetch may be freed in it. */
    void (*done)(void *arg, enum error_code code, int64_t retry_after_ms, const struct problem *problem);
    void *arg;
};

struct fetch;
/* Everything is copied but policy and keys. NULL: out of memory. The multi handle is the loop's, which polls and performs it; while a fetch lives, the
 * fetch alone reads its messages (curl_multi_info_read), so nobody else has requests in it. Requests of the fetch carry it in CURLOPT_PRIVATE. */
struct fetch *fetch_start(CURLM *multi, const struct fetch_config *config, const struct fetch_job *job, const struct fetch_events *events, int64_t now_mono_ms);
/* After curl_multi_perform and at *ret_wake_ms (mono; INT64_MAX: nothing is due). */
void fetch_step(struct fetch *fetch, int64_t now_mono_ms, int64_t *ret_wake_ms);
/* Stops at once; the staging file stays for the next time. NULL is fine. */
void fetch_free(struct fetch *fetch);
/* The head of the package that is in the staging file, once it was read and accepted, otherwise NULL; valid until the next step. */
const struct package_head *fetch_head(const struct fetch *fetch);
/* A newer trust store that came with this package and was accepted with it; NULL: none. To be kept: fetch_head()->trust_bytes. */
const struct trust *fetch_trust(const struct fetch *fetch);
