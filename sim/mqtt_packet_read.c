/* The strict reader of what a broker sends. Every length is checked against the bytes that are there before it is used;
 * a packet with anything left over, an unknown property or a property given twice is malformed. */
#include <string.h>

#include "common/text.h"
#include "sim/mqtt_packet.h"

/* What is still unread of a body. */
struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static struct cursor cursor_of(struct mqtt_view view)
{
    return (struct cursor){view.bytes, view.bytes + view.length, false};
}

static size_t left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static struct mqtt_view take(struct cursor *cursor, size_t length)
{
    struct mqtt_view view = {cursor->at, length};

    if (cursor->bad || length > left(cursor)) {
        cursor->bad = true;
        return (struct mqtt_view){cursor->at, 0};
    }
    cursor->at += length;
    return view;
}

static uint32_t take_number(struct cursor *cursor, size_t bytes)
{
    struct mqtt_view view = take(cursor, bytes);
    uint32_t value = 0;

    for (size_t i = 0; i < view.length; i++)
        value = value << 8 | view.bytes[i];
    return value;
}

static struct mqtt_view take_field(struct cursor *cursor)
{
    return take(cursor, take_number(cursor, 2));
}

/* A variable byte integer in its shortest form; returns how many bytes it took, 0 when more are needed, -1 when bad. */
static int varint_read(const uint8_t *bytes, size_t length, uint32_t *ret_value)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (i >= length)
            return 0;
        value |= (uint32_t)(bytes[i] & 0x7f) << (7 * i);
        if (!(bytes[i] & 0x80)) {
            if (i > 0 && bytes[i] == 0)
                return -1;
            *ret_value = value;
            return (int)i + 1;
        }
    }
    return -1;
}

static uint32_t take_varint(struct cursor *cursor)
{
    uint32_t value = 0;
    int took = cursor->bad ? -1 : varint_read(cursor->at, left(cursor), &value);

    if (took <= 0) {
        cursor->bad = true;
        return 0;
    }
    cursor->at += took;
    return value;
}

/* Flags that the standard fixes per type of packet; -1: a broker never sends it, or only to clients that use QoS 2 or AUTH. */
static int flags_expected(enum mqtt_type type)
{
    switch (type) {
    case MQTT_CONNACK: case MQTT_PUBACK: case MQTT_SUBACK: case MQTT_PINGRESP: case MQTT_DISCONNECT:
        return 0;
    case MQTT_PUBLISH: /* any: they mean something */
        return 0x0f;
    default:
        return -1;
    }
}

enum mqtt_read mqtt_frame_read(const uint8_t *bytes, size_t length, size_t limit, struct mqtt_frame *ret_frame)
{
    struct mqtt_frame frame;
    uint32_t remaining;
    int expected, took;

    if (length < 1)
        return MQTT_MORE;
    frame.type = bytes[0] >> 4;
    frame.flags = bytes[0] & 0x0f;
    expected = flags_expected(frame.type);
    if (expected < 0 || (frame.type != MQTT_PUBLISH && frame.flags != expected))
        return MQTT_BAD;
    took = varint_read(bytes + 1, length - 1, &remaining);
    if (took <= 0)
        return took == 0 ? MQTT_MORE : MQTT_BAD;
    frame.length = 1 + (size_t)took + remaining;
    if (frame.length > limit)
        return MQTT_BAD;
    if (frame.length > length)
        return MQTT_MORE;
    frame.body = (struct mqtt_view){bytes + 1 + took, remaining};
    *ret_frame = frame;
    return MQTT_WHOLE;
}

/* The properties of MQTT 5 that a client can meet, and how long each is. */
enum property_kind { PROPERTY_NONE, PROPERTY_U8, PROPERTY_U16, PROPERTY_U32, PROPERTY_VARINT, PROPERTY_FIELD, PROPERTY_PAIR };
#define PROPERTY_LAST 0x2a
static const uint8_t property_kinds[PROPERTY_LAST + 1] = {
    [0x01] = PROPERTY_U8,    /* payload format */
    [0x02] = PROPERTY_U32,   /* message expiry */
    [0x03] = PROPERTY_FIELD, /* content type */
    [0x08] = PROPERTY_FIELD, /* response topic */
    [0x09] = PROPERTY_FIELD, /* correlation data */
    [0x0b] = PROPERTY_VARINT,/* subscription id */
    [0x11] = PROPERTY_U32,   /* session expiry */
    [0x12] = PROPERTY_FIELD, /* assigned client id */
    [0x13] = PROPERTY_U16,   /* server keep alive */
    [0x15] = PROPERTY_FIELD, /* authentication method */
    [0x16] = PROPERTY_FIELD, /* authentication data */
    [0x1a] = PROPERTY_FIELD, /* response information */
    [0x1c] = PROPERTY_FIELD, /* server reference */
    [0x1f] = PROPERTY_FIELD, /* reason text */
    [0x21] = PROPERTY_U16,   /* receive maximum */
    [0x22] = PROPERTY_U16,   /* topic alias maximum */
    [0x24] = PROPERTY_U8,    /* maximum QoS */
    [0x25] = PROPERTY_U8,    /* retain available */
    [0x26] = PROPERTY_PAIR,  /* user property */
    [0x27] = PROPERTY_U32,   /* maximum packet size */
    [0x28] = PROPERTY_U8,    /* wildcards available */
    [0x29] = PROPERTY_U8,    /* subscription ids available */
    [0x2a] = PROPERTY_U8,    /* shared subscriptions available */
    /* 0x23, the topic alias, is missing on purpose: a client that announced none must not be sent one */
};

