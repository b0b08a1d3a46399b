/* Signed JSON in a text: JWS, general JSON serialization (RFC 7515), algorithms RS256, PS256, ES256, EdDSA (RFC 7518, RFC 8037), for trust
 * documents and permits. `alg` must fit the key's type; unprotected headers, `crit` and unencoded payloads are refused. */
#pragma once

#include <stddef.h>

#include "common/buffer.h"
#include "common/error.h"
#include "firmware/key.h"
#include "firmware/signature.h"

#define JWS_SIGNATURES_MAX 16
#define JWS_BYTES_MAX (128 * 1024)
#define JWS_SIGNED_BYTES_MAX (512 * 1024)   /* of all signatures together: each covers the whole payload */

struct jws {
    struct buffer payload;         /* decoded */
    unsigned count;
    struct jws_signature {
        uint8_t key_id[KEY_ID_BYTES];   /* of "kid" (hex) */
        char alg[8];                    /* may be one we do not know: such a signature is never valid */
        struct buffer signed_bytes;     /* protected "." payload, both base64url */
        uint16_t length;
        uint8_t bytes[SIGNATURE_BYTES_MAX];
    } signatures[JWS_SIGNATURES_MAX];
};

/* typ is what the protected headers must say ("drover-permit+json"). Proves nothing yet. Freed with jws_done. */
MUST_USE enum drover_error jws_read(const char *bytes, size_t length, const char *typ, struct jws *ret_jws, struct problem *ret_problem);
void jws_done(struct jws *jws);
/* True only for a valid signature of signed_bytes by this key, with an algorithm that fits the key's type. */
bool jws_signature_is_valid(const struct jws_signature *signature, const struct public_key *key);
/* Appends the text to *jws. RSA keys sign with PS256. The same key twice is DROVER_DUPLICATE. */
MUST_USE enum drover_error jws_make(const char *typ, const void *payload, size_t length, const struct private_key *const *keys, unsigned count,
                                    struct buffer *jws, struct problem *ret_problem);
