/* The notice as it is written, and read again by a device. */
#include "check.h"

#include "proto/notice.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void written_and_read_as_agreed(void **state)
{
    static const char text[] = "{\"schema\":1,\"rollout\":\"r1\",\"model\":\"esp32\",\"version\":\"1.5.0\",\"url\":\"http://h/firmware/latest\","
                               "\"size\":77,\"sha256\":\"" SHA "\",\"share_pct\":25,\"spread_s\":600,\"epoch\":1700000000000,"
                               "\"expires_at\":1700000600000}";
    struct notice notice;
    struct buffer buffer;

    (void)state;
    assert_int_equal(notice_read(text, sizeof text - 1, &notice, NULL), DROVER_OK);
    assert_string_equal(notice.rollout, "r1");
    assert_string_equal(notice.model, "esp32");
    assert_string_equal(notice.version, "1.5.0");
    assert_string_equal(notice.url, "http://h/firmware/latest");
    assert_int_equal(notice.size_bytes, 77);
    assert_string_equal(notice.sha256, SHA);
    assert_int_equal(notice.share_pct, 25);
    assert_int_equal(notice.spread_s, 600);
    assert_true(notice.epoch == 1700000000000);
    assert_true(notice.expires_ms == 1700000600000);
    buffer_init(&buffer, 0);
    notice_write(&notice, &buffer);
    assert_string_equal(buffer.bytes, text);
    buffer_done(&buffer);
}

static void a_cleared_notice_is_no_notice(void **state)
{
    struct notice notice;
    struct problem problem;

    (void)state;
    CHECK_PROBLEM(notice_read("", 0, &notice, &problem), problem, DROVER_SYNTAX, "payload", "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read_as_agreed), cmocka_unit_test(a_cleared_notice_is_no_notice)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
