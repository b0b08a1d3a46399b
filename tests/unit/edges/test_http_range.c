/* The Range parser and the conditions, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "orchestrator/edges/http_range.h"

static void each_header_gives_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t size;
        enum http_range_kind kind;
        int64_t start, length;
    } rows[] = {
        {"bytes=0-0", 10, HTTP_PART, 0, 1},
        {"bytes=0-", 10, HTTP_PART, 0, 10},
        {"bytes=3-6", 10, HTTP_PART, 3, 4},
        {"bytes=3-100", 10, HTTP_PART, 3, 7},
        {"BYTES=9-9", 10, HTTP_PART, 9, 1},
        {"bytes= 1-2 ", 10, HTTP_PART, 1, 2},
        {"bytes=-3", 10, HTTP_PART, 7, 3},
        {"bytes=-10", 10, HTTP_PART, 0, 10},
        {"bytes=-11", 10, HTTP_PART, 0, 10},
        {"bytes=5-99999999999999999999999999", 10, HTTP_PART, 5, 5},
        {"bytes=-99999999999999999999999999", 10, HTTP_PART, 0, 10},
        {"bytes=0-9223372036854775807", INT64_MAX, HTTP_PART, 0, INT64_MAX},
        {"bytes=9223372036854775806-", INT64_MAX, HTTP_PART, INT64_MAX - 1, 1},
        {"bytes=10-", 10, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=10-11", 10, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999999999-", 10, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=-5", 0, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=0-1,4-5", 10, HTTP_WHOLE, 0, 10},
        {"bytes=6-3", 10, HTTP_WHOLE, 0, 10},
        {"bytes=", 10, HTTP_WHOLE, 0, 10},
        {"bytes=-", 10, HTTP_WHOLE, 0, 10},
        {"bytes=--1", 10, HTTP_WHOLE, 0, 10},
        {"bytes=+1-2", 10, HTTP_WHOLE, 0, 10},
        {"bytes=1 -2", 10, HTTP_WHOLE, 0, 10},
        {"bytes=1-2;", 10, HTTP_WHOLE, 0, 10},
        {"bytes=0x1-2", 10, HTTP_WHOLE, 0, 10},
        {"lines=1-2", 10, HTTP_WHOLE, 0, 10},
        {"bytes", 10, HTTP_WHOLE, 0, 10},
        {"", 10, HTTP_WHOLE, 0, 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_range range = http_range_read(rows[i].header, strlen(rows[i].header), rows[i].size);
        if (range.kind != rows[i].kind || range.start != rows[i].start || range.length != rows[i].length)
            fail_msg("%s of %lld: kind %d, %lld + %lld", rows[i].header, (long long)rows[i].size, (int)range.kind, (long long)range.start,
                     (long long)range.length);
    }
    assert_int_equal(http_range_read(NULL, 0, 10).kind, HTTP_WHOLE);
}

static void a_header_is_not_read_beyond_its_length(void **state)
{
    (void)state;
    struct http_range range = http_range_read("bytes=1-23", 9, 100);
    assert_int_equal(range.start, 1);
    assert_int_equal(range.length, 2);
}

static void if_range_wants_the_strong_tag(void **state)
{
    (void)state;
    assert_true(http_if_range_holds(NULL, "\"a\""));
    assert_true(http_if_range_holds("\"a\"", "\"a\""));
    assert_false(http_if_range_holds("W/\"a\"", "\"a\""));
    assert_false(http_if_range_holds("\"b\"", "\"a\""));
    assert_false(http_if_range_holds("", "\"a\""));
    assert_false(http_if_range_holds("Wed, 21 Oct 2015 07:28:00 GMT", "\"a\""));
}

static void if_none_match_looks_through_its_list(void **state)
{
    (void)state;
    static const char *const hits[] = {"\"a\"", "*", " * ", "W/\"a\"", "\"x\", \"a\"", "\"x\",W/\"a\",\"y\"", ",,\"a\"", "\"x,y\", \"a\""};
    static const char *const misses[] = {"", "\"b\"", "a", "\"a", "a\"", "\"x\" *", "W/", ",", "\"ab\"", "\"x,\"a\"", "W/W/\"a\""};
    for (size_t i = 0; i < sizeof hits / sizeof hits[0]; i++)
        if (!http_none_match_hits(hits[i], "\"a\""))
            fail_msg("missed: %s", hits[i]);
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++)
        if (http_none_match_hits(misses[i], "\"a\""))
            fail_msg("hit: %s", misses[i]);
    assert_false(http_none_match_hits(NULL, "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_header_gives_its_range),
        cmocka_unit_test(a_header_is_not_read_beyond_its_length),
        cmocka_unit_test(if_range_wants_the_strong_tag),
        cmocka_unit_test(if_none_match_looks_through_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
