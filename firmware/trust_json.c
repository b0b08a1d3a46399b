/* The trust document as JSON: every rule of a store is checked while it is read, so that a struct trust is always well-formed.
 * Members that are not known are ignored; what would change the meaning of the known ones needs another `schema`. */
#include "firmware/trust_json.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/text.h"

#define SCHEMA 1
#define PUBLIC_KEY_BYTES_MAX 1024
#define TIME_MAX ((int64_t)1 << 53)

static const struct json_limits limits = {TRUST_BYTES_MAX, 5, 2048, 4096};

static enum drover_error read_roles(const cJSON *object, unsigned *ret_roles, struct problem *ret_problem)
{
    const cJSON *roles = cJSON_GetObjectItemCaseSensitive(object, "roles"), *item;

    if (!cJSON_IsArray(roles))
        return problem_set(ret_problem, roles ? DROVER_TYPE : DROVER_MISSING, "roles", "must be a list of roles");
    *ret_roles = 0;
    cJSON_ArrayForEach(item, roles) {
        enum trust_role role;

        if (!cJSON_IsString(item) || !trust_role_from_name(item->valuestring, &role))
            return problem_set(ret_problem, DROVER_UNKNOWN, "roles", "only package, delta, permit and root");
        if (*ret_roles & 1u << role)
            return problem_set(ret_problem, DROVER_DUPLICATE, "roles", "%s is given twice", trust_role_name(role));
        *ret_roles |= 1u << role;
    }
    return DROVER_OK;
}

/* The key itself; what the document says of it must be true. */
static enum drover_error read_public_key(const cJSON *object, struct public_key **ret_key, struct problem *ret_problem)
{
    char id[KEY_ID_HEX_SIZE] = "", real_id[KEY_ID_HEX_SIZE], algorithm[16] = "", text[4096] = "";
    uint8_t der[PUBLIC_KEY_BYTES_MAX];
    struct public_key *key = NULL;
    size_t length;
    enum drover_error error = json_get_text(object, "id", true, id, sizeof id, ret_problem);

    if (!error)
        error = json_get_text(object, "algorithm", true, algorithm, sizeof algorithm, ret_problem);
    if (!error)
        error = json_get_text(object, "public_key", true, text, sizeof text, ret_problem);
    if (error)
        return error;
    if (strncmp(text, "-----BEGIN ", 11) == 0)
        error = public_key_read_pem(text, strlen(text), &key, ret_problem);
    else if (base64_read(text, strlen(text), der, sizeof der, &length))
        error = public_key_read_der(der, length, &key, ret_problem);
    else
        error = problem_set(ret_problem, DROVER_SYNTAX, "public_key", "neither PEM nor base64 of the DER form");
    if (error)
        return error;
    text_hex(real_id, public_key_id(key), KEY_ID_BYTES);
    if (strcmp(id, real_id) != 0)
        error = problem_set(ret_problem, DROVER_MISMATCH, "id", "is not the digest of the public key");
    else if (strcmp(algorithm, key_type_name(public_key_type(key))) != 0)
        error = problem_set(ret_problem, DROVER_MISMATCH, "algorithm", "is not that of the public key");
    if (error)
        public_key_free(key);
    else
        *ret_key = key;
    return error;
}

static enum drover_error read_plain(const cJSON *object, const char *name, char *ret, size_t size, struct problem *ret_problem)
{
    enum drover_error error = json_get_text(object, name, false, ret, size, ret_problem);

    if (!error && !text_is_plain(ret, strlen(ret)))
        error = problem_set(ret_problem, DROVER_SYNTAX, name, "has control characters");
    return error;
}

static enum drover_error read_key_members(const cJSON *object, struct trust_key *key, struct problem *ret_problem)
{
    enum drover_error error = read_roles(object, &key->roles, ret_problem);

    if (!error)
        error = read_plain(object, "name", key->name, sizeof key->name, ret_problem);
    if (!error)
        error = json_get_i64(object, "not_before", false, 0, TIME_MAX, &key->not_before_ms, ret_problem);
    if (!error)
        error = json_get_i64(object, "not_after", false, 0, TIME_MAX, &key->not_after_ms, ret_problem);
    if (!error)
        error = json_get_i64(object, "revoked_at", false, 0, TIME_MAX, &key->revoked_ms, ret_problem);
    if (!error)
        error = read_plain(object, "revoked_why", key->revoked_why, sizeof key->revoked_why, ret_problem);
    if (!error && key->revoked_why[0] && key->revoked_ms == 0)
        error = problem_set(ret_problem, DROVER_MISMATCH, "revoked_why", "is given, but revoked_at is not");
    if (!error)
        error = read_public_key(object, &key->key, ret_problem);
    return error;
}

/* "keys[3].roles" for what went wrong inside a key. */
static enum drover_error in_key(enum drover_error error, unsigned index, struct problem *ret_problem)
{
    char where[sizeof ret_problem->where];

    if (!ret_problem)
        return error;
    (void)snprintf(where, sizeof where, "keys[%u].%.32s", index, ret_problem->where);
    memcpy(ret_problem->where, where, sizeof where);
    return error;
}

static enum drover_error read_keys(const cJSON *object, struct trust *trust, struct problem *ret_problem)
{
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(object, "keys"), *item;

