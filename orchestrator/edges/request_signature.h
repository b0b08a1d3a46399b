/* Signed requests: HMAC-SHA256 over what is asked, when, by whom and with a nonce, in the Authorization header. docs/authentication.md has the
 * bytes and an example. This side checks all but the nonce, which lies in Redis: *ret_nonce is then given to nonce_take before the request
 * is served. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "orchestrator/edges/auth_keys.h"
#include "orchestrator/edges/nonce.h"

#define REQUEST_SIGNATURE_SCHEME "DROVER-HMAC-SHA256"
#define REQUEST_SIGNATURE_BYTES_MAX 512   /* the header's value */
#define REQUEST_QUERY_BYTES_MAX 4096
#define REQUEST_PARAMETERS_MAX 32
#define REQUEST_NONCE_BYTES_MIN 16
#define REQUEST_NONCE_SIZE 65

struct request_signature {                /* the header, taken apart */
    char key_id[ID_SIZE], subject[ID_SIZE];
    int64_t timestamp_ms;                 /* unix */
    char nonce[REQUEST_NONCE_SIZE];
    uint8_t hmac[32];
};

struct request_to_sign {
    const char *method;                   /* "GET" */
    const char *path, *query;             /* as they stand in the request line; query without '?', NULL: none */
    const void *body;                     /* NULL: none */
    size_t body_length;
};

struct request_identity {
    char subject[ID_SIZE], key_id[ID_SIZE];
    enum auth_role role;
};

struct request_settings {
    int64_t window_ms;                    /* how far the timestamp may be from our clock, either way */
    int64_t nonces_max;                   /* one key and subject: requests in window_ms */
};

/* The header's value. DROVER_UNKNOWN: another scheme. */
MUST_USE enum drover_error request_signature_read(const char *value, size_t length, struct request_signature *ret_signature,
                                                  struct problem *ret_problem);
/* Appends the text that is signed; signature->hmac is not looked at. */
MUST_USE enum drover_error request_canonical_add(const struct request_to_sign *request, const struct request_signature *signature,
                                                 struct buffer *text, struct problem *ret_problem);
/* The HMAC that the request must carry, with a key for AUTH_HMAC_SHA256. A key without a subject signs for any with a secret of its own
 * for each: HMAC-SHA256(secret, "drover-subject\n" subject). */
MUST_USE enum drover_error request_hmac(const struct auth_key *key, const struct request_to_sign *request,
                                        const struct request_signature *signature, uint8_t ret_hmac[32], struct problem *ret_problem);
/* All of it but the nonce. Errors as in jwt.h; STALE: the timestamp is out of the window. Results are written only on success. */
MUST_USE enum drover_error request_signature_check(const struct auth_keys *keys, const struct request_settings *settings, const char *value,
                                                   size_t length, const struct request_to_sign *request, int64_t now_ms,
                                                   struct request_identity *ret_identity, struct nonce_claim *ret_nonce,
                                                   struct problem *ret_problem);
