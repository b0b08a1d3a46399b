/* Nothing that could steer a terminal gets through, and widths are those of a terminal. */
#include "check.h"

#include <locale.h>

#include "cli/safe_text.h"
#include "common/text.h"

static void texts_are_made_safe(void **state)
{
    static const struct {
        const char *raw, *safe;
        size_t length; /* 0: strlen */
    } rows[] = {
        {"plain", "plain", 0},
        {"", "", 0},
        {"\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m", 0},
        {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d", 0},
        {"\x7f", "\\x7f", 0},
        {"nul\0end", "nul\\x00end", 7},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 0},                /* letters stay */
        {"csi \xc2\x9b", "csi \\u009b", 0},                             /* C1 in UTF-8 */
        {"\xe2\x80\xae" "evil", "\\u202e" "evil", 0},                   /* right to left override */
        {"zero\xe2\x80\x8bwidth", "zero\\u200bwidth", 0},
        {"\xff\xc3", "\\xff\\xc3", 0},                                  /* no UTF-8 */
        {"\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out;

        buffer_init(&out, 0);
        safe_text_add(&out, rows[i].raw, rows[i].length ? rows[i].length : strlen(rows[i].raw));
        CHECK_TEXT(out.bytes, rows[i].safe, rows[i].safe);
        CHECK_ROW(text_is_plain(out.bytes ? out.bytes : "", out.length), rows[i].safe);
        buffer_done(&out);
    }
}

static void every_byte_pair_is_safe(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        const char bytes[2] = {(char)(pair >> 8), (char)pair};
        struct buffer out;

        buffer_init(&out, 0);
        safe_text_add(&out, bytes, 2);
        assert_true(!out.failed && text_is_plain(out.bytes, out.length));
        buffer_done(&out);
    }
}

static void widths_and_cuts(void **state)
{
    static const struct {
        const char *text;
        unsigned width, columns;
        size_t kept;
    } rows[] = {
        {"abc", 3, 2, 2},
        {"abc", 3, 9, 3},
        {"", 0, 3, 0},
        {"\xc3\xbc" "b", 2, 1, 2},
        {"\xe6\xbc\xa2\xe5\xad\x97", 4, 3, 3}, /* two wide characters: the second does not fit in three columns */
        {"e\xcc\x81" "x", 2, 1, 3},            /* a combining accent takes no column of its own */
    };

    (void)state;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(safe_text_width(rows[i].text, strlen(rows[i].text)) == rows[i].width, rows[i].text);
        CHECK_ROW(safe_text_cut(rows[i].text, strlen(rows[i].text), rows[i].columns) == rows[i].kept, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_made_safe), cmocka_unit_test(every_byte_pair_is_safe), cmocka_unit_test(widths_and_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
