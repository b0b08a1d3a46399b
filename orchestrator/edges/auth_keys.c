/* See auth_keys.h. The file is checked like a settings file: an unknown member, a member that its algorithm has no use for and a missing one
 * are mistakes, because a misspelt `not_after_ms` would otherwise be a key that never ends. */
#include "orchestrator/edges/auth_keys.h"

#include <cJSON.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "orchestrator/edges/secret.h"

#define FILE_BYTES_MAX (256 * 1024)
#define PEM_BYTES_MAX (8 * 1024)
#define PATH_SIZE 512
#define TIME_MAX_MS ((int64_t)1 << 53)

/* What an algorithm needs: a key of one of these types, or a secret. */
static const struct algorithm_rule {
    const char *name;
    bool is_token, is_secret;
    unsigned key_types;   /* bits by enum key_type */
} algorithms[AUTH_ALGORITHM_COUNT] = {
    [AUTH_ES256] = {"ES256", true, false, 1u << KEY_EC_P256},
    [AUTH_EDDSA] = {"EdDSA", true, false, 1u << KEY_ED25519},
    [AUTH_RS256] = {"RS256", true, false, 1u << KEY_RSA_2048 | 1u << KEY_RSA_3072 | 1u << KEY_RSA_4096},
    [AUTH_HS256] = {"HS256", true, true, 0},
    [AUTH_HMAC_SHA256] = {"HMAC-SHA256", false, true, 0},
};
static const char *const roles[AUTH_ROLE_COUNT] = {"device", "viewer", "operator", "admin"};

/* Which kinds of key a member of the file belongs to. */
enum { FOR_TOKENS = 1, FOR_REQUESTS = 2, FOR_PUBLIC = 4, FOR_SECRET = 8, FOR_ALL = FOR_TOKENS | FOR_REQUESTS };
static const struct { const char *name; unsigned kinds; } members[] = {
    {"kid", FOR_ALL},          {"algorithm", FOR_ALL},      {"role", FOR_ALL},
    {"subject", FOR_ALL},      {"not_before_ms", FOR_ALL},  {"not_after_ms", FOR_ALL},
    {"audience", FOR_TOKENS},  {"issuer", FOR_TOKENS},
    {"public_key_file", FOR_PUBLIC}, {"secret_file", FOR_SECRET},
};

struct auth_keys {
    atomic_uint holders;
    unsigned count;
    struct auth_key keys[AUTH_KEYS_MAX];
};

const char *auth_algorithm_name(enum auth_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

const char *auth_role_name(enum auth_role role)
{
    return roles[role];
}

bool auth_hmac(const void *secret, size_t secret_bytes, const void *bytes, size_t length, uint8_t ret[32])
{
    unsigned written = 0;
    return HMAC(EVP_sha256(), secret, (int)secret_bytes, bytes, length, ret, &written) != NULL && written == 32;
}

/* --- reading one key --- */

static bool algorithm_find(const char *name, enum auth_algorithm *ret)
{
    for (int i = 0; i < AUTH_ALGORITHM_COUNT; i++)
        if (strcmp(algorithms[i].name, name) == 0) {
            *ret = (enum auth_algorithm)i;
            return true;
        }
    return false;
}

static bool role_find(const char *name, enum auth_role *ret)
{
    for (int i = 0; i < AUTH_ROLE_COUNT; i++)
        if (strcmp(roles[i], name) == 0) {
            *ret = (enum auth_role)i;
            return true;
        }
    return false;
}

static enum drover_error members_check(const cJSON *object, const struct auth_key *key, struct problem *ret_problem)
{
    const struct algorithm_rule *rule = &algorithms[key->algorithm];
    unsigned kinds = (rule->is_token ? FOR_TOKENS : FOR_REQUESTS) | (rule->is_secret ? FOR_SECRET : FOR_PUBLIC);
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        size_t i = 0;
        while (i < sizeof members / sizeof members[0] && strcmp(members[i].name, item->string) != 0)
            i++;
        if (i == sizeof members / sizeof members[0])
            return problem_set(ret_problem, DROVER_UNKNOWN, key->id, "'%.40s' is not a member of a key", item->string);
        if ((members[i].kinds & kinds) == 0)
            return problem_set(ret_problem, DROVER_MISMATCH, key->id, "%s is of no use with %s", item->string, rule->name);
    }
    return DROVER_OK;
}

/* A file named in the key file lies beside it, unless its name begins with '/'. */
static bool path_beside(const char *keys_path, const char *name, char ret[PATH_SIZE])
{
    const char *slash = strrchr(keys_path, '/');
    int folder = slash != NULL && name[0] != '/' ? (int)(slash - keys_path) + 1 : 0;
    return snprintf(ret, PATH_SIZE, "%.*s%s", folder, keys_path, name) < PATH_SIZE;
}

