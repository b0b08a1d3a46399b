/* Writers of the packets a device sends. The remaining length is computed first, so that nothing is moved afterwards. */
#include <string.h>

#include "sim/mqtt_packet.h"

#define PROPERTY_SESSION_EXPIRY 0x11
#define PROPERTY_RECEIVE_MAX 0x21

enum { CONNECT_CLEAN = 0x02, CONNECT_WILL_QOS1_RETAIN = 0x04 | 0x08 | 0x20, CONNECT_PASSWORD = 0x40, CONNECT_USERNAME = 0x80 };

static void put_u8(struct buffer *buffer, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    buffer_add(buffer, &byte, 1);
}

static void put_u16(struct buffer *buffer, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    buffer_add(buffer, bytes, sizeof bytes);
}

static void put_u32(struct buffer *buffer, uint32_t value)
{
    put_u16(buffer, value >> 16);
    put_u16(buffer, value & 0xffff);
}

static void put_field(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length > UINT16_MAX) {
        buffer->failed = true;
        return;
    }
    put_u16(buffer, (unsigned)length);
    buffer_add(buffer, bytes, length);
}

static void put_text(struct buffer *buffer, const char *text)
{
    put_field(buffer, text, strlen(text));
}

static void put_header(struct buffer *buffer, enum mqtt_type type, unsigned flags, size_t remaining)
{
    if (remaining > MQTT_REMAINING_MAX) {
        buffer->failed = true;
        return;
    }
    put_u8(buffer, (unsigned)type << 4 | flags);
    do {
        put_u8(buffer, (remaining & 0x7f) | (remaining > 0x7f ? 0x80 : 0));
        remaining >>= 7;
    } while (remaining > 0);
}

static size_t text_length(const char *text)
{
    return text ? 2 + strlen(text) : 0;
}

static unsigned connect_flags(const struct mqtt_connect *connect)
{
    return (connect->clean_start ? CONNECT_CLEAN : 0) | (connect->will_topic ? CONNECT_WILL_QOS1_RETAIN : 0) |
           (connect->username ? CONNECT_USERNAME : 0) | (connect->password ? CONNECT_PASSWORD : 0);
}

static void put_connect_properties(const struct mqtt_connect *connect, struct buffer *buffer)
{
    put_u8(buffer, 5 + (connect->receive_max ? 3 : 0));
    put_u8(buffer, PROPERTY_SESSION_EXPIRY);
    put_u32(buffer, connect->session_expiry_s);
    if (connect->receive_max) {
        put_u8(buffer, PROPERTY_RECEIVE_MAX);
        put_u16(buffer, connect->receive_max);
    }
}

void mqtt_connect_write(const struct mqtt_connect *connect, struct buffer *buffer)
{
    bool five = connect->version == MQTT_5;
    size_t remaining = 10 + text_length(connect->client_id) + text_length(connect->username) + text_length(connect->password);

    if (five)
        remaining += 6 + (connect->receive_max ? 3 : 0);
    if (connect->will_topic)
        remaining += (five ? 1 : 0) + text_length(connect->will_topic) + 2 + connect->will_payload.length;
    put_header(buffer, MQTT_CONNECT, 0, remaining);
    put_text(buffer, "MQTT");
    put_u8(buffer, connect->version);
    put_u8(buffer, connect_flags(connect));
    put_u16(buffer, connect->keepalive_s);
    if (five)
        put_connect_properties(connect, buffer);
    put_text(buffer, connect->client_id);
    if (connect->will_topic) {
        if (five)
            put_u8(buffer, 0); /* no will properties */
        put_text(buffer, connect->will_topic);
        put_field(buffer, connect->will_payload.bytes, connect->will_payload.length);
    }
    if (connect->username)
        put_text(buffer, connect->username);
    if (connect->password)
        put_text(buffer, connect->password);
}

void mqtt_publish_write(enum mqtt_version version, const char *topic, struct mqtt_view payload, unsigned qos, bool retain,
                        uint16_t packet_id, struct buffer *buffer)
{
    size_t remaining = text_length(topic) + (qos ? 2 : 0) + (version == MQTT_5 ? 1 : 0) + payload.length;

    put_header(buffer, MQTT_PUBLISH, qos << 1 | (retain ? 1 : 0), remaining);
    put_text(buffer, topic);
    if (qos)
        put_u16(buffer, packet_id);
    if (version == MQTT_5)
        put_u8(buffer, 0); /* no properties */
    buffer_add(buffer, payload.bytes, payload.length);
}

void mqtt_publish_set_dup(char *packet)
{
    packet[0] = (char)(packet[0] | 0x08);
}

void mqtt_subscribe_write(enum mqtt_version version, uint16_t packet_id, const char *const *filters, size_t count,
                          struct buffer *buffer)
{
    size_t remaining = 2 + (version == MQTT_5 ? 1 : 0);

    for (size_t i = 0; i < count; i++)
        remaining += text_length(filters[i]) + 1;
    put_header(buffer, MQTT_SUBSCRIBE, 2, remaining);
    put_u16(buffer, packet_id);
    if (version == MQTT_5)
        put_u8(buffer, 0);
    for (size_t i = 0; i < count; i++) {
        put_text(buffer, filters[i]);
        put_u8(buffer, 1); /* QoS 1, retained messages at once */
    }
}

void mqtt_puback_write(uint16_t packet_id, struct buffer *buffer)
{
    put_header(buffer, MQTT_PUBACK, 0, 2);
    put_u16(buffer, packet_id);
}

void mqtt_pingreq_write(struct buffer *buffer)
{
    put_header(buffer, MQTT_PINGREQ, 0, 0);
}

void mqtt_disconnect_write(enum mqtt_version version, bool forget, struct buffer *buffer)
{
    if (version != MQTT_5 || !forget) {
        put_header(buffer, MQTT_DISCONNECT, 0, 0);
        return;
    }
    put_header(buffer, MQTT_DISCONNECT, 0, 7);
    put_u8(buffer, 0);
    put_u8(buffer, 5);
    put_u8(buffer, PROPERTY_SESSION_EXPIRY);
    put_u32(buffer, 0);
}
