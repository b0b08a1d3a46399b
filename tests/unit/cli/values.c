/* Members by path, and what stands for those that are absent or of another type. */
#include "check.h"

#include <cjson/cJSON.h>

#include "cli/http_client.h"
#include "cli/values.h"

static void paths_are_followed(void **state)
{
    cJSON *object = cJSON_Parse("{\"a\":{\"b\":{\"c\":7}},\"text\":\"x\",\"yes\":true,\"one\":1,\"zero\":0,\"nothing\":null,\"huge\":1e300}");

    (void)state;
    assert_non_null(object);
    assert_int_equal(value_number(object, "a.b.c", -1), 7);
    assert_int_equal(value_number(object, "a.b", -1), -1);
    assert_int_equal(value_number(object, "a.x.c", -1), -1);
    assert_int_equal(value_number(object, "huge", -1), -1);
    assert_int_equal(value_number(NULL, "a", 3), 3);
    assert_string_equal(value_text(object, "text"), "x");
    assert_string_equal(value_text(object, "one"), "");
    assert_string_equal(value_text(object, "text.inner"), "");
    assert_null(value_find(object, "nothing"));
    assert_true(value_bool(object, "yes") && value_bool(object, "one"));
    assert_false(value_bool(object, "zero") || value_bool(object, "text") || value_bool(object, "absent"));
    cJSON_Delete(object);
}

static void queries_are_encoded(void **state)
{
    struct buffer path;

    (void)state;
    buffer_init(&path, 0);
    buffer_add_text(&path, "/x");
    http_query_add(&path, "empty", "");
    http_query_add(&path, "none", NULL);
    http_query_add(&path, "a", "1.0.0+b c&d=\xc3\xbc$");
    http_query_add(&path, "b", "2~_-.");
    CHECK_TEXT(path.bytes, "/x?a=1.0.0%2Bb%20c%26d%3D%C3%BC%24&b=2~_-.", "query");
    buffer_done(&path);
}

static void urls_and_tokens_are_checked(void **state)
{
    static const struct {
        const char *url, *token, *where; /* NULL: accepted */
    } rows[] = {
        {"http://127.0.0.1:8081", NULL, NULL},      {"https://x/base/", "abc", NULL},  {"ftp://x", NULL, "API URL"},
        {"http://", NULL, "API URL"},               {"http:///x", NULL, "API URL"},    {"http://x y", NULL, "API URL"},
        {"http://x\r\nHost: y", NULL, "API URL"},   {"http://x/?q", NULL, "API URL"},  {"", NULL, "API URL"},
        {"http://x", "two words", "token"},         {"http://x", "a\r\nX: y", "token"}, {"http://x", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {0};
        struct http_client *client = http_client_new(rows[i].url, rows[i].token, 1024, &problem);

        CHECK_ROW((client != NULL) == (rows[i].where == NULL), rows[i].url);
        if (rows[i].where)
            CHECK_TEXT(problem.where, rows[i].where, rows[i].url);
        http_client_free(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_followed), cmocka_unit_test(queries_are_encoded), cmocka_unit_test(urls_and_tokens_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
