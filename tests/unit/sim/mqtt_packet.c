/* Packets as bytes: exactly what the standard says goes out, and nothing malformed comes in. */
#include "check.h"

#include "sim/mqtt_packet.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void check_written(struct buffer *buffer, const uint8_t *wanted, size_t length)
{
    assert_false(buffer->failed);
    assert_int_equal(buffer->length, length);
    assert_memory_equal(buffer->bytes, wanted, length);
    buffer_clear(buffer);
}

static void packets_are_written_as_the_standard_says(void **state)
{
    const char *filters[] = {"a/+", "b"};
    struct mqtt_connect connect = {.version = MQTT_311, .client_id = "d1", .clean_start = true, .keepalive_s = 60};
    struct mqtt_view payload = {(const uint8_t *)"hi", 2};
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    mqtt_connect_write(&connect, &buffer);
    check_written(&buffer, BYTES(0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 60, 0, 2, 'd', '1'));
    connect = (struct mqtt_connect){.version = MQTT_5, .client_id = "d", .session_expiry_s = 0x01020304, .receive_max = 7, .username = "u",
                                    .password = "p", .will_topic = "w", .will_payload = payload};
    mqtt_connect_write(&connect, &buffer);
    check_written(&buffer, BYTES(0x10, 36, 0, 4, 'M', 'Q', 'T', 'T', 5, 0xec, 0, 0, 8, 0x11, 1, 2, 3, 4, 0x21, 0, 7, 0, 1, 'd',
                                 0, 0, 1, 'w', 0, 2, 'h', 'i', 0, 1, 'u', 0, 1, 'p'));
    mqtt_publish_write(MQTT_311, "t", payload, 0, true, 0, &buffer);
    check_written(&buffer, BYTES(0x31, 5, 0, 1, 't', 'h', 'i'));
    mqtt_publish_write(MQTT_5, "t", payload, 1, false, 0x0102, &buffer);
    mqtt_publish_set_dup(buffer.bytes);
    check_written(&buffer, BYTES(0x3a, 8, 0, 1, 't', 1, 2, 0, 'h', 'i'));
    mqtt_subscribe_write(MQTT_5, 3, filters, 2, &buffer);
    check_written(&buffer, BYTES(0x82, 13, 0, 3, 0, 0, 3, 'a', '/', '+', 1, 0, 1, 'b', 1));
    mqtt_puback_write(0xfffe, &buffer);
    check_written(&buffer, BYTES(0x40, 2, 0xff, 0xfe));
    mqtt_pingreq_write(&buffer);
    check_written(&buffer, BYTES(0xc0, 0));
    mqtt_disconnect_write(MQTT_311, true, &buffer);
    check_written(&buffer, BYTES(0xe0, 0));
    mqtt_disconnect_write(MQTT_5, true, &buffer);
    check_written(&buffer, BYTES(0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0));
    buffer_done(&buffer);
}

static void a_topic_too_long_for_its_length_field_is_not_written(void **state)
{
    char *topic = malloc(70000);
    struct buffer buffer;

    (void)state;
    assert_non_null(topic);
    memset(topic, 'x', 69999);
    topic[69999] = '\0';
    buffer_init(&buffer, 0);
    mqtt_publish_write(MQTT_5, topic, (struct mqtt_view){NULL, 0}, 0, false, 0, &buffer);
    assert_true(buffer.failed);
    buffer_done(&buffer);
    free(topic);
}

