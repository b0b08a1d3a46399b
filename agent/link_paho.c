/* The connection as Paho makes it: options, and callbacks about it. They run with Paho's own lock held, so they note what happened (under `lock`, which is
 * never held while Paho is called) and wake the others. */
#include <stdio.h>
#include <string.h>

#include "agent/link_inside.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/text.h"
#include "proto/mqtt_paho.h"
#include "proto/online.h"

#define STEADY_MS 10000          /* a connection that lasted this long starts the backoff anew */
#define CONNECT_TIMEOUT_S 20
#define PAHO_QUEUE 32            /* most messages that Paho holds */
#define SUBSCRIPTIONS 2

/* --- what happened to the connection --- */

static void phase_set(struct link *link, enum link_phase phase)
{
    link->phase = phase;
    link->phase_mono_ms = clock_mono_ms();
    link->greeted = link->subscribed = false;
    link->queue_count = link->said_count = 0;
    link->epoch++;
}

static void retry_later(struct link *link)
{
    link->due_mono_ms = clock_mono_ms() + backoff_full_jitter_ms(LINK_RETRY_BASE_MS, link->config.retry_max_ms, link->tries++, clock_random());
}

void link_unlock_changed(struct link *link)
{
    pthread_cond_signal(&link->changed);
    pthread_mutex_unlock(&link->lock);
    link_wake(link);
}

void link_went_down(struct link *link, const char *why)
{
    pthread_mutex_lock(&link->lock);
    if (link->phase == LINK_IS_UP && clock_mono_ms() - link->phase_mono_ms >= STEADY_MS)
        link->tries = 0;
    if (link->phase != LINK_IS_DOWN) {
        if (link->phase == LINK_IS_UP || !link->tls_said_why)
            text_excerpt(link->error, sizeof link->error, why, strlen(why));
        link->has_failed |= link->phase == LINK_CONNECTS;
        phase_set(link, LINK_IS_DOWN);
        retry_later(link);
    }
    link_unlock_changed(link);
}

static void connection_lost(void *context, char *cause)
{
    link_went_down(context, cause && cause[0] ? cause : "connection lost");
}

static void broker_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    const char *text = MQTTReasonCode_toString(reason);

    (void)properties;
    link_went_down(context, text ? text : "the broker disconnected");
}

static void connect_succeeded(void *context, MQTTAsync_successData5 *data)
{
    struct link *link = context;

    (void)data;
    pthread_mutex_lock(&link->lock);
    phase_set(link, LINK_IS_UP);
    link->due_mono_ms = 0;
    link_unlock_changed(link);
}

static void connect_failed(void *context, MQTTAsync_failureData5 *data)
{
    char text[LINK_TEXT_SIZE];

    mqtt_failure_text(data, text, sizeof text);
    link_went_down(context, text);
}

static int tls_failed(const char *text, size_t length, void *context)
{
    struct link *link = context;

    pthread_mutex_lock(&link->lock);
    text_excerpt(link->error, sizeof link->error, text, length > 0 && text[length - 1] == '\n' ? length - 1 : length);
    link->tls_said_why = true;
    pthread_mutex_unlock(&link->lock);
    return 1; /* go on with the other errors in OpenSSL's queue */
}

static void subscribed(void *context, MQTTAsync_successData5 *data)
{
    struct link *link = context;
    bool granted = data->alt.sub.reasonCodeCount > 0 || data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR;

    for (int i = 0; i < data->alt.sub.reasonCodeCount; i++)
        granted &= data->alt.sub.reasonCodes[i] < MQTTREASONCODE_UNSPECIFIED_ERROR;
    pthread_mutex_lock(&link->lock);
    link->subscribed = granted && link->phase == LINK_IS_UP;
    if (!granted)
        (void)snprintf(link->error, sizeof link->error, "the broker does not let us subscribe to %.80s", link->topics[TOPIC_COMMAND]);
    link_unlock_changed(link);
}

static void subscribe_failed(void *context, MQTTAsync_failureData5 *data)
{
    struct link *link = context;
    char text[LINK_TEXT_SIZE];

    mqtt_failure_text(data, text, sizeof text);
    pthread_mutex_lock(&link->lock);
    (void)snprintf(link->error, sizeof link->error, "subscribe: %.100s", text);
    link_unlock_changed(link);
}

