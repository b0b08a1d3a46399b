/* What keeps a release from being offered, to whom it is not offered, and which deltas it is worth. */
#include "tests/unit/core/fixture.h"

#include <string.h>

#include "orchestrator/core/release_want.h"

static struct fixture f;
static struct release *release;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    release = &f.rollout.release;
    return 0;
}

static const char *refusal(void)
{
    return release_refusal(&f.policy, release, NOW);
}

static void what_is_verified_is_offered(void **state)
{
    (void)state;
    assert_null(refusal());
    release->manifest_sha256[0] = '\0';
    assert_string_equal(refusal(), "its release was made before packages were verified");
    strcpy(release->manifest_sha256, "eeee");
    strcpy(release->refused, "E_SIGNATURE: 0 of 1");
    assert_string_equal(refusal(), "its release does not verify any more");
}

static void only_by_this_trust_store_or_a_newer_one(void **state)
{
    (void)state;
    f.policy.trust_version = 7;
    strcpy(f.policy.trust_sha256, "cccc");
    const struct {
        int64_t version;
        const char *sha256;
        bool proved;
    } cases[] = {{7, "cccc", true}, {7, "dddd", false}, {6, "cccc", false}, {8, "dddd", true}, {0, "", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        release->trust_version = cases[i].version;
        strcpy(release->trust_sha256, cases[i].sha256);
        assert_int_equal(refusal() == NULL, cases[i].proved);
    }
    assert_string_equal(refusal(), "its release is being verified against another trust store");
    f.policy.trust_version = TRUST_VERSION_NONE;
    release->trust_version = 7;
    assert_string_equal(refusal(), "no trust store is configured: release.trust");
}

static void not_after_its_time(void **state)
{
    (void)state;
    release->expires_ms = NOW + 1;
    assert_null(refusal());
    release->expires_ms = NOW;
    assert_string_equal(refusal(), "its release has expired");
}

static void only_to_its_hardware_and_from_its_versions(void **state)
{
    (void)state;
    assert_null(release_device_refusal(release, "", "0.0.1"));
    assert_null(release_device_refusal(release, "b1", "0.0.1"));
    strcpy(release->hw_revs, "b1,b10,c");
    static const struct {
        const char *hw_rev;
        bool fits;
    } cases[] = {{"b1", true}, {"b10", true}, {"c", true}, {"b", false}, {"b1,b10", false}, {"", false}, {",", false}, {"c3", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(release_device_refusal(release, cases[i].hw_rev, "1.0.0") == NULL, cases[i].fits);
    release->hw_revs[0] = '\0';
    strcpy(release->min_version, "1.0.0");
    assert_null(release_device_refusal(release, "", "1.0.0"));
    assert_non_null(release_device_refusal(release, "", "1.0.0-rc.1"));
}

static void delta_states_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < RELEASE_DELTA_STATE_COUNT; i++) {
        enum release_delta_state read;
        assert_true(release_delta_state_read(release_delta_state_name((enum release_delta_state)i), &read));
        assert_int_equal(read, i);
    }
    enum release_delta_state unused;
    assert_false(release_delta_state_read("kept", &unused));
}

/* --- which deltas --- */

static struct release older(const char *version)
{
    struct release other = {.model = "esp32", .manifest_sha256 = "eeee"};
    strcpy(other.version, version);
    return other;
}

static void the_newest_older_ones_are_bases(void **state)
{
    (void)state;
    struct release others[] = {older("0.9.0"), older("1.0.0"), older("1.2.0"), older("1.1.0-rc.1"), older("0.8.0"), older("1.1.0")};
    release->delta_count = 0;
    release_want_deltas(release, others, sizeof others / sizeof others[0], 3);
    assert_int_equal(release->delta_count, 3);
    assert_string_equal(release->deltas[0].base_version, "1.1.0-rc.1");
    assert_string_equal(release->deltas[1].base_version, "1.0.0");
    assert_string_equal(release->deltas[2].base_version, "0.9.0");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(release->deltas[i].state, RELEASE_DELTA_QUEUED);
}

static void a_given_delta_is_not_derived_again(void **state)
{
    (void)state;
    struct release others[] = {older("0.9.0"), older("1.0.0")};
    release_want_deltas(release, others, 2, 2);   /* 1.0.0 is the fixture's */
    assert_int_equal(release->delta_count, 2);
    assert_int_equal(release->deltas[0].state, RELEASE_DELTA_GIVEN);
    assert_string_equal(release->deltas[1].base_version, "0.9.0");
    release_want_deltas(release, others, 2, 0);
    assert_int_equal(release->delta_count, 2);
}

static void no_base_is_what_does_not_verify_or_is_another_model(void **state)
{
    (void)state;
    struct release others[] = {older("1.0.1"), older("1.0.2"), older("1.0.3")};
    others[0].manifest_sha256[0] = '\0';
    strcpy(others[1].refused, "E_SIGNATURE");
    strcpy(others[2].model, "gateway");
    release->delta_count = 0;
    release_want_deltas(release, others, 3, 3);
    assert_int_equal(release->delta_count, 0);
}

static void encrypted_ones_are_skipped_with_the_reason(void **state)
{
    (void)state;
    struct release others[] = {older("1.0.1"), older("1.0.2")};
    others[0].encrypted = true;
    release->delta_count = 0;
    release_want_deltas(release, others, 2, 2);
    assert_int_equal(release->deltas[0].state, RELEASE_DELTA_QUEUED);
    assert_int_equal(release->deltas[1].state, RELEASE_DELTA_SKIPPED);
    assert_string_equal(release->deltas[1].why, "the base's package is encrypted");
    release->delta_count = 0;
    release->encrypted = true;
    release_want_deltas(release, others, 2, 2);
    assert_int_equal(release->deltas[0].state, RELEASE_DELTA_SKIPPED);
}

static void there_is_room_for_eight(void **state)
{
    (void)state;
    struct release others[10];
    for (int i = 0; i < 10; i++) {
        char version[VERSION_SIZE] = "1.0.0";
        version[4] = (char)('0' + i);
        others[i] = older(version);
    }
    release->delta_count = 0;
    release_want_deltas(release, others, 10, 100);
    assert_int_equal(release->delta_count, RELEASE_DELTAS_MAX);
    assert_string_equal(release->deltas[0].base_version, "1.0.9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_verified_is_offered, setup),
        cmocka_unit_test_setup(only_by_this_trust_store_or_a_newer_one, setup),
        cmocka_unit_test_setup(not_after_its_time, setup),
        cmocka_unit_test_setup(only_to_its_hardware_and_from_its_versions, setup),
        cmocka_unit_test_setup(delta_states_have_names, setup),
        cmocka_unit_test_setup(the_newest_older_ones_are_bases, setup),
        cmocka_unit_test_setup(a_given_delta_is_not_derived_again, setup),
        cmocka_unit_test_setup(no_base_is_what_does_not_verify_or_is_another_model, setup),
        cmocka_unit_test_setup(encrypted_ones_are_skipped_with_the_reason, setup),
        cmocka_unit_test_setup(there_is_room_for_eight, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
