/* See jwt_token.h. */
#include "orchestrator/edges/jwt_token.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "orchestrator/edges/jwt.h"

static const struct json_limits header_limits = {1024, 4, 32, 512};
static const struct json_limits claims_limits = {JWT_PART_BYTES_MAX, 6, 64, 1024};

#define SECONDS_MAX 9007199254740.0   /* 2^53 ms */

/* --- the three parts --- */

struct part {
    const char *at;
    size_t length;
};

static enum drover_error parts_split(const char *token, size_t length, struct part ret[3], struct problem *ret_problem)
{
    const char *at = token, *end = token + length;
    if (length > JWT_BYTES_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, "token", "%zu bytes; at most %d", length, JWT_BYTES_MAX);
    for (int i = 0; i < 3; i++) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        if ((dot == NULL) != (i == 2))
            return problem_set(ret_problem, DROVER_SYNTAX, "token", "is not three parts with dots between them");
        ret[i] = (struct part){at, (size_t)((dot != NULL ? dot : end) - at)};
        at = dot != NULL ? dot + 1 : end;
    }
    return DROVER_OK;
}

static enum drover_error part_decode(const struct part *part, const char *name, void *ret, size_t size, size_t *ret_length,
                                     struct problem *ret_problem)
{
    if (base64url_read(part->at, part->length, ret, size, ret_length))
        return DROVER_OK;
    if (part->length / 4 * 3 > size)
        return problem_set(ret_problem, DROVER_TOO_LONG, name, "over %zu bytes", size);
    return problem_set(ret_problem, DROVER_SYNTAX, name, "is not base64url as RFC 7515 has it");
}

/* --- members of header and claims --- */

static enum drover_error text_read(struct json_flat *flat, const char *name, bool required, char *ret, size_t size, struct problem *ret_problem)
{
    const struct json_member *member = json_flat_find(flat, name);
    ret[0] = '\0';
    if (member != NULL)
        return json_member_text(member, name, ret, size, ret_problem);
    return required ? problem_set(ret_problem, DROVER_MISSING, name, "is required") : DROVER_OK;
}

/* A null would be taken for absent by json_flat_find; nothing that this project or an honest issuer writes has one. */
static enum drover_error nulls_refuse(const struct json_flat *flat, const char *part, struct problem *ret_problem)
{
    for (unsigned i = 0; i < flat->count; i++)
        if (flat->members[i].kind == JSON_NULL)
            return problem_set(ret_problem, DROVER_TYPE, part, "a member is null");
    return DROVER_OK;
}

static enum drover_error flat_read(const char *bytes, size_t length, const char *part, const struct json_limits *limits,
                                   struct json_flat *ret_flat, struct problem *ret_problem)
{
    struct problem inner = {0};
    enum drover_error error = json_document_read(bytes, length, limits, ret_flat, &inner);
    if (error != DROVER_OK)
        return problem_set(ret_problem, error, part, "%s: %s", inner.where, inner.what);
    return nulls_refuse(ret_flat, part, ret_problem);
}

/* What the header must not say. `crit` names extensions without which the token must be refused, and we know none (RFC 7515, 4.1.11);
 * keys that a token brings along are not looked at at all. */
static enum drover_error extensions_refuse(struct json_flat *header, struct problem *ret_problem)
{
    static const char *const refused[] = {"crit", "b64", "enc", "zip"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (json_flat_find(header, refused[i]) != NULL)
            return problem_set(ret_problem, DROVER_REFUSED, refused[i], "extensions are not taken");
    return DROVER_OK;
}

/* RFC 7519, 5.1, and RFC 9068: other kinds of signed JSON must not pass for a token. */
static enum drover_error type_check(struct json_flat *header, struct problem *ret_problem)
{
    static const char *const types[] = {"", "JWT", "at+jwt", "application/at+jwt"};
    char type[32];
    enum drover_error error = text_read(header, "typ", false, type, sizeof type, ret_problem);
    if (error != DROVER_OK)
        return error;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(type, types[i]) == 0)
            return DROVER_OK;
    return problem_set(ret_problem, DROVER_MISMATCH, "typ", "'%s' is not a bearer token", type);
}

static enum drover_error header_read(const char *bytes, size_t length, struct jwt_token *token, struct problem *ret_problem)
{
    struct json_flat header;
    enum drover_error error = flat_read(bytes, length, "header", &header_limits, &header, ret_problem);
    if (error == DROVER_OK)
        error = extensions_refuse(&header, ret_problem);
    if (error == DROVER_OK)
        error = type_check(&header, ret_problem);
    if (error == DROVER_OK)
        error = text_read(&header, "alg", true, token->alg, sizeof token->alg, ret_problem);
    return error == DROVER_OK ? text_read(&header, "kid", true, token->kid, sizeof token->kid, ret_problem) : error;
}

