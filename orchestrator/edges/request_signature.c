/* See request_signature.h: the header taken apart, and what it says against what was asked. */
#include "orchestrator/edges/request_signature.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "common/sha256.h"

#define TIME_MAX_MS ((int64_t)1 << 53)

/* --- the header: scheme, then name=value five times, with commas between --- */

enum { KEY, SUBJECT, TIMESTAMP, NONCE, SIGNATURE, PARAMETER_COUNT };
static const char *const names[PARAMETER_COUNT] = {"key", "subject", "timestamp", "nonce", "signature"};

struct header {
    const char *at, *end;
    char values[PARAMETER_COUNT][2 * 32 + 1];   /* the longest values: an id, a nonce, an HMAC in hex */
    unsigned seen;                              /* bits */
};

static bool is_value_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' || byte == '_';
}

static void blanks_skip(struct header *header)
{
    while (header->at < header->end && (*header->at == ' ' || *header->at == '\t'))
        header->at++;
}

static int name_take(struct header *header)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        size_t length = strlen(names[i]);
        if ((size_t)(header->end - header->at) > length && memcmp(header->at, names[i], length) == 0 && header->at[length] == '=') {
            header->at += length + 1;
            return i;
        }
    }
    return -1;
}

static enum drover_error parameter_take(struct header *header, struct problem *ret_problem)
{
    blanks_skip(header);
    int name = name_take(header);
    if (name < 0)
        return problem_set(ret_problem, DROVER_SYNTAX, "Authorization", "is not key=, subject=, timestamp=, nonce=, signature= with commas between");
    if (header->seen & 1u << name)
        return problem_set(ret_problem, DROVER_DUPLICATE, names[name], "is given twice");
    header->seen |= 1u << name;
    const char *from = header->at;
    while (header->at < header->end && is_value_byte(*header->at))
        header->at++;
    if (!text_copy_n(header->values[name], sizeof header->values[name], from, (size_t)(header->at - from)))
        return problem_set(ret_problem, DROVER_TOO_LONG, names[name], "is longer than 64 bytes");
    blanks_skip(header);
    return DROVER_OK;
}

static enum drover_error parameters_take(struct header *header, struct problem *ret_problem)
{
    enum drover_error error = parameter_take(header, ret_problem);
    while (error == DROVER_OK && header->at < header->end) {
        if (*header->at++ != ',')
            return problem_set(ret_problem, DROVER_SYNTAX, "Authorization", "has a byte that no value may have");
        error = parameter_take(header, ret_problem);
    }
    for (int i = 0; i < PARAMETER_COUNT && error == DROVER_OK; i++)
        if ((header->seen & 1u << i) == 0)
            error = problem_set(ret_problem, DROVER_MISSING, names[i], "is required");
    return error;
}

static enum drover_error value_refuse(int name, const char *needed, struct problem *ret_problem)
{
    return problem_set(ret_problem, DROVER_SYNTAX, names[name], "is not %s", needed);
}

static enum drover_error values_read(const struct header *header, struct request_signature *ret, struct problem *ret_problem)
{
    const char *timestamp = header->values[TIMESTAMP], *nonce = header->values[NONCE], *hmac = header->values[SIGNATURE];
    if (!text_is_id(header->values[KEY], strlen(header->values[KEY])))
        return value_refuse(KEY, "an id", ret_problem);
    if (!text_is_id(header->values[SUBJECT], strlen(header->values[SUBJECT])))
        return value_refuse(SUBJECT, "an id", ret_problem);
    if (!text_to_i64(timestamp, strlen(timestamp), 0, TIME_MAX_MS, &ret->timestamp_ms))
        return value_refuse(TIMESTAMP, "milliseconds since 1970", ret_problem);
    if (strlen(nonce) < REQUEST_NONCE_BYTES_MIN || strchr(nonce, '.') != NULL)
        return value_refuse(NONCE, "16 to 64 of A-Z a-z 0-9 _ -", ret_problem);
    if (!text_is_hex(hmac, strlen(hmac), 2 * sizeof ret->hmac) || !text_unhex(ret->hmac, sizeof ret->hmac, hmac))
        return value_refuse(SIGNATURE, "64 digits of lower-case hex", ret_problem);
    (void)text_copy(ret->key_id, sizeof ret->key_id, header->values[KEY]);
    (void)text_copy(ret->subject, sizeof ret->subject, header->values[SUBJECT]);
    (void)text_copy(ret->nonce, sizeof ret->nonce, nonce);
    return DROVER_OK;
}

