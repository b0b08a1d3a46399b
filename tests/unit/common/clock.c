/* Clocks run forwards and in the right unit; random bits differ. */
#include "check.h"

#include <time.h>

#include "common/clock.h"

static void wall_clock_is_in_ms(void **state)
{
    int64_t before_s = (int64_t)time(NULL), now_ms = clock_unix_ms(), after_s = (int64_t)time(NULL);

    (void)state;
    assert_true(now_ms >= (before_s - 1) * 1000); /* time() may read a coarser clock */
    assert_true(now_ms < (after_s + 2) * 1000);
}

static void monotonic_clock_does_not_go_back(void **state)
{
    int64_t last_us = clock_mono_us();

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        int64_t now_us = clock_mono_us();

        assert_true(now_us >= last_us);
        last_us = now_us;
    }
    assert_in_range(clock_mono_ms() - last_us / 1000, 0, 5000);
}

static void random_bits_differ(void **state)
{
    uint64_t ones = 0, zeros = 0;

    (void)state;
    for (unsigned i = 0; i < 64; i++) { /* each bit is seen both ways: wrong once in 2^57 runs */
        uint64_t value = clock_random();

        ones |= value;
        zeros |= ~value;
    }
    assert_true(ones == UINT64_MAX);
    assert_true(zeros == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_clock_is_in_ms),
        cmocka_unit_test(monotonic_clock_does_not_go_back),
        cmocka_unit_test(random_bits_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
