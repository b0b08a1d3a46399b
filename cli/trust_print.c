/* Its facts and a table of its keys; as JSON one object, as JSON lines and names a key each. */
#include "cli/trust_print.h"

#include <cjson/cJSON.h>

#include "cli/values.h"
#include "common/clock.h"
#include "common/text.h"

static void trust_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_format(out, "%lld", (long long)value_number(object, "version", 0));
}

static void key_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "key_id"));
}

static const struct field trust_facts[] = {
    {"version", "version", FIELD_NUMBER}, {"expires", "expires_ms", FIELD_TIME}, {"thresholds", "thresholds", FIELD_COUNTS},
};
static const struct view trust_view = {trust_name, trust_facts, sizeof trust_facts / sizeof trust_facts[0]};

static const struct field key_list[] = {
    {"KEY", "key_id", FIELD_TEXT},          {"TYPE", "type", FIELD_TEXT},      {"NAME", "name", FIELD_TEXT},         {"ROLES", "roles", FIELD_LIST},
    {"FROM", "not_before_ms", FIELD_TIME},  {"UNTIL", "not_after_ms", FIELD_TIME}, {"STATE", "state", FIELD_STATE}, {"WHY", "revoked_why", FIELD_TEXT},
};
static const struct view key_view = {key_name, key_list, sizeof key_list / sizeof key_list[0]};

static const char *key_state(const struct trust_key *key, int64_t now_ms)
{
    if (key->revoked_ms)
        return "revoked";
    if (key->not_before_ms && now_ms < key->not_before_ms)
        return "not yet";
    return key->not_after_ms && now_ms > key->not_after_ms ? "over" : "good";
}

static void add_time(struct cJSON *object, const char *name, int64_t ms)
{
    if (ms)
        cJSON_AddNumberToObject(object, name, (double)ms);
}

static struct cJSON *key_describe(const struct trust_key *key, int64_t now_ms)
{
    struct cJSON *object = cJSON_CreateObject(), *roles;
    char id[KEY_ID_HEX_SIZE];

    text_hex(id, public_key_id(key->key), KEY_ID_BYTES);
    cJSON_AddStringToObject(object, "key_id", id);
    cJSON_AddStringToObject(object, "type", key_type_name(public_key_type(key->key)));
    cJSON_AddStringToObject(object, "name", key->name);
    roles = cJSON_AddArrayToObject(object, "roles");
    for (unsigned role = 0; role < TRUST_ROLE_COUNT; role++)
        if (key->roles >> role & 1)
            cJSON_AddItemToArray(roles, cJSON_CreateString(trust_role_name((enum trust_role)role)));
    add_time(object, "not_before_ms", key->not_before_ms);
    add_time(object, "not_after_ms", key->not_after_ms);
    add_time(object, "revoked_ms", key->revoked_ms);
    cJSON_AddStringToObject(object, "state", key_state(key, now_ms));
    if (key->revoked_ms)
        cJSON_AddStringToObject(object, "revoked_why", key->revoked_why);
    return object;
}

static struct cJSON *trust_describe(const struct trust *trust, int64_t now_ms)
{
    struct cJSON *object = cJSON_CreateObject(), *thresholds, *keys;

    cJSON_AddNumberToObject(object, "version", (double)trust->version);
    add_time(object, "expires_ms", trust->expires_ms);
    thresholds = cJSON_AddObjectToObject(object, "thresholds");
    for (unsigned role = 0; role < TRUST_ROLE_COUNT; role++)
        cJSON_AddNumberToObject(thresholds, trust_role_name((enum trust_role)role), trust->thresholds[role]);
    keys = cJSON_AddArrayToObject(object, "keys");
    for (unsigned i = 0; i < trust->key_count; i++)
        cJSON_AddItemToArray(keys, key_describe(&trust->keys[i], now_ms));
    return object;
}

void trust_print(struct cli *cli, const struct trust *trust)
{
    int64_t now_ms = clock_unix_ms();
    struct cJSON *object = trust_describe(trust, now_ms);
    const struct cJSON *key, *keys = value_find(object, "keys");

    if (cli->output.format == OUTPUT_TABLE || cli->output.format == OUTPUT_JSON)
        output_object(&cli->output, &trust_view, object, now_ms);
    if (cli->output.format != OUTPUT_JSON && cJSON_GetArraySize(keys) > 0) {
        if (cli->output.format == OUTPUT_TABLE)
            fputc('\n', cli->output.stream);
        output_begin(&cli->output, &key_view);
        cJSON_ArrayForEach(key, keys)
            output_item(&cli->output, key, now_ms);
        output_end(&cli->output);
    }
    cJSON_Delete(object);
}
