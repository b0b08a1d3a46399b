/* The window of parallel requests, the waits after failures, and the rates: on a virtual clock. */
#include "agent/fetch_rate.h"
#include "agent/fetch_window.h"
#include "tests/unit/common/check.h"

#define NOW_MS 1000000
#define RANDOM_LOW 0
#define RANDOM_HIGH UINT64_MAX

static void succeed(struct fetch_window *window, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        (void)fetch_window_began(window);
        fetch_window_succeeded(window);
    }
}

static void starts_at_two_and_opens_after_five_in_a_row(void **state)
{
    struct fetch_window window;

    (void)state;
    fetch_window_init(&window, 8);
    assert_int_equal(window.size, 2);
    succeed(&window, 4);
    assert_int_equal(window.size, 2);
    succeed(&window, 1);
    assert_int_equal(window.size, 3);
    succeed(&window, 5);
    assert_int_equal(window.size, 4);
    succeed(&window, 100);
    assert_int_equal(window.size, 8);
}

static void allows_as_many_as_it_is_wide(void **state)
{
    struct fetch_window window;

    (void)state;
    fetch_window_init(&window, 8);
    assert_true(fetch_window_allows(&window, NOW_MS));
    (void)fetch_window_began(&window);
    (void)fetch_window_began(&window);
    assert_false(fetch_window_allows(&window, NOW_MS));
    fetch_window_ended(&window);
    assert_true(fetch_window_allows(&window, NOW_MS));
    fetch_window_init(&window, 1);
    assert_int_equal(window.size, 1);
    fetch_window_init(&window, 0);
    assert_int_equal(window.size, 1);
}

static void halves_on_a_failure_and_never_closes(void **state)
{
    static const unsigned sizes[] = {4, 2, 1, 1};
    struct fetch_window window;

    (void)state;
    fetch_window_init(&window, 8);
    succeed(&window, 40);
    assert_int_equal(window.size, 8);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        fetch_window_failed(&window, fetch_window_began(&window), false, NOW_MS, RANDOM_LOW);
        assert_int_equal(window.size, sizes[i]);
        assert_int_equal(window.failures_in_row, i + 1);
    }
    succeed(&window, 4);
    fetch_window_failed(&window, fetch_window_began(&window), false, NOW_MS, RANDOM_LOW);
    succeed(&window, 4); /* five in a row, not five in all */
    assert_int_equal(window.size, 1);
    succeed(&window, 1);
    assert_int_equal(window.size, 2);
}

static void one_trouble_counts_once(void **state)
{
    struct fetch_window window;
    unsigned epochs[8];

    (void)state;
    fetch_window_init(&window, 8);
    succeed(&window, 40);
    for (size_t i = 0; i < COUNT_OF(epochs); i++)
        epochs[i] = fetch_window_began(&window);
    for (size_t i = 0; i < COUNT_OF(epochs); i++)
        fetch_window_failed(&window, epochs[i], false, NOW_MS, RANDOM_LOW);
    assert_int_equal(window.size, 4);
    assert_int_equal(window.failures_in_row, 1);
    assert_int_equal(window.running, 0);
}

static void waits_grow_with_the_failures_in_a_row(void **state)
{
    struct fetch_window window;
    int64_t longest_ms = WINDOW_WAIT_BASE_MS;

    (void)state;
    fetch_window_init(&window, 8);
    for (unsigned i = 0; i < 12; i++) {
        window.not_before_ms = 0;
        fetch_window_failed(&window, fetch_window_began(&window), false, NOW_MS, RANDOM_HIGH);
        assert_int_equal(window.not_before_ms, NOW_MS + longest_ms);
        assert_false(fetch_window_allows(&window, NOW_MS + longest_ms - 1));
        assert_true(fetch_window_allows(&window, NOW_MS + longest_ms));
        longest_ms = 2 * longest_ms < WINDOW_WAIT_CAP_MS ? 2 * longest_ms : WINDOW_WAIT_CAP_MS;
    }
    fetch_window_failed(&window, fetch_window_began(&window), false, NOW_MS, RANDOM_LOW); /* does not bring it forward */
    assert_int_equal(window.not_before_ms, NOW_MS + WINDOW_WAIT_CAP_MS);
}

static void progress_and_success_end_a_row_of_failures(void **state)
{
    struct fetch_window window;

    (void)state;
    fetch_window_init(&window, 8);
    for (unsigned i = 0; i < 3; i++)
        fetch_window_failed(&window, fetch_window_began(&window), false, NOW_MS, RANDOM_LOW);
    assert_int_equal(window.failures_in_row, 3);
    fetch_window_failed(&window, fetch_window_began(&window), true, NOW_MS + 1000, RANDOM_HIGH);
    assert_int_equal(window.failures_in_row, 1);
    assert_int_equal(window.not_before_ms, NOW_MS + 1000 + WINDOW_WAIT_BROUGHT_MS);
    succeed(&window, 1);
    assert_int_equal(window.failures_in_row, 0);
}

