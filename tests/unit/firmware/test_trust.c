/* The store: k of n distinct keys, roles, validity, revocation, the words of a refusal; its JSON there and back, and what is refused in it. */
#include "trust_fixture.h"

#include <cJSON.h>

#include "common/text.h"

static const char text[] = "{\"kind\":\"drover-package\"}";

static int done(void **state)
{
    (void)state;
    keys_done();
    return 0;
}

static enum error_code check_at(const struct trust *trust, enum trust_role role, const struct signature *signatures, unsigned count, int64_t now_ms, struct problem *problem)
{
    *problem = (struct problem){0};
    return trust_check(trust, role, text, strlen(text), signatures, count, now_ms, problem);
}

static enum error_code check(const struct trust *trust, enum trust_role role, const struct signature *signatures, unsigned count, struct problem *problem)
{
    return check_at(trust, role, signatures, count, NOW_MS, problem);
}

/* Every subset of three keys that signed, against every threshold. */
static void k_of_n(void **state)
{
    static const enum key_type types[] = {KEY_RSA_2048, KEY_EC_P256, KEY_ED25519};
    struct trust trust;

    (void)state;
    trust_init(&trust);
    for (unsigned i = 0; i < COUNT_OF(types); i++)
        (void)store_add(&trust, key_of(types[i], 0), key_type_name(types[i]), ROLE(PACKAGE));
    for (unsigned needed = 1; needed <= 4; needed++)
        for (unsigned subset = 0; subset < 8; subset++) {
            struct signature signatures[3];
            struct problem problem;
            unsigned count = 0;

            trust.thresholds[TRUST_PACKAGE] = needed;
            for (unsigned i = 0; i < COUNT_OF(types); i++)
                if (subset & 1u << i)
                    signatures[count++] = sign(key_of(types[i], 0), text);
            CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, count, &problem), count >= needed ? E_NONE : E_SIGNATURE, problem, "subset");
        }
    trust_done(&trust);
}

static void one_key_counts_once(void **state)
{
    struct signature signatures[PACKAGE_SIGNATURES_MAX + 1];
    struct problem problem;
    struct trust trust;

    (void)state;
    trust_init(&trust);
    trust.thresholds[TRUST_PACKAGE] = 2;
    (void)store_add(&trust, key_of(KEY_EC_P256, 0), "", ROLE(PACKAGE));
    (void)store_add(&trust, ed(0), "", ROLE(PACKAGE));
    for (unsigned i = 0; i < COUNT_OF(signatures); i++)
        signatures[i] = sign(key_of(KEY_EC_P256, 0), text); /* each another signature: ECDSA is random */
    CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, PACKAGE_SIGNATURES_MAX, &problem), E_SIGNATURE, problem, "sixteen times one key");
    assert_string_equal(problem.what, "1 of 2 signatures");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, PACKAGE_SIGNATURES_MAX + 1, &problem), E_INCOMPATIBLE, problem, "too many");
    signatures[7] = sign(ed(0), text);
    CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, PACKAGE_SIGNATURES_MAX, &problem), E_NONE, problem, "and the other one");
    /* A bad signature of a key does not hide its good one. */
    signatures[0] = sign(ed(0), "something else");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, PACKAGE_SIGNATURES_MAX, &problem), E_NONE, problem, "a bad one in front");
    trust_done(&trust);
}

static void roles(void **state)
{
    struct trust trust;

    (void)state;
    trust_init(&trust);
    for (unsigned role = 0; role < TRUST_ROLE_COUNT; role++)
        (void)store_add(&trust, ed(role), trust_role_name((enum trust_role)role), 1u << role);
    for (unsigned asked = 0; asked < TRUST_ROLE_COUNT; asked++)
        for (unsigned role = 0; role < TRUST_ROLE_COUNT; role++) {
            struct signature signature = sign(ed(role), text);
            bool counts = asked == role || (asked == TRUST_DELTA && role == TRUST_PACKAGE);
            struct problem problem;

            CHECK_CODE(check(&trust, (enum trust_role)asked, &signature, 1, &problem), counts ? E_NONE : E_SIGNATURE, problem, trust_role_name((enum trust_role)asked));
        }
    trust_done(&trust);
}

