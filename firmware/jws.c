/* Reading a JWS strictly, and checking its signatures. Keys come from the caller alone: what a header says of keys (jwk, jku, x5c) is not looked at. */
#include "firmware/jws.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/text.h"
#include "firmware/jws_algorithm.h"

#define HEADER_BYTES_MAX 1024   /* a protected header, decoded */

static const struct json_limits document_limits = {JWS_BYTES_MAX, 4, 128, JWS_BYTES_MAX};
static const struct json_limits header_limits = {HEADER_BYTES_MAX, 4, 64, 512};

/* The text of a member that must be there; points into the tree. */
static enum drover_error get_string(const cJSON *object, const char *name, const char **ret, struct problem *ret_problem)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!item)
        return problem_set(ret_problem, DROVER_MISSING, name, "is required");
    if (!cJSON_IsString(item))
        return problem_set(ret_problem, DROVER_TYPE, name, "must be a string");
    *ret = item->valuestring;
    return DROVER_OK;
}

/* Members that would change what the signature means, or lie outside it. */
static enum drover_error refuse_members(const cJSON *object, const char *const *names, const char *what, struct problem *ret_problem)
{
    for (; *names; names++)
        if (cJSON_GetObjectItemCaseSensitive(object, *names))
            return problem_set(ret_problem, DROVER_REFUSED, *names, "%s", what);
    return DROVER_OK;
}

static enum drover_error take_header(const cJSON *header, const char *typ, struct jws_signature *signature, struct problem *ret_problem)
{
    static const char *const extensions[] = {"crit", "b64", NULL};
    enum drover_error error = refuse_members(header, extensions, "extensions of JWS are not taken", ret_problem);
    const char *alg = NULL, *kid = NULL, *said = NULL;

    if (!error)
        error = get_string(header, "alg", &alg, ret_problem);
    if (!error)
        error = get_string(header, "kid", &kid, ret_problem);
    if (!error)
        error = get_string(header, "typ", &said, ret_problem);
    if (error)
        return error;
    if (strcmp(said, typ) != 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "typ", "is not %s", typ);
    if (!text_is_hex(kid, strlen(kid), 2 * KEY_ID_BYTES) || !text_unhex(signature->key_id, KEY_ID_BYTES, kid))
        return problem_set(ret_problem, DROVER_SYNTAX, "kid", "not a key id (64 digits of lower-case hex)");
    (void)text_copy(signature->alg, sizeof signature->alg, alg); /* too long: "", which is no algorithm */
    return DROVER_OK;
}

static enum drover_error read_header(const char *text, const char *typ, struct jws_signature *signature, struct problem *ret_problem)
{
    char bytes[HEADER_BYTES_MAX];
    size_t length;
    cJSON *header = NULL;
    enum drover_error error;

    if (!base64url_read(text, strlen(text), bytes, sizeof bytes, &length))
        return problem_set(ret_problem, DROVER_SYNTAX, "protected", "not base64url of at most %d bytes", HEADER_BYTES_MAX);
    error = json_parse(bytes, length, &header_limits, &header, ret_problem);
    if (!error)
        error = take_header(header, typ, signature, ret_problem);
    cJSON_Delete(header);
    return error;
}

static enum drover_error keep_signed_bytes(const char *header, const char *payload, struct jws_signature *signature, struct problem *ret_problem)
{
    buffer_add_text(&signature->signed_bytes, header);
    buffer_add(&signature->signed_bytes, ".", 1);
    buffer_add_text(&signature->signed_bytes, payload);
    return signature->signed_bytes.failed ? problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to keep it") : DROVER_OK;
}

static enum drover_error read_signature(const cJSON *item, const char *typ, const char *payload, struct jws_signature *signature, struct problem *ret_problem)
{
    static const char *const outside[] = {"header", NULL};
    const char *protected_text = NULL, *text = NULL;
    size_t length = 0;
    enum drover_error error = DROVER_OK;

