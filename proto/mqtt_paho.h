/* What droverd and the agent both need to speak MQTT 5 through Paho: its spelling of URLs, connect properties, its failures in words. Compiled into those two. */
#pragma once

#include <MQTTAsync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* tcp:// and mqtt://, ssl:// and mqtts:// as Paho writes them. DROVER_SYNTAX, about the setting mqtt.url: another scheme, no host, or too long for size. */
MUST_USE enum drover_error mqtt_paho_url(const char *url, char *ret_url, size_t size, bool *ret_tls, struct problem *ret_problem);
/* A numeric property; without memory for it the broker's default holds. */
void mqtt_property_add(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value);
/* NULL for an empty text, as Paho wants what is not set. */
const char *mqtt_or_null(const char *text);
/* "message: reason", whichever of them there are; data may be NULL. Always terminated. */
void mqtt_failure_text(const MQTTAsync_failureData5 *data, char *ret, size_t size);
