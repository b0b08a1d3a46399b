/* Every rule of text.h at its exact edges. */
#include "check.h"

#include "common/text.h"

static const char id_64[] = "a123456789012345678901234567890123456789012345678901234567890123";
static const char id_65[] = "a1234567890123456789012345678901234567890123456789012345678901234";

static void copies_whole_or_not_at_all(void **state)
{
    char dst[4] = "zzz";

    (void)state;
    assert_true(text_copy(dst, sizeof dst, "abc"));
    assert_string_equal(dst, "abc");
    assert_false(text_copy(dst, sizeof dst, "abcd"));
    assert_string_equal(dst, "");
    assert_true(text_copy_n(dst, sizeof dst, "abcd", 3));
    assert_string_equal(dst, "abc");
    assert_false(text_copy_n(dst, sizeof dst, "a\0b", 3));
    assert_string_equal(dst, "");
    assert_true(text_copy_n(dst, sizeof dst, NULL, 0));
    assert_false(text_copy(dst, 0, ""));
}

static void ids(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"a", true}, {"Z9", true}, {"0", true}, {"a.b_c-d", true}, {id_64, true}, {id_65, false}, {"", false},
        {"-a", false}, {".a", false}, {"_a", false}, {"a b", false}, {"a/b", false}, {"a+", false}, {"#", false},
        {"\xC3\xA4", false}, {"a\n", false}, {"$a", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(text_is_id(rows[i].text, strlen(rows[i].text)) == rows[i].is, rows[i].text);
    assert_false(text_is_id("a\0b", 3));
}

static void words(void **state)
{
    (void)state;
    assert_true(text_is_word("-+._aZ9", 7));
    assert_false(text_is_word("", 0));
    assert_false(text_is_word("a b", 3));
    assert_false(text_is_word("a/b", 3));
}

static void utf8(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"", true},                  {"plain", true},
        {"\xC2\x80", true},          {"\xC1\xBF", false},          /* U+0080; overlong */
        {"\xDF\xBF", true},          {"\xE0\xA0\x80", true},       /* U+07FF, U+0800 */
        {"\xE0\x9F\xBF", false},     {"\xED\x9F\xBF", true},       /* overlong; U+D7FF */
        {"\xED\xA0\x80", false},     {"\xED\xBF\xBF", false},      /* surrogates */
        {"\xEE\x80\x80", true},      {"\xEF\xBF\xBF", true},       /* U+E000, U+FFFF */
        {"\xF0\x90\x80\x80", true},  {"\xF0\x8F\xBF\xBF", false},  /* U+10000; overlong */
        {"\xF4\x8F\xBF\xBF", true},  {"\xF4\x90\x80\x80", false},  /* U+10FFFF; above */
        {"\xF5\x80\x80\x80", false}, {"\xFF", false},
        {"\x80", false},             {"a\xC3", false},             /* a lone tail, a missing tail */
        {"\xE2\x82", false},         {"\xF0\x9F\x98", false},
        {"\xE2\x82z", false},        {"\xC3\xC3", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(text_is_utf8(rows[i].text, strlen(rows[i].text)) == rows[i].is, rows[i].text);
    assert_int_equal(text_utf8_step("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(text_utf8_step("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(text_utf8_step("", 0), 0);
    assert_int_equal(text_utf8_step("\0", 1), 1);
}

static void plain_text_has_no_controls(void **state)
{
    (void)state;
    assert_true(text_is_plain("gr\xC3\xBC\xC3\x9F \xC2\xA0 \"\\", 12));
    assert_true(text_is_plain("", 0));
    assert_false(text_is_plain("a\tb", 3));
    assert_false(text_is_plain("\x7F", 1));
    assert_false(text_is_plain("\xC2\x9B", 2)); /* C1: the one-byte CSI of a terminal */
    assert_false(text_is_plain("\xC2", 1));
    assert_false(text_is_plain("a\0b", 3));
}

static void hex(void **state)
{
    unsigned char bytes[3] = {9, 9, 9};
    char text[7];

    (void)state;
    assert_true(text_is_hex("09af", 4, 4));
    assert_false(text_is_hex("09aF", 4, 4));
    assert_false(text_is_hex("09a", 3, 4));
    assert_false(text_is_hex("09ag", 4, 4));
    assert_true(text_is_hex("", 0, 0));
    text_hex(text, "\x00\xab\xff", 3);
    assert_string_equal(text, "00abff");
    assert_true(text_unhex(bytes, 3, "00ABff"));
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    assert_false(text_unhex(bytes, 3, "00abf"));
    assert_false(text_unhex(bytes, 3, "00abff0"));
    assert_false(text_unhex(bytes, 3, "00ab+f"));
}

static void integers(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        bool is;
        int64_t value;
    } rows[] = {
        {"0", 0, 0, true, 0},
        {"-1", -1, 1, true, -1},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"92233720368547758070", INT64_MIN, INT64_MAX, false, 0},
        {"100", 0, 100, true, 100},
        {"101", 0, 100, false, 0},
        {"-201", -200, 0, false, 0},
        {"-200", -200, 0, true, -200},
        {"", 0, 9, false, 0},
        {"-", -9, 9, false, 0},
        {"-0", -9, 9, false, 0},
        {"00", 0, 9, false, 0},
        {"01", 0, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"1x", 0, 99, false, 0},
        {"0x1", 0, 99, false, 0},
        {"1e1", 0, 99, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = -77;

        CHECK_ROW(text_to_i64(rows[i].text, strlen(rows[i].text), rows[i].min, rows[i].max, &value) == rows[i].is,
                  rows[i].text);
        CHECK_ROW(value == (rows[i].is ? rows[i].value : -77), rows[i].text);
        char digits[TEXT_I64_SIZE], *end = digits + sizeof digits, *begin = text_put_i64(end, rows[i].value); /* and back */
        CHECK_ROW(!rows[i].is || ((size_t)(end - begin) == strlen(rows[i].text) && memcmp(begin, rows[i].text, (size_t)(end - begin)) == 0), rows[i].text);
    }
}

static void excerpts(void **state)
{
    char dst[8];

    (void)state;
    assert_string_equal(text_excerpt(dst, sizeof dst, "1234567", 7), "1234567");
    assert_string_equal(text_excerpt(dst, sizeof dst, "12345678", 8), "1234...");
    assert_string_equal(text_excerpt(dst, sizeof dst, "a\n\0\xff", 4), "a???");
    assert_string_equal(text_excerpt(dst, sizeof dst, "", 0), "");
    assert_string_equal(text_excerpt(dst, 1, "abc", 3), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_whole_or_not_at_all), cmocka_unit_test(ids),
        cmocka_unit_test(words),                      cmocka_unit_test(utf8),
        cmocka_unit_test(plain_text_has_no_controls), cmocka_unit_test(hex),
        cmocka_unit_test(integers),                   cmocka_unit_test(excerpts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
