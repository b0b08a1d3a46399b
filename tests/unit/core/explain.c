/* Every state is explained: where it stands, what follows, and when. */
#include "tests/unit/core/fixture.h"

#include <string.h>

#include "orchestrator/core/explain.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static void every_state_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++) {
        struct explanation explanation;
        fixture_enter(&f, (enum upgrade_state)i);
        upgrade_set_why(&f.upgrade, "some reason");
        struct situation s = fixture_situation(&f);
        explain(&s, &explanation);
        assert_true(strlen(explanation.now) > 5);
        assert_true(strlen(explanation.next) > 5);
        bool live = i != STATE_NONE && !upgrade_state_is_final((enum upgrade_state)i);
        assert_int_equal(explanation.next_ms, live ? NOW : 0);
        s.rollout = s.running = NULL;
        explain(&s, &explanation);
        assert_true(strlen(explanation.next) > 5);
    }
}

static void the_longest_words_are_cut_not_overrun(void **state)
{
    (void)state;
    struct explanation explanation;
    fixture_enter(&f, STATE_ROLLING_BACK);
    memset(f.upgrade.from_version, '1', VERSION_SIZE - 1);
    memset(f.upgrade.why, 'w', WHY_SIZE - 1);
    struct situation s = fixture_situation(&f);
    explain(&s, &explanation);
    assert_in_range(strlen(explanation.next), 60, sizeof explanation.next - 1);
}

static void says_what_is_in_the_way(void **state)
{
    (void)state;
    struct explanation explanation;
    fixture_enter(&f, STATE_RETRY_WAIT);
    f.rollout.state = ROLLOUT_PAUSED;
    struct situation s = fixture_situation(&f);
    explain(&s, &explanation);
    assert_string_equal(explanation.next, "waits on: the rollout is paused");
}

static void counts_the_proof(void **state)
{
    (void)state;
    struct explanation explanation;
    fixture_enter(&f, STATE_VERIFYING);
    f.upgrade.rebooted_ms = f.upgrade.healthy_ms = f.upgrade.confirmed_ms = NOW - 5000;
    f.upgrade.confirmations = 1;
    struct situation s = fixture_situation(&f);
    explain(&s, &explanation);
    assert_string_equal(explanation.now, "verifying since 60 s: 1 of 2 healthy heartbeats on 1.1.0");
    assert_string_equal(explanation.next, "succeeds after 1 more healthy heartbeat and 15 s of soak; otherwise it goes back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_state_has_words, setup),
        cmocka_unit_test_setup(the_longest_words_are_cut_not_overrun, setup),
        cmocka_unit_test_setup(says_what_is_in_the_way, setup),
        cmocka_unit_test_setup(counts_the_proof, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
