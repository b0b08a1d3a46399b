/* Values by name, from the flat table and from cJSON's tree: same answers, same problems. */
#include "check.h"

#include <cJSON.h>

#include "common/json.h"
#include "common/text.h"

struct both {
    struct json_flat flat;
    cJSON *tree;
};

static void both_read(struct both *both, const char *text)
{
    assert_int_equal(json_flat_read(text, strlen(text), &json_message_limits, &both->flat, NULL), DROVER_OK);
    assert_int_equal(json_parse(text, strlen(text), &json_message_limits, &both->tree, NULL), DROVER_OK);
}

static void integers(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        int64_t value;
    } rows[] = {
        {"{\"n\":0}", DROVER_OK, 0},          {"{\"n\":-0}", DROVER_OK, 0},      {"{\"n\":100}", DROVER_OK, 100},
        {"{\"n\":101}", DROVER_RANGE, 0},     {"{\"n\":-5}", DROVER_OK, -5},     {"{\"n\":-6}", DROVER_RANGE, 0},
        {"{\"n\":5.0}", DROVER_OK, 5},        {"{\"n\":1e2}", DROVER_OK, 100},   {"{\"n\":1.5}", DROVER_TYPE, 0},
        {"{\"n\":1e3}", DROVER_RANGE, 0},     {"{\"n\":1e300}", DROVER_RANGE, 0}, {"{\"n\":\"5\"}", DROVER_TYPE, 0},
        {"{\"n\":true}", DROVER_TYPE, 0},     {"{\"n\":[1]}", DROVER_TYPE, 0},   {"{\"n\":{}}", DROVER_TYPE, 0},
        {"{\"n\":1e-400}", DROVER_OK, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t flat_value = 77, tree_value = 77, wanted = rows[i].error ? 77 : rows[i].value;
        struct problem problem;
        struct both both;

        both_read(&both, rows[i].text);
        CHECK_PROBLEM(json_member_i64(json_flat_find(&both.flat, "n"), "n", -5, 100, &flat_value, &problem), problem,
                      rows[i].error, "n", rows[i].text);
        CHECK_PROBLEM(json_get_i64(both.tree, "n", true, -5, 100, &tree_value, &problem), problem, rows[i].error, "n",
                      rows[i].text);
        CHECK_ROW(flat_value == wanted && tree_value == wanted, rows[i].text);
        cJSON_Delete(both.tree);
    }
}

static void scaled_numbers(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        int64_t value; /* with two decimals, 1 .. 10000 */
    } rows[] = {
        {"{\"n\":1}", DROVER_OK, 100},       {"{\"n\":0.01}", DROVER_OK, 1},      {"{\"n\":0.29}", DROVER_OK, 29},     {"{\"n\":99.99}", DROVER_OK, 9999},
        {"{\"n\":1e1}", DROVER_OK, 1000},    {"{\"n\":12.50}", DROVER_OK, 1250},  {"{\"n\":100.00}", DROVER_OK, 10000}, {"{\"n\":0}", DROVER_RANGE, 0},
        {"{\"n\":100.01}", DROVER_RANGE, 0}, {"{\"n\":-1}", DROVER_RANGE, 0},     {"{\"n\":0.001}", DROVER_RANGE, 0},  {"{\"n\":1.234}", DROVER_RANGE, 0},
        {"{\"n\":1e300}", DROVER_RANGE, 0},  {"{\"n\":\"1\"}", DROVER_TYPE, 0},   {"{\"n\":true}", DROVER_TYPE, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {0};
        struct json_flat flat;
        int64_t value = 0;

        assert_int_equal(json_flat_read(rows[i].text, strlen(rows[i].text), &json_message_limits, &flat, NULL), DROVER_OK);
        CHECK_PROBLEM(json_member_scaled(json_flat_find(&flat, "n"), "n", 2, 1, 10000, &value, &problem), problem, rows[i].error, "n", rows[i].text);
        CHECK_ROW(value == rows[i].value, rows[i].text);
    }
}

static void texts(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        const char *value;
    } rows[] = {
        {"{\"t\":\"\"}", DROVER_OK, ""},           {"{\"t\":\"1234567\"}", DROVER_OK, "1234567"},
        {"{\"t\":\"12345678\"}", DROVER_TOO_LONG, ""}, {"{\"t\":\"\\u00e4\\n\\\"\"}", DROVER_OK, "\xC3\xA4\n\""},
        {"{\"t\":\"\\ud83d\\ude00\\/\"}", DROVER_OK, "\xF0\x9F\x98\x80/"}, {"{\"t\":\"\\u20ac\\u07ff\"}", DROVER_OK, "\xE2\x82\xAC\xDF\xBF"},
        {"{\"t\":1}", DROVER_TYPE, ""},            {"{\"t\":false}", DROVER_TYPE, ""},
        {"{\"\\u0074\":\"x\"}", DROVER_OK, "x"}, /* the name is t */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char flat_value[8] = "kept", tree_value[8] = "kept";
        const char *wanted = rows[i].error ? "kept" : rows[i].value;
        struct problem problem;
        struct both both;

        both_read(&both, rows[i].text);
        CHECK_PROBLEM(json_member_text(json_flat_find(&both.flat, "t"), "t", flat_value, sizeof flat_value, &problem),
                      problem, rows[i].error, "t", rows[i].text);
        CHECK_PROBLEM(json_get_text(both.tree, "t", true, tree_value, sizeof tree_value, &problem), problem,
                      rows[i].error, "t", rows[i].text);
        CHECK_ROW(strcmp(flat_value, wanted) == 0 && strcmp(tree_value, wanted) == 0, rows[i].text);
        cJSON_Delete(both.tree);
    }
}

