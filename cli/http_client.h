/* One HTTP request and its answer, by libcurl: bounded in time and size, no redirects, one connection kept open. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

#define HTTP_MESSAGE_SIZE 256

struct http_client;

struct http_request {
    const char *method;
    const char *path;            /* with its query, after the base URL */
    const void *body;            /* NULL: none */
    size_t length;
    const char *content_type;
    const char *idempotency_key; /* NULL: none */
    const char *if_match;        /* an ETag with its quotes; NULL: none */
    int64_t timeout_ms;          /* the whole request */
    int64_t stall_ms;            /* ends when nothing moves for so long; 0: only timeout_ms counts */
    void (*sent)(void *arg, int64_t bytes);   /* body bytes sent so far; NULL is fine */
    void *sent_arg;
    /* The body of a 200 goes here as it comes, and not into the response; false: enough, which is no failure. NULL: it is collected. */
    bool (*received)(void *arg, const char *bytes, size_t length);
    void *received_arg;
};

struct http_response {
    int status;
    int64_t retry_after_ms;      /* what the server asked for, 0: nothing */
    struct buffer body;          /* freed with http_response_done on every path */
    char message[HTTP_MESSAGE_SIZE];   /* of a failure, libcurl's words */
};

/* base_url: http:// or https://; token NULL or "": none. NULL, with *ret_problem filled, when one of them is malformed. */
struct http_client *http_client_new(const char *base_url, const char *token, size_t response_limit, struct problem *ret_problem);
/* For https://: authorities instead of the system's, and a client certificate with its key; files of PEM, NULL: none. The paths are the caller's
 * and stay as long as the client. */
void http_client_secure(struct http_client *client, const char *ca_file, const char *certificate_file);
void http_client_free(struct http_client *client);   /* NULL is fine */
const char *http_client_url(const struct http_client *client);

/* DROVER_OK: there is an answer, whatever its status. DROVER_UNAVAILABLE: never connected, nothing was sent.
 * DROVER_TIMEOUT, DROVER_IO: the outcome is unknown. DROVER_TOO_LONG: the answer is over the limit. DROVER_MEMORY. */
MUST_USE enum drover_error http_client_call(struct http_client *client, const struct http_request *request, struct http_response *ret);
void http_response_done(struct http_response *response);

/* Appends "?name=value" or "&name=value", the value percent-encoded; NULL or "" value: nothing. */
void http_query_add(struct buffer *path, const char *name, const char *value);
