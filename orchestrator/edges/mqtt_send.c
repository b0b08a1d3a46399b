/* One message from the outbox into Paho, and Paho's word on it back to the outbox. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/mqtt_parts.h"

/* Paho gives back one pointer: link and ticket travel together. */
struct delivery {
    struct mqtt_link *link;
    uint64_t ticket;
};

static void delivery_end(struct delivery *delivery, bool delivered)
{
    outbox_confirmed(delivery->link->outbox, delivery->ticket, delivered);
    free(delivery);
}

static void message_delivered(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    delivery_end(context, true);
}

static void message_failed(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    delivery_end(context, false);
}

/* A command is worth nothing after its deadline: the broker shall not keep it longer for an absent device. */
static void expiry_add(MQTTProperties *properties, const struct outbox_message *message)
{
    int64_t left_ms = message->expires_mono_ms - clock_mono_ms();
    MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL};

    if (message->expires_mono_ms == 0)
        return;
    property.value.integer4 = (unsigned)(left_ms > 0 ? left_ms / 1000 + 1 : 1);
    (void)MQTTProperties_add(properties, &property);
}

static int send_through_paho(struct mqtt_link *link, const struct outbox_message *message, struct delivery *delivery)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_message paho = MQTTAsync_message_initializer;
    int code;

    if (delivery) {
        response.context = delivery;
        response.onSuccess5 = message_delivered;
        response.onFailure5 = message_failed;
    }
    paho.payload = (void *)(uintptr_t)message->payload; /* Paho copies it; its type only lacks a const */
    paho.payloadlen = (int)message->payload_length;
    paho.qos = message->qos;
    paho.retained = message->retain;
    expiry_add(&paho.properties, message);
    code = MQTTAsync_sendMessage(link->client, message->topic, &paho, &response);
    MQTTProperties_free(&paho.properties);
    return code;
}

enum outbox_sent mqtt_send(void *arg, const struct outbox_message *message, uint64_t ticket)
{
    struct mqtt_link *link = arg;
    struct delivery *delivery = NULL;
    int code;

    if (message->qos > 0) {
        delivery = malloc(sizeof *delivery);
        if (!delivery)
            return OUTBOX_REFUSED;
        *delivery = (struct delivery){link, ticket};
    }
    code = send_through_paho(link, message, delivery);
    if (code == MQTTASYNC_SUCCESS)
        return OUTBOX_SENT;
    free(delivery);
    return code == MQTTASYNC_DISCONNECTED ? OUTBOX_NOT_NOW : OUTBOX_REFUSED;
}

bool mqtt_send_status(struct mqtt_link *link, bool online, MQTTAsync_onSuccess5 *said)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    const char *payload = mqtt_status_payload(online);

    response.context = link;
    response.onSuccess5 = said;
    return MQTTAsync_send(link->client, link->identity.status_topic, (int)strlen(payload), payload, 1, 1, &response) == MQTTASYNC_SUCCESS;
}