static uint32_t take_property(struct cursor *cursor, enum property_kind kind)
{
    switch (kind) {
    case PROPERTY_U8:
        return take_number(cursor, 1);
    case PROPERTY_U16:
        return take_number(cursor, 2);
    case PROPERTY_U32:
        return take_number(cursor, 4);
    case PROPERTY_VARINT:
        return take_varint(cursor);
    case PROPERTY_PAIR:
        (void)take_field(cursor);
        (void)take_field(cursor);
        return 0;
    case PROPERTY_FIELD:
        (void)take_field(cursor);
        return 0;
    default:
        cursor->bad = true;
        return 0;
    }
}

/* Takes the whole property block; keep() is told of each number and may refuse it. */
static void take_properties(struct cursor *cursor, bool (*keep)(void *arg, unsigned id, uint32_t value), void *arg)
{
    uint32_t length = take_varint(cursor);
    struct cursor block = cursor_of(take(cursor, length));
    uint64_t seen = 0;

    while (!cursor->bad && left(&block) > 0) {
        uint32_t id = take_varint(&block);
        enum property_kind kind = id <= PROPERTY_LAST ? property_kinds[id] : PROPERTY_NONE;
        bool repeats = id <= PROPERTY_LAST && (seen >> id & 1) && kind != PROPERTY_PAIR && kind != PROPERTY_VARINT;
        uint32_t value = take_property(&block, kind);

        cursor->bad = block.bad || repeats || (keep && !keep(arg, id, value));
        if (!cursor->bad)
            seen |= UINT64_C(1) << id;
    }
}

static bool connack_keep(void *arg, unsigned id, uint32_t value)
{
    struct mqtt_connack *connack = arg;

    if (id == 0x21)
        connack->receive_max = (uint16_t)value;
    else if (id == 0x27)
        connack->packet_max = value;
    else if (id == 0x13)
        connack->keepalive_s = (uint16_t)value;
    return !((id == 0x21 || id == 0x27) && value == 0);
}

bool mqtt_connack_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_connack *ret)
{
    struct cursor cursor = cursor_of(frame->body);
    struct mqtt_connack connack = {.receive_max = UINT16_MAX, .packet_max = MQTT_REMAINING_MAX};
    uint32_t flags = take_number(&cursor, 1);

    connack.session_present = flags & 1;
    connack.reason = (uint8_t)take_number(&cursor, 1);
    if (version == MQTT_5)
        take_properties(&cursor, connack_keep, &connack);
    if (cursor.bad || left(&cursor) > 0 || flags > 1 || (connack.reason && connack.session_present))
        return false;
    *ret = connack;
    return true;
}

bool mqtt_publish_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_publish *ret)
{
    struct cursor cursor = cursor_of(frame->body);
    struct mqtt_publish publish = {.qos = frame->flags >> 1 & 3, .retain = frame->flags & 1, .dup = frame->flags & 8};

    publish.topic = take_field(&cursor);
    if (publish.qos > 0)
        publish.packet_id = (uint16_t)take_number(&cursor, 2);
    if (version == MQTT_5)
        take_properties(&cursor, NULL, NULL);
    if (cursor.bad || publish.qos > 1 || (publish.qos == 1 && publish.packet_id == 0) || (publish.qos == 0 && publish.dup))
        return false;
    if (publish.topic.length == 0 || memchr(publish.topic.bytes, 0, publish.topic.length) ||
        !text_is_utf8(publish.topic.bytes, publish.topic.length))
        return false;
    publish.payload = take(&cursor, left(&cursor));
    *ret = publish;
    return true;
}

bool mqtt_puback_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_ack *ret)
{
    struct cursor cursor = cursor_of(frame->body);
    struct mqtt_ack ack = {.packet_id = (uint16_t)take_number(&cursor, 2)};

    if (version == MQTT_5 && left(&cursor) > 0)
        ack.reason = (uint8_t)take_number(&cursor, 1);
    if (version == MQTT_5 && left(&cursor) > 0)
        take_properties(&cursor, NULL, NULL);
    if (cursor.bad || left(&cursor) > 0 || ack.packet_id == 0)
        return false;
    *ret = ack;
    return true;
}

bool mqtt_suback_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_ack *ret)
{
    struct cursor cursor = cursor_of(frame->body);
    struct mqtt_ack ack = {.packet_id = (uint16_t)take_number(&cursor, 2)};

    if (version == MQTT_5)
        take_properties(&cursor, NULL, NULL);
    if (cursor.bad || left(&cursor) == 0 || ack.packet_id == 0)
        return false;
    while (left(&cursor) > 0) {
        uint8_t reason = (uint8_t)take_number(&cursor, 1);

        ack.reason = reason > ack.reason ? reason : ack.reason;
    }
    *ret = ack;
    return true;
}

bool mqtt_disconnect_read(enum mqtt_version version, const struct mqtt_frame *frame, uint8_t *ret_reason)
{
    struct cursor cursor = cursor_of(frame->body);
    uint8_t reason = 0;

    if (version != MQTT_5) /* brokers of 3.1.1 close the connection instead */
        return false;
    if (left(&cursor) > 0)
        reason = (uint8_t)take_number(&cursor, 1);
    if (left(&cursor) > 0)
        take_properties(&cursor, NULL, NULL);
    if (cursor.bad || left(&cursor) > 0)
        return false;
    *ret_reason = reason;
    return true;
}
