/* Walking a large document: arrays item by item, objects inside them, and the limits of the flat table. */
#include "check.h"

#include "common/json.h"

static const struct json_limits limits = {65536, 5, 4000, 512};

static void items_come_one_by_one(void **state)
{
    static const char text[] = "{\"a\":[ 1 ,\"x,]\\\"\\u00e4\" , {\"b\":[\"}\"]},[[],2],true,false,null,-1.5e3 ],\"c\":[]}";
    static const struct {
        enum json_kind kind;
        const char *value;
        unsigned decoded;
    } rows[] = {{JSON_NUMBER, "1", 1}, {JSON_STRING, "x,]\\\"\\u00e4", 6}, {JSON_OBJECT, "{\"b\":[\"}\"]}", 11}, {JSON_ARRAY, "[[],2]", 6},
                {JSON_TRUE, "true", 4}, {JSON_FALSE, "false", 5}, {JSON_NULL, "null", 4}, {JSON_NUMBER, "-1.5e3", 6}};
    struct json_flat flat, inner;
    struct json_array array;
    struct json_member item, object = {0};

    (void)state;
    assert_int_equal(json_document_read(text, sizeof text - 1, &limits, &flat, NULL), DROVER_OK);
    assert_int_equal(json_array_begin(json_flat_find(&flat, "a"), "a", &array, NULL), DROVER_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(json_array_next(&array, &item), rows[i].value);
        CHECK_ROW(item.kind == rows[i].kind && item.value.length == strlen(rows[i].value), rows[i].value);
        CHECK_ROW(memcmp(item.value.bytes, rows[i].value, item.value.length) == 0 && item.value.decoded == rows[i].decoded, rows[i].value);
        if (item.kind == JSON_OBJECT)
            object = item;
    }
    assert_false(json_array_next(&array, &item));
    assert_int_equal(json_array_begin(json_flat_find(&flat, "c"), "c", &array, NULL), DROVER_OK);
    assert_false(json_array_next(&array, &item));
    assert_int_equal(json_document_read(object.value.bytes, object.value.length, &limits, &inner, NULL), DROVER_OK);
    assert_int_equal(json_flat_find(&inner, "b")->kind, JSON_ARRAY);
}

static void what_is_no_array_is_said(void **state)
{
    struct problem problem;
    struct json_array array;
    struct json_flat flat;

    (void)state;
    assert_int_equal(json_document_read("{\"a\":{}}", 8, &limits, &flat, NULL), DROVER_OK);
    CHECK_PROBLEM(json_array_begin(json_flat_find(&flat, "a"), "a", &array, &problem), problem, DROVER_TYPE, "a", "object");
}

/* Thousands of values are fine, 65 members of the outermost object are not. */
static void limits_hold(void **state)
{
    struct buffer text;
    struct json_flat flat;
    struct json_member item;
    struct json_array array;
    struct problem problem;
    unsigned count = 0;

    (void)state;
    buffer_init(&text, 0);
    buffer_add_text(&text, "{\"a\":[0");
    for (unsigned i = 0; i < 3000; i++)
        buffer_add_text(&text, ",0");
    buffer_add_text(&text, "]}");
    assert_int_equal(json_document_read(text.bytes, text.length, &limits, &flat, NULL), DROVER_OK);
    assert_int_equal(json_array_begin(&flat.members[0], "a", &array, NULL), DROVER_OK);
    while (json_array_next(&array, &item))
        count++;
    assert_int_equal(count, 3001);
    buffer_clear(&text);
    for (unsigned i = 0; i < 65; i++)
        buffer_add_format(&text, "%s\"m%u\":0", i == 0 ? "{" : ",", i);
    buffer_add_text(&text, "}");
    CHECK_PROBLEM(json_document_read(text.bytes, text.length, &limits, &flat, &problem), problem, DROVER_TOO_LONG, "m64", "65 members");
    buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_one_by_one),
        cmocka_unit_test(what_is_no_array_is_said),
        cmocka_unit_test(limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
