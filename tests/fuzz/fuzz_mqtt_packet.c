/* Any bytes as what a broker sends: every packet is taken or refused, and views stay inside the bytes. */
#include "fuzz.h"

#include "sim/mqtt_packet.h"

static void inside(struct mqtt_view view, const uint8_t *bytes, size_t length)
{
    MUST(view.length == 0 || (view.bytes >= bytes && view.length <= length && view.bytes + view.length <= bytes + length));
}

static void read_body(enum mqtt_version version, const struct mqtt_frame *frame, const uint8_t *bytes, size_t length)
{
    struct mqtt_connack connack;
    struct mqtt_publish publish;
    struct mqtt_ack ack;
    uint8_t reason;

    if (frame->type == MQTT_PUBLISH && mqtt_publish_read(version, frame, &publish)) {
        inside(publish.topic, bytes, length);
        inside(publish.payload, bytes, length);
        MUST(publish.topic.length > 0 && publish.qos <= 1 && (publish.qos == 0 || publish.packet_id > 0));
    }
    if (mqtt_connack_read(version, frame, &connack))
        MUST(connack.receive_max > 0 && connack.packet_max > 0);
    if (mqtt_puback_read(version, frame, &ack))
        MUST(ack.packet_id > 0);
    if (mqtt_suback_read(version, frame, &ack))
        MUST(ack.packet_id > 0);
    (void)mqtt_disconnect_read(version, frame, &reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct mqtt_frame frame;
    size_t at = 0;

    while (mqtt_frame_read(bytes + at, length - at, 4096, &frame) == MQTT_WHOLE) {
        MUST(frame.length >= 2 && frame.length <= length - at && frame.length <= 4096);
        inside(frame.body, bytes, length);
        read_body(MQTT_5, &frame, bytes, length);
        read_body(MQTT_311, &frame, bytes, length);
        at += frame.length;
    }
    return 0;
}