static void a_threshold_of_none_is_for_deltas_alone(void **state)
{
    struct problem problem;
    struct trust trust;

    (void)state;
    trust_init(&trust);
    memset(trust.thresholds, 0, sizeof trust.thresholds);
    for (unsigned role = 0; role < TRUST_ROLE_COUNT; role++)
        CHECK_CODE(check(&trust, (enum trust_role)role, NULL, 0, &problem), role == TRUST_DELTA ? E_NONE : E_SIGNATURE, problem, trust_role_name((enum trust_role)role));
    trust_done(&trust);
}

static void validity_and_revocation(void **state)
{
    static const struct {
        const char *row;
        int64_t not_before_ms, not_after_ms, revoked_ms, now_ms;
        enum error_code code;
    } rows[] = {
        {"always", 0, 0, 0, NOW_MS, E_NONE},
        {"in 1970", 0, 0, 0, 1, E_NONE},
        {"from now on", NOW_MS, 0, 0, NOW_MS, E_NONE},
        {"in a moment", NOW_MS + 1, 0, 0, NOW_MS, E_SIGNATURE},
        {"still", 0, NOW_MS + 1, 0, NOW_MS, E_NONE},
        {"no more", 0, NOW_MS, 0, NOW_MS, E_SIGNATURE},
        {"nobody knows the time", NOW_MS, NOW_MS + 1, 0, 0, E_NONE},
        {"revoked", 0, 0, NOW_MS - 1, NOW_MS, E_SIGNATURE},
        {"revoked, says a clock from the future", 0, 0, NOW_MS + YEAR_MS, NOW_MS, E_SIGNATURE},
        {"revoked, nobody knows the time", 0, 0, 1, 0, E_SIGNATURE},
    };
    struct signature signature = sign(ed(0), text);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;
        struct trust trust;
        struct trust_key *key;

        trust_init(&trust);
        key = store_add(&trust, ed(0), "", ROLE(PACKAGE));
        key->not_before_ms = rows[i].not_before_ms;
        key->not_after_ms = rows[i].not_after_ms;
        key->revoked_ms = rows[i].revoked_ms;
        CHECK_CODE(check_at(&trust, TRUST_PACKAGE, &signature, 1, rows[i].now_ms, &problem), rows[i].code, problem, rows[i].row);
        trust_done(&trust);
    }
}

/* FIELD.md, attack 1: unsigned, wrongly signed, signed over something else. */
static void attack_01_signatures_that_do_not_count(void **state)
{
    struct signature good = sign(ed(0), text), over_other = sign(ed(0), "other"), by_stranger = sign(ed(1), text), pretender = by_stranger, unknown = good;
    struct problem problem;
    struct trust trust;

    (void)state;
    trust_init(&trust);
    (void)store_add(&trust, ed(0), "", ROLE(PACKAGE));
    memcpy(pretender.key_id, good.key_id, KEY_ID_BYTES);
    unknown.algorithm = 9;
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &good, 1, &problem), E_NONE, problem, "good");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, NULL, 0, &problem), E_SIGNATURE, problem, "unsigned");
    assert_string_equal(problem.what, "0 of 1 signatures");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &over_other, 1, &problem), E_SIGNATURE, problem, "over something else");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &by_stranger, 1, &problem), E_SIGNATURE, problem, "by a stranger");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &pretender, 1, &problem), E_SIGNATURE, problem, "a stranger under our key's id");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &unknown, 1, &problem), E_SIGNATURE, problem, "an unknown algorithm");
    CHECK_CODE(check(&trust, TRUST_PACKAGE, &good, 1, &problem), E_NONE, problem, "and then the honest one");
    trust_done(&trust);
}

