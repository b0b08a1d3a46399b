/* Paho's callbacks about the connection. They run with Paho's own lock held, so they note what happened (under `lock`, which is
 * never held while Paho is called), wake the loop and kick the sending thread, which does what is due. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "orchestrator/edges/mqtt_parts.h"

#define STEADY_MS 10000   /* a connection that lasted this long starts the backoff anew */

static void changed(struct mqtt_link *link)
{
    uint64_t one = 1;

    while (write(link->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    outbox_kick(link->outbox);
}

void mqtt_phase_set(struct mqtt_link *link, enum phase phase)
{
    link->phase = phase;
    link->phase_mono_ms = clock_mono_ms();
    link->greeted = false;
    link->state.connected = phase == PHASE_UP;
    link->state.subscribed = false;
    link->state.since_ms = clock_unix_ms();
}

static void retry_later(struct mqtt_link *link)
{
    link->due_mono_ms = clock_mono_ms() + backoff_full_jitter_ms(link->retry_base_ms, link->retry_cap_ms, link->tries++, clock_random());
}

/* The connection, or the try to make one, has ended. */
void mqtt_went_down(struct mqtt_link *link, const char *why)
{
    pthread_mutex_lock(&link->lock);
    if (link->phase == PHASE_UP && clock_mono_ms() - link->phase_mono_ms >= STEADY_MS)
        link->tries = 0;
    if (link->phase != PHASE_DOWN) {
        uint64_t *counter = link->phase == PHASE_UP ? &link->state.losses : &link->state.failures;

        ++*counter;
        if (link->phase == PHASE_UP || !link->tls_said_why)
            text_excerpt(link->state.error, sizeof link->state.error, why, strlen(why));
        mqtt_phase_set(link, PHASE_DOWN);
        retry_later(link);
    }
    pthread_mutex_unlock(&link->lock);
    outbox_set_online(link->outbox, false);
    changed(link);
}

void mqtt_connection_lost(void *context, char *cause)
{
    mqtt_went_down(context, cause && cause[0] ? cause : "connection lost");
}

void mqtt_broker_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    const char *text = MQTTReasonCode_toString(reason);

    (void)properties;
    mqtt_went_down(context, text ? text : "the broker disconnected");
}

void mqtt_connect_failed(void *context, MQTTAsync_failureData5 *data)
{
    char text[MQTT_TEXT_SIZE];

    mqtt_failure_text(data, text, sizeof text);
    mqtt_went_down(context, text);
}

int mqtt_tls_failed(const char *text, size_t length, void *context)
{
    struct mqtt_link *link = context;

    pthread_mutex_lock(&link->lock);
    text_excerpt(link->state.error, sizeof link->state.error, text, length > 0 && text[length - 1] == '\n' ? length - 1 : length);
    link->tls_said_why = true;
    pthread_mutex_unlock(&link->lock);
    return 1; /* go on with the other errors in OpenSSL's queue */
}

void mqtt_connect_succeeded(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_link *link = context;

    pthread_mutex_lock(&link->lock);
    mqtt_phase_set(link, PHASE_UP);
    if (link->state.connects > 0 && !data->alt.connect.sessionPresent)
        link->state.sessions_lost++;
    link->state.connects++;
    link->due_mono_ms = 0;
    pthread_mutex_unlock(&link->lock);
    outbox_set_online(link->outbox, true);
    changed(link);
}

void mqtt_subscribe_failed(void *context, MQTTAsync_failureData5 *data)
{
    struct mqtt_link *link = context;
    char text[MQTT_TEXT_SIZE];

    mqtt_failure_text(data, text, sizeof text);
    pthread_mutex_lock(&link->lock);
    (void)snprintf(link->state.error, sizeof link->state.error, "subscribe: %.100s", text);
    retry_later(link);
    pthread_mutex_unlock(&link->lock);
    changed(link);
}

void mqtt_subscribe_succeeded(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_link *link = context;
    const char *refused = NULL;

    for (int i = 0; i < data->alt.sub.reasonCodeCount && !refused; i++)
        if (data->alt.sub.reasonCodes[i] >= MQTTREASONCODE_UNSPECIFIED_ERROR)
            refused = link->filters[i < TOPIC_FILTER_COUNT ? i : 0];
    pthread_mutex_lock(&link->lock);
    if (refused) {
        (void)snprintf(link->state.error, sizeof link->state.error, "the broker does not let us subscribe to %.80s", refused);
        retry_later(link);
    } else {
        link->state.subscribed = link->phase == PHASE_UP;
        link->state.since_ms = clock_unix_ms();
    }
    pthread_mutex_unlock(&link->lock);
    changed(link);
}
