/* Times as text, both ways. */
#include "check.h"

#include "common/text.h"

static void times(void **state)
{
    char text[TEXT_TIME_SIZE];

    (void)state;
    text_time(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    text_time(951782399999, text);
    assert_string_equal(text, "2000-02-28T23:59:59Z");
    text_time(INT64_MAX, text);
    assert_string_equal(text, "292278994-08-17T07:12:55Z");
    text_time(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void times_are_read_strictly(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"2026-01-31", INT64_C(1769817600000)},
        {"2026-01-31T00:00:00Z", INT64_C(1769817600000)},
        {"2026-01-31T02:30:00+02:30", INT64_C(1769817600000)},
        {"2024-02-29T12:00:00Z", INT64_C(1709208000000)},
        {"0", -1}, {"1700000000", -1}, {"2026-01-31T00:00:00", -1}, {"2026-02-30", -1}, {"2026-01-31T00:00:00.5Z", -1}, {"2026-01-31T24:00:00Z", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;
        bool good = text_time_read(rows[i].text, &ms);

        CHECK_ROW(good == (rows[i].ms >= 0), rows[i].text);
        CHECK_ROW(!good || ms == rows[i].ms, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(times_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
