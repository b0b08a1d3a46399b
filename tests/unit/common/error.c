/* Every error has a text and a name of its own; problems never carry raw input. */
#include "check.h"

static void each_error_has_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < DROVER_ERROR_COUNT; i++) {
        assert_true(strlen(drover_error_text((enum drover_error)i)) > 2);
        for (const char *c = drover_error_name((enum drover_error)i); *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(drover_error_name((enum drover_error)i), drover_error_name((enum drover_error)j));
    }
    assert_string_equal(drover_error_name(DROVER_TOO_LONG), "too_long");
    assert_string_equal(drover_error_name(DROVER_UNAVAILABLE), "unavailable");
    assert_string_equal(drover_error_name(DROVER_UTF8), "utf8");
    assert_string_equal(drover_error_name(DROVER_ERROR_COUNT), "no_such_error");
    assert_string_equal(drover_error_text(DROVER_ERROR_COUNT), "no such error");
}

static void problem_is_clean_and_bounded(void **state)
{
    struct problem problem;
    char longer[1000];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(problem_set(NULL, DROVER_RANGE, "a", "%d", 1), DROVER_RANGE);
    assert_int_equal(problem_set(&problem, DROVER_RANGE, "progress", "%d is over 100", 101), DROVER_RANGE);
    assert_int_equal(problem.error, DROVER_RANGE);
    assert_string_equal(problem.where, "progress");
    assert_string_equal(problem.what, "101 is over 100");
    (void)problem_set(&problem, DROVER_SYNTAX, "a\nb\x1b", "%s", "\xff\x07ok");
    assert_string_equal(problem.where, "a?b?");
    assert_string_equal(problem.what, "??ok");
    (void)problem_set(&problem, DROVER_SYNTAX, longer, "%s", longer);
    assert_int_equal(strlen(problem.where), sizeof problem.where - 1);
    assert_int_equal(strlen(problem.what), sizeof problem.what - 1);
    assert_string_equal(problem.what + sizeof problem.what - 5, "x...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_name),
        cmocka_unit_test(problem_is_clean_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
