/* Who droverd is to the broker, and the options of a connection. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/mqtt_parts.h"
#include "proto/mqtt_paho.h"

static enum drover_error texts_copy(const struct mqtt_link_config *config, struct mqtt_identity *identity, struct problem *ret_problem)
{
    const struct {
        const char *setting, *from;
        char *to;                          /* MQTT_TEXT_SIZE */
    } texts[] = {
        {"mqtt.username", config->username, identity->username},
        {"mqtt.password_file", config->password, identity->password},
        {"mqtt.tls_ca", config->ca_file, identity->ca_file},
        {"mqtt.tls_certificate", config->certificate_file, identity->certificate_file},
        {"mqtt.tls_key", config->key_file, identity->key_file},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!text_copy(texts[i].to, MQTT_TEXT_SIZE, texts[i].from ? texts[i].from : ""))
            return problem_set(ret_problem, DROVER_TOO_LONG, texts[i].setting, "at most %d bytes", MQTT_TEXT_SIZE - 1);
    return DROVER_OK;
}

enum drover_error mqtt_identity_make(const struct mqtt_link_config *config, struct mqtt_identity *ret, struct problem *ret_problem)
{
    struct mqtt_identity identity = {.keepalive_s = (int)config->keepalive_s, .session_expiry_s = config->session_expiry_s};
    enum drover_error error = mqtt_paho_url(config->url, identity.url, sizeof identity.url, &identity.tls, ret_problem);

    if (error)
        return error;
    if (!text_is_id(config->instance, strlen(config->instance)))
        return problem_set(ret_problem, DROVER_SYNTAX, "instance", "must be an id");
    error = texts_copy(config, &identity, ret_problem);
    if (error)
        return error;
    (void)snprintf(identity.client_id, sizeof identity.client_id, "droverd-%s", config->instance);
    (void)snprintf(identity.status_topic, sizeof identity.status_topic, "service/%s/status", config->instance);
    *ret = identity;
    return DROVER_OK;
}

const char *mqtt_status_payload(bool online)
{
    return online ? "{\"schema\":1,\"online\":true}" : "{\"schema\":1,\"online\":false}";
}

static MQTTAsync_SSLOptions tls_options(const struct mqtt_identity *identity, struct mqtt_link *link)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

    tls.verify = 1; /* the certificate must be valid, and for this host */
    tls.enableServerCertAuth = 1;
    tls.trustStore = mqtt_or_null(identity->ca_file);
    tls.disableDefaultTrustStore = identity->ca_file[0] != '\0';
    tls.keyStore = mqtt_or_null(identity->certificate_file);
    tls.privateKey = mqtt_or_null(identity->key_file);
    tls.ssl_error_cb = mqtt_tls_failed;
    tls.ssl_error_context = link;
    return tls;
}

int mqtt_connect(MQTTAsync client, const struct mqtt_identity *identity, struct mqtt_link *link)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = tls_options(identity, link);
    MQTTProperties properties = MQTTProperties_initializer, will_properties = MQTTProperties_initializer;
    int code;

    mqtt_property_add(&properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, (uint32_t)identity->session_expiry_s);
    mqtt_property_add(&properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, MQTT_RECEIVE_MAX);
    mqtt_property_add(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, MQTT_PACKET_MAX);
    mqtt_property_add(&will_properties, MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL, MQTT_WILL_DELAY_S);
    will.topicName = identity->status_topic;
    will.message = mqtt_status_payload(false);
    will.retained = 1;
    will.qos = 1;

    options.cleanstart = 0; /* 1 would throw away, at each reconnect, what came while we were away */
    options.keepAliveInterval = identity->keepalive_s;
    options.connectTimeout = MQTT_CONNECT_TIMEOUT_S;
    options.maxInflight = 65535; /* the outbox keeps the window: Paho's own stalls for a second whenever it fills */
    options.username = mqtt_or_null(identity->username);
    options.password = mqtt_or_null(identity->password);
    options.will = &will;
    options.willProperties = &will_properties;
    options.connectProperties = &properties;
    options.ssl = identity->tls ? &tls : NULL;
    options.onSuccess5 = mqtt_connect_succeeded;
    options.onFailure5 = mqtt_connect_failed;
    options.context = link;
    code = MQTTAsync_connect(client, &options);
    MQTTProperties_free(&properties);
    MQTTProperties_free(&will_properties);
    return code;
}