static void lengths_of_one_to_four_bytes_are_read(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t length, limit;
        enum mqtt_read wanted;
        size_t whole;
    } rows[] = {
        {{0xd0}, 1, 100, MQTT_MORE, 0},
        {{0xd0, 0}, 2, 100, MQTT_WHOLE, 2},
        {{0x30, 0x7f}, 2, 200, MQTT_MORE, 0},
        {{0x30, 0x80}, 2, 200, MQTT_MORE, 0},
        {{0x30, 0x80, 0x01}, 3, 130, MQTT_BAD, 0},          /* 3 + 128 is over the limit, and said so before it arrives */
        {{0x30, 0x80, 0x01}, 3, 131, MQTT_MORE, 0},
        {{0x30, 0xff, 0xff, 0xff, 0x7f}, 5, 65536, MQTT_BAD, 0},
        {{0x30, 0xff, 0xff, 0xff, 0xff}, 5, SIZE_MAX, MQTT_BAD, 0},
        {{0x30, 0x80, 0x00}, 3, 100, MQTT_BAD, 0},          /* not the shortest form */
        {{0x00, 0}, 2, 100, MQTT_BAD, 0},
        {{0x10, 0}, 2, 100, MQTT_BAD, 0},                   /* CONNECT comes from clients */
        {{0x50, 2, 0, 1}, 4, 100, MQTT_BAD, 0},             /* PUBREC: no QoS 2 here */
        {{0xf0, 0}, 2, 100, MQTT_BAD, 0},
        {{0x21, 2, 0, 0}, 4, 100, MQTT_BAD, 0},             /* CONNACK with flags */
        {{0x20, 2, 0, 0, 0xd0, 0}, 6, 100, MQTT_WHOLE, 4},  /* two packets: the first */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mqtt_frame frame = {.length = 0};
        char row[16];

        (void)snprintf(row, sizeof row, "%zu", i);
        CHECK_ROW(mqtt_frame_read(rows[i].bytes, rows[i].length, rows[i].limit, &frame) == rows[i].wanted, row);
        CHECK_ROW(frame.length == rows[i].whole, row);
    }
}

static struct mqtt_frame frame_of(const uint8_t *bytes, size_t length)
{
    struct mqtt_frame frame;

    assert_int_equal(mqtt_frame_read(bytes, length, 65536, &frame), MQTT_WHOLE);
    assert_int_equal(frame.length, length);
    return frame;
}
#define FRAME(...) frame_of(BYTES(__VA_ARGS__))

static void a_connack_tells_the_brokers_limits(void **state)
{
    struct mqtt_frame frame = FRAME(0x20, 23, 1, 0, 19, 0x21, 0, 20, 0x27, 0, 1, 0, 0, 0x13, 0, 30, 0x26, 0, 1, 'a', 0, 1, 'b', 0x25, 1);
    struct mqtt_connack connack;

    (void)state;
    /* 3 + 5 + 3 + 7 + 2 bytes of properties are 20, so a length of 19 must be refused */
    assert_false(mqtt_connack_read(MQTT_5, &frame, &connack));
    frame = FRAME(0x20, 23, 1, 0, 20, 0x21, 0, 20, 0x27, 0, 1, 0, 0, 0x13, 0, 30, 0x26, 0, 1, 'a', 0, 1, 'b', 0x25, 1);
    assert_true(mqtt_connack_read(MQTT_5, &frame, &connack));
    assert_true(connack.session_present);
    assert_int_equal(connack.receive_max, 20);
    assert_int_equal(connack.packet_max, 65536);
    assert_int_equal(connack.keepalive_s, 30);
    frame = FRAME(0x20, 2, 0, 5);
    assert_true(mqtt_connack_read(MQTT_311, &frame, &connack));
    assert_int_equal(connack.reason, 5);
    assert_int_equal(connack.receive_max, 65535);
}

static void malformed_connacks_are_refused(void **state)
{
    const struct mqtt_frame frames[] = {
        FRAME(0x20, 2, 0, 0),                                  /* no properties in MQTT 5 */
        FRAME(0x20, 3, 2, 0, 0),                               /* unknown flag */
        FRAME(0x20, 3, 1, 0x87, 0),                            /* refused, and a session */
        FRAME(0x20, 4, 0, 0, 0, 0),                            /* something left over */
        FRAME(0x20, 6, 0, 0, 3, 0x21, 0, 0),                   /* receive maximum 0 */
        FRAME(0x20, 9, 0, 0, 6, 0x21, 0, 1, 0x21, 0, 1),       /* twice */
        FRAME(0x20, 6, 0, 0, 3, 0x7e, 0, 0),                   /* unknown property */
        FRAME(0x20, 5, 0, 0, 2, 0x21, 0),                      /* cut off */
        FRAME(0x20, 3, 0, 0, 5),                               /* longer than the packet */
    };
    struct mqtt_connack connack;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(frames); i++)
        assert_false(mqtt_connack_read(MQTT_5, &frames[i], &connack));
}