    if (!cJSON_IsArray(keys))
        return problem_set(ret_problem, keys ? DROVER_TYPE : DROVER_MISSING, "keys", "must be a list of keys");
    cJSON_ArrayForEach(item, keys) {
        struct trust_key key = {0};
        enum drover_error error = cJSON_IsObject(item) ? read_key_members(item, &key, ret_problem)
                                                       : problem_set(ret_problem, DROVER_TYPE, "key", "must be an object");

        if (!error)
            error = trust_add(trust, &key, ret_problem);
        public_key_free(key.key);
        if (error)
            return in_key(error, trust->key_count, ret_problem);
    }
    return DROVER_OK;
}

static enum drover_error read_thresholds(const cJSON *object, struct trust *trust, struct problem *ret_problem)
{
    const cJSON *thresholds = cJSON_GetObjectItemCaseSensitive(object, "thresholds");

    if (!thresholds)
        return DROVER_OK;
    if (!cJSON_IsObject(thresholds))
        return problem_set(ret_problem, DROVER_TYPE, "thresholds", "must be an object");
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++) {
        int64_t needed = 1;
        enum drover_error error = json_get_i64(thresholds, trust_role_name((enum trust_role)i), false, i == TRUST_DELTA ? 0 : 1,
                                               PACKAGE_SIGNATURES_MAX, &needed, ret_problem);

        if (error)
            return error;
        trust->thresholds[i] = (unsigned)needed;
    }
    return DROVER_OK;
}

static enum drover_error read_document(const cJSON *object, struct trust *trust, struct problem *ret_problem)
{
    char kind[sizeof TRUST_KIND + 8] = "";
    int64_t schema = 0;
    enum drover_error error = json_get_text(object, "kind", true, kind, sizeof kind, ret_problem);

    if (!error && strcmp(kind, TRUST_KIND) != 0)
        error = problem_set(ret_problem, DROVER_MISMATCH, "kind", "is not " TRUST_KIND);
    if (!error)
        error = json_get_i64(object, "schema", true, SCHEMA, SCHEMA, &schema, ret_problem);
    if (!error)
        error = json_get_i64(object, "version", true, 0, TIME_MAX, &trust->version, ret_problem);
    if (!error)
        error = json_get_i64(object, "expires_at", false, 0, TIME_MAX, &trust->expires_ms, ret_problem);
    if (!error)
        error = read_thresholds(object, trust, ret_problem);
    if (!error)
        error = read_keys(object, trust, ret_problem);
    return error;
}

enum drover_error trust_json_read(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem)
{
    struct trust trust;
    cJSON *object = NULL;
    enum drover_error error = json_parse(bytes, length, &limits, &object, ret_problem);

    if (error)
        return error;
    trust_init(&trust);
    error = read_document(object, &trust, ret_problem);
    cJSON_Delete(object);
    if (error)
        trust_done(&trust);
    else
        *ret_trust = trust;
    return error;
}

static void put_time(struct json_writer *writer, const char *name, int64_t time_ms)
{
    if (time_ms != 0)
        json_put_i64(writer, name, time_ms);
}

static void put_public_key(struct json_writer *writer, const struct public_key *key)
{
    struct buffer der, text;

    buffer_init(&der, 0);
    buffer_init(&text, 0);
    if (public_key_write_der(key, &der) == DROVER_OK)
        base64_add(&text, der.bytes, der.length);
    if (text.length == 0 || text.failed)
        writer->buffer->failed = true;
    else
        json_put_text(writer, "public_key", text.bytes);
    buffer_done(&der);
    buffer_done(&text);
}

static void put_key(struct json_writer *writer, const struct trust_key *key)
{
    char id[KEY_ID_HEX_SIZE];

    text_hex(id, public_key_id(key->key), KEY_ID_BYTES);
    json_open_object(writer, NULL);
    json_put_text(writer, "id", id);
    json_put_text(writer, "name", key->name[0] ? key->name : NULL);
    json_put_text(writer, "algorithm", key_type_name(public_key_type(key->key)));
    json_open_array(writer, "roles");
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++)
        json_put_text(writer, NULL, key->roles & 1u << i ? trust_role_name((enum trust_role)i) : NULL);
    json_close_array(writer);
    put_time(writer, "not_before", key->not_before_ms);
    put_time(writer, "not_after", key->not_after_ms);
    put_time(writer, "revoked_at", key->revoked_ms);
    json_put_text(writer, "revoked_why", key->revoked_why[0] ? key->revoked_why : NULL);
    put_public_key(writer, key->key);
    json_close_object(writer);
}

void trust_write(const struct trust *trust, struct buffer *json)
{
    struct json_writer writer;

    json_begin(&writer, json);
    json_put_text(&writer, "kind", TRUST_KIND);
    json_put_i64(&writer, "schema", SCHEMA);
    json_put_i64(&writer, "version", trust->version);
    put_time(&writer, "expires_at", trust->expires_ms);
    json_open_object(&writer, "thresholds");
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++)
        json_put_i64(&writer, trust_role_name((enum trust_role)i), trust->thresholds[i]);
    json_close_object(&writer);
    json_open_array(&writer, "keys");
    for (unsigned i = 0; i < trust->key_count; i++)
        put_key(&writer, &trust->keys[i]);
    json_close_array(&writer);
    json_end(&writer);
}
