/* Classes, attempts, backoff. */
#include "tests/unit/core/fixture.h"

#include "orchestrator/core/retry.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_DOWNLOADING);
    return 0;
}

static void each_code_leads_where_its_class_says(void **state)
{
    (void)state;
    for (int i = E_NONE + 1; i < ERROR_CODE_COUNT; i++) {
        enum upgrade_event on = retry_event(&f.policy, &f.rollout, &f.upgrade, (enum error_code)i);
        switch (error_code_class((enum error_code)i)) {
        case CLASS_TRANSIENT:
            assert_int_equal(on, EVENT_RETRY);
            break;
        case CLASS_PERMANENT:
            assert_int_equal(on, EVENT_FAIL);
            break;
        case CLASS_BUSY:
            assert_int_equal(on, EVENT_BUSY);
            break;
        case CLASS_NONE:
            fail();
        }
    }
}

static void the_last_attempt_is_the_last(void **state)
{
    (void)state;
    f.upgrade.attempt = 3;
    assert_int_equal(retry_event(&f.policy, &f.rollout, &f.upgrade, E_SHA256), EVENT_GIVE_UP);
    assert_int_equal(retry_event(&f.policy, &f.rollout, &f.upgrade, E_SIGNATURE), EVENT_FAIL);
    f.upgrade.attempt = 2;
    assert_int_equal(retry_event(&f.policy, &f.rollout, &f.upgrade, E_SHA256), EVENT_RETRY);
    assert_int_equal(retry_event(&f.policy, NULL, &f.upgrade, E_SHA256), EVENT_RETRY);
}

static void busy_is_free_up_to_its_limit(void **state)
{
    (void)state;
    f.upgrade.attempt = 21;
    f.upgrade.busy = 19;
    assert_int_equal(retry_attempts_used(&f.policy, &f.upgrade), 2);
    assert_int_equal(retry_event(&f.policy, &f.rollout, &f.upgrade, E_BUSY), EVENT_BUSY);
    f.upgrade.busy = 25;
    assert_int_equal(retry_attempts_used(&f.policy, &f.upgrade), 1);
    f.upgrade.attempt = 23;
    assert_int_equal(retry_event(&f.policy, &f.rollout, &f.upgrade, E_BUSY), EVENT_GIVE_UP);
}

static void waits_grow_and_are_capped(void **state)
{
    (void)state;
    f.upgrade.error = E_SHA256;
    int64_t longest[12] = {0};
    for (int attempt = 1; attempt < 12; attempt++) {
        f.upgrade.attempt = attempt;
        for (uint64_t i = 0; i < 2000; i++) {
            int64_t wait_ms = retry_wait_ms(&f.policy, &f.upgrade, i * 0x9e3779b97f4a7c15u);
            int64_t most = f.policy.retry_base_ms << (attempt - 1);
            assert_in_range(wait_ms, 1, most < f.policy.retry_cap_ms ? most : f.policy.retry_cap_ms);
            if (wait_ms > longest[attempt])
                longest[attempt] = wait_ms;
        }
    }
    for (int attempt = 2; attempt < 7; attempt++)
        assert_true(longest[attempt] > longest[attempt - 1]);
}

static void busy_waits_around_its_setting(void **state)
{
    (void)state;
    f.upgrade.error = E_BUSY;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        int64_t wait_ms = retry_wait_ms(&f.policy, &f.upgrade, i * 0x9e3779b97f4a7c15u);
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    assert_in_range(least, 45000, 50000);
    assert_in_range(most, 70000, 75000);
}

static void a_wrong_delta_base_needs_no_wait(void **state)
{
    (void)state;
    f.upgrade.error = E_DELTA_BASE;
    f.upgrade.delta = true;
    assert_int_equal(retry_wait_ms(&f.policy, &f.upgrade, 99), 0);
    f.upgrade.delta = false; /* a device that says so of a full package is wrong, and waits */
    assert_in_range(retry_wait_ms(&f.policy, &f.upgrade, 99), 1, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_code_leads_where_its_class_says, setup),
        cmocka_unit_test_setup(the_last_attempt_is_the_last, setup),
        cmocka_unit_test_setup(busy_is_free_up_to_its_limit, setup),
        cmocka_unit_test_setup(waits_grow_and_are_capped, setup),
        cmocka_unit_test_setup(busy_waits_around_its_setting, setup),
        cmocka_unit_test_setup(a_wrong_delta_base_needs_no_wait, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