    if (!cJSON_IsObject(item))
        return problem_set(ret_problem, DROVER_TYPE, "signatures", "must be objects");
    error = refuse_members(item, outside, "headers outside the signature are not taken", ret_problem);
    if (!error)
        error = get_string(item, "protected", &protected_text, ret_problem);
    if (!error)
        error = get_string(item, "signature", &text, ret_problem);
    if (!error)
        error = read_header(protected_text, typ, signature, ret_problem);
    if (!error)
        error = keep_signed_bytes(protected_text, payload, signature, ret_problem);
    if (error)
        return error;
    if (!base64url_read(text, strlen(text), signature->bytes, sizeof signature->bytes, &length) || length == 0)
        return problem_set(ret_problem, DROVER_SYNTAX, "signature", "not base64url of 1 to %d bytes", SIGNATURE_BYTES_MAX);
    signature->length = (uint16_t)length;
    return DROVER_OK;
}

static enum drover_error read_payload(const char *text, struct jws *jws, struct problem *ret_problem)
{
    size_t length = strlen(text), decoded = 0;
    char *bytes = malloc(length + 1);
    enum drover_error error = DROVER_OK;

    if (!bytes)
        return problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to decode it");
    if (base64url_read(text, length, bytes, length + 1, &decoded))
        buffer_add(&jws->payload, bytes, decoded);
    else
        error = problem_set(ret_problem, DROVER_SYNTAX, "payload", "not base64url");
    free(bytes);
    return jws->payload.failed ? problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to keep it") : error;
}

static enum drover_error check_count(const cJSON *signatures, const char *payload, struct problem *ret_problem)
{
    int count = cJSON_GetArraySize(signatures);

    if (!cJSON_IsArray(signatures))
        return problem_set(ret_problem, DROVER_TYPE, "signatures", "must be a list");
    if (count < 1 || count > JWS_SIGNATURES_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "signatures", "%d; 1 to %d are taken", count, JWS_SIGNATURES_MAX);
    if ((size_t)count * strlen(payload) > JWS_SIGNED_BYTES_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, "signatures", "too many over so long a payload");
    return DROVER_OK;
}

static enum drover_error read_document(const cJSON *object, const char *typ, struct jws *jws, struct problem *ret_problem)
{
    static const char *const flattened[] = {"protected", "header", "signature", NULL};
    const cJSON *signatures = cJSON_GetObjectItemCaseSensitive(object, "signatures"), *item;
    const char *payload = "";
    enum drover_error error = refuse_members(object, flattened, "belongs to another form of JWS; the general one is taken", ret_problem);

    if (!error)
        error = get_string(object, "payload", &payload, ret_problem);
    if (!error)
        error = check_count(signatures, payload, ret_problem);
    if (!error)
        error = read_payload(payload, jws, ret_problem);
    if (error)
        return error;
    cJSON_ArrayForEach(item, signatures) {
        error = read_signature(item, typ, payload, &jws->signatures[jws->count++], ret_problem);
        if (error)
            break;
    }
    return error;
}

enum drover_error jws_read(const char *bytes, size_t length, const char *typ, struct jws *ret_jws, struct problem *ret_problem)
{
    cJSON *object = NULL;
    enum drover_error error = json_parse(bytes, length, &document_limits, &object, ret_problem);

    if (error)
        return error;
    memset(ret_jws, 0, sizeof *ret_jws);
    error = read_document(object, typ, ret_jws, ret_problem);
    cJSON_Delete(object);
    if (error)
        jws_done(ret_jws);
    return error;
}

void jws_done(struct jws *jws)
{
    buffer_done(&jws->payload);
    for (unsigned i = 0; i < jws->count; i++)
        buffer_done(&jws->signatures[i].signed_bytes);
    jws->count = 0;
}

bool jws_signature_is_valid(const struct jws_signature *from, const struct public_key *key)
{
    struct signature signature = {.algorithm = (uint16_t)jws_algorithm_from_name(from->alg), .length = from->length};

    memcpy(signature.key_id, from->key_id, KEY_ID_BYTES);
    memcpy(signature.bytes, from->bytes, from->length);
    if (signature.algorithm == 0 || (signature.algorithm == SIGNATURE_ECDSA_P256_SHA256 && !jws_ecdsa_to_der(&signature)))
        return false;
    return signature_is_valid(&signature, key, from->signed_bytes.bytes, from->signed_bytes.length);
}
