/* SHA-256 (FIPS 180-4) by OpenSSL's EVP, streaming; the algorithm is fetched once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define SHA256_BYTES 32
#define SHA256_HEX_SIZE 65

struct sha256;  /* one running digest */
struct sha256 *sha256_new(void);            /* NULL: out of memory */
void sha256_free(struct sha256 *sha256);    /* NULL is fine */
struct sha256 *sha256_copy(const struct sha256 *sha256);   /* another that has taken the same bytes; NULL: out of memory */
void sha256_add(struct sha256 *sha256, const void *bytes, size_t length);
/* Writes the digest as hex (SHA256_HEX_SIZE) and starts afresh. */
void sha256_hex(struct sha256 *sha256, char *ret_hex);
/* The same as SHA256_BYTES bytes; false: OpenSSL failed. */
MUST_USE bool sha256_digest(struct sha256 *sha256, void *ret_digest);
/* Of what was added so far, and goes on. */
MUST_USE bool sha256_peek(const struct sha256 *sha256, void *ret_digest);
/* Of some bytes at once; false: out of memory. */
MUST_USE bool sha256_of(const void *bytes, size_t length, void *ret_digest);
/* A whole file; DROVER_IO with errno kept. */
MUST_USE enum drover_error sha256_file(const char *path, char *ret_hex, long long *ret_bytes);
