/* The keys that say whose requests are taken: one file of JSON (docs/authentication.md), each key with the one algorithm it is for, the role
 * of those who hold it, and the time in which it counts. A set never changes once it is read, so that threads share it without a lock;
 * a ring holds the set that counts now and is read again while they run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "firmware/key.h"

#define AUTH_KEYS_MAX 64
#define AUTH_NAME_SIZE 129           /* an audience, an issuer */
#define AUTH_SECRET_BYTES_MIN 32     /* RFC 7518, section 3.2: not shorter than the hash */
#define AUTH_SECRET_BYTES_MAX 64     /* the block of SHA-256: a longer one would only be hashed first */

enum auth_algorithm {
    AUTH_ES256, AUTH_EDDSA, AUTH_RS256, AUTH_HS256,   /* of tokens, RFC 7518 and RFC 8037; EdDSA: Ed25519 */
    AUTH_HMAC_SHA256,                                 /* of signed requests (request_signature.h), never of tokens */
    AUTH_ALGORITHM_COUNT
};
const char *auth_algorithm_name(enum auth_algorithm algorithm);   /* "ES256" ... "HMAC-SHA256" */

/* What the holder of a key may do; said by the key file alone, never by a token. */
enum auth_role { AUTH_DEVICE, AUTH_VIEWER, AUTH_OPERATOR, AUTH_ADMIN, AUTH_ROLE_COUNT };
const char *auth_role_name(enum auth_role role);                  /* "device" ... */

struct auth_key {
    char id[ID_SIZE];                     /* kid */
    enum auth_algorithm algorithm;
    enum auth_role role;
    char subject[ID_SIZE];                /* the only one it speaks for; "": any */
    char audience[AUTH_NAME_SIZE];        /* tokens: must be in aud */
    char issuer[AUTH_NAME_SIZE];          /* tokens: must be iss; "": not looked at */
    int64_t not_before_ms, not_after_ms;  /* unix; counts from the first up to, not at, the second */
    struct public_key *public_key;        /* ES256, EdDSA, RS256; else NULL */
    uint8_t secret[AUTH_SECRET_BYTES_MAX];
    size_t secret_bytes;                  /* 0 for the three above */
};

struct auth_keys;   /* a set */

/* Reads the file and the key files it names, which lie beside it. A mistake in any of them refuses the whole set; `where` of the problem
 * names the key. Let go with auth_keys_free. */
MUST_USE enum drover_error auth_keys_read(const char *path, struct auth_keys **ret_keys, struct problem *ret_problem);
struct auth_keys *auth_keys_hold(struct auth_keys *keys);    /* one more holder; from any thread that holds it or its ring */
void auth_keys_free(struct auth_keys *keys);                 /* the last holder wipes it; NULL is fine */
unsigned auth_keys_count(const struct auth_keys *keys);
/* The key of that id, whether it counts now or not; NULL: none. */
const struct auth_key *auth_keys_find(const struct auth_keys *keys, const char *id);
/* Why a key does not count at that moment, NULL when it does. */
const char *auth_key_why_not(const struct auth_key *key, int64_t now_ms);
/* HMAC-SHA256 with a key's own secret or another. False: OpenSSL had no memory. */
bool auth_hmac(const void *secret, size_t secret_bytes, const void *bytes, size_t length, uint8_t ret[32]);

struct auth_ring;
/* Reads the file once; path is copied. Freed with auth_ring_free after all threads that use it have ended. */
MUST_USE enum drover_error auth_ring_new(const char *path, struct auth_ring **ret_ring, struct problem *ret_problem);
void auth_ring_free(struct auth_ring *ring);   /* NULL is fine */
/* Reads the file again. On a problem the old set goes on counting. From any thread, one at a time. */
MUST_USE enum drover_error auth_ring_reload(struct auth_ring *ring, struct problem *ret_problem);
/* Brings what a thread holds up to date: *keys is let go and replaced when the ring has another set. True: it has. Cheap when it has not. */
bool auth_ring_renew(struct auth_ring *ring, struct auth_keys **keys);
