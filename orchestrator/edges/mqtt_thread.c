/* The sending thread: connects, subscribes, sends. It waits in the outbox' pump, and each kick makes it look at what is due. */
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/mqtt_parts.h"

#define IDLE_MS 1000                /* it looks around at least this often */
#define CONNECT_GIVE_UP_MS 60000    /* Paho should have called back long before */
#define SUBSCRIBE_GIVE_UP_MS 15000

static void connect_now(struct mqtt_link *link)
{
    int code = mqtt_connect(link->client, &link->identity, link);

    if (code != MQTTASYNC_SUCCESS)
        mqtt_went_down(link, MQTTAsync_strerror(code) ? MQTTAsync_strerror(code) : "cannot connect");
}

static void subscribe_now(struct mqtt_link *link)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTSubscribe_options options[TOPIC_FILTER_COUNT];
    char *filters[TOPIC_FILTER_COUNT];
    int qos[TOPIC_FILTER_COUNT], code;

    for (int i = 0; i < TOPIC_FILTER_COUNT; i++) {
        options[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
        options[i].retainHandling = 1; /* the retained `online` of the whole fleet only when the session is new */
        filters[i] = link->filters[i];
        qos[i] = 1;
    }
    response.context = link;
    response.onSuccess5 = mqtt_subscribe_succeeded;
    response.onFailure5 = mqtt_subscribe_failed;
    response.subscribeOptionsCount = TOPIC_FILTER_COUNT;
    response.subscribeOptionsList = options;
    code = MQTTAsync_subscribeMany(link->client, TOPIC_FILTER_COUNT, filters, qos, &response);
    if (code != MQTTASYNC_SUCCESS)
        mqtt_subscribe_failed(link, NULL);
}

enum deed { NOTHING, CONNECT, SUBSCRIBE, GREET, GIVE_UP };

/* What to do now, and (when nothing) until when to wait. */
static enum deed deed_choose(struct mqtt_link *link, int64_t *ret_until_mono_ms)
{
    int64_t now = clock_mono_ms();

    *ret_until_mono_ms = now + IDLE_MS;
    if (link->phase == PHASE_CONNECTING)
        return now - link->phase_mono_ms < CONNECT_GIVE_UP_MS ? NOTHING : GIVE_UP;
    if (link->phase == PHASE_UP && !link->greeted)
        return GREET;
    if (link->phase == PHASE_UP && link->state.subscribed)
        return NOTHING;
    if (now >= link->due_mono_ms)
        return link->phase == PHASE_UP ? SUBSCRIBE : CONNECT;
    if (link->due_mono_ms < *ret_until_mono_ms)
        *ret_until_mono_ms = link->due_mono_ms;
    return NOTHING;
}

static enum deed deed_take(struct mqtt_link *link, int64_t *ret_until_mono_ms)
{
    enum deed deed;

    pthread_mutex_lock(&link->lock);
    deed = deed_choose(link, ret_until_mono_ms);
    if (deed == CONNECT) {
        mqtt_phase_set(link, PHASE_CONNECTING);
        link->tls_said_why = false;
    }
    if (deed == SUBSCRIBE)
        link->due_mono_ms = clock_mono_ms() + SUBSCRIBE_GIVE_UP_MS;
    if (deed == GREET)
        link->greeted = true;
    pthread_mutex_unlock(&link->lock);
    return deed;
}

/* Does all that is due; returns until when nothing will be. */
static int64_t work(struct mqtt_link *link)
{
    int64_t until_mono_ms;
    enum deed deed;

    while ((deed = deed_take(link, &until_mono_ms)) != NOTHING) {
        if (deed == CONNECT)
            connect_now(link);
        else if (deed == SUBSCRIBE)
            subscribe_now(link);
        else if (deed == GREET)
            (void)mqtt_send_status(link, true, NULL); /* if not, the connection is gone again */
        else
            mqtt_went_down(link, "connecting took too long");
    }
    return until_mono_ms;
}

/* --- the goodbye --- */

static bool is_ending(struct mqtt_link *link, int64_t *ret_goodbye_mono_ms)
{
    pthread_mutex_lock(&link->lock);
    *ret_goodbye_mono_ms = link->goodbye_mono_ms;
    pthread_mutex_unlock(&link->lock);
    return *ret_goodbye_mono_ms != 0;
}

static bool is_connected(struct mqtt_link *link)
{
    bool connected;

    pthread_mutex_lock(&link->lock);
    connected = link->phase == PHASE_UP;
    pthread_mutex_unlock(&link->lock);
    return connected;
}

static bool outbox_is_empty(struct outbox *outbox)
{
    struct outbox_counters counters = outbox_counters(outbox);

    return counters.waiting[LANE_NOTICE] + counters.waiting[LANE_COMMAND] + counters.waiting[LANE_EVENT] + counters.unconfirmed == 0;
}

static void disconnected(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    mqtt_went_down(context, "stopped");
}

static void disconnect_failed(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    mqtt_went_down(context, "stopped");
}

static void status_said(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_link *link = context;

    (void)data;
    outbox_kick(link->outbox);
}

/* Waits in the pump, which sends what there still is, until `done` or the deadline. */
static void goodbye_say(struct mqtt_link *link, int64_t outbox_until_mono_ms)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
    int64_t until_mono_ms;

    while (is_connected(link) && !outbox_is_empty(link->outbox) && clock_mono_ms() < outbox_until_mono_ms)
        outbox_pump(link->outbox, clock_mono_ms() + 20);
    until_mono_ms = clock_mono_ms() + MQTT_GOODBYE_MS;
    if (is_connected(link) && mqtt_send_status(link, false, status_said))
        outbox_pump(link->outbox, until_mono_ms); /* status_said kicks */
    options.timeout = MQTT_GOODBYE_MS;
    options.context = link;
    options.onSuccess5 = disconnected;
    options.onFailure5 = disconnect_failed;
    if (is_connected(link) && MQTTAsync_disconnect(link->client, &options) == MQTTASYNC_SUCCESS)
        while (is_connected(link) && clock_mono_ms() < until_mono_ms)
            outbox_pump(link->outbox, clock_mono_ms() + 20);
}

void *mqtt_thread_run(void *arg)
{
    struct mqtt_link *link = arg;
    int64_t goodbye_mono_ms;

    while (!is_ending(link, &goodbye_mono_ms))
        outbox_pump(link->outbox, work(link));
    goodbye_say(link, goodbye_mono_ms);
    MQTTAsync_destroy(&link->client);
    return NULL;
}
