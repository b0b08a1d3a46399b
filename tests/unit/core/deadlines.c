/* Every state that is not final has a deadline, and it is the right one. */
#include "tests/unit/core/fixture.h"

#include "orchestrator/core/deadlines.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int64_t wait_of(enum upgrade_state state)
{
    f.upgrade.state = state;
    return deadline_of(&f.policy, &f.rollout, &f.device, &f.upgrade, NOW, 0) - NOW;
}

static void live_states_have_one_and_finals_none(void **state)
{
    (void)state;
    for (int i = STATE_NONE + 1; i < UPGRADE_STATE_COUNT; i++) {
        fixture_enter(&f, (enum upgrade_state)i);
        f.upgrade.state_ms = NOW;
        int64_t deadline_ms = deadline_of(&f.policy, &f.rollout, &f.device, &f.upgrade, NOW, 7);
        if (upgrade_state_is_final((enum upgrade_state)i))
            assert_int_equal(deadline_ms, 0);
        else
            assert_true(deadline_ms > NOW);
    }
}

static void waits_come_from_the_policy(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_PENDING);
    assert_int_equal(wait_of(STATE_PENDING), f.policy.pending_ms);
    assert_int_equal(wait_of(STATE_DISPATCHED), f.policy.acknowledge_ms);
    assert_int_equal(wait_of(STATE_ACKNOWLEDGED), f.policy.start_ms);
    assert_int_equal(wait_of(STATE_DOWNLOADING), f.policy.download_stall_ms);
    assert_int_equal(wait_of(STATE_INSTALLING), f.policy.install_ms);
    assert_int_equal(wait_of(STATE_VERIFYING), f.policy.verify_ms);
    assert_int_equal(wait_of(STATE_ROLLING_BACK), f.policy.rollback_ms);
}

static void who_is_not_managed_may_ask_within_the_spread(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DISPATCHED);
    f.device.last.kind = KIND_SIMPLE;
    assert_int_equal(wait_of(STATE_DISPATCHED), f.policy.acknowledge_ms + 60000);
    f.device.last.kind = KIND_UNKNOWN;
    assert_int_equal(wait_of(STATE_DISPATCHED), f.policy.acknowledge_ms + 60000);
}

static void a_download_has_an_end_however_it_goes_on(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    f.upgrade.download_ms = NOW - f.policy.download_total_ms + 1000;
    assert_int_equal(wait_of(STATE_DOWNLOADING), 1000);
}

static void verifying_waits_by_what_was_seen(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_VERIFYING);
    f.upgrade.state_ms = NOW;
    f.upgrade.rebooted_ms = NOW - 1000; /* up, not ready: the ready window and one heartbeat */
    assert_int_equal(wait_of(STATE_VERIFYING), f.policy.ready_ms + f.policy.heartbeat_ms - 1000);
    f.upgrade.unhealthy = 1; /* ready enough to say that it is ill: others decide */
    assert_int_equal(wait_of(STATE_VERIFYING), f.policy.verify_ms);
    f.upgrade.unhealthy = 0;
    f.upgrade.healthy_ms = f.upgrade.confirmed_ms = NOW;
    f.upgrade.confirmations = 1;
    assert_int_equal(wait_of(STATE_VERIFYING), f.rollout.soak_ms + f.policy.verify_ms);
    f.upgrade.state_ms = NOW - 3 * (f.policy.verify_ms + f.rollout.soak_ms) + 500; /* all in all it ends */
    assert_int_equal(wait_of(STATE_VERIFYING), 500);
}

static void lost_ends_counted_from_when_it_was_lost(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_LOST);
    f.upgrade.state_ms = NOW - 1000;
    assert_int_equal(wait_of(STATE_LOST), f.policy.lost_give_up_ms - 1000);
}

static void silence_counts_from_any_sign_of_life(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    f.device.seen_ms = NOW - 180000;
    assert_true(deadline_is_silent(&f.policy, &f.device, &f.upgrade, NOW));
    f.device.seen_ms = NOW - 179999;
    assert_false(deadline_is_silent(&f.policy, &f.device, &f.upgrade, NOW));
    f.device.seen_ms = 0;
    f.upgrade.heard_ms = NOW - 5000;
    assert_false(deadline_is_silent(&f.policy, &f.device, &f.upgrade, NOW));
    assert_int_equal(deadline_heard_ms(&f.device, &f.upgrade), NOW - 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(live_states_have_one_and_finals_none, setup),
        cmocka_unit_test_setup(waits_come_from_the_policy, setup),
        cmocka_unit_test_setup(who_is_not_managed_may_ask_within_the_spread, setup),
        cmocka_unit_test_setup(a_download_has_an_end_however_it_goes_on, setup),
        cmocka_unit_test_setup(verifying_waits_by_what_was_seen, setup),
        cmocka_unit_test_setup(lost_ends_counted_from_when_it_was_lost, setup),
        cmocka_unit_test_setup(silence_counts_from_any_sign_of_life, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
