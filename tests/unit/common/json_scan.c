/* What JSON is taken and what is refused, where and why; limits at their exact edges. Each row is judged by both ways of
 * reading, which must agree. */
#include "check.h"

#include <cJSON.h>

#include "common/json.h"

static enum drover_error parse(const char *text, size_t length, const struct json_limits *limits, struct problem *problem)
{
    struct json_flat flat;
    struct problem flat_problem;
    cJSON *object = NULL;
    enum drover_error error = json_parse(text, length, limits, &object, problem);
    char *exact = malloc(length ? length : 1); /* no NUL behind it: a sanitizer sees a byte too far */

    assert_non_null(exact);
    memcpy(exact, text, length);
    assert_int_equal(json_flat_read(exact, length, limits, &flat, &flat_problem), error);
    if (error)
        assert_string_equal(problem->where, flat_problem.where);
    else
        assert_int_equal(flat.count, cJSON_GetArraySize(object));
    assert_true((object != NULL) == (error == DROVER_OK));
    cJSON_Delete(object);
    free(exact);
    return error;
}

static void takes_good_json(void **state)
{
    static const char *const rows[] = {
        "{}", " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } \n", "{\"\":0}", "{\"a\":null,\"b\":true,\"c\":false}",
        "{\"a\":-0,\"b\":0.5,\"c\":1e5,\"d\":1E-5,\"e\":-1.5e+3,\"f\":10}",
        "{\"a\":9007199254740992,\"b\":-9007199254740992}", "{\"a\":1e307}", "{\"a\":1e-99999}", "{\"a\":12345678.5e-300}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\ude00\"}", "{\"a\":\"\xC3\xA4\x7F\"}",
        "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":[{\"x\":1},{\"x\":2}],\"x\":3}", "{\"a\":1,\"A\":2}", "{\"a\":{},\"b\":{}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;

        CHECK_PROBLEM(parse(rows[i], strlen(rows[i]), &json_message_limits, &problem), problem, DROVER_OK, "", rows[i]);
    }
}

static void refuses_bad_json(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"", DROVER_SYNTAX, "payload"},
        {" \n", DROVER_SYNTAX, "payload"},
        {"[]", DROVER_TYPE, "payload"},
        {"1", DROVER_TYPE, "payload"},
        {"\xEF\xBB\xBF{}", DROVER_SYNTAX, "byte 0"},
        {"{", DROVER_SYNTAX, "byte 1"},
        {"{}x", DROVER_SYNTAX, "byte 2"},
        {"{}{}", DROVER_SYNTAX, "byte 2"},
        {"{\"a\"", DROVER_SYNTAX, "byte 4"},
        {"{\"a\":", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":1", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":1,}", DROVER_SYNTAX, "byte 7"},
        {"{,}", DROVER_SYNTAX, "byte 1"},
        {"{\"a\" 1}", DROVER_SYNTAX, "byte 5"},
        {"{a:1}", DROVER_SYNTAX, "byte 1"},
        {"{'a':1}", DROVER_SYNTAX, "byte 1"},
        {"{\"a\":[1,]}", DROVER_SYNTAX, "byte 8"},
        {"{\"a\":[1}", DROVER_SYNTAX, "byte 7"},
        {"{\"a\":[1", DROVER_SYNTAX, "byte 7"},
        {"{\"a\":tru}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":True}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":nul", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":NaN}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":Infinity}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":01}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":-01}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":-}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":+1}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":.5}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":1.}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":1e}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":1e+}", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":0x10}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":1 2}", DROVER_SYNTAX, "byte 7"},
        {"{\"a\":\"x", DROVER_SYNTAX, "byte 5"},
        {"{\"a\":\"x\ny\"}", DROVER_SYNTAX, "byte 7"},
        {"{\"a\":\"\\x\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\u12", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\u12g4\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"x\\u0000\"}", DROVER_SYNTAX, "byte 7"},
        {"{\"a\":\"\\ud800\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\ud800\\u0041\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\ud800\\ud800\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\udc00\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"\\ud83d\\ude0\"}", DROVER_SYNTAX, "byte 6"},
        {"{\"a\":\"x\xFF\"}", DROVER_UTF8, "byte 7"},
        {"{\"a\":\"\xC0\x80\"}", DROVER_UTF8, "byte 6"},
        {"{\"a\":\"\xED\xA0\x80\"}", DROVER_UTF8, "byte 6"},
        {"{\"a\":\"\xC3", DROVER_UTF8, "byte 6"},
        {"{\"\xFF\":1}", DROVER_UTF8, "byte 2"},
        {"{\"a\":9007199254740993}", DROVER_RANGE, "a"},
        {"{\"a\":-9007199254740993}", DROVER_RANGE, "a"},
        {"{\"a\":99999999999999999999}", DROVER_RANGE, "a"},
        {"{\"a\":1e308}", DROVER_RANGE, "a"},
        {"{\"a\":-1e99999999999999999999}", DROVER_RANGE, "a"},
        {"{\"a\":0.00000000000000000000000000000000000000}", DROVER_OK, ""},      /* 40 bytes */
        {"{\"a\":0.000000000000000000000000000000000000000}", DROVER_TOO_LONG, "a"},
        {"{\"\":1e308}", DROVER_RANGE, "byte 4"}, /* a name of nothing is no place */
        {"{\"a\":1,\"a\":2}", DROVER_DUPLICATE, "a"},
        {"{\"a\":1,\"\\u0061\":2}", DROVER_DUPLICATE, "\\u0061"},
        {"{\"b\":{\"a\":1,\"a\":2}}", DROVER_DUPLICATE, "b"},
        {"{\"b\":[{\"a\":1},{\"c\":1,\"a\":1,\"c\":2}]}", DROVER_DUPLICATE, "b"},
        {"{\"a\":{\"x\":1},\"x\":1,\"a\":1}", DROVER_DUPLICATE, "a"},
        {"{\"a\":[[[1]]]}", DROVER_OK, ""},
        {"{\"a\":[[[[1]]]]}", DROVER_TOO_DEEP, "a"},
        {"{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", DROVER_TOO_DEEP, "a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;

        CHECK_PROBLEM(parse(rows[i].text, strlen(rows[i].text), &json_message_limits, &problem), problem, rows[i].error,
                      rows[i].where, rows[i].text);
    }
    assert_int_equal(parse("{\"a\":1}\0", 8, &json_message_limits, &(struct problem){0}), DROVER_SYNTAX);
    assert_int_equal(parse("{\"a\":\"\0\"}", 9, &json_message_limits, &(struct problem){0}), DROVER_SYNTAX);
}

