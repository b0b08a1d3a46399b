/* One ranged request on libcurl: options, what its answer means, its bytes. Decides nothing but whether the answer is the answer; what to do when it
 * ended is fetch_ended.c's. Bytes go out only from an answer that was judged right, and never more than were asked for. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/fetch.h"
#include "agent/fetch_http.h"
#include "agent/fetch_rate.h"

#define REDIRECTS_MAX 3

/* What all requests of a fetch share; outlives them. */
struct request_setup {
    CURLM *multi;
    void *owner;                          /* becomes CURLOPT_PRIVATE */
    const struct fetch_config *config;
    const char *url;
    int64_t size_bytes;                   /* announced, of the whole */
    char etag[HTTP_ETAG_SIZE];            /* of the first good answer; "": not known yet */
    bool past_caches;                     /* wrong bytes came: ask the depot itself */
    struct fetch_rate rate;
    struct fetch_pace pace;
    int64_t now_ms;                       /* mono, of the present step */
    /* E_NONE to go on. offset: in the package. */
    enum error_code (*arrived)(void *owner, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem);
};

enum request_end {
    REQUEST_COMPLETE,
    REQUEST_REDIRECTED,                   /* fetch_request_begin_again goes there */
    REQUEST_LOST,                         /* no connection, cut, fewer bytes than promised */
    REQUEST_TIMEOUT,
    REQUEST_WRONG,                        /* HTTP_WRONG, too many bytes, too many or forbidden redirects */
    REQUEST_IGNORED, REQUEST_CHANGED, REQUEST_STATUS,   /* as the verdicts */
    REQUEST_STOPPED,                      /* arrived said no: code and problem */
    REQUEST_REFUSED,                      /* certificates, URL: the next try would end the same way */
};

struct fetch_request {
    struct request_setup *setup;
    CURL *easy;                           /* made with the first use, kept */
    struct curl_slist *headers;
    char *redirect;                       /* where it was sent; NULL: the job's URL */
    unsigned redirects;
    bool runs, moved, is_paused, is_exclusive, is_judged, sent_too_much;
    struct http_span asked;
    struct http_reply reply;
    enum http_verdict verdict;
    const char *why;                      /* constant text */
    int64_t received_bytes;               /* of the body */
    int64_t last_byte_ms;                 /* or when it began; moved: something came since */
    unsigned epoch, token_turn;           /* the caller's */
    int64_t written_before_bytes;         /* the caller's */
    enum error_code code;                 /* of REQUEST_STOPPED */
    struct problem problem;
    char message[CURL_ERROR_SIZE];
};

/* False: out of memory, nothing runs. */
MUST_USE bool fetch_request_begin(struct fetch_request *request, struct http_span asked);
MUST_USE bool fetch_request_begin_again(struct fetch_request *request);
/* curl is done with it: takes it out of the multi handle. */
enum request_end fetch_request_ended(struct fetch_request *request, CURLcode result);
/* At once; harmless when it does not run. */
void fetch_request_stop(struct fetch_request *request);
/* The clock is right in a step, not in curl's callbacks: dates what came since the last one. */
void fetch_request_date(struct fetch_request *request);
/* Goes on after a pause by the bandwidth limit. */
void fetch_request_go_on(struct fetch_request *request);
void fetch_request_done(struct fetch_request *request);
