/* The event as it is written: the same fields in every entry, "-" where one does not apply. */
#include "check.h"

#include "proto/event.h"

static void written_and_read_as_agreed(void **state)
{
    static const char text[] =
        "{\"schema\":1,\"id\":\"1700000000000-3\",\"at_ms\":1700000000001,\"kind\":\"move\",\"device\":\"d1\",\"model\":\"esp32\","
        "\"rollout\":\"r1\",\"upgrade\":\"u7\",\"from\":\"none\",\"to\":\"pending\",\"on\":\"found_behind\",\"attempt\":1,\"revision\":4,"
        "\"version\":\"1.5.0\",\"error\":\"E_LOST\",\"why\":\"told again\",\"prev\":\"1600000000000-0\",\"instance\":\"droverd-1\",\"stage\":2}";
    struct event event;
    struct buffer buffer;

    (void)state;
    assert_int_equal(event_read(text, sizeof text - 1, &event, NULL), DROVER_OK);
    assert_string_equal(event.id, "1700000000000-3");
    assert_true(event.at_ms == 1700000000001);
    assert_string_equal(event.kind, "move");
    assert_string_equal(event.device_id, "d1");
    assert_string_equal(event.model, "esp32");
    assert_string_equal(event.rollout, "r1");
    assert_string_equal(event.upgrade_id, "u7");
    assert_string_equal(event.from, "none");
    assert_string_equal(event.to, "pending");
    assert_string_equal(event.on, "found_behind");
    assert_int_equal(event.attempt, 1);
    assert_int_equal(event.revision, 4);
    assert_string_equal(event.version, "1.5.0");
    assert_string_equal(event.error, "E_LOST");
    assert_string_equal(event.why, "told again");
    assert_string_equal(event.prev, "1600000000000-0");
    assert_string_equal(event.instance, "droverd-1");
    assert_int_equal(event.stage, 2);
    buffer_init(&buffer, 0);
    event_write(&event, &buffer);
    assert_string_equal(buffer.bytes, text);
    buffer_done(&buffer);
}

static void what_is_empty_is_written_as_a_dash(void **state)
{
    struct event event = {.at_ms = 5, .kind = "alarm"};
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    event_write(&event, &buffer);
    assert_string_equal(buffer.bytes,
        "{\"schema\":1,\"at_ms\":5,\"kind\":\"alarm\",\"device\":\"-\",\"model\":\"-\",\"rollout\":\"-\",\"upgrade\":\"-\",\"from\":\"-\","
        "\"to\":\"-\",\"on\":\"-\",\"attempt\":0,\"revision\":0,\"version\":\"-\",\"error\":\"-\",\"why\":\"-\",\"prev\":\"-\",\"instance\":\"-\",\"stage\":0}");
    assert_int_equal(event_read(buffer.bytes, buffer.length, &event, NULL), DROVER_OK);
    assert_string_equal(event.device_id, "-");
    buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read_as_agreed), cmocka_unit_test(what_is_empty_is_written_as_a_dash)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