static enum drover_error bytes_read(const char *path, size_t max, char **ret_bytes, size_t *ret_length, struct problem *ret_problem)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return problem_set(ret_problem, DROVER_IO, path, "cannot be opened: %s", strerror(errno));
    char *bytes = malloc(max + 1);
    size_t length = bytes != NULL ? fread(bytes, 1, max + 1, file) : 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (bytes != NULL && !failed && length <= max) {
        *ret_bytes = bytes;
        *ret_length = length;
        return DROVER_OK;
    }
    enum drover_error error = bytes == NULL ? problem_set(ret_problem, DROVER_MEMORY, path, "no memory to read it")
                              : failed      ? problem_set(ret_problem, DROVER_IO, path, "cannot be read")
                                            : problem_set(ret_problem, DROVER_TOO_LONG, path, "over %zu bytes", max);
    free(bytes);
    return error;
}

static enum drover_error public_key_take(const char *path, struct auth_key *key, struct problem *ret_problem)
{
    struct problem inner = {0};
    char *pem;
    size_t length;
    enum drover_error error = bytes_read(path, PEM_BYTES_MAX, &pem, &length, ret_problem);
    if (error != DROVER_OK)
        return error;
    error = public_key_read_pem(pem, length, &key->public_key, &inner);
    OPENSSL_cleanse(pem, length);   /* somebody may have put the private one there */
    free(pem);
    if (error != DROVER_OK)
        return problem_set(ret_problem, error, key->id, "public_key_file: %s", inner.what);
    enum key_type type = public_key_type(key->public_key);
    if ((algorithms[key->algorithm].key_types & 1u << type) == 0)
        return problem_set(ret_problem, DROVER_MISMATCH, key->id, "%s cannot be done with a key of type %s",
                           algorithms[key->algorithm].name, key_type_name(type));
    return DROVER_OK;
}

/* Hex, so that no PEM file can pass for a secret and `openssl dgst -macopt hexkey:` takes the same text. */
static enum drover_error secret_take(const char *path, struct auth_key *key, struct problem *ret_problem)
{
    char line[2 * AUTH_SECRET_BYTES_MAX + 1];
    enum drover_error error = secret_read(path, line, sizeof line, ret_problem);
    if (error != DROVER_OK)
        return error;
    size_t digits = strlen(line);
    if (digits % 2 != 0 || digits < 2 * AUTH_SECRET_BYTES_MIN || !text_unhex(key->secret, digits / 2, line))
        error = problem_set(ret_problem, DROVER_SYNTAX, key->id, "secret_file: must be %d to %d bytes in hex", AUTH_SECRET_BYTES_MIN,
                            AUTH_SECRET_BYTES_MAX);
    else
        key->secret_bytes = digits / 2;
    OPENSSL_cleanse(line, sizeof line);
    return error;
}

static enum drover_error material_read(const cJSON *object, const char *keys_path, struct auth_key *key, struct problem *ret_problem)
{
    const char *member = algorithms[key->algorithm].is_secret ? "secret_file" : "public_key_file";
    char name[PATH_SIZE], path[PATH_SIZE];
    enum drover_error error = json_get_text(object, member, true, name, sizeof name, ret_problem);
    if (error != DROVER_OK)
        return error;
    if (!path_beside(keys_path, name, path))
        return problem_set(ret_problem, DROVER_TOO_LONG, key->id, "%s is longer than %d bytes", member, PATH_SIZE - 1);
    return algorithms[key->algorithm].is_secret ? secret_take(path, key, ret_problem) : public_key_take(path, key, ret_problem);
}

/* The three members that say what the others mean. */
static enum drover_error kind_read(const cJSON *object, struct auth_key *key, struct problem *ret_problem)
{
    char algorithm[16], role[16];
    enum drover_error error = json_get_id(object, "kid", true, key->id, ret_problem);
    if (error == DROVER_OK)
        error = json_get_text(object, "algorithm", true, algorithm, sizeof algorithm, ret_problem);
    if (error == DROVER_OK)
        error = json_get_text(object, "role", true, role, sizeof role, ret_problem);
    if (error != DROVER_OK)
        return error;
    if (!algorithm_find(algorithm, &key->algorithm))
        return problem_set(ret_problem, DROVER_UNKNOWN, key->id, "algorithm '%s' is none of ES256 EdDSA RS256 HS256 HMAC-SHA256", algorithm);
    if (!role_find(role, &key->role))
        return problem_set(ret_problem, DROVER_UNKNOWN, key->id, "role '%s' is none of device viewer operator admin", role);
    return members_check(object, key, ret_problem);
}

