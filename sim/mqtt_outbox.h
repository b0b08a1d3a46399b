/* What one connection still has to say. QoS 1 messages stay here until the broker has acknowledged them: through losses of
 * the connection, in order, at most `window` unacknowledged at a time, at most `limit` in all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/mqtt_client.h"

struct outgoing;

struct mqtt_outbox {
    struct mqtt_client *client;
    enum mqtt_version version;
    struct outgoing *first, *last;   /* oldest first; those on their way come before those that wait */
    struct outgoing *next_to_send;   /* the first that waits; NULL: none */
    size_t count, in_flight;
    size_t window, window_max;       /* the broker's and ours, whichever is smaller; ours */
    size_t limit;
    uint32_t packet_max;
    uint16_t last_id, last_subscribe_id;
    struct mqtt_outbox_totals *totals;
};

struct mqtt_outbox_totals {
    uint64_t sent, acked, resent;
    uint64_t dropped_full, dropped_down, dropped_long, refused;
};

void mqtt_outbox_init(struct mqtt_outbox *outbox, struct mqtt_client *client, enum mqtt_version version, size_t window,
                      size_t limit, struct mqtt_outbox_totals *totals);
void mqtt_outbox_done(struct mqtt_outbox *outbox);
/* QoS 0 needs a connection; QoS 1 waits for one. False: dropped, and counted why. */
bool mqtt_outbox_publish(struct mqtt_outbox *outbox, const char *topic, struct mqtt_view payload, unsigned qos, bool retain);
void mqtt_outbox_subscribe(struct mqtt_outbox *outbox, const char *const *filters, size_t count);
/* From the client's handlers of the same names. */
void mqtt_outbox_connected(struct mqtt_outbox *outbox, const struct mqtt_connack *connack);
void mqtt_outbox_acknowledged(struct mqtt_outbox *outbox, const struct mqtt_ack *ack);
