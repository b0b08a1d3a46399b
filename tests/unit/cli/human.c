/* Times and sizes as people say them. */
#include "check.h"

#include <stdlib.h>
#include <time.h>

#include "cli/human.h"

#define NOW INT64_C(1700000000000)

static void durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {-5, "0 ms"},         {0, "0 ms"},          {850, "850 ms"},        {1000, "1 s"},           {59999, "59 s"},
        {60000, "1 min"},     {200000, "3 min 20 s"}, {3600000, "1 h"},     {3659000, "1 h"},        {18420000, "5 h 7 min"},
        {86400000, "1 d"},    {INT64_C(12) * 86400000 + 3 * 3600000 + 59000, "12 d 3 h"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out;

        buffer_init(&out, 0);
        human_duration(&out, rows[i].ms);
        CHECK_TEXT(out.bytes, rows[i].text, rows[i].text);
        buffer_done(&out);
    }
}

static void moments(void **state)
{
    static const struct {
        int64_t at_ms;
        const char *text;
    } rows[] = {
        {0, "-"}, {NOW, "now"}, {NOW - 999, "now"}, {NOW + 999, "now"}, {NOW - 12000, "12 s ago"}, {NOW + 252000, "in 4 min 12 s"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out;

        buffer_init(&out, 0);
        human_ago(&out, rows[i].at_ms, NOW);
        CHECK_TEXT(out.bytes, rows[i].text, rows[i].text);
        buffer_done(&out);
    }
}

static void local_time(void **state)
{
    struct buffer out;

    (void)state;
    assert_int_equal(setenv("TZ", "UTC-1", 1), 0); /* an hour east */
    tzset();
    buffer_init(&out, 0);
    human_time(&out, NOW);
    buffer_add_text(&out, " ");
    human_time(&out, 0);
    CHECK_TEXT(out.bytes, "2023-11-14 23:13:20 -", "an hour east of UTC");
    buffer_done(&out);
}

static void sizes(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1468006, "1.4 MiB"}, {1048575, "1.0 MiB"}, {INT64_C(5) << 40, "5.0 TiB"},
        {INT64_C(5000) << 40, "5000.0 TiB"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out;

        buffer_init(&out, 0);
        human_bytes(&out, rows[i].bytes);
        CHECK_TEXT(out.bytes, rows[i].text, rows[i].text);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations), cmocka_unit_test(moments), cmocka_unit_test(local_time), cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
