/* The table of routes: paths, methods, listeners, queries. Called with --print it prints the table, for the check of openapi.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/http_route.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void paths_find_their_routes(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path;
        enum http_route_id id;
        const char *first, *second;
    } rows[] = {
        {HTTP_GET, "/firmware/latest", ROUTE_FIRMWARE, "", ""},
        {HTTP_HEAD, "/artifacts/" SHA, ROUTE_ARTIFACT, SHA, ""},
        {HTTP_PUT, "/api/v1/uploads/" SHA, ROUTE_UPLOAD_PUT, SHA, ""},
        {HTTP_GET, "/api/v1/uploads/" SHA, ROUTE_UPLOAD_GET, SHA, ""},
        {HTTP_GET, "/api/v1/releases/esp32/1.0.0+x", ROUTE_RELEASE_SHOW, "esp32", "1.0.0+x"},
        {HTTP_GET, "/api/v1/releases/esp32/v1.0.0%2Bx", ROUTE_RELEASE_SHOW, "esp32", "1.0.0+x"},
        {HTTP_POST, "/api/v1/rollouts/r%31/pause", ROUTE_ROLLOUT_PAUSE, "r1", ""},
        {HTTP_GET, "/api/v1/devices", ROUTE_DEVICE_LIST, "", ""},
        {HTTP_GET, "/api/v1/devices/history", ROUTE_DEVICE_SHOW, "history", ""},
        {HTTP_GET, "/api/v1/devices/d/history", ROUTE_DEVICE_HISTORY, "d", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_found found;
        if (http_route_find(HTTP_OPERATORS, rows[i].method, rows[i].path, &found) != HTTP_MATCHED || found.route->id != rows[i].id)
            fail_msg("%s finds nothing or another", rows[i].path);
        assert_string_equal(found.params[0], rows[i].first);
        assert_string_equal(found.params[1], rows[i].second);
    }
}

static void other_paths_find_none(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum http_match match;
    } rows[] = {
        {"", HTTP_NO_PATH},
        {"/", HTTP_NO_PATH},
        {"*", HTTP_NO_PATH},
        {"/firmware/latest/", HTTP_NO_PATH},
        {"//firmware/latest", HTTP_NO_PATH},
        {"/firmware//latest", HTTP_NO_PATH},
        {"/firmware/./latest", HTTP_NO_PATH},
        {"/Firmware/latest", HTTP_NO_PATH},
        {"/firmware/lates%74", HTTP_NO_PATH},
        {"/artifacts/", HTTP_NO_PATH},
        {"/artifacts", HTTP_NO_PATH},
        {"/artifacts/../artifacts/" SHA, HTTP_NO_PATH},
        {"/artifacts/x", HTTP_BAD_PARAM},
        {"/artifacts/..%2f" SHA, HTTP_BAD_PARAM},
        {"/artifacts/" SHA "0", HTTP_BAD_PARAM},
        {"/artifacts/" SHA "%00", HTTP_BAD_PARAM},
        {"/artifacts/" SHA "%", HTTP_BAD_PARAM},
        {"/api/v1/devices/..", HTTP_BAD_PARAM},
        {"/api/v1/devices/%2e%2e", HTTP_BAD_PARAM},
        {"/api/v1/devices/a%2fb", HTTP_BAD_PARAM},
        {"/api/v1/devices/a:b", HTTP_BAD_PARAM},
        {"/api/v1/releases/m/1.0", HTTP_BAD_PARAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_found found;
        if (http_route_find(HTTP_OPERATORS, HTTP_GET, rows[i].path, &found) != rows[i].match)
            fail_msg("%s", rows[i].path);
    }
}

static void another_method_is_told_which_ones(void **state)
{
    (void)state;
    struct http_found found;
    assert_int_equal(http_route_find(HTTP_OPERATORS, HTTP_OTHER, "/api/v1/rollouts", &found), HTTP_NO_METHOD);
    assert_string_equal(found.allow, "POST, GET, HEAD");
    assert_int_equal(http_route_find(HTTP_OPERATORS, HTTP_POST, "/api/v1/uploads/" SHA, &found), HTTP_NO_METHOD);
    assert_string_equal(found.allow, "PUT, GET, HEAD");
}

static void devices_see_only_what_is_theirs(void **state)
{
    (void)state;
    struct http_found found;
    for (int i = 0; i < HTTP_ROUTE_COUNT; i++) {
        const struct http_route *route = http_route_get((enum http_route_id)i);
        if (strchr(route->path, '{') != NULL)
            continue;
        enum http_match match = http_route_find(HTTP_DEVICES, route->method, route->path, &found);
        assert_int_equal(match, route->audience <= HTTP_DEVICE ? HTTP_MATCHED : HTTP_NO_PATH);
        assert_int_equal(http_route_find(HTTP_OPERATORS, route->method, route->path, &found), HTTP_MATCHED);
    }
    assert_int_equal(http_route_find(HTTP_DEVICES, HTTP_PUT, "/api/v1/uploads/" SHA, &found), HTTP_NO_PATH);
}

static void every_row_fits_its_arrays(void **state)
{
    (void)state;
    for (int i = 0; i < HTTP_ROUTE_COUNT; i++) {
        const struct http_route *route = http_route_get((enum http_route_id)i);
        unsigned names = route->query[0] != '\0', params = 0;
        for (const char *at = route->query; *at != '\0'; at++)
            names += *at == ' ';
        for (const char *at = route->path; *at != '\0'; at++)
            params += *at == '{';
        assert_true(names <= HTTP_QUERY_MAX && params <= HTTP_PARAMS_MAX);
        assert_true(route->body_bytes == 0 || route->method == HTTP_POST || route->method == HTTP_PUT);
    }
}

static void values_free(char *values[HTTP_QUERY_MAX])
{
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        free(values[i]);
}

static void a_query_is_taken_apart(void **state)
{
    (void)state;
    const struct http_route *route = http_route_get(ROUTE_FIRMWARE);
    char *values[HTTP_QUERY_MAX] = {0};
    struct problem problem;
    assert_int_equal(http_query_read(route, "current_version=1.0.0+b%2Bc&device_model=esp%33&&colour=red&device_id", values, &problem), DROVER_OK);
    assert_string_equal(values[http_query_index(route, "device_model")], "esp3");
    assert_string_equal(values[http_query_index(route, "current_version")], "1.0.0+b+c");
    assert_string_equal(values[http_query_index(route, "device_id")], "");
    assert_int_equal(http_query_index(route, "colour"), -1);
    assert_int_equal(http_query_index(route, "device"), -1);
    values_free(values);
}

static void a_bad_query_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"modle=x", DROVER_UNKNOWN, "modle"},      {"=x", DROVER_UNKNOWN, ""},
        {"model=a&model=b", DROVER_DUPLICATE, "model"}, {"model=%", DROVER_SYNTAX, "model"},
        {"model=%4", DROVER_SYNTAX, "model"},      {"model=%00", DROVER_SYNTAX, "model"},
        {"%00model=x", DROVER_UNKNOWN, "%00model"},
    };
    struct problem problem;
    char *values[HTTP_QUERY_MAX] = {0}, large[2000] = "model=";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (http_query_read(http_route_get(ROUTE_DEVICE_LIST), rows[i].query, values, &problem) != rows[i].error)
            fail_msg("%s", rows[i].query);
        assert_string_equal(problem.where, rows[i].where);
        assert_null(values[0]);
    }
    memset(large + 6, 'a', sizeof large - 7);
    assert_int_equal(http_query_read(http_route_get(ROUTE_DEVICE_LIST), large, values, &problem), DROVER_TOO_LONG);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_routes),      cmocka_unit_test(other_paths_find_none),
        cmocka_unit_test(another_method_is_told_which_ones), cmocka_unit_test(devices_see_only_what_is_theirs),
        cmocka_unit_test(every_row_fits_its_arrays),    cmocka_unit_test(a_query_is_taken_apart),
        cmocka_unit_test(a_bad_query_is_refused),
    };
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        http_routes_print(stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
