/* Subscribes once a session, passes messages on, and keeps the outbox in step with the connection. */
#include "sim/link.h"

#define FILTERS_A_PACKET 64

static void link_connected(void *arg, const struct mqtt_connack *connack);
static void link_subscribed(void *arg, const struct mqtt_ack *ack);
static void link_received(void *arg, const struct mqtt_publish *publish);
static void link_acknowledged(void *arg, const struct mqtt_ack *ack);
static void link_lost(void *arg, const char *why);

const struct mqtt_handler link_handler = {
    .connected = link_connected,
    .lost = link_lost,
    .received = link_received,
    .acknowledged = link_acknowledged,
    .subscribed = link_subscribed,
};

bool link_init(struct link *link, unsigned number, const struct mqtt_config *config, const char *client_id, const char *will_topic,
               struct mqtt_view will_payload, size_t window, size_t limit, const struct link_owner *owner, void *arg, struct link_totals *totals)
{
    *link = (struct link){.owner = owner, .arg = arg, .number = number, .totals = totals};
    link->client = mqtt_client_new(config, client_id, will_topic, will_payload, link);
    if (!link->client)
        return false;
    mqtt_outbox_init(&link->outbox, link->client, config->version, window, limit, &totals->outbox);
    return true;
}

void link_done(struct link *link)
{
    mqtt_outbox_done(&link->outbox);
    mqtt_client_free(link->client);
    link->client = NULL;
}

static void send_filters(struct link *link, char (*filters)[TOPIC_SIZE], unsigned count)
{
    const char *list[FILTERS_A_PACKET];

    for (unsigned i = 0; i < count; i++)
        list[i] = filters[i];
    if (count > 0) {
        link->subscribe_pending++;
        mqtt_outbox_subscribe(&link->outbox, list, count);
    }
}

static void subscribe(struct link *link)
{
    char filters[FILTERS_A_PACKET][TOPIC_SIZE];
    uint32_t devices = link->owner->count(link->arg, link->number);
    unsigned count = 0;

    link->subscribed = false;
    link->subscribe_pending = 0;
    for (uint32_t k = 0; k < devices; k++) {
        if (!link->owner->filter(link->arg, link->number, k, filters[count]))
            continue;
        if (++count == FILTERS_A_PACKET) {
            send_filters(link, filters, count);
            count = 0;
        }
    }
    send_filters(link, filters, count);
}

static void link_connected(void *arg, const struct mqtt_connack *connack)
{
    struct link *link = arg;

    if (!connack->session_present || !link->subscribed)
        subscribe(link);
    mqtt_outbox_connected(&link->outbox, connack);
    link->owner->up(link->arg, link->number);
}

static void link_subscribed(void *arg, const struct mqtt_ack *ack)
{
    struct link *link = arg;

    if (ack->reason >= 0x80)
        link->totals->subscribe_refused++;
    if (link->subscribe_pending > 0 && --link->subscribe_pending == 0)
        link->subscribed = true;
}

static void link_received(void *arg, const struct mqtt_publish *publish)
{
    struct link *link = arg;
    struct problem problem;
    struct topic topic;

    link->totals->received++;
    if (topic_read((const char *)publish->topic.bytes, publish->topic.length, &topic, &problem) != DROVER_OK)
        link->totals->foreign++;
    else
        link->owner->message(link->arg, link->number, &topic, publish->payload);
}

static void link_acknowledged(void *arg, const struct mqtt_ack *ack)
{
    struct link *link = arg;

    mqtt_outbox_acknowledged(&link->outbox, ack);
}

static void link_lost(void *arg, const char *why)
{
    struct link *link = arg;

    (void)why;
    link->owner->down(link->arg, link->number);
}
