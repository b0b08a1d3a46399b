/* Signing packages: which sections change, several hands, and a rotation of keys that touches each device once. */
#include "package_fixture.h"

#include "common/text.h"
#include "firmware/package_sign.h"

#define ROLE(role) (1u << TRUST_##role)

static enum error_code sign_as(const char *from, const char *to, const struct package_signing *signing, struct problem *problem)
{
    struct package_file file;
    enum error_code code;

    *problem = (struct problem){0};
    CHECK_CODE(package_file_open(from, &file, problem), E_NONE, *problem, from);
    code = package_sign(&file, signing, to, problem);
    package_file_close(&file);
    return code;
}

static enum error_code sign_with(const char *from, const char *to, const struct private_key *key, enum signature_algorithm algorithm, struct problem *problem)
{
    struct package_signing signing = {.keys = &key, .algorithms = &algorithm, .count = 1};

    return sign_as(from, to, &signing, problem);
}

static enum error_code check_package(const char *path, const struct package_policy *policy, struct trust *ret_trust, bool *ret_new, struct problem *problem)
{
    struct package_file file;
    enum error_code code;

    *problem = (struct problem){0};
    CHECK_CODE(package_file_open(path, &file, problem), E_NONE, *problem, path);
    code = package_head_check(&file.head, policy, ret_trust, ret_new, problem);
    package_file_close(&file);
    return code;
}

/* Everything: structure, CRCs, signatures, chunks. */
static enum error_code verify(const char *path, const struct package_policy *policy, struct problem *problem)
{
    static const struct package_sink nothing;
    FILE *file = fopen(path, "rb");
    enum error_code code;

    assert_non_null(file);
    *problem = (struct problem){0};
    code = package_verify(fileno(file), policy, NULL, &nothing, NULL, problem);
    fclose(file);
    return code;
}

/* An unsigned package of the default plan. */
static const char *plain_package(const struct fixture *fixture)
{
    struct package_plan plan = fixture_plan(fixture, "plain.dfw");
    struct bytes bytes;

    fixture_image(fixture, "app.img", 20000, 1, true);
    fixture_image(fixture, "data.img", 9000, 2, false);
    bytes = fixture_create(&plan);
    bytes_done(&bytes);
    return fixture_path(fixture, "plain.dfw");
}

static void signed_by_several_hands(void **state)
{
    struct fixture *fixture = *state;
    struct package_policy policy = fixture_policy(fixture);
    const char *plain = plain_package(fixture), *path = fixture_path(fixture, "signed.dfw");
    struct package_file before, after;
    struct problem problem;

    fixture->trust.thresholds[TRUST_PACKAGE] = 2;
    CHECK_CODE(verify(plain, &policy, &problem), E_SIGNATURE, problem, "unsigned");
    CHECK_CODE(sign_with(plain, path, fixture->key, 0, &problem), E_NONE, problem, "first hand");
    CHECK_CODE(verify(path, &policy, &problem), E_SIGNATURE, problem, "one of two");
    CHECK_CODE(sign_with(path, path, fixture->second_key, 0, &problem), E_NONE, problem, "second hand, in place");
    CHECK_CODE(verify(path, &policy, &problem), E_NONE, problem, "two of two");
    for (unsigned i = 0; i < 5; i++)
        CHECK_CODE(sign_with(path, path, fixture->second_key, 0, &problem), E_NONE, problem, "again");
    CHECK_CODE(verify(path, &policy, &problem), E_NONE, problem, "still two");
    CHECK_CODE(package_file_open(plain, &before, &problem), E_NONE, problem, "plain");
    CHECK_CODE(package_file_open(path, &after, &problem), E_NONE, problem, "signed");
    assert_int_equal(after.head.signature_count, 2); /* its own is replaced, the other kept */
    assert_int_equal(after.head.manifest_length, before.head.manifest_length);
    assert_memory_equal(after.head.manifest_sha256, before.head.manifest_sha256, SHA256_BYTES);
    package_file_close(&before);
    package_file_close(&after);
    fixture->trust.thresholds[TRUST_PACKAGE] = 1;
}

static void what_cannot_be_signed(void **state)
{
    struct fixture *fixture = *state;
    const struct private_key *key = fixture->key;
    const char *plain = plain_package(fixture), *path = fixture_path(fixture, "refused.dfw");
    struct package_signing delta_only = {.keys = &key, .count = 1, .delta_only = true};
    struct package_signing bad_trust = {.keys = &key, .count = 1, .trust = "{\"version\":1}", .trust_length = 13};
    struct problem problem;

    CHECK_CODE(sign_as(plain, path, &delta_only, &problem), E_INCOMPATIBLE, problem, "no delta description");
    CHECK_CODE(sign_as(plain, path, &bad_trust, &problem), E_INCOMPATIBLE, problem, "no trust document");
    CHECK_CODE(sign_with(plain, path, key, SIGNATURE_RSA_PSS_SHA256, &problem), E_SIGNATURE, problem, "an algorithm the key cannot do");
    CHECK_CODE(sign_with(plain, "/nonexistent/x.dfw", key, 0, &problem), E_INSTALL, problem, "no such folder");
    assert_null(fopen(path, "rb")); /* nothing was left behind */
}

