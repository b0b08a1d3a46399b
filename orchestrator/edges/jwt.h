/* Bearer tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, checked against the keys of auth_keys.h (docs/authentication.md).
 * The key decides the algorithm, the role, the audience and the issuer; the token only says which key and who. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/auth_keys.h"

#define JWT_BYTES_MAX 4096
#define JWT_CHALLENGE_SIZE 256

struct jwt_settings {
    int64_t leeway_ms;        /* how far the clocks of the issuer and of this machine may be apart */
    unsigned cache_entries;   /* tokens found good that are remembered until they end; 0: none */
};

struct jwt_identity {
    char subject[ID_SIZE];    /* the device's id, or the operator's name */
    char key_id[ID_SIZE];
    enum auth_role role;
    int64_t expires_ms;       /* unix; of the token, without leeway */
};

struct jwt_counters {
    uint64_t checked;         /* signatures checked, whatever came of it */
    uint64_t remembered;      /* tokens that needed no check */
    uint64_t refused;
};

struct jwt_checker;   /* one a thread: nothing in it is locked */
/* The ring outlives the checker. Freed with jwt_checker_free (NULL is fine). */
MUST_USE enum drover_error jwt_checker_new(struct auth_ring *ring, const struct jwt_settings *settings, struct jwt_checker **ret_checker);
void jwt_checker_free(struct jwt_checker *checker);
struct jwt_counters jwt_checker_counters(const struct jwt_checker *checker);

/* Is the token good at this moment? Else the problem says which part is wrong and why, in words that may be logged and sent back: they hold
 * excerpts of the token's header and claims, never of its signature or of a secret. *ret_identity is written only on success.
 *   TOO_LONG, SYNTAX, TYPE, DUPLICATE, TOO_DEEP, UTF8   not a token as it must be written
 *   MISSING   a member or claim that is required      UNKNOWN   no such key
 *   MISMATCH  algorithm, audience, issuer, subject    REFUSED   signature, crit and other extensions
 *   STALE     expired, not valid yet, key not in force   RANGE  a time that is none */
MUST_USE enum drover_error jwt_check(struct jwt_checker *checker, const char *token, size_t length, int64_t now_ms,
                                     struct jwt_identity *ret_identity, struct problem *ret_problem);

/* Is it this key's signature of these bytes, in the form of RFC 7518 (ES256: r and s, 64 bytes; HS256: 32)? For tests with the vectors of
 * the RFCs, too. */
bool jwt_signature_is_valid(const struct auth_key *key, const char *bytes, size_t length, const uint8_t *signature, size_t signature_length);

/* The value of WWW-Authenticate (RFC 6750, section 3); problem NULL: there was no token. Always terminated and safe as a header. */
void jwt_challenge_write(const struct problem *problem, char ret[JWT_CHALLENGE_SIZE]);