static void a_publish_comes_apart(void **state)
{
    struct mqtt_frame frame = FRAME(0x3b, 13, 0, 2, 'a', 'b', 0, 9, 2, 0x01, 1, 'x', 'y', 'z', '!');
    struct mqtt_publish publish;

    (void)state;
    assert_true(mqtt_publish_read(MQTT_5, &frame, &publish));
    assert_memory_equal(publish.topic.bytes, "ab", 2);
    assert_int_equal(publish.payload.length, 4);
    assert_memory_equal(publish.payload.bytes, "xyz!", 4);
    assert_int_equal(publish.qos, 1);
    assert_int_equal(publish.packet_id, 9);
    assert_true(publish.retain && publish.dup);
    frame = FRAME(0x30, 3, 0, 1, 'a');
    assert_true(mqtt_publish_read(MQTT_311, &frame, &publish));
    assert_int_equal(publish.payload.length, 0);
}

static void malformed_publishes_are_refused(void **state)
{
    const struct mqtt_frame frames[] = {
        FRAME(0x34, 6, 0, 1, 'a', 0, 1, 0),                    /* QoS 2 */
        FRAME(0x36, 6, 0, 1, 'a', 0, 1, 0),                    /* QoS 3 */
        FRAME(0x32, 6, 0, 1, 'a', 0, 0, 0),                    /* packet id 0 */
        FRAME(0x38, 4, 0, 1, 'a', 0),                          /* a repetition of QoS 0 */
        FRAME(0x30, 3, 0, 0, 0),                               /* no topic */
        FRAME(0x30, 5, 0, 2, 'a', 0, 0),                       /* NUL in the topic */
        FRAME(0x30, 5, 0, 2, 0xc3, 0x28, 0),                   /* not UTF-8 */
        FRAME(0x30, 3, 0, 9, 'a'),                             /* topic longer than the packet */
        FRAME(0x32, 4, 0, 1, 'a', 0),                          /* half a packet id */
        FRAME(0x30, 7, 0, 1, 'a', 3, 0x23, 0, 1),              /* a topic alias we never allowed */
        FRAME(0x30, 0),
    };
    struct mqtt_publish publish;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(frames); i++)
        assert_false(mqtt_publish_read(MQTT_5, &frames[i], &publish));
}

static void acknowledgements_come_apart(void **state)
{
    struct mqtt_frame frame = FRAME(0x40, 2, 1, 2);
    struct mqtt_ack ack;
    uint8_t reason;

    (void)state;
    assert_true(mqtt_puback_read(MQTT_5, &frame, &ack) && ack.packet_id == 0x0102 && ack.reason == 0);
    frame = FRAME(0x40, 4, 1, 2, 0x87, 0);
    assert_true(mqtt_puback_read(MQTT_5, &frame, &ack) && ack.reason == 0x87);
    assert_false(mqtt_puback_read(MQTT_311, &frame, &ack));
    frame = FRAME(0x40, 2, 0, 0);
    assert_false(mqtt_puback_read(MQTT_5, &frame, &ack));
    frame = FRAME(0x90, 6, 0, 7, 0, 1, 0x87, 0);
    assert_true(mqtt_suback_read(MQTT_5, &frame, &ack) && ack.packet_id == 7 && ack.reason == 0x87);
    frame = FRAME(0x90, 3, 0, 7, 0);
    assert_false(mqtt_suback_read(MQTT_5, &frame, &ack));
    frame = FRAME(0xe0, 1, 0x8e);
    assert_true(mqtt_disconnect_read(MQTT_5, &frame, &reason) && reason == 0x8e);
    assert_false(mqtt_disconnect_read(MQTT_311, &frame, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_written_as_the_standard_says),
        cmocka_unit_test(a_topic_too_long_for_its_length_field_is_not_written),
        cmocka_unit_test(lengths_of_one_to_four_bytes_are_read),
        cmocka_unit_test(a_connack_tells_the_brokers_limits),
        cmocka_unit_test(malformed_connacks_are_refused),
        cmocka_unit_test(a_publish_comes_apart),
        cmocka_unit_test(malformed_publishes_are_refused),
        cmocka_unit_test(acknowledgements_come_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
