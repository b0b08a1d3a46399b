/* Every field of a report lands where it belongs; words for states; codes nobody knows. */
#include "check.h"

#include "proto/report.h"

static void every_field_is_read(void **state)
{
    static const char text[] = "{\"schema\":1,\"upgrade_id\":\"u7\",\"attempt\":2,\"seq\":9,\"state\":\"rolled_back\",\"progress\":40,"
                               "\"version\":\"1.0.0\",\"error\":\"E_HEALTHCHECK\",\"text\":\"\\u00e4 \\\"x\\\"\"}";
    struct report report;
    struct buffer buffer;

    (void)state;
    assert_int_equal(report_read("d1", text, sizeof text - 1, &report, NULL), DROVER_OK);
    assert_string_equal(report.device_id, "d1");
    assert_string_equal(report.upgrade_id, "u7");
    assert_int_equal(report.attempt, 2);
    assert_int_equal(report.seq, 9);
    assert_int_equal(report.state, REPORT_ROLLED_BACK);
    assert_int_equal(report.progress, 40);
    assert_string_equal(report.version, "1.0.0");
    assert_int_equal(report.error, E_HEALTHCHECK);
    assert_string_equal(report.text, "\xC3\xA4 \"x\"");
    buffer_init(&buffer, 0);
    report_write(&report, &buffer);
    assert_string_equal(buffer.bytes, text);
    buffer_done(&buffer);
}

static void absent_is_not_zero(void **state)
{
    static const char text[] = "{\"schema\":1,\"upgrade_id\":\"u7\",\"attempt\":1,\"seq\":0,\"state\":\"acknowledged\"}";
    struct report report;

    (void)state;
    assert_int_equal(report_read("d1", text, sizeof text - 1, &report, NULL), DROVER_OK);
    assert_true(report.progress == ABSENT);
    assert_int_equal(report.error, E_NONE);
    assert_string_equal(report.version, "");
    assert_string_equal(report.text, "");
}

static void an_unknown_code_is_an_internal_error(void **state)
{
    static const char text[] = "{\"schema\":1,\"upgrade_id\":\"u7\",\"attempt\":1,\"seq\":0,\"state\":\"failed\",\"error\":\"E_NEW\"}";
    struct report report;

    (void)state;
    assert_int_equal(report_read("d1", text, sizeof text - 1, &report, NULL), DROVER_OK);
    assert_int_equal(report.error, E_INTERNAL);
}

static void states_have_their_words(void **state)
{
    static const char *const words[] = {"acknowledged", "downloading", "installing", "verifying",
                                        "succeeded",    "failed",      "rejected",   "rolled_back"};

    (void)state;
    assert_int_equal(COUNT_OF(words), REPORT_STATE_COUNT);
    for (int i = 0; i < REPORT_STATE_COUNT; i++)
        assert_string_equal(report_state_name((enum report_state)i), words[i]);
    assert_string_equal(report_state_name(REPORT_STATE_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(absent_is_not_zero),
        cmocka_unit_test(an_unknown_code_is_an_internal_error),
        cmocka_unit_test(states_have_their_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
