/* Tables, facts, JSON and names as they arrive on standard output. */
#include "check.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <stdlib.h>

#include "cli/output.h"
#include "cli/values.h"

#define NOW INT64_C(1700000000000)

static void name_of(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "id"));
}

static const struct field fields[] = {
    {"ID", "id", FIELD_TEXT},     {"SIZE", "size", FIELD_BYTES}, {"STATE", "state", FIELD_STATE},
    {"LOST", "n.lost", FIELD_COUNT}, {"SEEN", "seen_ms", FIELD_AGO},
};
static const struct view view = {name_of, fields, COUNT_OF(fields)};

static const char *const items[] = {
    "{\"id\":\"a\",\"size\":2048,\"state\":\"succeeded\",\"n\":{\"lost\":0},\"seen_ms\":1699999988000}",
    "{\"id\":\"gr\\u00fcn\",\"size\":5,\"state\":\"lost\",\"n\":{\"lost\":12}}",
    "{\"id\":\"bad\\u001b[2J\"}",
};

struct printed {
    struct output output;
    char *text;
    size_t length;
};

static void print_begin(struct printed *printed, enum output_format format, bool color)
{
    FILE *stream = open_memstream(&printed->text, &printed->length);

    assert_non_null(stream);
    output_init(&printed->output, stream, format, color);
}

static void print_end(struct printed *printed, const char *expected, const char *row)
{
    assert_true(output_flush(&printed->output));
    (void)fclose(printed->output.stream);
    CHECK_TEXT(printed->text, expected, row);
    free(printed->text);
}

static void list_print_as(enum output_format format, bool color, const char *expected)
{
    struct printed printed;

    print_begin(&printed, format, color);
    output_begin(&printed.output, &view);
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        cJSON *item = cJSON_Parse(items[i]);

        assert_non_null(item);
        output_item(&printed.output, item, NOW);
        cJSON_Delete(item);
    }
    output_end(&printed.output);
    print_end(&printed, expected, "list");
}

static void table_is_aligned_and_safe(void **state)
{
    (void)state;
    list_print_as(OUTPUT_TABLE, false,
                  "ID             SIZE  STATE      LOST  SEEN\n"
                  "a           2.0 KiB  succeeded     0  12 s ago\n"
                  "gr\xc3\xbcn            5 B  lost         12  -\n"
                  "bad\\x1b[2J        -  -             -  -\n");
}

static void table_has_tones(void **state)
{
    (void)state;
    list_print_as(OUTPUT_TABLE, true,
                  "\033[1mID\033[0m             \033[1mSIZE\033[0m  \033[1mSTATE\033[0m      \033[1mLOST\033[0m  \033[1mSEEN\033[0m\n"
                  "a           2.0 KiB  \033[32msucceeded\033[0m     0  12 s ago\n"
                  "gr\xc3\xbcn            5 B  \033[31mlost\033[0m         \033[31m12\033[0m  -\n"
                  "bad\\x1b[2J        -  -             -  -\n");
}

static void json_keeps_everything_raw_but_ascii(void **state)
{
    (void)state;
    list_print_as(OUTPUT_JSONL, false,
                  "{\"id\":\"a\",\"size\":2048,\"state\":\"succeeded\",\"n\":{\"lost\":0},\"seen_ms\":1699999988000}\n"
                  "{\"id\":\"gr\\u00fcn\",\"size\":5,\"state\":\"lost\",\"n\":{\"lost\":12}}\n"
                  "{\"id\":\"bad\\u001b[2J\"}\n");
    list_print_as(OUTPUT_NAME, false, "a\ngr\xc3\xbcn\nbad\\x1b[2J\n");
    list_print_as(OUTPUT_JSON, false,
                  "{\n  \"items\": [\n"
                  "    {\n      \"id\": \"a\",\n      \"size\": 2048,\n      \"state\": \"succeeded\",\n      \"n\": {\n        \"lost\": 0\n      },\n"
                  "      \"seen_ms\": 1699999988000\n    },\n"
                  "    {\n      \"id\": \"gr\\u00fcn\",\n      \"size\": 5,\n      \"state\": \"lost\",\n      \"n\": {\n        \"lost\": 12\n      }\n    },\n"
                  "    {\n      \"id\": \"bad\\u001b[2J\"\n    }\n  ]\n}\n");
}

