/* Who is taken back when a rollout goes back, however its upgrade had ended: by what its heartbeats show. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;
static struct decision d;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    f.rollout.state = ROLLOUT_ROLLED_BACK;
    f.rollout.confirmations = 1;
    f.rollout.soak_ms = 0;
    return 0;
}

static struct situation situation(void)
{
    struct situation s = fixture_situation(&f);
    s.running = NULL;
    s.permit = "";
    return s;
}

static const char *result(void)
{
    return d.move ? upgrade_state_name(d.next.state) : "";
}

/* On the new version, proved as far as heartbeats go: the next one would confirm it. */
static void enter_verifying(void)
{
    fixture_enter(&f, STATE_VERIFYING);
    f.upgrade.rebooted_ms = f.upgrade.healthy_ms = f.upgrade.confirmed_ms = NOW - 40000;
    f.upgrade.confirmations = 1;
    fixture_beat(&f, "1.1.0", "b2", "idle");
}

static void whoever_is_there_is_told(void **state)
{
    (void)state;
    enter_verifying();
    struct situation s = situation();
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolling_back");
    assert_true(d.by_rollout && d.next.asked_back);
    assert_string_equal(d.next.boot_id, "b2");
    decide_deadline(&s, &d);
    assert_string_equal(result(), "rolling_back");
    decide_ending(&s, &d);
    assert_string_equal(result(), "rolling_back");
}

static void nobody_ends_well_on_a_version_to_be_left(void **state)
{
    (void)state;
    enter_verifying();
    struct situation s = situation();
    f.policy.stopped_ms = NOW;   /* nobody may be told now */
    decide_heartbeat(&s, &d);
    assert_string_not_equal(result(), "succeeded");
    decide_deadline(&s, &d);
    assert_string_equal(result(), "verifying");
    assert_true(d.silent && d.next.deadline_ms > NOW);
    f.policy.stopped_ms = 0;
    s.rollout = NULL;   /* it ended; which way is not known here yet */
    decide_heartbeat(&s, &d);
    assert_string_not_equal(result(), "succeeded");
    decide_deadline(&s, &d);
    assert_string_equal(result(), "verifying");
    f.rollout.state = ROLLOUT_CANCELLED;   /* known, and whoever is there stays */
    s.rollout = &f.rollout;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "succeeded");
}

static void another_rollout_of_the_same_version_keeps_it_there(void **state)
{
    (void)state;
    struct rollout other = f.rollout;
    snprintf(other.id, sizeof other.id, "r2");
    enter_verifying();
    struct situation s = situation();
    s.running = &other;
    static const struct {
        enum rollout_state state;
        const char *version, *result;
    } rows[] = {
        {ROLLOUT_RUNNING, "1.1.0", "succeeded"},      {ROLLOUT_PAUSED, "1.1.0", "succeeded"},        {ROLLOUT_COMPLETED, "1.1.0", "succeeded"},
        {ROLLOUT_RUNNING, "1.2.0", "rolling_back"},   {ROLLOUT_ROLLING_BACK, "1.1.0", "rolling_back"}, {ROLLOUT_ROLLBACK_PAUSED, "1.1.0", "rolling_back"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        other.state = rows[i].state;
        snprintf(other.version, sizeof other.version, "%s", rows[i].version);
        decide_heartbeat(&s, &d);
        assert_string_equal(result(), rows[i].result);
    }
}

static void fell_silent_over_it(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_ROLLING_BACK);
    f.device.seen_ms = NOW - 200000;
    struct situation s = situation();
    decide_deadline(&s, &d);
    assert_string_equal(result(), "lost");
    f.upgrade = d.next;
    f.upgrade.state_ms = NOW - 1000;
    decide_ending(&s, &d);
    assert_string_equal(result(), "");   /* it has not spoken since: it would be told in vain */
    fixture_beat(&f, "1.1.0", "b2", "idle");
    decide_ending(&s, &d);
    assert_string_equal(result(), "rolling_back");
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolling_back");
    s.rollout = NULL;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "");   /* known within a second */
    f.rollout.state = ROLLOUT_COMPLETED; /* an operator's order, or it was not well: it stands */
    s.rollout = &f.rollout;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolling_back");
    assert_false(d.by_rollout);
    fixture_beat(&f, "1.0.0", "b3", "idle");
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolled_back");
}

static void given_up_is_tried_again_when_there_is_news(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_FAILED);
    f.upgrade.lost_from = STATE_ROLLING_BACK;
    f.upgrade.error = E_ROLLED_BACK;
    snprintf(f.upgrade.boot_id, BOOT_ID_SIZE, "b2");
    fixture_beat(&f, "1.1.0", "b2", "idle");
    struct situation s = situation();
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "");           /* in the boot in which it did not go back */
    fixture_beat(&f, "1.1.0", "b3", "idle");
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolling_back");
    assert_string_equal(d.next.boot_id, "b3");   /* should it fail again, not in this boot any more */
    s.rollout = NULL;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "verifying");  /* live again, so that its rollout is read */
    f.upgrade.error = E_LOST;                    /* gone for too long: the same boot will do */
    fixture_beat(&f, "1.1.0", "b2", "idle");
    s.rollout = &f.rollout;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolling_back");
}

static void who_shows_the_new_version_is_not_called_back(void **state)
{
    (void)state;
    f.rollout.state = ROLLOUT_ROLLING_BACK;
    fixture_enter(&f, STATE_DOWNLOADING);
    struct situation s = situation();
    decide_ending(&s, &d);
    assert_string_equal(result(), "cancelled");
    fixture_beat(&f, "1.1.0", "b2", "idle");
    decide_ending(&s, &d);
    assert_string_equal(result(), "verifying");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whoever_is_there_is_told, setup),
        cmocka_unit_test_setup(nobody_ends_well_on_a_version_to_be_left, setup),
        cmocka_unit_test_setup(another_rollout_of_the_same_version_keeps_it_there, setup),
        cmocka_unit_test_setup(fell_silent_over_it, setup),
        cmocka_unit_test_setup(given_up_is_tried_again_when_there_is_news, setup),
        cmocka_unit_test_setup(who_shows_the_new_version_is_not_called_back, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
