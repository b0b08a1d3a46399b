/* Messages through Paho, both ways. The callback for those that come returns 1 always: Paho acknowledges whatever it returns, and 0 makes it keep the
 * message in a queue of its own where it may stay for good. */
#include <stdlib.h>
#include <string.h>

#include "agent/link_inside.h"
#include "proto/online.h"

static bool is_topic(const struct link *link, enum topic_kind kind, const char *topic, size_t length)
{
    return strlen(link->topics[kind]) == length && memcmp(link->topics[kind], topic, length) == 0;
}

/* Waits for room: that withholds the acknowledgement, and the broker keeps the rest. */
static void inbox_put(struct link *link, enum topic_kind kind, const MQTTAsync_message *message)
{
    struct link_message *entry;

    pthread_mutex_lock(&link->lock);
    while (link->inbox_count == LINK_INBOX && !link->goodbye_mono_ms)
        pthread_cond_wait(&link->room, &link->lock);
    if (link->inbox_count < LINK_INBOX) {
        entry = &link->inbox[(link->inbox_first + link->inbox_count++) % LINK_INBOX];
        entry->kind = kind;
        entry->length = (size_t)message->payloadlen;
        if (entry->length <= sizeof entry->bytes)
            memcpy(entry->bytes, message->payload, entry->length);
    }
    pthread_mutex_unlock(&link->lock);
    link_wake(link);
}

int link_received(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct link *link = context;
    size_t length = topic_length > 0 ? (size_t)topic_length : strlen(topic);

    if (is_topic(link, TOPIC_COMMAND, topic, length))
        inbox_put(link, TOPIC_COMMAND, message);
    else if (is_topic(link, TOPIC_NOTICE, topic, length))
        inbox_put(link, TOPIC_NOTICE, message);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* Paho gives back one pointer: link, connection and ticket travel together. */
struct delivery {
    struct link *link;
    uint64_t epoch, ticket;
};

static void delivered(void *context, MQTTAsync_successData5 *data)
{
    struct delivery *delivery = context;
    struct link *link = delivery->link;

    (void)data;
    pthread_mutex_lock(&link->lock);
    if (delivery->epoch == link->epoch && link->said_count < LINK_SAID_MAX)
        link->said[(link->said_first + link->said_count++) % LINK_SAID_MAX] = delivery->ticket;
    link_unlock_changed(link);
    free(delivery);
}

static void not_delivered(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    free(context);
}

/* A message that Paho does not take is one that the caller says again: the connection is taken for lost. */
void link_send(struct link *link, const struct link_message *message)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    struct delivery *delivery = message->ticket ? malloc(sizeof *delivery) : NULL;
    int code;

    if (delivery) {
        pthread_mutex_lock(&link->lock);
        *delivery = (struct delivery){link, link->epoch, message->ticket};
        pthread_mutex_unlock(&link->lock);
        response.context = delivery;
        response.onSuccess5 = delivered;
        response.onFailure5 = not_delivered;
    }
    code = MQTTAsync_send(link->client, link->topics[message->kind], (int)message->length, message->bytes, message->qos, 0, &response);
    if (code != MQTTASYNC_SUCCESS) {
        free(delivery);
        if (message->ticket && code != MQTTASYNC_DISCONNECTED)
            link_disconnect(link);
    }
}

static void online_said(void *context, MQTTAsync_successData5 *data)
{
    struct link *link = context;

    (void)data;
    pthread_mutex_lock(&link->lock);
    link->farewell_said = link->goodbye_mono_ms != 0;
    link_unlock_changed(link);
}

bool link_send_online(struct link *link, bool online)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    struct buffer json;
    bool sent;

    response.context = link;
    response.onSuccess5 = online_said;
    buffer_init(&json, MESSAGE_SIZE);
    online_write(online, &json);
    sent = !json.failed && MQTTAsync_send(link->client, link->topics[TOPIC_ONLINE], (int)json.length, json.bytes, 1, 1, &response) == MQTTASYNC_SUCCESS;
    buffer_done(&json);
    return sent;
}