static void disconnected(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    link_went_down(context, "stopped");
}

static void disconnect_failed(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    link_went_down(context, "stopped");
}

/* --- connecting --- */

static MQTTAsync_SSLOptions tls_options(struct link *link)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

    tls.verify = 1; /* the certificate must be valid, and for this host */
    tls.enableServerCertAuth = 1;
    tls.trustStore = mqtt_or_null(link->config.ca_file);
    tls.disableDefaultTrustStore = link->config.ca_file[0] != '\0';
    tls.keyStore = mqtt_or_null(link->config.certificate_file);
    tls.privateKey = mqtt_or_null(link->config.key_file);
    tls.ssl_error_cb = tls_failed;
    tls.ssl_error_context = link;
    return tls;
}

static int connect_with(struct link *link, const char *last_words)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = tls_options(link);
    MQTTProperties properties = MQTTProperties_initializer;
    int code;

    mqtt_property_add(&properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, (uint32_t)link->config.session_expiry_s);
    mqtt_property_add(&properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, LINK_INFLIGHT);
    mqtt_property_add(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, LINK_PACKET_MAX);
    will.topicName = link->topics[TOPIC_ONLINE];
    will.message = last_words;
    will.retained = 1;
    will.qos = 1;
    options.cleanstart = 0; /* 1 would throw away, at each reconnect, the commands that came while it was away */
    options.keepAliveInterval = (int)link->config.keepalive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.maxInflight = LINK_SAID_MAX;
    options.username = mqtt_or_null(link->config.username);
    options.password = mqtt_or_null(link->password);
    options.will = &will;
    options.connectProperties = &properties;
    options.ssl = link->tls ? &tls : NULL;
    options.onSuccess5 = connect_succeeded;
    options.onFailure5 = connect_failed;
    options.context = link;
    code = MQTTAsync_connect(link->client, &options);
    MQTTProperties_free(&properties);
    return code;
}

void link_connect(struct link *link)
{
    struct buffer json;
    int code = MQTTASYNC_FAILURE;

    buffer_init(&json, MESSAGE_SIZE);
    online_write(false, &json);
    if (!json.failed)
        code = connect_with(link, json.bytes);
    buffer_done(&json);
    if (code != MQTTASYNC_SUCCESS)
        link_went_down(link, MQTTAsync_strerror(code) ? MQTTAsync_strerror(code) : "cannot connect");
}

/* On each connection anew: Paho does not, and the broker may have forgotten the session. */
void link_subscribe(struct link *link)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    char *filters[SUBSCRIPTIONS] = {link->topics[TOPIC_COMMAND], link->topics[TOPIC_NOTICE]};
    int qos[SUBSCRIPTIONS] = {1, 1};

    response.context = link;
    response.onSuccess5 = subscribed;
    response.onFailure5 = subscribe_failed;
    if (MQTTAsync_subscribeMany(link->client, SUBSCRIPTIONS, filters, qos, &response) != MQTTASYNC_SUCCESS)
        subscribe_failed(link, NULL);
}

/* At once: with a timeout Paho 1.3.12 waits in steps of a second. */
void link_disconnect(struct link *link)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;

    options.timeout = 0;
    options.context = link;
    options.onSuccess5 = disconnected;
    options.onFailure5 = disconnect_failed;
    if (MQTTAsync_disconnect(link->client, &options) != MQTTASYNC_SUCCESS)
        link_went_down(link, "the connection could not be ended");
}

enum drover_error link_client_make(struct link *link, struct problem *ret_problem)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    int code;

    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR); /* by default it writes each packet as text into a buffer that nobody reads */
    options.maxBufferedMessages = PAHO_QUEUE;
    code = MQTTAsync_createWithOptions(&link->client, link->url, link->config.device_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (code != MQTTASYNC_SUCCESS)
        return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.url", "the MQTT library refuses it: %d", code);
    MQTTAsync_setConnectionLostCallback(link->client, link, connection_lost);
    MQTTAsync_setMessageArrivedCallback(link->client, link, link_received);
    MQTTAsync_setDisconnected(link->client, link, broker_disconnected);
    return DROVER_OK;
}
