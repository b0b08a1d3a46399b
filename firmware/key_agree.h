/* Agreement on a secret with a key pair made for one package: ECDH on P-256 (SEC 1, NIST SP 800-56A) and X25519 (RFC 7748). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define AGREED_SECRET_BYTES 32
#define P256_POINT_BYTES 65        /* 0x04, x, y */
#define X25519_POINT_BYTES 32

struct evp_pkey_st;

/* Makes a key pair of the kind of peer, gives out its public half (the point's bytes) and what it agrees on with peer; the private half is
 * forgotten at once. */
MUST_USE bool key_agree_fresh(struct evp_pkey_st *peer, uint8_t *ret_point, size_t point_bytes, uint8_t ret_secret[AGREED_SECRET_BYTES]);
/* What key agrees on with a point from outside. False: not a point of the curve, one of small order, or OpenSSL failed. */
MUST_USE bool key_agree(struct evp_pkey_st *key, const uint8_t *point, size_t point_bytes, uint8_t ret_secret[AGREED_SECRET_BYTES]);
