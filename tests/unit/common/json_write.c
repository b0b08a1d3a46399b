/* What is written is ASCII, is what was meant, and is read back. */
#include "check.h"

#include <cJSON.h>

#include "common/json.h"

static void objects_nest(void **state)
{
    struct json_writer writer;
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    json_begin(&writer, &buffer);
    json_put_text(&writer, "left_out", NULL);
    json_open_array(&writer, "list");
    json_close_array(&writer);
    json_put_i64(&writer, "min", INT64_MIN);
    json_open_array(&writer, "items");
    json_open_object(&writer, NULL);
    json_put_bool(&writer, "yes", true);
    json_put_bool(&writer, "no", false);
    json_close_object(&writer);
    json_open_object(&writer, NULL);
    json_close_object(&writer);
    json_put_i64(&writer, NULL, 7);
    json_put_text(&writer, NULL, "x");
    json_close_array(&writer);
    json_open_object(&writer, "in");
    json_put_text(&writer, "a", "");
    json_close_object(&writer);
    json_put_text(&writer, "last", "z");
    json_end(&writer);
    assert_int_equal(writer.depth, 0);
    assert_string_equal(buffer.bytes, "{\"list\":[],\"min\":-9223372036854775808,\"items\":[{\"yes\":true,\"no\":false},{},7,\"x\"],"
                                      "\"in\":{\"a\":\"\"},\"last\":\"z\"}");
    buffer_done(&buffer);
}

static void scaled_numbers_are_short(void **state)
{
    static const struct {
        int64_t value;
        int decimals;
        const char *written;
    } rows[] = {{0, 2, "{\"n\":0}"}, {1, 2, "{\"n\":0.01}"}, {10, 2, "{\"n\":0.1}"}, {1250, 2, "{\"n\":12.5}"}, {10000, 2, "{\"n\":100}"}, {1, 4, "{\"n\":0.0001}"}, {7, 0, "{\"n\":7}"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_writer writer;
        struct buffer buffer;

        buffer_init(&buffer, 0);
        json_begin(&writer, &buffer);
        json_put_scaled(&writer, "n", rows[i].value, rows[i].decimals);
        json_end(&writer);
        CHECK_ROW(strcmp(buffer.bytes, rows[i].written) == 0, rows[i].written);
        buffer_done(&buffer);
    }
}

static void strings_are_escaped(void **state)
{
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"", "\"\""},
        {"plain / ' <>", "\"plain / ' <>\""},
        {"\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xC3\xA4\xE2\x82\xAC", "\"\\u00e4\\u20ac\""},
        {"\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF", "\"\\ud83d\\ude00\\udbff\\udfff\""},
        {"a\xFF" "b\xC3", "\"a\\ufffdb\\ufffd\""},
        {"\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer buffer;

        buffer_init(&buffer, 0);
        json_add_quoted(&buffer, rows[i].text);
        CHECK_ROW(strcmp(buffer.bytes, rows[i].written) == 0, rows[i].written);
        buffer_done(&buffer);
    }
}

/* Every character of the first two planes, written and read by our own strict reader. */
static void every_character_survives(void **state)
{
    char text[8];

    assert_null(*state);
    for (uint32_t code = 1; code < 0x20000; code += code < 0x3000 ? 1 : 97) {
        struct json_writer writer;
        struct buffer buffer;
        cJSON *object;

        if (code >= 0xD800 && code < 0xE000)
            continue;
        if (code < 0x80)
            (void)snprintf(text, sizeof text, "%c", (int)code);
        else if (code < 0x800)
            (void)snprintf(text, sizeof text, "%c%c", (int)(0xC0 | code >> 6), (int)(0x80 | (code & 63)));
        else if (code < 0x10000)
            (void)snprintf(text, sizeof text, "%c%c%c", (int)(0xE0 | code >> 12), (int)(0x80 | (code >> 6 & 63)), (int)(0x80 | (code & 63)));
        else
            (void)snprintf(text, sizeof text, "%c%c%c%c", (int)(0xF0 | code >> 18), (int)(0x80 | (code >> 12 & 63)),
                           (int)(0x80 | (code >> 6 & 63)), (int)(0x80 | (code & 63)));
        buffer_init(&buffer, 0);
        json_begin(&writer, &buffer);
        json_put_text(&writer, "t", text);
        json_end(&writer);
        for (size_t i = 0; i < buffer.length; i++)
            assert_in_range(buffer.bytes[i], 0x20, 0x7E);
        assert_int_equal(json_parse(buffer.bytes, buffer.length, &json_message_limits, &object, NULL), DROVER_OK);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(object, "t")->valuestring, text);
        cJSON_Delete(object);
        buffer_done(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_nest),
        cmocka_unit_test(scaled_numbers_are_short),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_character_survives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
