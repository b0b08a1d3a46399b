/* Who can read an encrypted package. A fresh content key (AES-256) is wrapped for each recipient: a model key shared by devices (AES-KW,
 * RFC 3394), or a device's own key (ECDH P-256 or X25519 with HKDF-SHA256, RFC 5869, then AES-KW; RSA-OAEP with SHA-256, RFC 8017).
 * Every wrapping is bound to its method, its recipient and the package's manifest, so that a recipient copied into another package opens
 * nothing there: these are the info of HKDF, or the label of OAEP. A model key goes through HKDF too, for that reason and so that no key
 * serves two algorithms. */
#pragma once

#include <stdint.h>

#include "firmware/format.h"
#include "firmware/key.h"

#define CONTENT_KEY_BYTES 32
#define RECIPIENT_EPHEMERAL_MAX 65    /* an uncompressed P-256 point */
#define RECIPIENT_WRAPPED_MAX 512     /* RSA-4096 */

enum recipient_method { RECIPIENT_AES_KW = 1, RECIPIENT_ECDH_P256 = 2, RECIPIENT_X25519 = 3, RECIPIENT_RSA_OAEP = 4 };
const char *recipient_method_name(uint16_t method);   /* "aes-kw", "ecdh-p256", "x25519", "rsa-oaep"; "unknown" */

struct recipient {
    uint16_t method;
    uint8_t key_id[KEY_ID_BYTES];     /* of a public key; of a model key: HMAC-SHA256 under it of "drover model key id" */
    uint16_t ephemeral_bytes;
    uint8_t ephemeral[RECIPIENT_EPHEMERAL_MAX];
    uint16_t wrapped_bytes;
    uint8_t wrapped[RECIPIENT_WRAPPED_MAX];
};

/* What a device (or a build server) can unwrap with. */
struct recipient_keys {
    const uint8_t (*model_keys)[CONTENT_KEY_BYTES];
    unsigned model_key_count;
    const struct private_key *const *private_keys;
    unsigned private_key_count;
};

void model_key_id(const uint8_t model_key[CONTENT_KEY_BYTES], uint8_t ret_id[KEY_ID_BYTES]);
/* A model key as a file: 64 hex digits and a line feed. What is wrong is said without showing what was read. */
MUST_USE enum drover_error model_key_read_file(const char *path, uint8_t ret_key[CONTENT_KEY_BYTES], struct problem *ret_problem);

MUST_USE enum drover_error recipient_wrap_model(const uint8_t content_key[CONTENT_KEY_BYTES], const uint8_t model_key[CONTENT_KEY_BYTES],
                                                const uint8_t manifest_sha256[SHA256_BYTES], struct recipient *ret, struct problem *ret_problem);
/* The method is the key type's: ECDH_P256, X25519 or RSA_OAEP; DROVER_MISMATCH for a key that only signs (Ed25519). */
MUST_USE enum drover_error recipient_wrap_public(const uint8_t content_key[CONTENT_KEY_BYTES], const struct public_key *key, const uint8_t manifest_sha256[SHA256_BYTES],
                                                 struct recipient *ret, struct problem *ret_problem);
/* E_DECRYPT when none of the keys opens any of the recipients. keys NULL: there are none. Each key is tried once, on the first recipient
 * that names it: a list made to cost time costs no more than an honest one. */
MUST_USE enum error_code recipient_unwrap(const struct recipient *recipients, unsigned count, const struct recipient_keys *keys,
                                          const uint8_t manifest_sha256[SHA256_BYTES], uint8_t ret_content_key[CONTENT_KEY_BYTES], struct problem *ret_problem);

/* The value of a RECIPIENT section. Reading refuses lengths that do not add up or do not fit the method (E_INCOMPATIBLE), not unknown methods:
 * those are somebody else's. */
#define RECIPIENT_SECTION_MAX (4 + KEY_ID_BYTES + 2 + RECIPIENT_EPHEMERAL_MAX + 2 + RECIPIENT_WRAPPED_MAX)
bool recipient_lengths_fit(const struct recipient *recipient);   /* with the method; an unknown one's: with the arrays */
size_t recipient_section_write(const struct recipient *recipient, uint8_t ret_bytes[RECIPIENT_SECTION_MAX]);
MUST_USE enum error_code recipient_section_read(const uint8_t *bytes, size_t length, struct recipient *ret, struct problem *ret_problem);
