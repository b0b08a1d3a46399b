/* The one connection to the broker (Paho MQTTAsync, MQTT 5). A thread of its own, "mqtt-tx", is the only one that calls Paho:
 * it connects, reconnects with backoff and jitter, subscribes, and sends what the outbox holds. Paho's own threads call back
 * into mqtt_receive.c, which copies into the rings and nothing else. The loop is told of changes through an eventfd. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/outbox.h"
#include "orchestrator/edges/ring.h"

struct mqtt_link;

struct mqtt_link_config {          /* texts are copied */
    const char *url;               /* tcp://, mqtt://, ssl:// or mqtts:// host:port */
    const char *instance;          /* client id "droverd-<instance>": the same at every start, for the session's sake */
    const char *username;          /* "": none */
    const char *password;          /* "": none */
    const char *ca_file;           /* with TLS: what the broker's certificate is checked against; "": the system's */
    const char *certificate_file;  /* with TLS: our own; "": none */
    const char *key_file;          /* its key */
    const char *share_group;       /* "": plain subscriptions */
    int64_t keepalive_s;
    int64_t session_expiry_s;
    int64_t retry_base_ms;         /* reconnect backoff; 0: 500 */
    int64_t retry_cap_ms;          /* 0: 5000 */
    struct ring *heartbeats;       /* device/+/heartbeat goes here, */
    struct ring *reports;          /* everything else here; both borrowed */
    struct outbox *outbox;         /* borrowed; the link sets its send function */
};

/* Checks, allocates, and starts the thread, which connects by itself: an absent broker is no error here. */
MUST_USE enum drover_error mqtt_link_new(const struct mqtt_link_config *config, struct mqtt_link **ret_link, struct problem *ret_problem);

/* Says goodbye: sends what the outbox holds for at most wait_ms, publishes its status as offline, disconnects (the session stays),
 * ends the thread and frees the link. DROVER_TIMEOUT: a callback waits for room in a full ring, or the network hangs. Then nothing
 * is freed and nothing may be freed (rings, outbox): end the process. What was not acknowledged comes again. NULL is fine. */
enum drover_error mqtt_link_free(struct mqtt_link *link, int64_t wait_ms);

/* Becomes readable when the state below has changed. */
int mqtt_link_fd(const struct mqtt_link *link);
void mqtt_link_seen(struct mqtt_link *link);     /* takes the wake-up out */

struct mqtt_link_state {
    bool connected;
    bool subscribed;               /* connected and all subscriptions granted: ready */
    int64_t since_ms;              /* of the last change, unix ms */
    uint64_t connects;             /* successful ones */
    uint64_t losses;
    uint64_t sessions_lost;        /* reconnects to a broker that had forgotten our session, and what was queued in it */
    uint64_t failures;             /* tries that failed */
    uint64_t received_heartbeats;  /* messages put into the rings */
    uint64_t received_reports;
    uint64_t received_bytes;       /* payload bytes */
    uint64_t oversized;
    char error[128];               /* of the last failure or loss; "" when there was none */
};
/* Any thread. */
void mqtt_link_state(struct mqtt_link *link, struct mqtt_link_state *ret_state);
