/* Inside firmware/ only: the one place that counts signatures against a threshold, for raw signatures and for those of a JWS. */
#pragma once

#include "firmware/jws.h"
#include "firmware/trust.h"

struct trust_claim {
    const uint8_t *key_id;
    /* True when the signature is valid under this key, which has that id. */
    bool (*is_valid)(const void *signature, const struct public_key *key, const void *bytes, size_t length);
    const void *signature;
};

/* As trust_check. bytes and length are handed through to is_valid. */
MUST_USE enum error_code trust_count(const struct trust *trust, enum trust_role role, const void *bytes, size_t length,
                                     const struct trust_claim *claims, unsigned count, int64_t now_ms, struct problem *ret_problem);
/* The same for the signatures of a JWS over its own payload. */
MUST_USE enum error_code trust_count_jws(const struct trust *trust, enum trust_role role, const struct jws *jws, int64_t now_ms, struct problem *ret_problem);
