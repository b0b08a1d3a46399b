/* What the broker sends: CONNACK while greeting, everything else while up; anything malformed or out of place ends the connection. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "common/clock.h"
#include "sim/mqtt_client_inside.h"

static void take_connack(struct mqtt_client *client, const struct mqtt_frame *frame)
{
    struct mqtt_connack connack;

    if (client->state != CLIENT_GREETING || !mqtt_connack_read(client->config->version, frame, &connack)) {
        client->config->totals->malformed++;
        mqtt_client_lose(client, "malformed CONNACK");
        return;
    }
    if (connack.reason != 0) {
        client->config->totals->refusals++;
        mqtt_client_lose(client, "the broker refused the connection");
        return;
    }
    client->state = CLIENT_UP;
    client->failures = 0;
    client->greeted_before = true;
    client->keepalive_s = connack.keepalive_s ? connack.keepalive_s : client->config->keepalive_s;
    client->config->totals->connects++;
    client->config->totals->up++;
    mqtt_client_keepalive(client);
    client->config->handler->connected(client->arg, &connack);
}

static void acknowledge(struct mqtt_client *client, uint16_t packet_id)
{
    struct buffer packet;

    buffer_init(&packet, 0);
    mqtt_puback_write(packet_id, &packet);
    if (!packet.failed)
        mqtt_client_send(client, packet.bytes, packet.length);
    buffer_done(&packet);
}

/* False: the packet is malformed or out of place. */
static bool take_up(struct mqtt_client *client, const struct mqtt_frame *frame)
{
    const struct mqtt_handler *handler = client->config->handler;
    enum mqtt_version version = client->config->version;
    struct mqtt_publish publish;
    struct mqtt_ack ack;
    uint8_t reason;

    switch (frame->type) {
    case MQTT_PUBLISH:
        if (!mqtt_publish_read(version, frame, &publish))
            return false;
        handler->received(client->arg, &publish);
        if (publish.qos == 1)
            acknowledge(client, publish.packet_id);
        return true;
    case MQTT_PUBACK:
        if (!mqtt_puback_read(version, frame, &ack))
            return false;
        handler->acknowledged(client->arg, &ack);
        return true;
    case MQTT_SUBACK:
        if (!mqtt_suback_read(version, frame, &ack))
            return false;
        handler->subscribed(client->arg, &ack);
        return true;
    case MQTT_PINGRESP:
        return frame->body.length == 0;
    case MQTT_DISCONNECT:
        if (!mqtt_disconnect_read(version, frame, &reason))
            return false;
        mqtt_client_lose(client, "the broker sent DISCONNECT");
        return true;
    default:
        return false;
    }
}

static void take_frame(struct mqtt_client *client, const struct mqtt_frame *frame)
{
    client->config->totals->packets_in++;
    if (client->state == CLIENT_GREETING || frame->type == MQTT_CONNACK) {
        if (frame->type == MQTT_CONNACK) {
            take_connack(client, frame);
            return;
        }
    } else if (take_up(client, frame)) {
        return;
    }
    client->config->totals->malformed++;
    mqtt_client_lose(client, "malformed packet");
}

/* Reads all whole packets that are there. The bytes stay in the input until they are all told; a handler may close the
 * client meanwhile, which frees the stream, so that is looked at after each packet. */
void mqtt_client_readable(struct bufferevent *stream, void *arg)
{
    struct mqtt_client *client = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t length = evbuffer_get_length(input), taken = 0;
    const uint8_t *bytes = evbuffer_pullup(input, -1);
    enum mqtt_read read = MQTT_MORE;
    struct mqtt_frame frame;

    client->heard_ms = clock_mono_ms();
    client->pinged = false;
    while (client->stream == stream && client->state != CLIENT_CLOSING && bytes &&
           (read = mqtt_frame_read(bytes + taken, length - taken, client->config->packet_max, &frame)) == MQTT_WHOLE) {
        taken += frame.length;
        take_frame(client, &frame);
    }
    client->config->totals->bytes_in += taken;
    if (client->stream != stream)
        return;
    (void)evbuffer_drain(input, client->state == CLIENT_CLOSING ? length : taken);
    if (read == MQTT_BAD) {
        client->config->totals->malformed++;
        mqtt_client_lose(client, "malformed packet");
    } else if (client->state == CLIENT_UP && client->config->handler->drained) {
        client->config->handler->drained(client->arg);
    }
}
