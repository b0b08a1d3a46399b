/* See jwt.h. The order: what costs nothing first, then the signature, and only then what the claims say, so that who cannot sign learns
 * nothing from our answers but that. */
#include "orchestrator/edges/jwt.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/jws_algorithm.h"
#include "orchestrator/edges/jwt_cache.h"
#include "orchestrator/edges/jwt_token.h"

#define HS256_BYTES 32

struct jwt_checker {
    struct auth_ring *ring;
    struct auth_keys *keys;      /* the set that the cache belongs to */
    struct jwt_settings settings;
    struct jwt_cache cache;
    struct jwt_counters counters;
    struct jwt_token token;      /* the one being read; too large for a stack that others use too */
};

enum drover_error jwt_checker_new(struct auth_ring *ring, const struct jwt_settings *settings, struct jwt_checker **ret_checker)
{
    struct jwt_checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL)
        return DROVER_MEMORY;
    checker->ring = ring;
    checker->settings = *settings;
    enum drover_error error = jwt_cache_init(&checker->cache, settings->cache_entries);
    if (error != DROVER_OK) {
        jwt_checker_free(checker);
        return error;
    }
    (void)auth_ring_renew(ring, &checker->keys);
    *ret_checker = checker;
    return DROVER_OK;
}

void jwt_checker_free(struct jwt_checker *checker)
{
    if (checker == NULL)
        return;
    jwt_cache_done(&checker->cache);
    auth_keys_free(checker->keys);
    free(checker);
}

struct jwt_counters jwt_checker_counters(const struct jwt_checker *checker)
{
    return checker->counters;
}

/* --- the signature --- */

static bool hmac_is_valid(const struct auth_key *key, const char *bytes, size_t length, const uint8_t *signature, size_t signature_length)
{
    uint8_t wanted[HS256_BYTES];
    bool valid = key->secret_bytes >= AUTH_SECRET_BYTES_MIN && signature_length == sizeof wanted &&
                 auth_hmac(key->secret, key->secret_bytes, bytes, length, wanted) && CRYPTO_memcmp(wanted, signature, sizeof wanted) == 0;
    OPENSSL_cleanse(wanted, sizeof wanted);
    return valid;
}

/* Which length fits an RSA key, signature_is_valid knows. */
static const struct { enum signature_algorithm algorithm; size_t length_min, length_max; } forms[] = {
    [AUTH_ES256] = {SIGNATURE_ECDSA_P256_SHA256, 64, 64},
    [AUTH_EDDSA] = {SIGNATURE_ED25519, 64, 64},
    [AUTH_RS256] = {SIGNATURE_RSA_PKCS1_SHA256, 256, SIGNATURE_BYTES_MAX},
};

bool jwt_signature_is_valid(const struct auth_key *key, const char *bytes, size_t length, const uint8_t *signature, size_t signature_length)
{
    if (key->algorithm == AUTH_HS256)
        return hmac_is_valid(key, bytes, length, signature, signature_length);
    if (key->public_key == NULL || signature_length < forms[key->algorithm].length_min || signature_length > forms[key->algorithm].length_max)
        return false;
    struct signature made = {.algorithm = (uint16_t)forms[key->algorithm].algorithm, .length = (uint16_t)signature_length};
    memcpy(made.key_id, public_key_id(key->public_key), sizeof made.key_id);
    memcpy(made.bytes, signature, signature_length);
    if (key->algorithm == AUTH_ES256 && !jws_ecdsa_to_der(&made))
        return false;
    return signature_is_valid(&made, key->public_key, bytes, length);
}

/* --- the key --- */

static enum drover_error key_find(const struct jwt_checker *checker, int64_t now_ms, const struct auth_key **ret_key, struct problem *ret_problem)
{
    const struct jwt_token *token = &checker->token;
    const struct auth_key *key = auth_keys_find(checker->keys, token->kid);
    if (key == NULL || key->algorithm == AUTH_HMAC_SHA256)
        return problem_set(ret_problem, DROVER_UNKNOWN, "kid", "'%s' is no key for tokens", token->kid);
    if (strcmp(token->alg, auth_algorithm_name(key->algorithm)) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "alg", "'%s' is not what key '%s' is for", token->alg, key->id);
    const char *why = auth_key_why_not(key, now_ms);
    if (why != NULL)
        return problem_set(ret_problem, DROVER_STALE, "kid", "%s", why);
    *ret_key = key;
    return DROVER_OK;
}

/* --- the claims --- */

static bool audience_is_named(const struct jwt_claims *claims, const char *audience)
{
    for (unsigned i = 0; i < claims->audience_count; i++)
        if (strcmp(claims->audiences[i], audience) == 0)
            return true;
    return false;
}

static enum drover_error times_check(const struct jwt_claims *claims, int64_t leeway_ms, int64_t now_ms, struct problem *ret_problem)
{
    if (now_ms >= claims->expires_ms + leeway_ms)
        return problem_set(ret_problem, DROVER_STALE, "exp", "expired %" PRId64 " s ago", (now_ms - claims->expires_ms) / 1000);
    if (now_ms < claims->not_before_ms - leeway_ms)
        return problem_set(ret_problem, DROVER_STALE, "nbf", "not valid before %" PRId64 " s from now", (claims->not_before_ms - now_ms) / 1000);
    if (now_ms < claims->issued_ms - leeway_ms)
        return problem_set(ret_problem, DROVER_STALE, "iat", "issued %" PRId64 " s in the future", (claims->issued_ms - now_ms) / 1000);
    return DROVER_OK;
}

