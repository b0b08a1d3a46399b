/* AES-256-GCM (NIST SP 800-38D) over each chunk. The nonce is component (u32) and chunk (u64): the content key is fresh for each package, so
 * none repeats. Position, length and the digests of the signed documents are associated data: no chunk can be dropped, repeated, moved or
 * taken from another package. The bytes of both stand in docs/package-format.md. One thread uses a cipher at a time. */
#pragma once

#include "firmware/recipient.h"

#define CHUNK_TAG_BYTES 16

struct chunk_cipher;
/* delta_sha256 NULL for a full package. NULL: out of memory. The key is copied and wiped at the end. */
struct chunk_cipher *chunk_cipher_new(const uint8_t content_key[CONTENT_KEY_BYTES], const uint8_t manifest_sha256[SHA256_BYTES], const uint8_t *delta_sha256);
void chunk_cipher_free(struct chunk_cipher *cipher);   /* NULL is fine */
/* In place: length bytes, then the tag behind them (room for CHUNK_TAG_BYTES). False: OpenSSL failed, or length is over
 * CHUNK_BYTES_MAX; what stands there then is no chunk. */
MUST_USE bool chunk_seal(struct chunk_cipher *cipher, unsigned component, uint32_t chunk, uint8_t *bytes, size_t length);
/* In place: length bytes without the tag behind them. False: not authentic; the bytes are wiped then (but not
 * when length is over CHUNK_BYTES_MAX, which is refused at once). */
MUST_USE bool chunk_open(struct chunk_cipher *cipher, unsigned component, uint32_t chunk, uint8_t *bytes, size_t length);
