/* Topics taken apart and put together again. */
#include "check.h"

#include "proto/topics.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void our_topics_come_apart_and_together(void **state)
{
    static const struct {
        const char *text;
        struct topic topic;
    } rows[] = {
        {"device/d1/heartbeat", {.kind = TOPIC_HEARTBEAT, .device_id = "d1"}},
        {"device/heartbeat/heartbeat", {.kind = TOPIC_HEARTBEAT, .device_id = "heartbeat"}},
        {"device/d1/online", {.kind = TOPIC_ONLINE, .device_id = "d1"}},
        {"device/d1/report", {.kind = TOPIC_REPORT, .device_id = "d1"}},
        {"update/esp32", {.kind = TOPIC_NOTICE, .model = "esp32"}},
        {"update/esp32/d1", {.kind = TOPIC_COMMAND, .device_id = "d1", .model = "esp32"}},
        {"update/" X64 "/" X64, {.kind = TOPIC_COMMAND, .device_id = X64, .model = X64}},
        {"fleet/event/r1", {.kind = TOPIC_EVENT, .rollout = "r1"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[TOPIC_SIZE];
        struct topic topic;

        memset(&topic, 0x5A, sizeof topic);
        CHECK_ROW(topic_read(rows[i].text, strlen(rows[i].text), &topic, NULL) == DROVER_OK, rows[i].text);
        CHECK_ROW(topic.kind == rows[i].topic.kind, rows[i].text);
        assert_string_equal(topic.device_id, rows[i].topic.device_id);
        assert_string_equal(topic.model, rows[i].topic.model);
        assert_string_equal(topic.rollout, rows[i].topic.rollout);
        assert_int_equal(topic_write(&rows[i].topic, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void other_topics_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
    } rows[] = {
        {"", DROVER_UNKNOWN},                     {"/", DROVER_UNKNOWN},
        {"device", DROVER_UNKNOWN},               {"device/d1", DROVER_UNKNOWN},
        {"device/d1/", DROVER_UNKNOWN},           {"device/d1/command", DROVER_UNKNOWN},
        {"device/d1/heartbeat/", DROVER_UNKNOWN}, {"device/d1/heartbeat/x", DROVER_UNKNOWN},
        {"/device/d1/heartbeat", DROVER_UNKNOWN}, {"Device/d1/heartbeat", DROVER_UNKNOWN},
        {"update", DROVER_UNKNOWN},               {"update/a/b/c", DROVER_UNKNOWN},
        {"fleet/event", DROVER_UNKNOWN},          {"fleet/x/r1", DROVER_UNKNOWN},
        {"$SYS/broker/uptime", DROVER_UNKNOWN},   {"a/b/c/d/e/f/g/h/i/j", DROVER_UNKNOWN},
        {"device//heartbeat", DROVER_SYNTAX},     {"device/+/heartbeat", DROVER_SYNTAX},
        {"device/d 1/report", DROVER_SYNTAX},     {"device/" X64 "x/report", DROVER_SYNTAX},
        {"device/\xC3\xA4/online", DROVER_SYNTAX}, {"update/", DROVER_SYNTAX},
        {"update/#", DROVER_SYNTAX},              {"update/esp32/", DROVER_SYNTAX},
        {"update//d1", DROVER_SYNTAX},            {"fleet/event/", DROVER_SYNTAX},
        {"fleet/event/-", DROVER_SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct topic topic = {.kind = TOPIC_EVENT, .model = "kept"};
        struct problem problem;

        CHECK_PROBLEM(topic_read(rows[i].text, strlen(rows[i].text), &topic, &problem), problem, rows[i].error, "topic", rows[i].text);
        CHECK_ROW(topic.kind == TOPIC_EVENT && strcmp(topic.model, "kept") == 0, rows[i].text);
    }
    assert_int_equal(topic_read("device/d\0/report", 16, &(struct topic){0}, NULL), DROVER_SYNTAX);
}

static void filters(void **state)
{
    char got[TOPIC_FILTER_COUNT][TOPIC_SIZE];
    char group[200];

    (void)state;
    topic_filters(NULL, got);
    assert_string_equal(got[0], "device/+/heartbeat");
    assert_string_equal(got[1], "device/+/online");
    assert_string_equal(got[2], "device/+/report");
    topic_filters("", got);
    assert_string_equal(got[2], "device/+/report");
    topic_filters("drover", got);
    assert_string_equal(got[0], "$share/drover/device/+/heartbeat");
    assert_string_equal(got[2], "$share/drover/device/+/report");
    memset(group, 'g', sizeof group - 1);
    group[sizeof group - 1] = '\0';
    topic_filters(group, got); /* cut to 64, so that the filter stays whole */
    assert_string_equal(got[1] + strlen("$share/") + 64, "/device/+/online");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_topics_come_apart_and_together),
        cmocka_unit_test(other_topics_are_refused),
        cmocka_unit_test(filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