/* Takes 1000 bytes whenever allowed, for so long. */
static int64_t taken_in(struct fetch_rate *rate, int64_t for_ms)
{
    int64_t taken = 0;

    for (int64_t at_ms = 0; at_ms <= for_ms; at_ms++) {
        fetch_rate_fill(rate, NOW_MS + at_ms);
        while (fetch_rate_allows(rate)) {
            fetch_rate_take(rate, 1000);
            taken += 1000;
        }
    }
    return taken;
}

static void the_limit_holds_over_time(void **state)
{
    static const int64_t limits[] = {300, 5000, 100000, 10000000};
    struct fetch_rate rate;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        int64_t taken, burst = limits[i] / 4 > 4096 ? limits[i] / 4 : 4096;

        fetch_rate_init(&rate, limits[i], NOW_MS);
        taken = taken_in(&rate, 60000);
        assert_true(taken <= 60 * limits[i] + burst + 1000);
        assert_true(taken >= 59 * limits[i]);
    }
}

static void a_limit_says_when_it_ends(void **state)
{
    struct fetch_rate rate;

    (void)state;
    fetch_rate_init(&rate, 10000, NOW_MS);
    fetch_rate_take(&rate, 20000);
    assert_false(fetch_rate_allows(&rate));
    fetch_rate_fill(&rate, fetch_rate_wake_ms(&rate) - 10);
    assert_false(fetch_rate_allows(&rate));
    fetch_rate_fill(&rate, fetch_rate_wake_ms(&rate));
    assert_true(fetch_rate_allows(&rate));
    fetch_rate_fill(&rate, INT64_MAX / 2); /* a long sleep is no credit */
    assert_true(rate.tokens_bytes <= 4096);
}

static void no_limit_is_no_limit(void **state)
{
    struct fetch_rate rate;

    (void)state;
    fetch_rate_init(&rate, 0, NOW_MS);
    fetch_rate_take(&rate, INT64_MAX);
    fetch_rate_fill(&rate, NOW_MS + 1);
    assert_true(fetch_rate_allows(&rate));
}

static void slow_is_what_stays_below_over_the_whole_time(void **state)
{
    struct fetch_pace pace;

    (void)state;
    fetch_pace_init(&pace, 100, 10000, 0);
    assert_false(fetch_pace_is_slow(&pace, true, NOW_MS));
    assert_int_equal(fetch_pace_wake_ms(&pace), NOW_MS + 10000);
    fetch_pace_came(&pace, 999);
    assert_false(fetch_pace_is_slow(&pace, true, NOW_MS + 9999));
    assert_true(fetch_pace_is_slow(&pace, true, NOW_MS + 10000));
    fetch_pace_came(&pace, 1000);
    assert_false(fetch_pace_is_slow(&pace, true, NOW_MS + 20000));
    assert_false(fetch_pace_is_slow(&pace, false, NOW_MS + 30000)); /* nothing ran: nobody was slow */
    assert_int_equal(fetch_pace_wake_ms(&pace), INT64_MAX);
    assert_false(fetch_pace_is_slow(&pace, true, NOW_MS + 90000));
    assert_false(fetch_pace_is_slow(&pace, true, NOW_MS + 99999));
}

static void our_own_limit_is_not_their_slowness(void **state)
{
    struct fetch_pace pace;

    (void)state;
    fetch_pace_init(&pace, 1000, 1000, 500);
    assert_int_equal(pace.min_bytes_s, 250);
    fetch_pace_init(&pace, 100, 1000, 500);
    assert_int_equal(pace.min_bytes_s, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_at_two_and_opens_after_five_in_a_row),
        cmocka_unit_test(allows_as_many_as_it_is_wide),
        cmocka_unit_test(halves_on_a_failure_and_never_closes),
        cmocka_unit_test(one_trouble_counts_once),
        cmocka_unit_test(waits_grow_with_the_failures_in_a_row),
        cmocka_unit_test(progress_and_success_end_a_row_of_failures),
        cmocka_unit_test(the_limit_holds_over_time),
        cmocka_unit_test(a_limit_says_when_it_ends),
        cmocka_unit_test(no_limit_is_no_limit),
        cmocka_unit_test(slow_is_what_stays_below_over_the_whole_time),
        cmocka_unit_test(our_own_limit_is_not_their_slowness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