static enum drover_error rules_read(const cJSON *object, struct auth_key *key, struct problem *ret_problem)
{
    enum drover_error error = json_get_id(object, "subject", false, key->subject, ret_problem);
    key->not_after_ms = TIME_MAX_MS;
    if (error == DROVER_OK)
        error = json_get_i64(object, "not_before_ms", false, 0, TIME_MAX_MS, &key->not_before_ms, ret_problem);
    if (error == DROVER_OK)
        error = json_get_i64(object, "not_after_ms", false, 0, TIME_MAX_MS, &key->not_after_ms, ret_problem);
    if (error == DROVER_OK && key->not_after_ms <= key->not_before_ms)
        error = problem_set(ret_problem, DROVER_RANGE, key->id, "not_after_ms is not behind not_before_ms");
    if (error != DROVER_OK || !algorithms[key->algorithm].is_token)
        return error;
    error = json_get_text(object, "audience", true, key->audience, sizeof key->audience, ret_problem);
    if (error == DROVER_OK && key->audience[0] == '\0')
        error = problem_set(ret_problem, DROVER_MISSING, key->id, "audience is empty");
    if (error == DROVER_OK)
        error = json_get_text(object, "issuer", false, key->issuer, sizeof key->issuer, ret_problem);
    return error;
}

static enum drover_error key_read(const cJSON *object, const char *keys_path, struct auth_key *key, struct problem *ret_problem)
{
    enum drover_error error = kind_read(object, key, ret_problem);
    if (error == DROVER_OK)
        error = rules_read(object, key, ret_problem);
    return error == DROVER_OK ? material_read(object, keys_path, key, ret_problem) : error;
}

/* --- the set --- */

static enum drover_error list_read(const cJSON *list, const char *path, struct auth_keys *keys, struct problem *ret_problem)
{
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return problem_set(ret_problem, DROVER_TYPE, "keys", "must be a list of keys");
    cJSON_ArrayForEach(item, list) {
        struct auth_key *key = &keys->keys[keys->count];
        struct problem inner = {0};
        if (!cJSON_IsObject(item))
            return problem_set(ret_problem, DROVER_TYPE, "keys", "key %u is not an object", keys->count + 1);
        if (keys->count == AUTH_KEYS_MAX)
            return problem_set(ret_problem, DROVER_FULL, "keys", "more than %d", AUTH_KEYS_MAX);
        keys->count++;
        enum drover_error error = key_read(item, path, key, &inner);
        if (error != DROVER_OK)
            return problem_set(ret_problem, error, key->id[0] != '\0' ? key->id : "keys", "key %u: %s%s%s", keys->count,
                               strcmp(inner.where, key->id) != 0 ? inner.where : "", strcmp(inner.where, key->id) != 0 ? ": " : "", inner.what);
        if (auth_keys_find(keys, key->id) != key)
            return problem_set(ret_problem, DROVER_DUPLICATE, key->id, "two keys have this kid");
    }
    return DROVER_OK;
}

static enum drover_error file_check(const cJSON *object, struct problem *ret_problem)
{
    const cJSON *item;
    int64_t schema = 0;
    cJSON_ArrayForEach(item, object)
        if (strcmp(item->string, "schema") != 0 && strcmp(item->string, "keys") != 0)
            return problem_set(ret_problem, DROVER_UNKNOWN, "keys", "'%.40s' is not a member of a key file", item->string);
    return json_get_i64(object, "schema", true, 1, 1, &schema, ret_problem);
}

enum drover_error auth_keys_read(const char *path, struct auth_keys **ret_keys, struct problem *ret_problem)
{
    struct auth_keys *keys = calloc(1, sizeof *keys);
    cJSON *object = NULL;
    char *bytes = NULL;
    size_t length = 0;
    if (keys == NULL)
        return problem_set(ret_problem, DROVER_MEMORY, path, "no memory to read it");
    atomic_init(&keys->holders, 1);
    enum drover_error error = bytes_read(path, FILE_BYTES_MAX, &bytes, &length, ret_problem);
    if (error == DROVER_OK)
        error = json_parse(bytes, length, &json_api_limits, &object, ret_problem);
    if (error == DROVER_OK)
        error = file_check(object, ret_problem);
    if (error == DROVER_OK)
        error = list_read(cJSON_GetObjectItemCaseSensitive(object, "keys"), path, keys, ret_problem);
    cJSON_Delete(object);
    free(bytes);
    if (error == DROVER_OK)
        *ret_keys = keys;
    else
        auth_keys_free(keys);
    return error;
}

struct auth_keys *auth_keys_hold(struct auth_keys *keys)
{
    atomic_fetch_add_explicit(&keys->holders, 1, memory_order_relaxed);
    return keys;
}

void auth_keys_free(struct auth_keys *keys)
{
    if (keys == NULL || atomic_fetch_sub_explicit(&keys->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < keys->count; i++)
        public_key_free(keys->keys[i].public_key);
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

unsigned auth_keys_count(const struct auth_keys *keys)
{
    return keys->count;
}

const struct auth_key *auth_keys_find(const struct auth_keys *keys, const char *id)
{
    for (unsigned i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].id, id) == 0)
            return &keys->keys[i];
    return NULL;
}

const char *auth_key_why_not(const struct auth_key *key, int64_t now_ms)
{
    if (now_ms < key->not_before_ms)
        return "this key does not count yet";
    return now_ms < key->not_after_ms ? NULL : "this key does not count any more";
}
