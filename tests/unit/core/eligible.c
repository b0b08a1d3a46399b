/* Who is taken into a rollout; each refusal in its words. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/eligible.h"
#include "orchestrator/core/predicates.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static const char *refusal(const struct rollout *rollout, int64_t in_flight)
{
    struct look look = {.now_ms = NOW, .policy = &f.policy, .rollout = rollout, .in_flight = in_flight, .heartbeat = &f.device.last, .device = &f.device,
                        .upgrade = &f.upgrade};
    const char *words;

    return predicates_refuse(&look, true, &words) ? words : NULL;
}

static bool wanted_by_heartbeat(void)
{
    struct look look = {.now_ms = NOW, .policy = &f.policy, .rollout = &f.rollout, .heartbeat = &f.device.last};
    const char *words;

    return !predicates_refuse(&look, true, &words);
}

static void a_device_behind_is_taken(void **state)
{
    (void)state;
    assert_null(refusal(&f.rollout, 0));
    assert_true(wanted_by_heartbeat());
}

static void refusals_have_words(void **state)
{
    (void)state;
    assert_string_equal(refusal(NULL, 0), "its model has no rollout");
    assert_string_equal(refusal(&f.rollout, 100), "as many upgrades as allowed are under way");
    f.rollout.state = ROLLOUT_PAUSED;
    assert_string_equal(refusal(&f.rollout, 0), "the rollout is paused");
    f.rollout.state = ROLLOUT_CANCELLED;
    assert_string_equal(refusal(&f.rollout, 0), "the rollout is over");
    f.rollout.state = ROLLOUT_RUNNING;
    strcpy(f.rollout.model, "other");
    assert_string_equal(refusal(&f.rollout, 0), "the rollout is for another model");
}

static void versions_go_forward_only(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool taken;
    } cases[] = {
        {"1.0.0", true}, {"1.1.0-rc.1", true}, {"0.99.99", true}, {"1.1.0", false}, {"1.1.0+build.7", false}, {"1.1.1", false}, {"1.10.0", false},
        {"2.0.0-alpha", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_beat(&f, cases[i].version, "b1", "idle");
        assert_int_equal(refusal(&f.rollout, 0) == NULL, cases[i].taken);
    }
}

static void the_share_cuts_by_place(void **state)
{
    (void)state;
    unsigned place = rollout_place("r1", "d1");
    f.rollout.share_pct = place / 100;
    assert_string_equal(refusal(&f.rollout, 0), "its place is outside the rollout's share");
    f.rollout.share_pct = place / 100 + 1;
    assert_null(refusal(&f.rollout, 0));
}

static void one_turn_a_rollout(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    assert_string_equal(refusal(&f.rollout, 0), "its upgrade is not over");
    fixture_enter(&f, STATE_FAILED);
    assert_string_equal(refusal(&f.rollout, 0), "it had its turn in this rollout");
    strcpy(f.upgrade.rollout, "r0");
    assert_null(refusal(&f.rollout, 0));
}

static void a_clash_keeps_it_out_for_a_while(void **state)
{
    (void)state;
    f.device.clash_ms = NOW - f.policy.clash_ms + 1;
    assert_string_equal(refusal(&f.rollout, 0), "two devices with this identity were seen");
    f.device.clash_ms = NOW - f.policy.clash_ms;
    assert_null(refusal(&f.rollout, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_device_behind_is_taken, setup),
        cmocka_unit_test_setup(refusals_have_words, setup),
        cmocka_unit_test_setup(versions_go_forward_only, setup),
        cmocka_unit_test_setup(the_share_cuts_by_place, setup),
        cmocka_unit_test_setup(one_turn_a_rollout, setup),
        cmocka_unit_test_setup(a_clash_keeps_it_out_for_a_while, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
