/* Who waits for a window: when it gives its place back, when it takes one again, and what is against it. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/eligible.h"

#define HOUR_MS 3600000

static struct fixture f;
static struct decision d;
static struct plan *plan;

/* Every day from `from` on for an hour, in UTC; NOW is at an hour of its own. */
static void give_window(enum window_use use, int64_t from_hours_on)
{
    int64_t from_min = (NOW / 60000 + from_hours_on * 60) % 1440;
    plan->windows.count = 1;
    plan->windows.windows[0] = (struct plan_window){use, 0x7f, (int)from_min, (int)((from_min + 60) % 1440)};
}

static int setup(void **state)
{
    static const char json[] = "{\"schema\":1,\"id\":\"r1\",\"model\":\"esp32\",\"version\":\"1.1.0\",\"limits\":{\"max_in_flight\":10,\"per_site\":2,\"site_tag\":\"site-\"}}";
    struct plan_problems problems;
    (void)state;
    fixture_init(&f);
    assert_int_equal(plan_read(json, sizeof json - 1, &plan, &problems), DROVER_OK);
    f.rollout.plan = plan;
    f.rollout.max_in_flight = 10;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    plan_drop(plan);
    return 0;
}

static const char *result(void)
{
    return d.move ? upgrade_state_name(d.next.state) : "";
}

static void enter_held(bool has_package)
{
    fixture_enter(&f, STATE_HELD);
    f.upgrade.has_package = has_package;
}

static void say_downloaded(enum upgrade_state in, int64_t told_after_ms)
{
    fixture_enter(&f, in);
    f.upgrade.install_after_ms = told_after_ms;
    struct report report = {.attempt = 1, .seq = 5, .state = REPORT_DOWNLOADING, .progress = 100};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
}

static void who_has_its_package_gives_its_place_back(void **state)
{
    (void)state;
    give_window(WINDOW_INSTALL, 3);
    static const enum upgrade_state states[] = {STATE_DISPATCHED, STATE_ACKNOWLEDGED, STATE_DOWNLOADING};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        say_downloaded(states[i], NOW + HOUR_MS);
        assert_string_equal(result(), "held");
        assert_true(d.next.has_package);
        assert_int_equal(d.next.attempts_before, 1);             /* what we break off costs no attempt */
        assert_int_equal(d.next.deadline_ms, NOW + HOUR_MS);     /* an edit is seen by then */
    }
    say_downloaded(STATE_DOWNLOADING, 0);
    assert_string_equal(result(), "downloading");
}

static void it_is_looked_at_when_its_window_opens(void **state)
{
    (void)state;
    give_window(WINDOW_INSTALL, 0);
    plan->windows.windows[0].from_min = (plan->windows.windows[0].from_min + 5) % 1440;
    say_downloaded(STATE_DOWNLOADING, NOW + HOUR_MS);
    assert_string_equal(result(), "held");
    assert_true(d.next.deadline_ms > NOW && d.next.deadline_ms < NOW + HOUR_MS);
    plan->windows.count = 0;   /* edited away: at once */
    say_downloaded(STATE_DOWNLOADING, NOW + HOUR_MS);
    assert_int_equal(d.next.deadline_ms, NOW);
}

/* It waits to install with its package, and to download without. */
static void it_waits_for_its_own_window(void **state)
{
    (void)state;
    static const struct {
        enum window_use use;
        int64_t from_hours_on;
        bool has_package;
        const char *result;
    } rows[] = {
        {WINDOW_INSTALL, 3, true, ""},  {WINDOW_INSTALL, 3, false, "dispatched"},  {WINDOW_INSTALL, -1, true, ""},
        {WINDOW_DOWNLOAD, 3, false, ""}, {WINDOW_DOWNLOAD, 3, true, "dispatched"}, {WINDOW_BOTH, 3, true, ""},
        {WINDOW_BOTH, 3, false, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        give_window(rows[i].use, rows[i].from_hours_on);
        enter_held(rows[i].has_package);
        struct situation s = fixture_situation(&f);
        decide_heartbeat(&s, &d);
        if (strcmp(result(), rows[i].result))
            fail_msg("row %zu: %s, not %s", i, result(), rows[i].result);
    }
}

static void a_limit_lets_it_stand_in_line(void **state)
{
    (void)state;
    enter_held(true);
    struct situation s = fixture_situation(&f);
    s.in_flight = 10;
    decide_heartbeat(&s, &d);
    assert_true(!d.move && d.waits);
    decide_deadline(&s, &d);
    assert_string_equal(result(), "held");
    assert_true(d.waits && d.silent && d.next.deadline_ms > NOW);
    f.rollout.waiting = 3;   /* others stand there before it */
    s.in_flight = 1;
    decide_heartbeat(&s, &d);
    assert_true(!d.move && d.waits);
    s.has_turn = true;
    decide_turn(&s, &d);
    assert_string_equal(result(), "dispatched");
    assert_false(d.waits);
    f.rollout.state = ROLLOUT_PAUSED;
    decide_turn(&s, &d);
    assert_true(!d.move && !d.waits);
}

static void the_store_counts_it_again(void **state)
{
    (void)state;
    struct move_guard guard;
    enter_held(true);
    snprintf(f.upgrade.site, sizeof f.upgrade.site, "site-a");
    eligible_guard(&f.rollout, &f.upgrade, fsm_find(STATE_HELD, EVENT_DISPATCH), false, NOW, &guard);
    assert_int_equal(guard.max_in_flight, 10);
    assert_int_equal(guard.per_site, 2);
    assert_string_equal(guard.states, "running,completed");
    eligible_guard(&f.rollout, &f.upgrade, fsm_find(STATE_RETRY_WAIT, EVENT_DISPATCH), false, NOW, &guard);
    assert_int_equal(guard.max_in_flight, 0);   /* that one has its place */
}

static void who_is_told_by_day_is_told_to_wait_until_told_again(void **state)
{
    (void)state;
    give_window(WINDOW_INSTALL, 3);
    fixture_enter(&f, STATE_PENDING);
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    assert_string_equal(result(), "dispatched");
    assert_true(d.next.install_after_ms > NOW + 7 * 24 * (int64_t)HOUR_MS);
    assert_int_equal(d.next.install_before_ms, d.next.install_after_ms + 1);
    f.device.last.kind = KIND_SIMPLE;   /* nobody can tell that one: it goes by its window */
    decide_deadline(&s, &d);
    assert_true(d.next.install_after_ms > NOW && d.next.install_after_ms < NOW + 4 * (int64_t)HOUR_MS);
    f.device.last.kind = KIND_MANAGED;
    enter_held(true);
    plan->windows.count = 0;
    decide_deadline(&s, &d);
    assert_string_equal(result(), "dispatched");
    assert_int_equal(d.next.install_after_ms, 0);
    assert_int_equal(d.next.attempt, 2);
}

static void it_keeps_the_kind_of_package_that_it_has(void **state)
{
    (void)state;
    enter_held(true);
    f.upgrade.delta = false;            /* a delta was made meanwhile */
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &d);
    assert_false(d.next.delta);
    enter_held(false);
    decide_heartbeat(&s, &d);
    assert_true(d.next.delta);
}