enum drover_error jwt_token_read(const char *token, size_t length, struct jwt_token *ret_token, struct problem *ret_problem)
{
    struct part parts[3];
    char header[1024];
    size_t header_length;
    enum drover_error error = parts_split(token, length, parts, ret_problem);
    if (error == DROVER_OK)
        error = part_decode(&parts[0], "header", header, sizeof header, &header_length, ret_problem);
    if (error == DROVER_OK)
        error = header_read(header, header_length, ret_token, ret_problem);
    if (error == DROVER_OK)
        error = part_decode(&parts[1], "claims", ret_token->claims, sizeof ret_token->claims, &ret_token->claims_length, ret_problem);
    if (error == DROVER_OK)
        error = part_decode(&parts[2], "signature", ret_token->signature, sizeof ret_token->signature, &ret_token->signature_length, ret_problem);
    ret_token->signed_length = error == DROVER_OK ? parts[0].length + 1 + parts[1].length : 0;
    return error;
}

/* --- the claims --- */

/* NumericDate: seconds since 1970, with or without a fraction. */
static enum drover_error time_read(struct json_flat *claims, const char *name, bool required, int64_t *ret_ms, struct problem *ret_problem)
{
    const struct json_member *member = json_flat_find(claims, name);
    char text[48];
    *ret_ms = 0;
    if (member == NULL)
        return required ? problem_set(ret_problem, DROVER_MISSING, name, "is required") : DROVER_OK;
    if (member->kind != JSON_NUMBER || !text_copy_n(text, sizeof text, member->value.bytes, member->value.length))
        return problem_set(ret_problem, DROVER_TYPE, name, "must be seconds since 1970");
    double seconds = strtod(text, NULL);
    if (!(seconds >= 0 && seconds <= SECONDS_MAX))
        return problem_set(ret_problem, DROVER_RANGE, name, "%s is no time", text);
    *ret_ms = (int64_t)(seconds * 1000);
    return DROVER_OK;
}

static enum drover_error audience_add(const struct json_member *member, struct jwt_claims *claims, struct problem *ret_problem)
{
    if (claims->audience_count == JWT_AUDIENCES_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, "aud", "names more than %d", JWT_AUDIENCES_MAX);
    return json_member_text(member, "aud", claims->audiences[claims->audience_count++], JWT_NAME_SIZE, ret_problem);
}

/* One string, or a list of them (RFC 7519, 4.1.3). */
static enum drover_error audiences_read(struct json_flat *flat, struct jwt_claims *claims, struct problem *ret_problem)
{
    const struct json_member *member = json_flat_find(flat, "aud");
    struct json_member item;
    struct json_array array;
    if (member == NULL)
        return problem_set(ret_problem, DROVER_MISSING, "aud", "is required");
    if (member->kind != JSON_ARRAY)
        return audience_add(member, claims, ret_problem);
    enum drover_error error = json_array_begin(member, "aud", &array, ret_problem);
    while (error == DROVER_OK && json_array_next(&array, &item))
        error = audience_add(&item, claims, ret_problem);
    return error;
}

enum drover_error jwt_claims_read(const struct jwt_token *token, struct jwt_claims *ret_claims, struct problem *ret_problem)
{
    struct json_flat flat;
    *ret_claims = (struct jwt_claims){0};
    enum drover_error error = flat_read(token->claims, token->claims_length, "claims", &claims_limits, &flat, ret_problem);
    if (error == DROVER_OK)
        error = text_read(&flat, "sub", true, ret_claims->subject, sizeof ret_claims->subject, ret_problem);
    if (error == DROVER_OK && !text_is_id(ret_claims->subject, strlen(ret_claims->subject)))
        error = problem_set(ret_problem, DROVER_SYNTAX, "sub", "'%s' is not an id", ret_claims->subject);
    if (error == DROVER_OK)
        error = text_read(&flat, "iss", false, ret_claims->issuer, sizeof ret_claims->issuer, ret_problem);
    if (error == DROVER_OK)
        error = audiences_read(&flat, ret_claims, ret_problem);
    if (error == DROVER_OK)
        error = time_read(&flat, "exp", true, &ret_claims->expires_ms, ret_problem);
    if (error == DROVER_OK)
        error = time_read(&flat, "nbf", false, &ret_claims->not_before_ms, ret_problem);
    return error == DROVER_OK ? time_read(&flat, "iat", false, &ret_claims->issued_ms, ret_problem) : error;
}
