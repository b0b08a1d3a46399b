/* Any bytes as a bearer token, and as header and claims of one that is otherwise well formed (header, newline, claims): refused with a reason,
 * or taken apart into what the contract allows; the whole check takes nothing that no key has signed, and signs for what it takes. */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "common/base64.h"
#include "orchestrator/edges/jwt.h"
#include "orchestrator/edges/jwt_token.h"

#define SECRET_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NOW_MS 1800000000000

static struct auth_ring *ring;
static struct auth_keys *keys;
static struct jwt_checker *checker;

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    MUST(file != NULL);
    MUST(fputs(text, file) >= 0);
    MUST(fclose(file) == 0);
}

/* One key for HS256, so that the target can sign what it makes. */
static void keys_make(void)
{
    char folder[] = "/tmp/drover-fuzz-jwt-XXXXXX", path[64], secret[64];
    MUST(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/keys.json", folder);
    snprintf(secret, sizeof secret, "%s/k", folder);
    file_write(secret, SECRET_HEX "\n");
    file_write(path, "{\"schema\":1,\"keys\":[{\"kid\":\"k\",\"algorithm\":\"HS256\",\"role\":\"device\",\"audience\":\"a\",\"secret_file\":\"k\"}]}");
    MUST(auth_ring_new(path, &ring, NULL) == DROVER_OK);
    MUST(auth_ring_renew(ring, &keys));
    MUST(jwt_checker_new(ring, &(struct jwt_settings){.leeway_ms = 1000, .cache_entries = 8}, &checker) == DROVER_OK);
    MUST(unlink(path) == 0 && unlink(secret) == 0 && rmdir(folder) == 0);
}

static void problem_check(enum drover_error error, const struct problem *problem)
{
    char challenge[JWT_CHALLENGE_SIZE];
    MUST(problem->error == error && problem->where[0] != '\0' && problem->what[0] != '\0');
    jwt_challenge_write(problem, challenge);
    for (const char *at = challenge; *at != '\0'; at++)
        MUST(*at >= ' ' && *at < 0x7F && *at != '\\');
}

static void token_check(const char *token, size_t length, bool is_signed)
{
    static struct jwt_token parts;
    struct jwt_identity identity;
    struct problem problem = {0};
    enum drover_error error = jwt_token_read(token, length, &parts, &problem);
    if (error == DROVER_OK)
        MUST(parts.signed_length < length && parts.claims_length <= sizeof parts.claims && text_is_utf8(parts.kid, strlen(parts.kid)));
    else
        problem_check(error, &problem);
    problem = (struct problem){0};
    error = jwt_check(checker, token, length, NOW_MS, &identity, &problem);
    if (error != DROVER_OK) {
        problem_check(error, &problem);
        return;
    }
    MUST(is_signed && text_is_id(identity.subject, strlen(identity.subject)) && identity.role == AUTH_DEVICE);
    MUST(identity.expires_ms + 1000 > NOW_MS);
    MUST(jwt_check(checker, token, length, NOW_MS, &identity, NULL) == DROVER_OK);   /* from memory */
}

static void parts_check(const char *bytes, size_t length)
{
    const char *newline = length > 0 ? memchr(bytes, '\n', length) : NULL;
    size_t header = newline != NULL ? (size_t)(newline - bytes) : length;
    const struct auth_key *key = auth_keys_find(keys, "k");
    uint8_t hmac[32];
    struct buffer token;
    buffer_init(&token, 0);
    base64url_add(&token, bytes, header);
    buffer_add_text(&token, ".");
    if (newline != NULL)
        base64url_add(&token, newline + 1, length - header - 1);
    MUST(!token.failed && auth_hmac(key->secret, key->secret_bytes, token.bytes, token.length, hmac));
    buffer_add_text(&token, ".");
    base64url_add(&token, hmac, sizeof hmac);
    MUST(!token.failed);
    token_check(token.bytes, token.length, true);
    buffer_done(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (checker == NULL)
        keys_make();
    token_check((const char *)bytes, length, false);
    parts_check((const char *)bytes, length);
    return 0;
}
