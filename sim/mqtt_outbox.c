/* One list, oldest first, split by next_to_send: before it what is on its way, from it on what waits for room in the window.
 * Packet ids are given when a message enters the window, so that the search for a free one only looks at what is in flight. */
#include "sim/mqtt_outbox.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISH_ID_LAST 60000     /* PUBLISH and SUBSCRIBE share one space of ids: each has its own part */
#define UNSENT_LIMIT (256 * 1024) /* QoS 0 is dropped while this much waits in the socket's buffer */

struct outgoing {
    struct outgoing *next;
    uint32_t length, id_at;       /* of packet; where its id stands */
    uint16_t packet_id;           /* 0: not in the window yet */
    char packet[];
};

void mqtt_outbox_init(struct mqtt_outbox *outbox, struct mqtt_client *client, enum mqtt_version version, size_t window,
                      size_t limit, struct mqtt_outbox_totals *totals)
{
    *outbox = (struct mqtt_outbox){
        .client = client,
        .version = version,
        .window = window,
        .window_max = window,
        .limit = limit,
        .packet_max = MQTT_REMAINING_MAX,
        .last_subscribe_id = PUBLISH_ID_LAST,
        .totals = totals,
    };
}

void mqtt_outbox_done(struct mqtt_outbox *outbox)
{
    while (outbox->first) {
        struct outgoing *next = outbox->first->next;

        free(outbox->first);
        outbox->first = next;
    }
    outbox->last = outbox->next_to_send = NULL;
    outbox->count = outbox->in_flight = 0;
}

static bool id_in_flight(const struct mqtt_outbox *outbox, uint16_t id)
{
    for (const struct outgoing *at = outbox->first; at != outbox->next_to_send; at = at->next)
        if (at->packet_id == id)
            return true;
    return false;
}

/* The window is far smaller than the space of ids, so this ends; mostly at once. */
static uint16_t id_next(struct mqtt_outbox *outbox)
{
    do {
        outbox->last_id = (uint16_t)(outbox->last_id % PUBLISH_ID_LAST + 1);
    } while (outbox->in_flight > 0 && id_in_flight(outbox, outbox->last_id));
    return outbox->last_id;
}

static void window_fill(struct mqtt_outbox *outbox)
{
    while (outbox->next_to_send && outbox->in_flight < outbox->window && mqtt_client_is_up(outbox->client)) {
        struct outgoing *outgoing = outbox->next_to_send;

        outgoing->packet_id = id_next(outbox);
        outgoing->packet[outgoing->id_at] = (char)(outgoing->packet_id >> 8);
        outgoing->packet[outgoing->id_at + 1] = (char)outgoing->packet_id;
        outbox->next_to_send = outgoing->next;
        outbox->in_flight++;
        outbox->totals->sent++;
        mqtt_client_send(outbox->client, outgoing->packet, outgoing->length);
    }
}

/* Where the id stands in a QoS 1 PUBLISH: behind header and topic. */
static uint32_t id_position(const char *packet)
{
    uint32_t at = 1;

    while (packet[at] & 0x80)
        at++;
    at++;
    return at + 2 + ((uint32_t)(uint8_t)packet[at] << 8 | (uint8_t)packet[at + 1]);
}

static bool queue(struct mqtt_outbox *outbox, const struct buffer *packet)
{
    struct outgoing *outgoing = outbox->count < outbox->limit ? malloc(sizeof *outgoing + packet->length) : NULL;

    if (!outgoing) {
        outbox->totals->dropped_full++;
        return false;
    }
    *outgoing = (struct outgoing){.length = (uint32_t)packet->length, .id_at = id_position(packet->bytes)};
    memcpy(outgoing->packet, packet->bytes, packet->length);
    if (outbox->last)
        outbox->last->next = outgoing;
    else
        outbox->first = outgoing;
    outbox->last = outgoing;
    if (!outbox->next_to_send)
        outbox->next_to_send = outgoing;
    outbox->count++;
    window_fill(outbox);
    return true;
}

static bool send_once(struct mqtt_outbox *outbox, const struct buffer *packet)
{
    if (!mqtt_client_is_up(outbox->client) || mqtt_client_unsent(outbox->client) > UNSENT_LIMIT) {
        outbox->totals->dropped_down++;
        return false;
    }
    outbox->totals->sent++;
    mqtt_client_send(outbox->client, packet->bytes, packet->length);
    return true;
}

bool mqtt_outbox_publish(struct mqtt_outbox *outbox, const char *topic, struct mqtt_view payload, unsigned qos, bool retain)
{
    struct buffer packet;
    bool taken = false;

    buffer_init(&packet, MQTT_REMAINING_MAX);
    mqtt_publish_write(outbox->version, topic, payload, qos, retain, 0, &packet);
    if (packet.failed || packet.length > outbox->packet_max)
        outbox->totals->dropped_long++;
    else
        taken = qos > 0 ? queue(outbox, &packet) : send_once(outbox, &packet);
    buffer_done(&packet);
    return taken;
}

void mqtt_outbox_subscribe(struct mqtt_outbox *outbox, const char *const *filters, size_t count)
{
    struct buffer packet;

    outbox->last_subscribe_id = outbox->last_subscribe_id == UINT16_MAX ? PUBLISH_ID_LAST + 1 : outbox->last_subscribe_id + 1;
    buffer_init(&packet, MQTT_REMAINING_MAX);
    mqtt_subscribe_write(outbox->version, outbox->last_subscribe_id, filters, count, &packet);
    if (!packet.failed)
        mqtt_client_send(outbox->client, packet.bytes, packet.length);
    buffer_done(&packet);
}

/* A continued session gets what was on its way again, with the same ids, marked as repetitions. For a new session they are
 * new messages, but their ids are free there as well. */
void mqtt_outbox_connected(struct mqtt_outbox *outbox, const struct mqtt_connack *connack)
{
    outbox->window = connack->receive_max < outbox->window_max ? connack->receive_max : outbox->window_max;
    outbox->packet_max = connack->packet_max;
    for (struct outgoing *at = outbox->first; at != outbox->next_to_send; at = at->next) {
        if (connack->session_present)
            mqtt_publish_set_dup(at->packet);
        outbox->totals->resent++;
        mqtt_client_send(outbox->client, at->packet, at->length);
    }
    window_fill(outbox);
}

void mqtt_outbox_acknowledged(struct mqtt_outbox *outbox, const struct mqtt_ack *ack)
{
    struct outgoing *before = NULL, *at = outbox->first;

    while (at != outbox->next_to_send && at->packet_id != ack->packet_id) {
        before = at;
        at = at->next;
    }
    if (at == outbox->next_to_send) /* acknowledged twice, or of a life before this one */
        return;
    if (before)
        before->next = at->next;
    else
        outbox->first = at->next;
    if (outbox->last == at)
        outbox->last = before;
    outbox->count--;
    outbox->in_flight--;
    if (ack->reason >= 0x80)
        outbox->totals->refused++;
    else
        outbox->totals->acked++;
    free(at);
    window_fill(outbox);
}
