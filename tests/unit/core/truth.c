/* What heartbeats prove. */
#include "tests/unit/core/fixture.h"

#include "orchestrator/core/truth.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_VERIFYING);
    return 0;
}

/* A heartbeat on the target version, `after_ms` after NOW; what it amounts to. */
static enum upgrade_event beat(const char *boot_id, const char *status, int64_t after_ms)
{
    fixture_beat(&f, "1.1.0", boot_id, status);
    f.device.seen_ms = NOW + after_ms;
    truth_count_target(&f.rollout, &f.device, &f.upgrade);
    return truth_verdict(&f.policy, &f.rollout, &f.device, &f.upgrade);
}

static void versions_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(truth_of(&f.device, &f.upgrade), TRUTH_OLD);
    fixture_beat(&f, "1.1.0", "b2", "idle");
    assert_int_equal(truth_of(&f.device, &f.upgrade), TRUTH_TARGET);
    fixture_beat(&f, "1.1.0+other", "b2", "idle"); /* equal in precedence, another build */
    assert_int_equal(truth_of(&f.device, &f.upgrade), TRUTH_OTHER);
}

static void boots_are_compared_only_when_both_are_known(void **state)
{
    (void)state;
    assert_true(truth_same_boot(&f.device, &f.upgrade));
    fixture_beat(&f, "1.1.0", "b2", "idle");
    assert_true(truth_new_boot(&f.device, &f.upgrade));
    assert_false(truth_same_boot(&f.device, &f.upgrade));
    fixture_beat(&f, "1.1.0", "", "idle");
    assert_false(truth_new_boot(&f.device, &f.upgrade));
    assert_false(truth_same_boot(&f.device, &f.upgrade));
}

static void it_takes_n_heartbeats_and_the_soak(void **state)
{
    (void)state;
    assert_int_equal(beat("b2", "idle", 0), EVENT_NOTHING);
    assert_int_equal(beat("b2", "idle", 10000), EVENT_NOTHING); /* two, but 10 s of 20 */
    assert_int_equal(f.upgrade.confirmations, 2);
    assert_int_equal(beat("b2", "idle", 20000), EVENT_CONFIRMED);
}

static void the_soak_alone_is_not_enough(void **state)
{
    (void)state;
    f.rollout.confirmations = 3;
    assert_int_equal(beat("b2", "idle", 0), EVENT_NOTHING);
    assert_int_equal(beat("b2", "idle", 60000), EVENT_NOTHING);
    assert_int_equal(beat("b2", "idle", 90000), EVENT_CONFIRMED);
}

static void no_heartbeat_counts_twice(void **state)
{
    (void)state;
    f.rollout.soak_ms = 0;
    assert_int_equal(beat("b2", "idle", 0), EVENT_NOTHING);
    assert_false(truth_count_target(&f.rollout, &f.device, &f.upgrade));
    assert_int_equal(f.upgrade.confirmations, 1);
}

static void a_reboot_starts_the_proof_over(void **state)
{
    (void)state;
    beat("b2", "idle", 0);
    beat("b2", "idle", 10000);
    assert_int_equal(beat("b3", "idle", 30000), EVENT_NOTHING);
    assert_int_equal(f.upgrade.confirmations, 1);
    assert_int_equal(f.upgrade.confirmed_ms, NOW + 30000);
    assert_int_equal(beat("b3", "idle", 50000), EVENT_CONFIRMED);
}

static void unhealthy_starts_it_over_and_three_are_too_many(void **state)
{
    (void)state;
    beat("b2", "idle", 0);
    assert_int_equal(beat("b2", "unhealthy", 10000), EVENT_NOTHING);
    assert_int_equal(f.upgrade.confirmations, 0);
    assert_int_equal(beat("b2", "error", 20000), EVENT_NOTHING);
    assert_int_equal(beat("b2", "degraded", 30000), EVENT_UNHEALTHY);
}

static void not_ready_neither_counts_as_ill_nor_as_well(void **state)
{
    (void)state;
    beat("b2", "unhealthy", 0);
    beat("b2", "starting", 10000);
    assert_int_equal(f.upgrade.unhealthy, 1);
    assert_int_equal(f.upgrade.confirmations, 0);
    beat("b2", "idle", 20000);
    assert_int_equal(f.upgrade.unhealthy, 0);
}

static void ready_must_come_in_its_window(void **state)
{
    (void)state;
    assert_int_equal(beat("b2", "starting", 0), EVENT_NOTHING);
    assert_int_equal(beat("b2", "starting", 30000), EVENT_NOTHING);
    assert_int_equal(beat("b2", "starting", 30001), EVENT_NOT_READY);
}

static void once_ready_the_window_is_over(void **state)
{
    (void)state;
    beat("b2", "idle", 0);
    assert_int_equal(beat("b2", "charging", 60000), EVENT_NOTHING);
}

static void the_fourth_boot_is_a_loop(void **state)
{
    (void)state;
    assert_int_equal(beat("b2", "idle", 0), EVENT_NOTHING);
    assert_int_equal(beat("b3", "idle", 1000), EVENT_NOTHING);
    assert_int_equal(beat("b4", "idle", 2000), EVENT_NOTHING);
    assert_int_equal(beat("b5", "idle", 3000), EVENT_BOOT_LOOP);
}

static void without_boot_ids_the_old_version_counts_after_the_reboot_only(void **state)
{
    (void)state;
    fixture_beat(&f, "1.0.0", "", "idle");
    f.upgrade.state_ms = NOW - 1000; /* it has just said that it reboots */
    assert_false(truth_count_old(&f.policy, &f.device, &f.upgrade));
    f.device.seen_ms = NOW + 30000;
    assert_true(truth_count_old(&f.policy, &f.device, &f.upgrade));
    assert_false(truth_fell_back(&f.upgrade));
    assert_false(truth_count_old(&f.policy, &f.device, &f.upgrade)); /* the same heartbeat */
    f.device.seen_ms = NOW + 60000;
    assert_true(truth_count_old(&f.policy, &f.device, &f.upgrade));
    assert_true(truth_fell_back(&f.upgrade));
}

static void a_target_heartbeat_in_between_clears_the_doubt(void **state)
{
    (void)state;
    beat("", "idle", 0);
    fixture_beat(&f, "1.0.0", "", "idle");
    f.device.seen_ms = NOW + 1000; /* it was on the target: counts at once */
    assert_true(truth_count_old(&f.policy, &f.device, &f.upgrade));
    beat("", "idle", 2000);
    assert_int_equal(f.upgrade.old_beats, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(versions_are_told_apart, setup),
        cmocka_unit_test_setup(boots_are_compared_only_when_both_are_known, setup),
        cmocka_unit_test_setup(it_takes_n_heartbeats_and_the_soak, setup),
        cmocka_unit_test_setup(the_soak_alone_is_not_enough, setup),
        cmocka_unit_test_setup(no_heartbeat_counts_twice, setup),
        cmocka_unit_test_setup(a_reboot_starts_the_proof_over, setup),
        cmocka_unit_test_setup(unhealthy_starts_it_over_and_three_are_too_many, setup),
        cmocka_unit_test_setup(not_ready_neither_counts_as_ill_nor_as_well, setup),
        cmocka_unit_test_setup(ready_must_come_in_its_window, setup),
        cmocka_unit_test_setup(once_ready_the_window_is_over, setup),
        cmocka_unit_test_setup(the_fourth_boot_is_a_loop, setup),
        cmocka_unit_test_setup(without_boot_ids_the_old_version_counts_after_the_reboot_only, setup),
        cmocka_unit_test_setup(a_target_heartbeat_in_between_clears_the_doubt, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
