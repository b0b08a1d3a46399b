/* Key pairs: made, read from PEM (also encrypted) or used inside a PKCS#11 token, and named by the digest of the public half. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

#define KEY_ID_BYTES 32           /* SHA-256 of the DER SubjectPublicKeyInfo (RFC 5280) */
#define KEY_ID_HEX_SIZE 65

enum key_type { KEY_RSA_2048, KEY_RSA_3072, KEY_RSA_4096, KEY_EC_P256, KEY_ED25519, KEY_X25519, KEY_TYPE_COUNT };
const char *key_type_name(enum key_type type);       /* "rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ed25519", "x25519" */
bool key_type_from_name(const char *name, enum key_type *ret);
bool key_type_signs(enum key_type type);             /* x25519 only agrees on content keys */

struct private_key;   /* an EVP_PKEY, possibly in a token */
struct public_key;

/* Asks for a PIN or a passphrase; writes at most size-1 bytes and a NUL; false: there is none. what: "passphrase of release.pem". */
struct key_secret {
    bool (*ask)(void *arg, const char *what, char *ret, size_t size);   /* NULL: there is none */
    void *arg;
};

/* source: a PEM file (PKCS#8, encrypted PKCS#8, the old RSA and EC forms) or a URI `pkcs11:...` (RFC 7512). Keys of other types or sizes
 * are DROVER_UNKNOWN; a wrong passphrase or PIN is DROVER_REFUSED. Freed with private_key_free (NULL is fine). */
MUST_USE enum drover_error private_key_open(const char *source, const struct key_secret *secret, struct private_key **ret_key, struct problem *ret_problem);
MUST_USE enum drover_error private_key_generate(enum key_type type, struct private_key **ret_key, struct problem *ret_problem);
/* PKCS#8 PEM; passphrase not NULL: encrypted with AES-256-CBC, PBKDF2. */
MUST_USE enum drover_error private_key_write_pem(const struct private_key *key, const char *passphrase, struct buffer *pem, struct problem *ret_problem);
void private_key_free(struct private_key *key);
/* The public half, freed by the caller; never fails for a key that was opened, but for memory (NULL). */
struct public_key *private_key_public(const struct private_key *key);

MUST_USE enum drover_error public_key_read_pem(const char *bytes, size_t length, struct public_key **ret_key, struct problem *ret_problem);
MUST_USE enum drover_error public_key_read_der(const void *bytes, size_t length, struct public_key **ret_key, struct problem *ret_problem);
MUST_USE enum drover_error public_key_write_pem(const struct public_key *key, struct buffer *pem);
MUST_USE enum drover_error public_key_write_der(const struct public_key *key, struct buffer *der);   /* SubjectPublicKeyInfo */
struct public_key *public_key_copy(const struct public_key *key);
void public_key_free(struct public_key *key);

enum key_type private_key_type(const struct private_key *key);
enum key_type public_key_type(const struct public_key *key);
const uint8_t *private_key_id(const struct private_key *key);   /* KEY_ID_BYTES */
const uint8_t *public_key_id(const struct public_key *key);

/* OpenSSL's own handle, for signature.c and recipient.c; stays owned by the key. */
struct evp_pkey_st;
struct evp_pkey_st *private_key_evp(const struct private_key *key);
struct evp_pkey_st *public_key_evp(const struct public_key *key);
