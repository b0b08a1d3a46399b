/* The device's connection to the broker (Paho MQTTAsync, MQTT 5). A thread of its own is the only one that calls Paho: it connects, reconnects with
 * backoff and full jitter, subscribes, says `online`, and sends what is in a bounded queue. Paho's threads copy what comes into a bounded inbox and
 * wake the loop. The loop never waits for either. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "proto/heartbeat.h"
#include "proto/topics.h"

struct link_config {               /* texts are borrowed until link_free */
    const char *url;               /* tcp://, mqtt://, ssl:// or mqtts:// host:port */
    const char *device_id, *model; /* the device's id is the client id too: the broker keeps its session under it */
    const char *username;          /* "": none */
    const char *password;          /* "": none; copied */
    const char *ca_file, *certificate_file, *key_file;   /* "": the system's CAs; no client certificate */
    int64_t keepalive_s, session_expiry_s, retry_max_ms;
};

struct link;
/* Starts the thread, which connects by itself: an absent broker is no error. DROVER_SYNTAX for a URL that Paho refuses. */
MUST_USE enum drover_error link_new(const struct link_config *config, struct link **ret_link, struct problem *ret_problem);
/* Says `online` false and disconnects, for at most wait_ms; the session stays at the broker. False: Paho hangs in the network, and nothing was freed:
 * end the process. NULL is fine. */
bool link_free(struct link *link, int64_t wait_ms);

/* Readable when there is something to take. */
int link_fd(const struct link *link);

enum link_news_kind { LINK_NOTHING, LINK_UP, LINK_DOWN, LINK_FAILED, LINK_COMMAND, LINK_NOTICE, LINK_SAID };
struct link_news {
    enum link_news_kind kind;
    uint64_t ticket;               /* LINK_SAID: the broker has it */
    size_t length;                 /* of a message; over MESSAGE_SIZE: it was too long, and its bytes are not here */
    char bytes[MESSAGE_SIZE];
};
/* The next of what has happened, in order but for UP, DOWN and FAILED (a try to connect), which come first and only as they are now. LINK_NOTHING:
 * the fd is empty. */
void link_take(struct link *link, struct link_news *ret_news);

/* Queues a message; the topic of a device's own kind. ticket 0: nobody wants to hear of it. False: not connected, or the queue is full. What was not
 * acknowledged when the connection is lost is not said again by the caller's ticket: LINK_DOWN voids them all. */
bool link_say(struct link *link, enum topic_kind kind, const void *bytes, size_t length, int qos, uint64_t ticket);

/* Why the connection was last lost or refused; "" when it never was. */
void link_error(struct link *link, char *ret, size_t size);
