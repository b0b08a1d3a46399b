/* A bearer token taken apart: strict reading of what RFC 7515 and 7519 say, without any judgement about keys. Proves nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

#define JWT_SIGNATURE_BYTES_MAX 512   /* RSA-4096 */
#define JWT_PART_BYTES_MAX 3072       /* header or claims, decoded */
#define JWT_NAME_SIZE 129             /* an audience, an issuer: not longer than those of a key */
#define JWT_AUDIENCES_MAX 8

struct jwt_token {
    char alg[16], kid[ID_SIZE];
    size_t signed_length;             /* of the token: header "." claims */
    size_t signature_length;
    uint8_t signature[JWT_SIGNATURE_BYTES_MAX];
    size_t claims_length;
    char claims[JWT_PART_BYTES_MAX];  /* JSON, not looked at before the signature is known to be good */
};

struct jwt_claims {
    char subject[ID_SIZE];
    char issuer[JWT_NAME_SIZE];       /* "": none */
    unsigned audience_count;
    char audiences[JWT_AUDIENCES_MAX][JWT_NAME_SIZE];
    int64_t expires_ms;
    int64_t not_before_ms, issued_ms; /* 0: not given */
};

MUST_USE enum drover_error jwt_token_read(const char *token, size_t length, struct jwt_token *ret_token, struct problem *ret_problem);
MUST_USE enum drover_error jwt_claims_read(const struct jwt_token *token, struct jwt_claims *ret_claims, struct problem *ret_problem);
