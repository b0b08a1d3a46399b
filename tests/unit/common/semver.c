/* The grammar's edges and the precedence chain of semver.org. */
#include "check.h"

#include "common/semver.h"

#define NINES_57 "999999999999999999999999999999999999999999999999999999999"

static void reads_what_the_grammar_allows(void **state)
{
    static const struct {
        const char *text, *stored;
    } rows[] = {
        {"0.0.0", "0.0.0"},
        {"1.2.3", "1.2.3"},
        {"v1.2.3", "1.2.3"},
        {"1.0.0-alpha", "1.0.0-alpha"},
        {"1.0.0-alpha.1", "1.0.0-alpha.1"},
        {"1.0.0-0.3.7", "1.0.0-0.3.7"},
        {"1.0.0-x-y-z.--", "1.0.0-x-y-z.--"},
        {"1.0.0-01a", "1.0.0-01a"},
        {"1.0.0+001", "1.0.0+001"},
        {"1.0.0-rc.1+20130313144700", "1.0.0-rc.1+20130313144700"},
        {"1.0.0+21AF26D3----117B344092BD", "1.0.0+21AF26D3----117B344092BD"},
        {"99999999999999999999.0.0", "99999999999999999999.0.0"},
        {NINES_57 ".10.0", NINES_57 ".10.0"},    /* 62 characters */
        {NINES_57 ".10.10", NINES_57 ".10.10"},  /* 63: the most */
        {"v" NINES_57 ".10.10", NINES_57 ".10.10"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char version[VERSION_SIZE];
        struct problem problem;

        CHECK_PROBLEM(semver_read(rows[i].text, strlen(rows[i].text), version, &problem), problem, DROVER_OK, "", rows[i].text);
        CHECK_ROW(strcmp(version, rows[i].stored) == 0, rows[i].text);
    }
}

static void refuses_the_rest(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
    } rows[] = {
        {"", DROVER_SYNTAX},           {"v", DROVER_SYNTAX},          {"1", DROVER_SYNTAX},
        {"1.2", DROVER_SYNTAX},        {"1.2.", DROVER_SYNTAX},       {"1.2.3.4", DROVER_SYNTAX},
        {"01.2.3", DROVER_SYNTAX},     {"1.02.3", DROVER_SYNTAX},     {"1.2.03", DROVER_SYNTAX},
        {"-1.2.3", DROVER_SYNTAX},     {"1.2.3-", DROVER_SYNTAX},     {"1.2.3+", DROVER_SYNTAX},
        {"1.2.3-01", DROVER_SYNTAX},   {"1.2.3-a..b", DROVER_SYNTAX}, {"1.2.3-a_b", DROVER_SYNTAX},
        {"1.2.3+a+b", DROVER_SYNTAX},  {"1.2.3 ", DROVER_SYNTAX},     {" 1.2.3", DROVER_SYNTAX},
        {"V1.2.3", DROVER_SYNTAX},     {"vv1.2.3", DROVER_SYNTAX},    {"1.2.3-\xC3\xA4", DROVER_SYNTAX},
        {"1.2.x", DROVER_SYNTAX},      {"1..3", DROVER_SYNTAX},       {".1.2", DROVER_SYNTAX},
        {NINES_57 ".10.100", DROVER_TOO_LONG}, /* 64 characters */
        {"v" NINES_57 ".10.100", DROVER_TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char version[VERSION_SIZE] = "kept";
        struct problem problem;

        CHECK_PROBLEM(semver_read(rows[i].text, strlen(rows[i].text), version, &problem), problem, rows[i].error, "version",
                      rows[i].text);
        CHECK_ROW(strcmp(version, "kept") == 0, rows[i].text);
    }
    assert_int_equal(semver_read("1.2.3\0", 6, (char[VERSION_SIZE]){0}, NULL), DROVER_SYNTAX);
}

/* Each is below all that follow it. */
static void precedence_is_a_chain(void **state)
{
    static const char *const chain[] = {
        "0.0.0-0", "0.0.0", "0.9.10", "0.10.9", "1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-11",
        "1.0.0-99999999999999999999", "1.0.0-100000000000000000000", "1.0.0--", "1.0.0-Beta", "1.0.0-a", "1.0.0-alpha",
        "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-beta.11.0",
        "1.0.0-rc.1", "1.0.0", "1.0.1-rc.1", "1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0", "18446744073709551616.0.0",
        "18446744073709551617.0.0",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(chain); i++)
        for (size_t j = 0; j < COUNT_OF(chain); j++) {
            int order = semver_compare(chain[i], chain[j]);

            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                fail_msg("%s against %s gives %d", chain[i], chain[j], order);
        }
}

static void build_metadata_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(semver_compare("1.0.0+a", "1.0.0+b"), 0);
    assert_int_equal(semver_compare("1.0.0", "1.0.0+b.1-x"), 0);
    assert_int_equal(semver_compare("1.0.0-rc.1+a", "1.0.0-rc.1"), 0);
    assert_true(semver_compare("1.0.0-rc.1+z", "1.0.0+a-b") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_grammar_allows),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(precedence_is_a_chain),
        cmocka_unit_test(build_metadata_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
