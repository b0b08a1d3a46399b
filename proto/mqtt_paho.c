/* See mqtt_paho.h. */
#include "proto/mqtt_paho.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum drover_error mqtt_paho_url(const char *url, char *ret_url, size_t size, bool *ret_tls, struct problem *ret_problem)
{
    static const struct {
        const char *scheme, *to;
        bool tls;
    } schemes[] = {{"tcp://", "tcp://", false}, {"mqtt://", "tcp://", false}, {"ssl://", "ssl://", true}, {"mqtts://", "ssl://", true}};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].scheme);

        if (strncmp(url, schemes[i].scheme, length) != 0)
            continue;
        *ret_tls = schemes[i].tls;
        if (!url[length] || (size_t)snprintf(ret_url, size, "%s%s", schemes[i].to, url + length) >= size)
            break;
        return DROVER_OK;
    }
    return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.url", "must be tcp://, mqtt://, ssl:// or mqtts:// and a host");
}

void mqtt_property_add(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
    MQTTProperty property = {.identifier = code};

    if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
        property.value.integer2 = (unsigned short)value;
    else
        property.value.integer4 = value;
    (void)MQTTProperties_add(properties, &property);
}

const char *mqtt_or_null(const char *text)
{
    return text[0] ? text : NULL;
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
