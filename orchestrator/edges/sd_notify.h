/* Tells the service manager how we are: one datagram to $NOTIFY_SOCKET (path or abstract). Without the variable nothing happens. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1", several separated by newlines. False when it could not be sent. */
bool sd_notify(const char *state);
/* How often WATCHDOG=1 is due: half of $WATCHDOG_USEC, in ms; 0 when the manager does not watch this process. */
int64_t sd_watchdog_interval_ms(void);