/* The most useful reason stands first, and the words never overflow their place. */
static void words_of_a_refusal(void **state)
{
    struct signature signatures[6];
    char id[17], wanted[200];
    struct problem problem;
    struct trust trust;
    struct trust_key *key;

    (void)state;
    trust_init(&trust);
    trust.thresholds[TRUST_PACKAGE] = 2;
    (void)store_add(&trust, ed(0), "", ROLE(PACKAGE));
    (void)store_add(&trust, ed(1), "old", ROLE(PERMIT));
    key = store_add(&trust, ed(2), "2025", ROLE(PACKAGE));
    key->revoked_ms = NOW_MS;
    (void)text_copy(key->revoked_why, sizeof key->revoked_why, "laptop stolen");
    signatures[0] = sign(ed(3), text);
    signatures[1] = sign(ed(1), text);
    signatures[2] = sign(ed(0), text);
    signatures[3] = sign(ed(2), text);
    CHECK_CODE(check(&trust, TRUST_PACKAGE, signatures, 4, &problem), E_SIGNATURE, problem, "one of two");
    text_hex(id, private_key_id(ed(2)), 8);
    (void)snprintf(wanted, sizeof wanted, "1 of 2 signatures; key %s (2025) is revoked: laptop stolen; key ", id);
    assert_string_equal(problem.where, "package signatures");
    assert_memory_equal(problem.what, wanted, strlen(wanted));
    assert_int_equal(strlen(problem.what), sizeof problem.what - 1); /* cut, not lost */
    key->revoked_ms = 0;
    CHECK_CODE(check(&trust, TRUST_PERMIT, &signatures[0], 1, &problem), E_SIGNATURE, problem, "a stranger");
    text_hex(id, private_key_id(ed(3)), 8);
    (void)snprintf(wanted, sizeof wanted, "0 of 1 signatures; key %s is not in the trust store", id);
    assert_string_equal(problem.what, wanted);
    trust_done(&trust);
}

static void adding_keys(void **state)
{
    struct trust_key entry = {.key = private_key_public(ed(0)), .roles = ROLE(PACKAGE)};
    struct problem problem;
    struct trust trust;

    (void)state;
    trust_init(&trust);
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_OK);
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_DUPLICATE);
    assert_ptr_equal(trust_find(&trust, private_key_id(ed(0))), &trust.keys[0]);
    assert_null(trust_find(&trust, private_key_id(ed(1))));
    public_key_free(entry.key);
    entry.key = private_key_public(ed(1));
    entry.roles = 0;
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_RANGE);
    entry.roles = 1u << TRUST_ROLE_COUNT;
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_RANGE);
    entry.roles = ROLE(PACKAGE);
    entry.not_before_ms = entry.not_after_ms = NOW_MS;
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_RANGE);
    public_key_free(entry.key);
    entry = (struct trust_key){.key = private_key_public(key_of(KEY_X25519, 0)), .roles = ROLE(PACKAGE)};
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_MISMATCH);
    public_key_free(entry.key);
    trust_done(&trust);
    assert_int_equal(trust.key_count, 0);
}

static struct trust full_store(void)
{
    struct trust trust;
    struct trust_key *key;

    trust_init(&trust);
    trust.version = 7;
    trust.expires_ms = NOW_MS + YEAR_MS;
    trust.thresholds[TRUST_PACKAGE] = 2;
    trust.thresholds[TRUST_DELTA] = 0;
    for (unsigned i = 0; i < KEY_X25519; i++)
        (void)store_add(&trust, key_of((enum key_type)i, 0), i ? "K\xC3\xBC\"che\\" : "", i ? ROLE(PACKAGE) | ROLE(ROOT) : ROLE(DELTA));
    key = &trust.keys[2];
    key->not_before_ms = NOW_MS;
    key->not_after_ms = NOW_MS + DAY_MS;
    key->revoked_ms = NOW_MS + 5;
    (void)text_copy(key->revoked_why, sizeof key->revoked_why, "replaced");
    return trust;
}

static void json_there_and_back(void **state)
{
    struct trust trust = full_store(), again;
    struct buffer json = text_of(&trust), json_again;
    struct problem problem = {0};

    (void)state;
    CHECK_PROBLEM(trust_read(json.bytes, json.length, &again, &problem), problem, DROVER_OK, "", "as written");
    json_again = text_of(&again);
    assert_string_equal(json_again.bytes, json.bytes);
    assert_int_equal(again.version, 7);
    assert_int_equal(again.key_count, KEY_X25519);
    assert_int_equal(again.thresholds[TRUST_DELTA], 0);
    assert_int_equal(again.keys[2].revoked_ms, NOW_MS + 5);
    assert_string_equal(again.keys[2].revoked_why, "replaced");
    assert_string_equal(again.keys[1].name, "K\xC3\xBC\"che\\");
    for (size_t cut = 0; cut < json.length; cut++)
        assert_int_not_equal(trust_read(json.bytes, cut, &again, &problem), DROVER_OK);
    trust_done(&again);
    trust_done(&trust);
    buffer_done(&json);
    buffer_done(&json_again);
}

