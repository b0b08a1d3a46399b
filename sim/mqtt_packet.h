/* MQTT 3.1.1 and 5 packets as bytes: what a device writes, and a strict reader of what a broker answers.
 * Pure: no sockets, no clock, nothing allocated by the reader; views point into the bytes that were read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

#define MQTT_HEADER_MAX 5                  /* type byte and up to four length bytes */
#define MQTT_REMAINING_MAX 268435455u      /* what four length bytes can say */

enum mqtt_version { MQTT_311 = 4, MQTT_5 = 5 };

enum mqtt_type {
    MQTT_CONNECT = 1, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP,
    MQTT_SUBSCRIBE, MQTT_SUBACK, MQTT_UNSUBSCRIBE, MQTT_UNSUBACK, MQTT_PINGREQ, MQTT_PINGRESP, MQTT_DISCONNECT, MQTT_AUTH
};

/* Some bytes of somebody else's. */
struct mqtt_view {
    const uint8_t *bytes;
    size_t length;
};

struct mqtt_connect {
    enum mqtt_version version;
    const char *client_id;
    bool clean_start;
    uint16_t keepalive_s;
    uint32_t session_expiry_s;    /* MQTT 5 only */
    uint16_t receive_max;         /* MQTT 5 only; 0: not sent, which means 65535 */
    const char *username;         /* NULL: none */
    const char *password;         /* NULL: none */
    const char *will_topic;       /* NULL: no will; else QoS 1, retained */
    struct mqtt_view will_payload;
};

/* Each writer appends one packet; a packet that cannot be written leaves buffer->failed set. */
void mqtt_connect_write(const struct mqtt_connect *connect, struct buffer *buffer);
void mqtt_publish_write(enum mqtt_version version, const char *topic, struct mqtt_view payload, unsigned qos, bool retain,
                        uint16_t packet_id, struct buffer *buffer);
void mqtt_subscribe_write(enum mqtt_version version, uint16_t packet_id, const char *const *filters, size_t count,
                          struct buffer *buffer);
void mqtt_puback_write(uint16_t packet_id, struct buffer *buffer);
void mqtt_pingreq_write(struct buffer *buffer);
/* forget: MQTT 5 also tells the broker to drop the session. */
void mqtt_disconnect_write(enum mqtt_version version, bool forget, struct buffer *buffer);
/* Marks a written PUBLISH as a repetition. */
void mqtt_publish_set_dup(char *packet);

/* One packet off the wire. */
struct mqtt_frame {
    enum mqtt_type type;
    uint8_t flags;
    struct mqtt_view body;
    size_t length;   /* header and body: how much to take off the input */
};

enum mqtt_read { MQTT_MORE, MQTT_WHOLE, MQTT_BAD };
/* MQTT_MORE: not all there yet. MQTT_BAD: not MQTT, not for a client, or longer than limit. */
enum mqtt_read mqtt_frame_read(const uint8_t *bytes, size_t length, size_t limit, struct mqtt_frame *ret_frame);

struct mqtt_connack {
    bool session_present;
    uint8_t reason;               /* 0: accepted */
    uint16_t receive_max;         /* most unacknowledged PUBLISH the broker takes; 65535 when it does not say */
    uint32_t packet_max;          /* longest packet the broker takes */
    uint16_t keepalive_s;         /* the broker's own choice; 0: none */
};

struct mqtt_publish {
    struct mqtt_view topic;
    struct mqtt_view payload;
    unsigned qos;
    bool retain, dup;
    uint16_t packet_id;
};

struct mqtt_ack {
    uint16_t packet_id;
    uint8_t reason;               /* of SUBACK: the highest of all; 0x80 and over: refused */
};

/* False: the body is malformed; *ret is then untouched. */
bool mqtt_connack_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_connack *ret);
bool mqtt_publish_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_publish *ret);
bool mqtt_puback_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_ack *ret);
bool mqtt_suback_read(enum mqtt_version version, const struct mqtt_frame *frame, struct mqtt_ack *ret);
/* The reason of a DISCONNECT from the broker (MQTT 5 only). */
bool mqtt_disconnect_read(enum mqtt_version version, const struct mqtt_frame *frame, uint8_t *ret_reason);