static void flags(void **state)
{
    struct problem problem;
    struct both both;
    bool value = false;

    (void)state;
    both_read(&both, "{\"yes\":true,\"no\":false,\"one\":1}");
    assert_int_equal(json_member_bool(json_flat_find(&both.flat, "yes"), "yes", &value, NULL), DROVER_OK);
    assert_true(value);
    assert_int_equal(json_get_bool(both.tree, "no", true, &value, NULL), DROVER_OK);
    assert_false(value);
    CHECK_PROBLEM(json_member_bool(json_flat_find(&both.flat, "one"), "one", &value, &problem), problem, DROVER_TYPE, "one", "1");
    CHECK_PROBLEM(json_get_bool(both.tree, "one", false, &value, &problem), problem, DROVER_TYPE, "one", "1");
    cJSON_Delete(both.tree);
}

static void absent_and_null_are_the_same(void **state)
{
    char text[ID_SIZE] = "kept";
    struct problem problem;
    struct both both;
    int64_t number = 77;
    bool flag = true;

    (void)state;
    both_read(&both, "{\"x\":null}");
    assert_null(json_flat_find(&both.flat, "x"));
    assert_null(json_flat_find(&both.flat, "y"));
    for (const char *name = "x"; *name <= 'y'; name = *name == 'x' ? "y" : "z") {
        assert_int_equal(json_get_text(both.tree, name, false, text, sizeof text, NULL), DROVER_OK);
        assert_int_equal(json_get_id(both.tree, name, false, text, NULL), DROVER_OK);
        assert_int_equal(json_get_i64(both.tree, name, false, 0, 9, &number, NULL), DROVER_OK);
        assert_int_equal(json_get_bool(both.tree, name, false, &flag, NULL), DROVER_OK);
        CHECK_PROBLEM(json_get_text(both.tree, name, true, text, sizeof text, &problem), problem, DROVER_MISSING, name, name);
        CHECK_PROBLEM(json_get_id(both.tree, name, true, text, &problem), problem, DROVER_MISSING, name, name);
        CHECK_PROBLEM(json_get_i64(both.tree, name, true, 0, 9, &number, &problem), problem, DROVER_MISSING, name, name);
        CHECK_PROBLEM(json_get_bool(both.tree, name, true, &flag, &problem), problem, DROVER_MISSING, name, name);
    }
    assert_string_equal(text, "kept");
    assert_int_equal(number, 77);
    assert_true(flag);
    cJSON_Delete(both.tree);
}

static void ids(void **state)
{
    char id[ID_SIZE] = "kept";
    struct problem problem;
    struct both both;

    (void)state;
    both_read(&both, "{\"good\":\"d-1\",\"bad\":\"a b\",\"empty\":\"\","
                     "\"long\":\"a1234567890123456789012345678901234567890123456789012345678901234\"}");
    CHECK_PROBLEM(json_get_id(both.tree, "bad", true, id, &problem), problem, DROVER_SYNTAX, "bad", "bad");
    CHECK_PROBLEM(json_get_id(both.tree, "empty", false, id, &problem), problem, DROVER_SYNTAX, "empty", "empty");
    CHECK_PROBLEM(json_get_id(both.tree, "long", true, id, &problem), problem, DROVER_TOO_LONG, "long", "long");
    assert_string_equal(id, "kept");
    assert_int_equal(json_get_id(both.tree, "good", true, id, NULL), DROVER_OK);
    assert_string_equal(id, "d-1");
    cJSON_Delete(both.tree);
}

static void members_are_found_in_any_order(void **state)
{
    static const char *const names[] = {"d", "a", "c", "c", "b", "d", "a"};
    struct both both;

    (void)state;
    both_read(&both, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        int64_t value = 0;

        assert_int_equal(json_member_i64(json_flat_find(&both.flat, names[i]), names[i], 0, 9, &value, NULL), DROVER_OK);
        assert_int_equal(value, names[i][0] - 'a' + 1);
    }
    cJSON_Delete(both.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(scaled_numbers), cmocka_unit_test(texts), cmocka_unit_test(flags),
        cmocka_unit_test(absent_and_null_are_the_same), cmocka_unit_test(ids),
        cmocka_unit_test(members_are_found_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