/* One member replaced in a good document: NULL removes it. keys: in the first key. */
static void json_is_strict(void **state)
{
    static const struct {
        const char *member, *value;
        bool in_key;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"kind", "\"drover-package\"", false, DROVER_MISMATCH, "kind"},
        {"kind", NULL, false, DROVER_MISSING, "kind"},
        {"schema", "2", false, DROVER_RANGE, "schema"},
        {"version", NULL, false, DROVER_MISSING, "version"},
        {"version", "-1", false, DROVER_RANGE, "version"},
        {"version", "1.5", false, DROVER_TYPE, "version"},
        {"version", "\"7\"", false, DROVER_TYPE, "version"},
        {"expires_at", "-1", false, DROVER_RANGE, "expires_at"},
        {"expires_at", NULL, false, DROVER_OK, ""},
        {"thresholds", NULL, false, DROVER_OK, ""},
        {"thresholds", "[]", false, DROVER_TYPE, "thresholds"},
        {"thresholds", "{\"package\":0}", false, DROVER_RANGE, "package"},
        {"thresholds", "{\"root\":0}", false, DROVER_RANGE, "root"},
        {"thresholds", "{\"permit\":0}", false, DROVER_RANGE, "permit"},
        {"thresholds", "{\"delta\":0}", false, DROVER_OK, ""},
        {"thresholds", "{\"package\":17}", false, DROVER_RANGE, "package"},
        {"keys", NULL, false, DROVER_MISSING, "keys"},
        {"keys", "{}", false, DROVER_TYPE, "keys"},
        {"keys", "[3]", false, DROVER_TYPE, "keys[0].key"},
        {"keys", "[]", false, DROVER_OK, ""},
        {"future", "{\"a\":[1]}", false, DROVER_OK, ""},
        {"id", NULL, true, DROVER_MISSING, "keys[0].id"},
        {"id", "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"", true, DROVER_MISMATCH, "keys[0].id"},
        {"algorithm", "\"ecdsa-p256\"", true, DROVER_MISMATCH, "keys[0].algorithm"},
        {"algorithm", "\"something quite long\"", true, DROVER_TOO_LONG, "keys[0].algorithm"},
        {"public_key", "\"AAAA\"", true, DROVER_SYNTAX, "keys[0].key"},
        {"public_key", "\"A A=\"", true, DROVER_SYNTAX, "keys[0].public_key"},
        {"public_key", "\"-----BEGIN PUBLIC KEY-----\"", true, DROVER_SYNTAX, "keys[0].key"},
        {"roles", NULL, true, DROVER_MISSING, "keys[0].roles"},
        {"roles", "[]", true, DROVER_RANGE, "keys[0].roles"},
        {"roles", "[\"admin\"]", true, DROVER_UNKNOWN, "keys[0].roles"},
        {"roles", "[1]", true, DROVER_UNKNOWN, "keys[0].roles"},
        {"roles", "[\"root\",\"root\"]", true, DROVER_DUPLICATE, "keys[0].roles"},
        {"roles", "\"root\"", true, DROVER_TYPE, "keys[0].roles"},
        {"name", "\"a\\u0007b\"", true, DROVER_SYNTAX, "keys[0].name"},
        {"name", "\"0123456789012345678901234567890123456789012345678901234567890123\"", true, DROVER_TOO_LONG, "keys[0].name"},
        {"not_before", "1e3", true, DROVER_OK, ""},
        {"not_after", "true", true, DROVER_TYPE, "keys[0].not_after"},
        {"not_after", "0", true, DROVER_OK, ""},
        {"revoked_at", "-5", true, DROVER_RANGE, "keys[0].revoked_at"},
        {"revoked_why", "\"lost\"", true, DROVER_MISMATCH, "keys[0].revoked_why"},
    };
    struct trust trust, again;
    struct buffer json;

    (void)state;
    trust_init(&trust);
    trust.expires_ms = NOW_MS;
    (void)store_add(&trust, ed(0), "release", ROLE(PACKAGE));
    json = text_of(&trust);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cJSON *object = cJSON_Parse(json.bytes);
        cJSON *target = rows[i].in_key ? cJSON_GetArrayItem(cJSON_GetObjectItem(object, "keys"), 0) : object;
        struct problem problem = {0};
        enum drover_error error;
        char *changed;

        cJSON_DeleteItemFromObject(target, rows[i].member);
        if (rows[i].value)
            cJSON_AddItemToObject(target, rows[i].member, cJSON_CreateRaw(rows[i].value));
        changed = cJSON_PrintUnformatted(object);
        error = trust_read(changed, strlen(changed), &again, &problem);
        CHECK_PROBLEM(error, problem, rows[i].error, rows[i].where, rows[i].value ? rows[i].value : rows[i].member);
        if (!error)
            trust_done(&again);
        cJSON_free(changed);
        cJSON_Delete(object);
    }
    trust_done(&trust);
    buffer_done(&json);
}