/* {"k0":0,"k1":1,...} with `members` members */
static void build_members(struct buffer *buffer, unsigned members)
{
    buffer_clear(buffer);
    for (unsigned i = 0; i < members; i++)
        buffer_add_format(buffer, "%s\"k%u\":%u", i ? "," : "{", i, i);
    buffer_add_text(buffer, "}");
}

static void members_limit_is_exact(void **state)
{
    struct buffer buffer;
    struct problem problem;
    cJSON *object;

    (void)state;
    buffer_init(&buffer, 0);
    build_members(&buffer, 64);
    assert_int_equal(parse(buffer.bytes, buffer.length, &json_message_limits, &problem), DROVER_OK);
    build_members(&buffer, 65);
    CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &json_message_limits, &problem), problem, DROVER_TOO_LONG, "k64", "65");
    build_members(&buffer, 4096);
    assert_int_equal(json_parse(buffer.bytes, buffer.length, &json_api_limits, &object, NULL), DROVER_OK);
    cJSON_Delete(object);
    build_members(&buffer, 4097);
    assert_int_equal(json_parse(buffer.bytes, buffer.length, &json_api_limits, &object, NULL), DROVER_TOO_LONG);
    buffer_clear(&buffer);
    buffer_add_text(&buffer, "{\"a\":[0"); /* the array and its items count: 1 + 63 */
    for (unsigned i = 0; i < 62; i++)
        buffer_add_text(&buffer, ",0");
    buffer_add_text(&buffer, "]}");
    assert_int_equal(parse(buffer.bytes, buffer.length, &json_message_limits, &problem), DROVER_OK);
    buffer.length -= 2;
    buffer_add_text(&buffer, ",0]}");
    CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &json_message_limits, &problem), problem, DROVER_TOO_LONG, "a", "64 items");
    buffer_done(&buffer);
}

/* {"<name>":"<value>"} of x's, then spaces up to `bytes` */
static void build_string(struct buffer *buffer, size_t name, size_t value, size_t bytes)
{
    buffer_clear(buffer);
    buffer_add_text(buffer, "{\"");
    for (size_t i = 0; i < name; i++)
        buffer_add_text(buffer, "n");
    buffer_add_text(buffer, "\":\"");
    for (size_t i = 0; i < value; i++)
        buffer_add_text(buffer, i % 2 ? "v" : "\\u0076"); /* what counts is the length without escapes */
    buffer_add_text(buffer, "\"}");
    while (buffer->length < bytes)
        buffer_add_text(buffer, " ");
}

static void byte_limits_are_exact(void **state)
{
    static const struct {
        const char *row;
        size_t name, value, bytes;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"longest string", 1, 512, 0, DROVER_OK, ""},
        {"string too long", 1, 513, 0, DROVER_TOO_LONG, "n"},
        {"longest name", 512, 1, 0, DROVER_OK, ""},
        {"name too long", 513, 1, 0, DROVER_TOO_LONG, "byte 1"},
        {"longest payload", 1, 1, 8192, DROVER_OK, ""},
        {"payload too long", 1, 1, 8193, DROVER_TOO_LONG, "payload"},
    };
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;

        build_string(&buffer, rows[i].name, rows[i].value, rows[i].bytes);
        CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &json_message_limits, &problem), problem, rows[i].error,
                      rows[i].where, rows[i].row);
    }
    buffer_done(&buffer);
}

static void impossible_limits_are_refused(void **state)
{
    struct json_limits limits = {100, 4, 65, 100};
    struct json_flat flat;
    struct problem problem;

    (void)state;
    CHECK_PROBLEM(json_flat_read("{}", 2, &limits, &flat, &problem), problem, DROVER_RANGE, "limits", "65 members");
}

/* A caller may allow long strings (a JWS has its payload in one); names stay short whatever the limits say. */
static void long_strings_but_no_long_names(void **state)
{
    static const struct json_limits wide = {1000000, 2, 8, 150000};
    struct buffer buffer;
    struct problem problem;

    (void)state;
    buffer_init(&buffer, 0);
    build_string(&buffer, 4096, 150000, 0);
    CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &wide, &problem), problem, DROVER_OK, "", "both longest");
    build_string(&buffer, 1, 150001, 0);
    CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &wide, &problem), problem, DROVER_TOO_LONG, "n", "a string of 150001");
    build_string(&buffer, 4097, 1, 0);
    CHECK_PROBLEM(parse(buffer.bytes, buffer.length, &wide, &problem), problem, DROVER_TOO_LONG, "byte 1", "a name of 4097");
    buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_good_json),
        cmocka_unit_test(refuses_bad_json),
        cmocka_unit_test(members_limit_is_exact),
        cmocka_unit_test(byte_limits_are_exact),
        cmocka_unit_test(impossible_limits_are_refused),
        cmocka_unit_test(long_strings_but_no_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
