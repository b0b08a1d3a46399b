/* Why the MQTT library says that something failed, in words: for logs. Compiled into whoever speaks MQTT through Paho. */
#pragma once

#include <MQTTAsync.h>
#include <stddef.h>

/* "message: reason", whichever of them there are; data may be NULL. Always terminated. */
void mqtt_failure_text(const MQTTAsync_failureData5 *data, char *ret, size_t size);
