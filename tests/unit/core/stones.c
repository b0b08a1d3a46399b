/* Which stone is next, what is against the way, and the leg that an upgrade is on. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/eligible.h"
#include "orchestrator/core/offer.h"
#include "orchestrator/core/schedule.h"

static struct fixture f;
static struct plan plan;

static void upload(unsigned index)
{
    struct release *release = &f.rollout.stones->releases[index];
    *release = f.rollout.release;
    snprintf(release->version, sizeof release->version, "%s", plan.steps[index]);
    snprintf(release->sha256, sizeof release->sha256, "stone%u", index + 1);
    snprintf(release->manifest_sha256, sizeof release->manifest_sha256, "manifest%u", index + 1);
    release->delta_count = 0;
}

/* From 1.0.0 over 1.0.5 and 1.0.7 to 1.1.0. */
static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    plan = (struct plan){.step_count = 2, .steps = {"1.0.5", "1.0.7"}, .stage_count = 1};
    f.rollout.plan = &plan;
    f.rollout.stage = 1;
    f.rollout.confirmations = 1;
    f.rollout.soak_ms = 0;
    f.rollout.stones = stones_new(2);
    assert_non_null(f.rollout.stones);
    upload(0);
    upload(1);
    fixture_enter(&f, STATE_DISPATCHED);
    upgrade_aim(&f.upgrade, &f.rollout, &f.device);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stones_drop(f.rollout.stones);
    return 0;
}

static void the_next_one_is_the_first_that_is_newer(void **state)
{
    (void)state;
    assert_string_equal(stones_next(&f.rollout, "0.9.0"), "1.0.5");
    assert_string_equal(stones_next(&f.rollout, "1.0.5-rc.1"), "1.0.5");
    assert_string_equal(stones_next(&f.rollout, "1.0.5"), "1.0.7");
    assert_string_equal(stones_next(&f.rollout, "1.0.6"), "1.0.7");
    assert_string_equal(stones_next(&f.rollout, "1.0.7"), "");
    assert_string_equal(stones_next(&f.rollout, "1.0.8"), "");
    assert_string_equal(stones_last(&f.rollout, "1.0.0"), "1.0.7");
    assert_string_equal(stones_last(&f.rollout, "1.0.8"), "1.0.8");
    assert_int_equal(stones_number(&f.rollout, "1.0.7"), 2);
    assert_int_equal(stones_number(&f.rollout, "1.1.0"), 0);
}

static void without_a_plan_there_are_none(void **state)
{
    (void)state;
    f.rollout.plan = NULL;
    const char *stone = "";
    assert_string_equal(stones_next(&f.rollout, "0.1.0"), "");
    assert_string_equal(stones_last(&f.rollout, "0.1.0"), "0.1.0");
    assert_null(stones_refusal(&f.policy, &f.rollout, &f.device.last, NOW, &stone));
}

static void refused(const char *stone, const char *why)
{
    const char *which = "";
    assert_string_equal(stones_refusal(&f.policy, &f.rollout, &f.device.last, NOW, &which), why);
    assert_string_equal(which, stone);
}

static void each_on_the_way_must_be_there_and_be_reached_from_the_one_before(void **state)
{
    (void)state;
    struct release *first = &f.rollout.stones->releases[0], *second = &f.rollout.stones->releases[1];
    const char *which = "";
    snprintf(first->min_version, VERSION_SIZE, "1.0.0");
    snprintf(second->min_version, VERSION_SIZE, "1.0.5");
    snprintf(f.rollout.release.min_version, VERSION_SIZE, "1.0.7");
    assert_null(stones_refusal(&f.policy, &f.rollout, &f.device.last, NOW, &which));
    assert_string_equal(which, "");
    struct look look = {.now_ms = NOW, .policy = &f.policy, .rollout = &f.rollout, .heartbeat = &f.device.last};
    const char *why = NULL;
    f.rollout.state = ROLLOUT_RUNNING;
    assert_null(predicates_refuse(&look, false, &why));   /* the target is reached from the last stone */
    snprintf(second->min_version, VERSION_SIZE, "1.0.6");
    refused("1.0.7", "it runs a version from which the release cannot be reached");
    second->expires_ms = NOW;
    refused("1.0.7", "its release has expired");
    first->model[0] = '\0';
    refused("1.0.5", "its stepping stone has no release");
    stones_drop(f.rollout.stones);
    f.rollout.stones = NULL;
    refused("1.0.5", "its stepping stone has no release");
    snprintf(f.device.last.version, VERSION_SIZE, "1.0.7");
    assert_null(stones_refusal(&f.policy, &f.rollout, &f.device.last, NOW, &which));
}

