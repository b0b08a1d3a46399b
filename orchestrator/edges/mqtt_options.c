/* Who droverd is to the broker, and the options of a connection. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/mqtt_parts.h"

static enum drover_error url_make(const char *url, struct mqtt_identity *identity, struct problem *ret_problem)
{
    static const struct {
        const char *scheme, *to;
        bool tls;
    } schemes[] = {{"tcp://", "tcp://", false}, {"mqtt://", "tcp://", false}, {"ssl://", "ssl://", true}, {"mqtts://", "ssl://", true}};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].scheme);

        if (strncmp(url, schemes[i].scheme, length) != 0)
            continue;
        identity->tls = schemes[i].tls;
        if (!url[length] || (size_t)snprintf(identity->url, sizeof identity->url, "%s%s", schemes[i].to, url + length) >= sizeof identity->url)
            break;
        return DROVER_OK;
    }
    return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.url", "must be tcp://, mqtt://, ssl:// or mqtts:// and a host");
}

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
    enum drover_error error = url_make(config->url, &identity, ret_problem);

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

static void property_add(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
    MQTTProperty property = {.identifier = code};

    if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
        property.value.integer2 = (unsigned short)value;
    else
        property.value.integer4 = value;
    (void)MQTTProperties_add(properties, &property); /* fails only without memory: then the broker's default holds */
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static MQTTAsync_SSLOptions tls_options(const struct mqtt_identity *identity, struct mqtt_link *link)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

    tls.verify = 1; /* the certificate must be valid, and for this host */
    tls.enableServerCertAuth = 1;
    tls.trustStore = or_null(identity->ca_file);
    tls.disableDefaultTrustStore = identity->ca_file[0] != '\0';
    tls.keyStore = or_null(identity->certificate_file);
    tls.privateKey = or_null(identity->key_file);
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

    property_add(&properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, (uint32_t)identity->session_expiry_s);
    property_add(&properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, MQTT_RECEIVE_MAX);
    property_add(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, MQTT_PACKET_MAX);
    property_add(&will_properties, MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL, MQTT_WILL_DELAY_S);
    will.topicName = identity->status_topic;
    will.message = mqtt_status_payload(false);
    will.retained = 1;
    will.qos = 1;

    options.cleanstart = 0; /* 1 would throw away, at each reconnect, what came while we were away */
    options.keepAliveInterval = identity->keepalive_s;
    options.connectTimeout = MQTT_CONNECT_TIMEOUT_S;
    options.maxInflight = 65535; /* the outbox keeps the window: Paho's own stalls for a second whenever it fills */
    options.username = or_null(identity->username);
    options.password = or_null(identity->password);
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

void mqtt_failure_text(const MQTTAsync_failureData5 *data, char *ret, size_t size)
{
    const char *reason = NULL;

    if (data && data->code > 0) /* where Paho 1.3.12 puts the broker's reason */
        reason = MQTTReasonCode_toString((enum MQTTReasonCodes)data->code);
    if (data && !reason && data->reasonCode > 0)
        reason = MQTTReasonCode_toString(data->reasonCode);
    if (data && !reason && data->code < 0)
        reason = MQTTAsync_strerror(data->code);
    (void)snprintf(ret, size, "%s%s%s", data && data->message ? data->message : "", data && data->message && reason ? ": " : "",
                   reason ? reason : data && data->message ? "" : "no reason given");
}
