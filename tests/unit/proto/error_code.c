/* Every code has a name of its own, a text and the class that DESIGN gives it. */
#include "check.h"

#include "proto/error_code.h"

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CODE_COUNT; i++) {
        enum error_code code = ERROR_CODE_COUNT;

        assert_true(error_code_read(error_code_name((enum error_code)i), &code));
        assert_int_equal(code, i);
        assert_true(strlen(error_code_text((enum error_code)i)) > 5);
        assert_true((error_code_class((enum error_code)i) == CLASS_NONE) == (i == E_NONE));
    }
}

static void what_is_no_code_is_refused(void **state)
{
    static const char *const rows[] = {"E_", "E_NONE", "e_sha256", "E_SHA256 ", "SHA256", "-"};
    enum error_code code = E_BUSY;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(!error_code_read(rows[i], &code), rows[i]);
        CHECK_ROW(code == E_BUSY, rows[i]);
    }
    assert_string_equal(error_code_name(E_NONE), "");
    assert_string_equal(error_code_name(ERROR_CODE_COUNT), "E_INTERNAL");
}

static void classes(void **state)
{
    (void)state;
    assert_int_equal(error_code_class(E_DOWNLOAD_HTTP), CLASS_TRANSIENT);
    assert_int_equal(error_code_class(E_SIGNATURE), CLASS_PERMANENT);
    assert_int_equal(error_code_class(E_BUSY), CLASS_BUSY);
    assert_int_equal(error_code_class(E_LOST), CLASS_TRANSIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_read_back), cmocka_unit_test(what_is_no_code_is_refused), cmocka_unit_test(classes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
