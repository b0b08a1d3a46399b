/* The Range parser and the conditions, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
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
        {"bytes=0-1,2-5", 10, HTTP_PART, 0, 6},      /* touch: one range */
        {"bytes=4-5,0-4", 10, HTTP_PART, 0, 6},
        {"bytes=0-,0-,0-", 10, HTTP_PART, 0, 10},
        {"bytes=1-2,99-", 10, HTTP_PART, 1, 2},      /* what is behind the end is left out */
        {"bytes=,1-2 ,, ", 10, HTTP_PART, 1, 2},
        {"bytes=10-,-0,99-100", 10, HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=0-1,6-3", 10, HTTP_WHOLE, 0, 10},    /* one that is none spoils all */
        {"bytes=0-1,x", 10, HTTP_WHOLE, 0, 10},
        {"bytes=0-1;4-5", 10, HTTP_WHOLE, 0, 10},
        {"bytes=,,", 10, HTTP_WHOLE, 0, 10},
        {"bytes=0-1,bytes=4-5", 10, HTTP_WHOLE, 0, 10},
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
        struct http_ranges ranges = http_range_read(rows[i].header, strlen(rows[i].header), rows[i].size);
        const struct http_range *range = &ranges.list[0];
        if (ranges.kind != rows[i].kind || ranges.count != (rows[i].kind != HTTP_UNSATISFIABLE) || range->start != rows[i].start ||
            range->length != rows[i].length)
            fail_msg("%s of %lld: kind %d, %u, %lld + %lld", rows[i].header, (long long)rows[i].size, (int)ranges.kind, ranges.count,
                     (long long)range->start, (long long)range->length);
    }
    assert_int_equal(http_range_read(NULL, 0, 10).kind, HTTP_WHOLE);
}

static void a_header_is_not_read_beyond_its_length(void **state)
{
    (void)state;
    struct http_ranges ranges = http_range_read("bytes=1-23", 9, 100);
    assert_int_equal(ranges.list[0].start, 1);
    assert_int_equal(ranges.list[0].length, 2);
}

/* expected: "start+length ..." */
static void several_ranges_never_overlap(void **state)
{
    (void)state;
    static const struct { const char *header, *expected; } rows[] = {
        {"bytes=0-1,4-5", "0+2 4+2"},
        {"bytes=8-9,0-1,4-5", "8+2 0+2 4+2"},                  /* in the order of the request */
        {"bytes= 0-1 , 4-5 ,", "0+2 4+2"},
        {"bytes=0-0,-1", "0+1 99+1"},
        {"bytes=0-1,50-,200-,4-5", "0+2 50+50 4+2"},
        {"bytes=0-1,10-19,15-24,40-", "0+2 10+15 40+60"},      /* overlap: one, at the place of the first */
        {"bytes=10-19,0-1,15-24", "10+15 0+2"},
        {"bytes=10-19,30-39,0-1,15-34", "10+30 0+2"},          /* one joins two others */
        {"bytes=5-5,1-1,3-3,2-2,4-4,9-9", "1+5 9+1"},
        {"bytes=0-1,4-5,0-1,4-5,0-1,4-5,0-1,4-5,0-1,4-5,0-1,4-5,0-1,4-5,0-1,4-5", "0+2 4+2"},
        {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30",
         "0+1 2+1 4+1 6+1 8+1 10+1 12+1 14+1 16+1 18+1 20+1 22+1 24+1 26+1 28+1 30+1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_ranges ranges = http_range_read(rows[i].header, strlen(rows[i].header), 100);
        char text[256] = "";
        for (unsigned n = 0; n < ranges.count; n++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d+%d", n > 0 ? " " : "", (int)ranges.list[n].start,
                     (int)ranges.list[n].length);
        assert_int_equal(ranges.kind, HTTP_PARTS);
        assert_string_equal(text, rows[i].expected);
    }
}

static void too_many_ranges_are_the_whole(void **state)
{
    (void)state;
    char header[256] = "bytes=0-0";
    for (unsigned i = 1; i <= HTTP_RANGES_MAX; i++)
        snprintf(header + strlen(header), sizeof header - strlen(header), ",%u-%u", 2 * i, 2 * i);
    assert_int_equal(http_range_read(header, strlen(header), 100).kind, HTTP_WHOLE);
    *strrchr(header, ',') = '\0';
    assert_int_equal(http_range_read(header, strlen(header), 100).kind, HTTP_PARTS);
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
        cmocka_unit_test(several_ranges_never_overlap),
        cmocka_unit_test(too_many_ranges_are_the_whole),
        cmocka_unit_test(if_range_wants_the_strong_tag),
        cmocka_unit_test(if_none_match_looks_through_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
