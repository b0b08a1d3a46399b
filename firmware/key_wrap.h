/* The three primitives a content key is wrapped with, over OpenSSL's EVP: HKDF-SHA256 (RFC 5869), AES-256 key wrap (RFC 3394) and RSA-OAEP
 * (RFC 8017). What they are bound to is recipient.c's business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define WRAP_KEY_BYTES 32
#define WRAPPED_KEY_BYTES (WRAP_KEY_BYTES + 8)

struct evp_pkey_st;

/* An empty salt is RFC 5869's default. info is at most 1 KiB. False: OpenSSL failed. */
MUST_USE bool hkdf_sha256(const void *secret, size_t secret_length, const void *salt, size_t salt_length, const void *info, size_t info_length,
                          uint8_t *ret_key, size_t key_length);

MUST_USE bool aes_wrap(const uint8_t wrapping_key[WRAP_KEY_BYTES], const uint8_t key[WRAP_KEY_BYTES], uint8_t ret_wrapped[WRAPPED_KEY_BYTES]);
/* False: another wrapping key, or not what was wrapped; ret_key is wiped then. */
MUST_USE bool aes_unwrap(const uint8_t wrapping_key[WRAP_KEY_BYTES], const uint8_t wrapped[WRAPPED_KEY_BYTES], uint8_t ret_key[WRAP_KEY_BYTES]);

/* SHA-256 for the label and for MGF1. *length is the room in ret_bytes, and then what was written. */
MUST_USE bool oaep_encrypt(struct evp_pkey_st *key, const void *label, size_t label_length, const uint8_t *bytes, size_t bytes_length,
                           uint8_t *ret_bytes, size_t *length);
/* False: not for this key, another label, or not exactly plain_length bytes inside. */
MUST_USE bool oaep_decrypt(struct evp_pkey_st *key, const void *label, size_t label_length, const uint8_t *bytes, size_t bytes_length,
                           uint8_t *ret_plain, size_t plain_length);