static void a_leg_is_told_and_counted_by_its_stone(void **state)
{
    (void)state;
    struct command command;
    assert_string_equal(f.upgrade.via, "1.0.5");
    assert_string_equal(f.upgrade.version, "1.1.0");
    offer_update(&f.policy, &f.rollout, &f.upgrade, "http://depot", &command);
    assert_string_equal(command.version, "1.0.5");
    assert_string_equal(command.sha256, "stone1");
    assert_string_equal(command.manifest_sha256, "manifest1");
    assert_false(offer_wants_delta(&f.rollout, &f.upgrade));   /* there is one to the target, not to the stone */
    offer_cancel(&f.upgrade, &command);
    assert_string_equal(command.version, "1.0.5");
    f.rollout.stones->releases[0].model[0] = '\0';
    assert_string_equal(stones_leg_refusal(&f.policy, &f.rollout, &f.upgrade, NOW), "its stepping stone has no release");
    f.upgrade.via[0] = '\0';
    assert_null(stones_leg_refusal(&f.policy, &f.rollout, &f.upgrade, NOW));
}

static void a_proved_leg_is_saved_before_the_next_one_begins(void **state)
{
    (void)state;
    struct decision decision;
    fixture_beat(&f, "1.0.5", "b2", "idle");
    f.upgrade.state = STATE_VERIFYING;
    f.upgrade.rebooted_ms = NOW - 1000;
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &decision);
    assert_int_equal(decision.move->on, EVENT_PROGRESS);
    assert_int_equal(decision.next.confirmations, 1);
    f.upgrade = decision.next;
    s = fixture_situation(&f);
    decide_heartbeat(&s, &decision);
    assert_int_equal(decision.move->on, EVENT_STEPPED);
    assert_int_equal(decision.next.state, STATE_PENDING);
    assert_string_equal(decision.next.from_version, "1.0.5");
    assert_string_equal(decision.next.via, "1.0.7");
    assert_int_equal(decision.next.attempts_before, decision.next.attempt);
    assert_int_equal(decision.next.opened_ms, f.upgrade.opened_ms);
    struct move_guard guard;
    plan.limits.bytes_in_flight = 10 * f.rollout.release.size_bytes;
    eligible_guard(&f.rollout, &decision.next, decision.move, false, NOW, &guard);
    assert_int_equal(guard.max_in_flight, 0);   /* it keeps its place */
    assert_int_equal(guard.bytes_places, 10);
    assert_null(guard.states);
}

static void whoever_runs_the_target_needs_no_stone(void **state)
{
    (void)state;
    struct decision decision;
    fixture_beat(&f, "1.1.0", "b2", "idle");
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &decision);
    assert_int_equal(decision.move->on, EVENT_TARGET_SEEN);
    assert_string_equal(decision.next.via, "");
    f.upgrade.state = STATE_VERIFYING;
    s = fixture_situation(&f);
    decide_heartbeat(&s, &decision);
    assert_string_equal(decision.next.via, "");
    assert_int_equal(decision.move->on, EVENT_CONFIRMED);
}

static void a_package_for_another_leg_is_of_no_use(void **state)
{
    (void)state;
    f.upgrade.has_package = true;
    upgrade_aim(&f.upgrade, &f.rollout, &f.device);
    assert_true(f.upgrade.has_package);
    plan.step_count = 0;   /* an edit */
    upgrade_aim(&f.upgrade, &f.rollout, &f.device);
    assert_string_equal(f.upgrade.via, "");
    assert_false(f.upgrade.has_package);
}

static void a_stone_is_not_gone_back_from(void **state)
{
    (void)state;
    fixture_beat(&f, "1.0.5", "b2", "idle");
    f.upgrade.state = STATE_VERIFYING;
    f.upgrade.rebooted_ms = NOW - 1000;
    f.rollout.state = ROLLOUT_ROLLING_BACK;
    struct situation s = fixture_situation(&f);
    s.permit = "p1";
    assert_false(decide_goes_back(&s));
    f.upgrade.via[0] = '\0';
    memcpy(f.upgrade.version, "1.0.5", sizeof "1.0.5");
    assert_true(decide_goes_back(&s));
}

static void the_largest_package_counts_for_bytes(void **state)
{
    (void)state;
    plan.limits.bytes_in_flight = 10 * f.rollout.release.size_bytes;
    assert_int_equal(schedule_bytes_places(&f.rollout), 10);
    f.rollout.stones->releases[1].size_bytes *= 5;
    assert_int_equal(schedule_bytes_places(&f.rollout), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_one_is_the_first_that_is_newer, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_plan_there_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(each_on_the_way_must_be_there_and_be_reached_from_the_one_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_leg_is_told_and_counted_by_its_stone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proved_leg_is_saved_before_the_next_one_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_runs_the_target_needs_no_stone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_package_for_another_leg_is_of_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stone_is_not_gone_back_from, setup, teardown),
        cmocka_unit_test_setup_teardown(the_largest_package_counts_for_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