static void pem_is_taken_too(void **state)
{
    struct public_key *key = private_key_public(ed(0));
    char id[KEY_ID_HEX_SIZE];
    struct buffer pem, json;
    struct problem problem = {0};
    struct trust trust;

    (void)state;
    buffer_init(&pem, 0);
    buffer_init(&json, 0);
    assert_int_equal(public_key_write_pem(key, &pem), DROVER_OK);
    text_hex(id, public_key_id(key), KEY_ID_BYTES);
    buffer_add_format(&json, "{\"kind\":\"drover-trust\",\"schema\":1,\"version\":0,\"keys\":[{\"id\":\"%s\",\"algorithm\":\"ed25519\",\"roles\":[\"package\"],\"public_key\":\"", id);
    for (size_t i = 0; i < pem.length; i++)
        buffer_add_format(&json, pem.bytes[i] == '\n' ? "\\n" : "%c", pem.bytes[i]);
    buffer_add_text(&json, "\"}]}");
    CHECK_PROBLEM(trust_read(json.bytes, json.length, &trust, &problem), problem, DROVER_OK, "", json.bytes);
    assert_memory_equal(public_key_id(trust.keys[0].key), public_key_id(key), KEY_ID_BYTES);
    trust_done(&trust);
    public_key_free(key);
    buffer_done(&pem);
    buffer_done(&json);
}

/* The largest store: 64 keys. One more, or one twice, is refused. */
static void the_largest_store(void **state)
{
    struct trust trust, again;
    struct buffer json, twice;
    struct problem problem = {0};
    struct private_key *key;
    struct trust_key entry = {.roles = ROLE(PACKAGE)};

    (void)state;
    trust_init(&trust);
    for (unsigned i = 0; i < TRUST_KEYS_MAX; i++) {
        assert_int_equal(private_key_generate(KEY_ED25519, &key, &problem), DROVER_OK);
        (void)store_add(&trust, key, "0123456789012345678901234567890123456789012345678901234567890", ROLE(PACKAGE) | ROLE(DELTA) | ROLE(PERMIT));
        private_key_free(key);
    }
    entry.key = private_key_public(ed(0));
    assert_int_equal(trust_add(&trust, &entry, &problem), DROVER_FULL);
    public_key_free(entry.key);
    json = text_of(&trust);
    CHECK_PROBLEM(trust_read(json.bytes, json.length, &again, &problem), problem, DROVER_OK, "", "64 keys");
    assert_int_equal(again.key_count, TRUST_KEYS_MAX);
    trust_done(&again);
    buffer_init(&twice, 0);
    buffer_add(&twice, json.bytes, json.length - 2);            /* without "]}" */
    buffer_add_text(&twice, strstr(json.bytes, ",{\"id\"")); /* keys 2 to 64 again */
    CHECK_PROBLEM(trust_read(twice.bytes, twice.length, &again, &problem), problem, DROVER_DUPLICATE, "keys[64].key", "127 keys");
    buffer_done(&twice);
    trust_done(&trust);
    buffer_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_of_n),
        cmocka_unit_test(one_key_counts_once),
        cmocka_unit_test(roles),
        cmocka_unit_test(a_threshold_of_none_is_for_deltas_alone),
        cmocka_unit_test(validity_and_revocation),
        cmocka_unit_test(attack_01_signatures_that_do_not_count),
        cmocka_unit_test(words_of_a_refusal),
        cmocka_unit_test(adding_keys),
        cmocka_unit_test(json_there_and_back),
        cmocka_unit_test(json_is_strict),
        cmocka_unit_test(pem_is_taken_too),
        cmocka_unit_test(the_largest_store),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
