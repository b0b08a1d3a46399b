/* What the load mode sends is what the readers of proto/ read, whatever index, seq and uptime are filled in. */
#include "check.h"

#include "proto/heartbeat.h"
#include "proto/topics.h"
#include "sim/load_template.h"

static void check(enum mqtt_version version, unsigned qos, uint32_t index, uint32_t uptime_s, uint64_t seq)
{
    struct fleet_model model = {.name = "esp32", .version = "1.0.0-rc.1"};
    struct load_template template;
    char bytes[LOAD_PACKET_MAX], id[ID_SIZE];
    struct mqtt_frame frame;
    struct mqtt_publish publish;
    struct topic topic;
    struct heartbeat heartbeat;
    struct problem problem;

    assert_true(load_template_make(&template, version, "load-", &model, qos));
    load_template_fill(&template, bytes, index, 0x1122334455667788, uptime_s, seq, 0xabcd, qos > 0);
    assert_int_equal(mqtt_frame_read((const uint8_t *)bytes, template.length, sizeof bytes, &frame), MQTT_WHOLE);
    assert_int_equal(frame.length, template.length);
    assert_true(mqtt_publish_read(version, &frame, &publish));
    assert_int_equal(publish.packet_id, qos > 0 ? 0xabcd : 0);
    assert_int_equal(publish.dup, qos > 0);
    assert_int_equal(topic_read((const char *)publish.topic.bytes, publish.topic.length, &topic, &problem), DROVER_OK);
    fleet_id("load-", index, id);
    assert_string_equal(topic.device_id, id);
    assert_int_equal(heartbeat_read(id, (const char *)publish.payload.bytes, publish.payload.length, &heartbeat, &problem), DROVER_OK);
    assert_string_equal(heartbeat.model, "esp32");
    assert_string_equal(heartbeat.version, "1.0.0-rc.1");
    assert_int_equal(heartbeat.seq, 1000000000 + seq);
    assert_int_equal(heartbeat.uptime_s, 1000000 + uptime_s);
    assert_int_equal(heartbeat.kind, KIND_MANAGED);
}

static void filled_templates_read_back(void **state)
{
    (void)state;
    check(MQTT_5, 1, 0, 0, 0);
    check(MQTT_5, 1, 999999, 12345, 987654321);
    check(MQTT_311, 1, 7, 1, 2);
    check(MQTT_311, 0, 1234567, 999999, 1);
    check(MQTT_5, 0, 31, 60, 3);
}

static void the_longest_names_fit(void **state)
{
    struct fleet_model model = {.weight = 1};
    struct load_template template;

    (void)state;
    memset(model.name, 'm', sizeof model.name - 1);
    memset(model.version, '1', sizeof model.version - 1);
    assert_true(load_template_make(&template, MQTT_5, "abcdefghijklmnopqrstuvwxyz012345", &model, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filled_templates_read_back),
        cmocka_unit_test(the_longest_names_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
