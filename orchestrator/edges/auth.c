/* See auth.h. */
#include "orchestrator/edges/auth.h"

#include <stdlib.h>
#include <string.h>

struct auth_checker {
    struct auth_ring *ring;
    struct auth_keys *keys;       /* for signed requests; the tokens' checker holds its own */
    struct jwt_checker *tokens;
    struct request_settings requests;
};

enum drover_error auth_checker_new(struct auth_ring *ring, const struct auth_settings *settings, struct auth_checker **ret_checker)
{
    struct auth_checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL)
        return DROVER_MEMORY;
    checker->ring = ring;
    checker->requests = settings->requests;
    enum drover_error error = jwt_checker_new(ring, &settings->tokens, &checker->tokens);
    if (error != DROVER_OK) {
        free(checker);
        return error;
    }
    (void)auth_ring_renew(ring, &checker->keys);
    *ret_checker = checker;
    return DROVER_OK;
}

void auth_checker_free(struct auth_checker *checker)
{
    if (checker == NULL)
        return;
    jwt_checker_free(checker->tokens);
    auth_keys_free(checker->keys);
    free(checker);
}

struct jwt_counters auth_checker_counters(const struct auth_checker *checker)
{
    return jwt_checker_counters(checker->tokens);
}

static enum drover_error token_check(struct auth_checker *checker, const char *token, int64_t now_ms, struct auth_identity *ret_identity,
                                     struct problem *ret_problem)
{
    struct jwt_identity found;
    enum drover_error error = jwt_check(checker->tokens, token, strlen(token), now_ms, &found, ret_problem);
    if (error != DROVER_OK)
        return error;
    *ret_identity = (struct auth_identity){.role = found.role};
    (void)text_copy(ret_identity->subject, sizeof ret_identity->subject, found.subject);
    (void)text_copy(ret_identity->key_id, sizeof ret_identity->key_id, found.key_id);
    return DROVER_OK;
}

static enum drover_error signature_check(struct auth_checker *checker, const char *value, const struct request_to_sign *request, int64_t now_ms,
                                         struct auth_identity *ret_identity, struct problem *ret_problem)
{
    struct request_identity found;
    struct nonce_claim nonce;
    (void)auth_ring_renew(checker->ring, &checker->keys);
    enum drover_error error = request_signature_check(checker->keys, &checker->requests, value, strlen(value), request, now_ms, &found, &nonce,
                                                      ret_problem);
    if (error != DROVER_OK)
        return error;
    *ret_identity = (struct auth_identity){.role = found.role, .has_nonce = true, .nonce = nonce};
    (void)text_copy(ret_identity->subject, sizeof ret_identity->subject, found.subject);
    (void)text_copy(ret_identity->key_id, sizeof ret_identity->key_id, found.key_id);
    return DROVER_OK;
}

/* What stands behind "<scheme> "; NULL: another scheme. */
static const char *behind(const char *value, const char *scheme)
{
    size_t length = strlen(scheme);
    if (strncasecmp(value, scheme, length) != 0 || value[length] != ' ')
        return NULL;
    return value + length + strspn(value + length, " ");
}

enum drover_error auth_check(struct auth_checker *checker, const char *authorization, const struct request_to_sign *request, int64_t now_ms,
                             struct auth_identity *ret_identity, struct problem *ret_problem)
{
    if (authorization == NULL)
        return problem_set(ret_problem, DROVER_MISSING, "Authorization", "is required");
    const char *token = behind(authorization, "Bearer");
    if (token != NULL)
        return token_check(checker, token, now_ms, ret_identity, ret_problem);
    if (behind(authorization, REQUEST_SIGNATURE_SCHEME) != NULL)
        return signature_check(checker, authorization, request, now_ms, ret_identity, ret_problem);
    return problem_set(ret_problem, DROVER_UNKNOWN, "Authorization", "is neither Bearer nor " REQUEST_SIGNATURE_SCHEME);
}