static void empty_lists(void **state)
{
    static const char *const expected[] = {
        [OUTPUT_TABLE] = "ID  SIZE  STATE  LOST  SEEN\n", [OUTPUT_JSON] = "{\n  \"items\": []\n}\n", [OUTPUT_JSONL] = "", [OUTPUT_NAME] = ""};

    (void)state;
    for (unsigned format = 0; format < COUNT_OF(expected); format++) {
        struct printed printed;

        print_begin(&printed, (enum output_format)format, false);
        output_begin(&printed.output, &view);
        output_end(&printed.output);
        print_end(&printed, expected[format], "empty");
    }
}

static void facts_leave_out_what_is_absent(void **state)
{
    static const struct field facts[] = {
        {"name", "id", FIELD_TEXT},        {"a long title", "on", FIELD_YES},  {"absent", "nothing", FIELD_TEXT},
        {"null", "gone", FIELD_TEXT},      {"counts", "n", FIELD_COUNTS},      {"none", "zero", FIELD_COUNTS},
        {"items", "list", FIELD_ITEMS},    {"share", "share", FIELD_PERCENT},  {"spread", "spread", FIELD_SECONDS},
        {"odd", "odd", FIELD_TEXT},        {"link", "link", FIELD_ONLINE},  {"empty", "empty", FIELD_TEXT},
        {"state", "state", FIELD_STATE},
    };
    static const struct view facts_view = {name_of, facts, COUNT_OF(facts)};
    cJSON *object = cJSON_Parse("{\"id\":\"x\\ny\",\"on\":true,\"gone\":null,\"n\":{\"b\":2,\"zero\":0,\"1.1.0\":1},\"zero\":{\"a\":0},"
                                "\"list\":[1,2],\"share\":50,\"spread\":90,\"odd\":[1.5,\"\\u009b\"],\"link\":0,\"empty\":\"\",\"state\":\"none\"}");
    struct printed printed;

    (void)state;
    assert_non_null(object);
    print_begin(&printed, OUTPUT_TABLE, false);
    output_object(&printed.output, &facts_view, object, NOW);
    print_end(&printed,
              "name          x\\x0ay\n"
              "a long title  yes\n"
              "counts        b 2, 1.1.0 1\n"
              "none          -\n"
              "items         2\n"
              "share         50 %\n"
              "spread        1 min 30 s\n"
              "odd           [1.5,\"\\u009b\"]\n"
              "link          offline\n"
              "state         -\n",
              "facts");
    cJSON_Delete(object);
}

/* A list that is followed: one title, and columns that only grow. */
static void shown_in_parts(void **state)
{
    static const struct field two[] = {{"A", "a", FIELD_TEXT}, {"B", "b", FIELD_TEXT}};
    static const struct view two_view = {name_of, two, 2};
    static const char *const rows[] = {"{\"a\":\"long\",\"b\":\"1\"}", "{\"a\":\"x\",\"b\":\"2\"}"};
    struct printed printed;

    (void)state;
    print_begin(&printed, OUTPUT_TABLE, false);
    output_begin(&printed.output, &two_view);
    for (size_t i = 0; i < 2; i++) {
        cJSON *item = cJSON_Parse(rows[i]);

        output_item(&printed.output, item, NOW);
        output_show(&printed.output);
        cJSON_Delete(item);
    }
    output_end(&printed.output);
    print_end(&printed, "A     B\nlong  1\nx     2\n", "parts");
}

static void full_disk_is_noticed(void **state)
{
    FILE *full = fopen("/dev/full", "w");
    struct output output;

    (void)state;
    assert_non_null(full);
    output_init(&output, full, OUTPUT_TABLE, false);
    output_begin(&output, &view);
    output_end(&output);
    assert_false(output_flush(&output));
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_aligned_and_safe),
        cmocka_unit_test(table_has_tones),
        cmocka_unit_test(json_keeps_everything_raw_but_ascii),
        cmocka_unit_test(empty_lists),
        cmocka_unit_test(facts_leave_out_what_is_absent),
        cmocka_unit_test(shown_in_parts),
        cmocka_unit_test(full_disk_is_noticed),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
