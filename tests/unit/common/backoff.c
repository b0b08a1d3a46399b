/* Waits stay in their interval for every input, and fill it. */
#include "check.h"

#include "common/backoff.h"
#include "common/hash.h"

static void wait_is_in_its_interval(void **state)
{
    static const struct {
        const char *row;
        int64_t base_ms, cap_ms;
        unsigned attempt;
        int64_t highest; /* reached when every random bit is set */
    } rows[] = {
        {"first try", 1000, 60000, 0, 1000},      {"doubles", 1000, 60000, 3, 8000},
        {"just under the cap", 1000, 60000, 5, 32000}, {"the cap", 1000, 60000, 6, 60000},
        {"exactly the cap", 1000, 64000, 6, 64000}, {"attempt 62", 1, INT64_MAX, 62, INT64_C(1) << 62},
        {"attempt 63", 1, INT64_MAX, 63, INT64_MAX}, {"attempt 64", 1, INT64_MAX, 64, INT64_MAX},
        {"huge attempt", 5, 1000, UINT32_MAX, 1000}, {"huge base", INT64_MAX, INT64_MAX, 1, INT64_MAX},
        {"base over cap", 9000, 100, 0, 100},     {"zero base", 0, 100, 0, 1},
        {"negative base", -5, 100, 2, 4},         {"zero cap", 1000, 0, 4, 1},
        {"negative cap", 1000, INT64_MIN, 0, 1},  {"smallest", INT64_MIN, INT64_MIN, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(backoff_full_jitter_ms(rows[i].base_ms, rows[i].cap_ms, rows[i].attempt, 0) == 1, rows[i].row);
        CHECK_ROW(backoff_full_jitter_ms(rows[i].base_ms, rows[i].cap_ms, rows[i].attempt, UINT64_MAX) == rows[i].highest,
                  rows[i].row);
    }
}

/* The high half of the product, with carries out of every quarter (values by Python's integers). */
static void carries_are_kept(void **state)
{
    static const struct {
        uint64_t random;
        int64_t cap_ms, wait_ms;
    } rows[] = {
        {UINT64_C(0xFFFFFFFF00000001), INT64_C(0x7FFFFFFF00000001), INT64_C(0x7FFFFFFE80000003)},
        {UINT64_C(0x123456789ABCDEF0), INT64_C(0x0FEDCBA987654321), INT64_C(0x0121FA00AD77D743)},
        {UINT64_C(0x80000000FFFFFFFF), INT64_C(0x00000001FFFFFFFF), INT64_C(0x0000000100000002)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(backoff_full_jitter_ms(rows[i].cap_ms, rows[i].cap_ms, 0, rows[i].random), rows[i].wait_ms);
}

static void jitter_is_full(void **state)
{
    unsigned tenths[10] = {0};

    (void)state;
    for (uint64_t i = 0; i < 10000; i++)
        tenths[(backoff_full_jitter_ms(1000, 60000, 0, hash_mix(i)) - 1) / 100]++;
    for (size_t i = 0; i < 10; i++)
        assert_in_range(tenths[i], 850, 1150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wait_is_in_its_interval), cmocka_unit_test(carries_are_kept), cmocka_unit_test(jitter_is_full)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