enum drover_error request_signature_read(const char *value, size_t length, struct request_signature *ret_signature, struct problem *ret_problem)
{
    static const char scheme[] = REQUEST_SIGNATURE_SCHEME " ";
    struct header header = {.at = value + sizeof scheme - 1, .end = value + length};
    if (length < sizeof scheme - 1 || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return problem_set(ret_problem, DROVER_UNKNOWN, "Authorization", "is not " REQUEST_SIGNATURE_SCHEME);
    if (length > REQUEST_SIGNATURE_BYTES_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, "Authorization", "%zu bytes; at most %d", length, REQUEST_SIGNATURE_BYTES_MAX);
    enum drover_error error = parameters_take(&header, ret_problem);
    return error == DROVER_OK ? values_read(&header, ret_signature, ret_problem) : error;
}

/* --- the signature --- */

/* The secret for the subject: the key's own when it speaks for one alone. */
static bool secret_of(const struct auth_key *key, const char *subject, uint8_t ret[AUTH_SECRET_BYTES_MAX], size_t *ret_bytes)
{
    char text[sizeof "drover-subject\n" + ID_SIZE];
    *ret_bytes = key->secret_bytes;
    memcpy(ret, key->secret, key->secret_bytes);
    if (key->subject[0] != '\0')
        return true;
    int length = snprintf(text, sizeof text, "drover-subject\n%s", subject);
    *ret_bytes = SHA256_BYTES;
    return auth_hmac(key->secret, key->secret_bytes, text, (size_t)length, ret);
}

enum drover_error request_hmac(const struct auth_key *key, const struct request_to_sign *request, const struct request_signature *signature,
                               uint8_t ret_hmac[32], struct problem *ret_problem)
{
    uint8_t secret[AUTH_SECRET_BYTES_MAX];
    size_t secret_bytes = 0;
    struct buffer text;
    buffer_init(&text, 0);
    enum drover_error error = request_canonical_add(request, signature, &text, ret_problem);
    if (error == DROVER_OK && !(secret_of(key, signature->subject, secret, &secret_bytes) &&
                                auth_hmac(secret, secret_bytes, text.bytes, text.length, ret_hmac)))
        error = problem_set(ret_problem, DROVER_MEMORY, "signature", "no memory to check it");
    OPENSSL_cleanse(secret, sizeof secret);
    buffer_done(&text);
    return error;
}

static enum drover_error hmac_check(const struct auth_key *key, const struct request_to_sign *request, const struct request_signature *signature,
                                    struct problem *ret_problem)
{
    uint8_t wanted[32];
    enum drover_error error = request_hmac(key, request, signature, wanted, ret_problem);
    if (error == DROVER_OK && CRYPTO_memcmp(wanted, signature->hmac, sizeof wanted) != 0)
        error = problem_set(ret_problem, DROVER_REFUSED, "signature", "is not by key '%s'", key->id);
    OPENSSL_cleanse(wanted, sizeof wanted);
    return error;
}

static enum drover_error key_find(const struct auth_keys *keys, const struct request_signature *signature, int64_t now_ms,
                                  const struct auth_key **ret_key, struct problem *ret_problem)
{
    const struct auth_key *key = auth_keys_find(keys, signature->key_id);
    if (key == NULL || key->algorithm != AUTH_HMAC_SHA256)
        return problem_set(ret_problem, DROVER_UNKNOWN, "key", "'%s' is no key for requests", signature->key_id);
    const char *why = auth_key_why_not(key, now_ms);
    if (why != NULL)
        return problem_set(ret_problem, DROVER_STALE, "key", "%s", why);
    if (key->subject[0] != '\0' && strcmp(key->subject, signature->subject) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "subject", "key '%s' does not speak for '%s'", key->id, signature->subject);
    *ret_key = key;
    return DROVER_OK;
}

static enum drover_error window_check(const struct request_signature *signature, int64_t window_ms, int64_t now_ms, struct problem *ret_problem)
{
    int64_t age_ms = now_ms - signature->timestamp_ms;
    if (age_ms > window_ms)
        return problem_set(ret_problem, DROVER_STALE, "timestamp", "is %" PRId64 " ms old; at most %" PRId64, age_ms, window_ms);
    if (age_ms < -window_ms)
        return problem_set(ret_problem, DROVER_STALE, "timestamp", "is %" PRId64 " ms ahead; at most %" PRId64, -age_ms, window_ms);
    return DROVER_OK;
}

/* --- the nonce --- */

static bool name_write(char ret[NONCE_NAME_SIZE], const char *key_id, const char *subject, const char *nonce)
{
    char text[2 * ID_SIZE + REQUEST_NONCE_SIZE];
    uint8_t digest[SHA256_BYTES];
    int length = snprintf(text, sizeof text, "%s\n%s\n%s", key_id, subject, nonce);
    if (!sha256_of(text, (size_t)length, digest))
        return false;
    text_hex(ret, digest, (NONCE_NAME_SIZE - 1) / 2);
    return true;
}

/* Until the timestamp is too old, and a window longer: the clocks of several machines may differ by that much. */
static bool nonce_write(const struct request_signature *signature, const struct request_settings *settings, int64_t now_ms,
                        struct nonce_claim *ret)
{
    ret->keep_ms = signature->timestamp_ms + 2 * settings->window_ms - now_ms;
    ret->window_ms = settings->window_ms;
    ret->most = settings->nonces_max;
    return name_write(ret->name, signature->key_id, signature->subject, signature->nonce) &&
           name_write(ret->holder, signature->key_id, signature->subject, "");
}

enum drover_error request_signature_check(const struct auth_keys *keys, const struct request_settings *settings, const char *value, size_t length,
                                          const struct request_to_sign *request, int64_t now_ms, struct request_identity *ret_identity,
                                          struct nonce_claim *ret_nonce, struct problem *ret_problem)
{
    struct request_signature signature;
    struct nonce_claim nonce;
    const struct auth_key *key = NULL;
    enum drover_error error = request_signature_read(value, length, &signature, ret_problem);
    if (error == DROVER_OK)
        error = key_find(keys, &signature, now_ms, &key, ret_problem);
    if (error == DROVER_OK)
        error = window_check(&signature, settings->window_ms, now_ms, ret_problem);
    if (error == DROVER_OK)
        error = hmac_check(key, request, &signature, ret_problem);
    if (error == DROVER_OK && !nonce_write(&signature, settings, now_ms, &nonce))
        error = problem_set(ret_problem, DROVER_MEMORY, "nonce", "no memory to check it");
    if (error != DROVER_OK)
        return error;
    *ret_identity = (struct request_identity){.role = key->role};
    (void)text_copy(ret_identity->subject, sizeof ret_identity->subject, signature.subject);
    (void)text_copy(ret_identity->key_id, sizeof ret_identity->key_id, key->id);
    *ret_nonce = nonce;
    return DROVER_OK;
}