static void seventeen_hands(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_path(fixture, "many.dfw"), *from = plain_package(fixture);
    struct problem problem;

    for (unsigned i = 0; i <= PACKAGE_SIGNATURES_MAX; i++) {
        struct private_key *key;

        assert_int_equal(private_key_generate(KEY_ED25519, &key, &problem), DROVER_OK);
        CHECK_CODE(sign_with(from, path, key, 0, &problem), i < PACKAGE_SIGNATURES_MAX ? E_NONE : E_INCOMPATIBLE, problem, "one more");
        private_key_free(key);
        from = path;
    }
}

static void add(struct trust *trust, const struct private_key *key, unsigned roles, int64_t revoked_ms)
{
    struct trust_key entry = {.key = private_key_public(key), .roles = roles, .revoked_ms = revoked_ms};
    struct problem problem;

    assert_int_equal(trust_add(trust, &entry, &problem), DROVER_OK);
    public_key_free(entry.key);
}

/* root stays; `releases` may sign packages, `revoked` (or NULL) no more. */
static struct trust store_of(int64_t version, const struct private_key *root, const struct private_key *releases, const struct private_key *revoked)
{
    struct trust trust;

    trust_init(&trust);
    trust.version = version;
    add(&trust, root, ROLE(ROOT), 0);
    add(&trust, releases, ROLE(PACKAGE), 0);
    if (revoked)
        add(&trust, revoked, ROLE(PACKAGE), FIXTURE_NOW_MS - FIXTURE_DAY_MS);
    return trust;
}

/* The release key was stolen. One package, signed by the new key alone and carrying what the root key says, brings the new release and the
 * new key; a device is touched once. */
static void rotation_in_one_rollout(void **state)
{
    struct fixture *fixture = *state;
    struct trust old_store = store_of(1, fixture->second_key, fixture->key, NULL), new_store = store_of(2, fixture->second_key, fixture->stranger, fixture->key), taken, untouched;
    const struct private_key *root = fixture->second_key, *new_key = fixture->stranger;
    struct package_policy policy = fixture_policy(fixture);
    const char *plain = plain_package(fixture), *bare = fixture_path(fixture, "bare.dfw"), *path = fixture_path(fixture, "rotation.dfw"), *stolen = fixture_path(fixture, "stolen.dfw");
    struct package_signing signing = {.keys = &new_key, .count = 1};
    struct problem problem;
    struct buffer jws;
    bool is_new = false;

    buffer_init(&jws, 0);
    assert_int_equal(trust_sign(&new_store, &root, 1, &jws, &problem), DROVER_OK);
    CHECK_CODE(sign_as(plain, bare, &signing, &problem), E_NONE, problem, "without the document");
    signing.trust = jws.bytes;
    signing.trust_length = jws.length;
    CHECK_CODE(sign_as(plain, path, &signing, &problem), E_NONE, problem, "with the document");
    CHECK_CODE(sign_with(plain, stolen, fixture->key, 0, &problem), E_NONE, problem, "by the thief");
    policy.trust = &old_store;
    CHECK_CODE(check_package(bare, &policy, &taken, &is_new, &problem), E_SIGNATURE, problem, "the new key alone");
    CHECK_CODE(check_package(path, &policy, NULL, NULL, &problem), E_SIGNATURE, problem, "the document is not looked at");
    CHECK_CODE(check_package(path, &policy, &taken, &is_new, &problem), E_NONE, problem, "the new key with the document");
    assert_true(is_new);
    assert_int_equal(taken.version, 2);
    policy.trust = &taken;
    CHECK_CODE(check_package(stolen, &policy, NULL, NULL, &problem), E_SIGNATURE, problem, "the thief, afterwards");
    assert_non_null(strstr(problem.what, "is revoked"));
    CHECK_CODE(check_package(bare, &policy, NULL, NULL, &problem), E_NONE, problem, "the next release needs no document");
    is_new = true;
    CHECK_CODE(check_package(path, &policy, &untouched, &is_new, &problem), E_NONE, problem, "the same document again is harmless");
    assert_false(is_new);
    trust_done(&taken);
    trust_done(&old_store);
    trust_done(&new_store);
    buffer_done(&jws);
}