static void between_two_attempts_a_closed_window_frees_the_place(void **state)
{
    (void)state;
    give_window(WINDOW_BOTH, 3);
    static const enum upgrade_state states[] = {STATE_PENDING, STATE_RETRY_WAIT};
    for (size_t i = 0; i < 2; i++) {
        fixture_enter(&f, states[i]);
        struct situation s = fixture_situation(&f);
        decide_deadline(&s, &d);
        assert_string_equal(result(), "held");
        assert_int_equal(d.next.attempts_before, 0);
        assert_false(d.next.has_package);
    }
}

static void silence_counts_only_when_it_could_be_told(void **state)
{
    (void)state;
    give_window(WINDOW_INSTALL, 3);
    enter_held(true);
    f.device.seen_ms = NOW - 999999;
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    assert_string_equal(result(), "held");
    plan->windows.count = 0;
    decide_deadline(&s, &d);
    assert_string_equal(result(), "lost");
    f.upgrade = d.next;
    fixture_beat(&f, "1.0.0", "b2", "idle");
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "held");   /* it waits for a place like all others */
    assert_true(d.next.has_package);
}

static void offline_ones_are_not_told(void **state)
{
    (void)state;
    enter_held(true);
    f.device.online = false;
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    assert_string_equal(result(), "held");
    assert_false(d.waits);
}

static void words_while_it_is_held(void **state)
{
    (void)state;
    static const struct {
        enum report_state said;
        enum error_code code;
        const char *result;
    } rows[] = {
        {REPORT_DOWNLOADING, E_NONE, "held"},   {REPORT_FAILED, E_BUSY, "held"},          {REPORT_INSTALLING, E_NONE, "installing"},
        {REPORT_VERIFYING, E_NONE, "verifying"}, {REPORT_FAILED, E_NO_SPACE, "retry_wait"}, {REPORT_FAILED, E_SIGNATURE, "failed"},
        {REPORT_REJECTED, E_NONE, "rejected"},
    };
    give_window(WINDOW_INSTALL, 3);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enter_held(true);
        f.upgrade.deadline_ms = NOW + 5000;
        struct report report = {.attempt = 1, .seq = 5, .state = rows[i].said, .progress = ABSENT, .error = rows[i].code};
        memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
        struct situation s = fixture_situation(&f);
        decide_report(&s, &report, &d);
        if (strcmp(result(), rows[i].result))
            fail_msg("row %zu: %s, not %s", i, result(), rows[i].result);
        if (d.next.state == STATE_HELD)
            assert_int_equal(d.next.deadline_ms, NOW + 5000);   /* words do not put off its turn */
        assert_int_equal(d.next.has_package, d.next.state != STATE_RETRY_WAIT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_has_its_package_gives_its_place_back),
        TEST(it_is_looked_at_when_its_window_opens),
        TEST(it_waits_for_its_own_window),
        TEST(a_limit_lets_it_stand_in_line),
        TEST(the_store_counts_it_again),
        TEST(who_is_told_by_day_is_told_to_wait_until_told_again),
        TEST(it_keeps_the_kind_of_package_that_it_has),
        TEST(between_two_attempts_a_closed_window_frees_the_place),
        TEST(silence_counts_only_when_it_could_be_told),
        TEST(offline_ones_are_not_told),
        TEST(words_while_it_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
