/* See mqtt_failure.h. */
#include "proto/mqtt_failure.h"

#include <stdio.h>

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