/* FIELD.md, attack 1: a package that brings its own root of trust. */
static void attack_01_a_package_that_brings_its_own_trust(void **state)
{
    struct fixture *fixture = *state;
    struct trust store = store_of(1, fixture->second_key, fixture->key, NULL), evil, taken;
    const struct private_key *thief = fixture->stranger, *honest = fixture->key;
    struct package_policy policy = fixture_policy(fixture);
    const char *plain = plain_package(fixture), *path = fixture_path(fixture, "evil.dfw");
    struct package_signing signing = {.keys = &thief, .count = 1};
    struct problem problem;
    struct buffer jws;

    trust_init(&evil);
    evil.version = 9;
    add(&evil, thief, ROLE(ROOT) | ROLE(PACKAGE), 0);
    buffer_init(&jws, 0);
    assert_int_equal(trust_sign(&evil, &thief, 1, &jws, &problem), DROVER_OK);
    signing.trust = jws.bytes;
    signing.trust_length = jws.length;
    policy.trust = &store;
    CHECK_CODE(sign_as(plain, path, &signing, &problem), E_NONE, problem, "made");
    CHECK_CODE(check_package(path, &policy, &taken, NULL, &problem), E_SIGNATURE, problem, "its own root");
    CHECK_CODE(sign_with(plain, path, honest, 0, &problem), E_NONE, problem, "made");
    CHECK_CODE(check_package(path, &policy, &taken, NULL, &problem), E_NONE, problem, "and then the honest one");
    trust_done(&store);
    trust_done(&evil);
    buffer_done(&jws);
}

/* A package of a fleet with root keys, held against a bare public key or a store of a lab: the document in it is not for them, and no harm. */
static void a_store_without_roots_passes_over_a_document(void **state)
{
    struct fixture *fixture = *state;
    struct trust next = store_of(2, fixture->second_key, fixture->stranger, NULL), taken;
    const struct private_key *root = fixture->second_key, *honest = fixture->key, *stranger = fixture->stranger;
    struct package_policy policy = fixture_policy(fixture);
    const char *plain = plain_package(fixture), *path = fixture_path(fixture, "carrier.dfw");
    struct package_signing signing = {.keys = &honest, .count = 1};
    struct problem problem;
    struct buffer jws;
    bool is_new = true;

    buffer_init(&jws, 0);
    assert_int_equal(trust_sign(&next, &root, 1, &jws, &problem), DROVER_OK);
    assert_false(trust_has_roots(policy.trust));
    signing.trust = jws.bytes;
    signing.trust_length = jws.length;
    CHECK_CODE(sign_as(plain, path, &signing, &problem), E_NONE, problem, "made");
    CHECK_CODE(check_package(path, &policy, &taken, &is_new, &problem), E_NONE, problem, "by a key of the store");
    assert_false(is_new);
    signing.keys = &stranger;
    CHECK_CODE(sign_as(plain, path, &signing, &problem), E_NONE, problem, "made");
    CHECK_CODE(check_package(path, &policy, &taken, &is_new, &problem), E_SIGNATURE, problem, "by a key of the document alone");
    trust_done(&next);
    buffer_done(&jws);
}

/* A document signed when it is carried stays when the package is signed again without one. */
static void what_a_package_carries_stays(void **state)
{
    struct fixture *fixture = *state;
    struct trust store = store_of(3, fixture->second_key, fixture->key, NULL);
    const struct private_key *root = fixture->second_key, *key = fixture->key;
    const char *plain = plain_package(fixture), *path = fixture_path(fixture, "carrier.dfw");
    struct package_signing carry = {0};
    struct package_file file;
    struct problem problem;
    struct buffer jws;

    buffer_init(&jws, 0);
    assert_int_equal(trust_sign(&store, &root, 1, &jws, &problem), DROVER_OK);
    carry.trust = jws.bytes;
    carry.trust_length = jws.length;
    CHECK_CODE(sign_as(plain, path, &carry, &problem), E_NONE, problem, "only the document, no signature");
    CHECK_CODE(sign_with(path, path, key, 0, &problem), E_NONE, problem, "then a signature");
    CHECK_CODE(package_file_open(path, &file, &problem), E_NONE, problem, "opened");
    assert_int_equal(file.head.signature_count, 1);
    assert_int_equal(file.head.trust_length, jws.length);
    assert_memory_equal(file.head.trust_bytes, jws.bytes, jws.length);
    package_file_close(&file);
    trust_done(&store);
    buffer_done(&jws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_by_several_hands),
        cmocka_unit_test(what_cannot_be_signed),
        cmocka_unit_test(seventeen_hands),
        cmocka_unit_test(rotation_in_one_rollout),
        cmocka_unit_test(attack_01_a_package_that_brings_its_own_trust),
        cmocka_unit_test(a_store_without_roots_passes_over_a_document),
        cmocka_unit_test(what_a_package_carries_stays),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
