/* Signatures over documents: RSA PKCS#1 v1.5 and PSS (RFC 8017), ECDSA P-256 (FIPS 186-4, DER), Ed25519 (RFC 8032), all by OpenSSL's EVP.
 * The signed bytes are the document's own, so that the openssl command line checks them. */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "firmware/format.h"
#include "firmware/key.h"

enum signature_algorithm {                /* numbers of the format */
    SIGNATURE_RSA_PKCS1_SHA256 = 1,
    SIGNATURE_RSA_PSS_SHA256 = 2,         /* salt of 32 bytes, MGF1 with SHA-256 */
    SIGNATURE_ECDSA_P256_SHA256 = 3,
    SIGNATURE_ED25519 = 4,
};
#define SIGNATURE_BYTES_MAX 512           /* RSA-4096 */
const char *signature_algorithm_name(enum signature_algorithm algorithm);   /* "rsa-pkcs1-sha256", "rsa-pss-sha256", "ecdsa-p256-sha256", "ed25519"; "unknown" */
bool signature_algorithm_from_name(const char *name, enum signature_algorithm *ret);

struct signature {
    uint8_t key_id[KEY_ID_BYTES];
    uint16_t algorithm;                   /* may be one we do not know: such a signature never counts */
    uint16_t length;
    uint8_t bytes[SIGNATURE_BYTES_MAX];
};

/* algorithm 0: the key's usual one (RSA: PSS). A key that cannot do the algorithm is DROVER_MISMATCH. */
MUST_USE enum drover_error signature_make(const struct private_key *key, enum signature_algorithm algorithm, const void *bytes, size_t length,
                                          struct signature *ret_signature, struct problem *ret_problem);
/* True only for a valid signature of exactly these bytes by this key, with an algorithm that fits the key's type. */
bool signature_is_valid(const struct signature *signature, const struct public_key *key, const void *bytes, size_t length);

/* The value of a SIGNATURE section. The reader refuses lengths that do not add up (E_INCOMPATIBLE), not unknown algorithms. */
#define SIGNATURE_SECTION_MAX (KEY_ID_BYTES + 4 + SIGNATURE_BYTES_MAX)
size_t signature_section_write(const struct signature *signature, uint8_t ret_bytes[SIGNATURE_SECTION_MAX]);
MUST_USE enum error_code signature_section_read(const uint8_t *bytes, size_t length, struct signature *ret_signature, struct problem *ret_problem);
