/* The nearest word, and none when nothing is near. */
#include "check.h"

#include "common/suggest.h"

static void distances(void **state)
{
    static const struct {
        const char *left, *right;
        size_t distance;
    } rows[] = {
        {"", "", 0},         {"a", "", 1},           {"start", "start", 0},   {"strat", "start", 1}, {"stat", "start", 1},
        {"startt", "start", 1}, {"stert", "start", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1},       {"abcd", "dcba", 3},
        {"0123456789012345678901234567890123", "x", SIZE_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(suggest_distance(rows[i].left, rows[i].right) == rows[i].distance, rows[i].left);
        CHECK_ROW(suggest_distance(rows[i].right, rows[i].left) == rows[i].distance, rows[i].left);
    }
}

static void nearest_is_kept(void **state)
{
    struct suggestion suggestion;

    (void)state;
    suggest_begin(&suggestion, "pauze");
    suggest_offer(&suggestion, "resume");
    assert_null(suggestion.best);
    suggest_offer(&suggestion, "pause");
    suggest_offer(&suggestion, "cancel");
    assert_string_equal(suggestion.best, "pause");
    suggest_begin(&suggestion, "x");
    suggest_offer(&suggestion, "list");
    assert_null(suggestion.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(nearest_is_kept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