static enum drover_error claims_check(const struct jwt_claims *claims, const struct auth_key *key, int64_t leeway_ms, int64_t now_ms,
                                      struct problem *ret_problem)
{
    if (!audience_is_named(claims, key->audience))
        return problem_set(ret_problem, DROVER_MISMATCH, "aud", "is not for us");
    if (key->issuer[0] != '\0' && strcmp(claims->issuer, key->issuer) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "iss", "is not the issuer of key '%s'", key->id);
    if (key->subject[0] != '\0' && strcmp(claims->subject, key->subject) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "sub", "key '%s' does not speak for '%s'", key->id, claims->subject);
    return times_check(claims, leeway_ms, now_ms, ret_problem);
}

/* --- all of it --- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* In which time the same token would be found good again, with these keys. */
static void remember(struct jwt_checker *checker, const uint8_t digest[SHA256_BYTES], const struct auth_key *key,
                     const struct jwt_claims *claims, const struct jwt_identity *identity)
{
    int64_t leeway_ms = checker->settings.leeway_ms, ends_ms = claims->expires_ms + leeway_ms;
    struct jwt_cache_entry entry = {.identity = *identity};
    entry.from_ms = larger(key->not_before_ms, larger(claims->not_before_ms, claims->issued_ms) - leeway_ms);
    entry.until_ms = ends_ms < key->not_after_ms ? ends_ms : key->not_after_ms;
    memcpy(entry.digest, digest, sizeof entry.digest);
    jwt_cache_add(&checker->cache, &entry);
}

static enum drover_error check_whole(struct jwt_checker *checker, const char *token, size_t length, const uint8_t digest[SHA256_BYTES],
                                     int64_t now_ms, struct jwt_identity *ret_identity, struct problem *ret_problem)
{
    const struct auth_key *key = NULL;
    struct jwt_claims claims;
    struct jwt_identity identity = {0};
    enum drover_error error = jwt_token_read(token, length, &checker->token, ret_problem);
    if (error == DROVER_OK)
        error = key_find(checker, now_ms, &key, ret_problem);
    if (error != DROVER_OK)
        return error;
    checker->counters.checked++;
    if (!jwt_signature_is_valid(key, token, checker->token.signed_length, checker->token.signature, checker->token.signature_length))
        return problem_set(ret_problem, DROVER_REFUSED, "signature", "is not by key '%s'", key->id);
    error = jwt_claims_read(&checker->token, &claims, ret_problem);
    if (error == DROVER_OK)
        error = claims_check(&claims, key, checker->settings.leeway_ms, now_ms, ret_problem);
    if (error != DROVER_OK)
        return error;
    identity.role = key->role;
    identity.expires_ms = claims.expires_ms;
    (void)text_copy(identity.subject, sizeof identity.subject, claims.subject);
    (void)text_copy(identity.key_id, sizeof identity.key_id, key->id);
    remember(checker, digest, key, &claims, &identity);
    *ret_identity = identity;
    return DROVER_OK;
}

enum drover_error jwt_check(struct jwt_checker *checker, const char *token, size_t length, int64_t now_ms,
                            struct jwt_identity *ret_identity, struct problem *ret_problem)
{
    uint8_t digest[SHA256_BYTES];
    enum drover_error error;
    if (auth_ring_renew(checker->ring, &checker->keys))
        jwt_cache_clear(&checker->cache);
    if (length > JWT_BYTES_MAX) {
        error = problem_set(ret_problem, DROVER_TOO_LONG, "token", "%zu bytes; at most %d", length, JWT_BYTES_MAX);
    } else if (!sha256_of(token, length, digest)) {
        error = problem_set(ret_problem, DROVER_MEMORY, "token", "no memory to check it");
    } else {
        const struct jwt_identity *known = jwt_cache_find(&checker->cache, digest, now_ms);
        if (known != NULL) {
            checker->counters.remembered++;
            *ret_identity = *known;
            return DROVER_OK;
        }
        error = check_whole(checker, token, length, digest, now_ms, ret_identity, ret_problem);
    }
    checker->counters.refused += error != DROVER_OK;
    return error;
}

void jwt_challenge_write(const struct problem *problem, char ret[JWT_CHALLENGE_SIZE])
{
    char where[sizeof problem->where], what[sizeof problem->what];
    if (problem == NULL) {
        (void)text_copy(ret, JWT_CHALLENGE_SIZE, "Bearer realm=\"drover\"");
        return;
    }
    (void)text_copy(where, sizeof where, problem->where);
    (void)text_copy(what, sizeof what, problem->what);
    for (char *texts[] = {where, what}, **text = texts; text < texts + 2; text++)
        for (char *at = *text; *at != '\0'; at++)
            if (*at == '"' || *at == '\\')
                *at = '\'';
    snprintf(ret, JWT_CHALLENGE_SIZE, "Bearer realm=\"drover\", error=\"invalid_token\", error_description=\"%s: %s\"", where, what);
}
