/* What Drover has to say over MQTT, on its way from the loop to the sending thread: bounded lanes by importance, an age
 * limit, and a window of messages that the broker has not confirmed. Knows nothing of Paho: it is given a function that sends.
 *
 * Notices: a newer one for the same topic replaces an older one that still waits; they never age.
 * Commands: wait for the connection until their deadline; what is dropped is repeated by the deadline in Redis.
 * Events: for listeners only; dropped while there is no connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct outbox;

enum outbox_lane { LANE_NOTICE, LANE_COMMAND, LANE_EVENT, LANE_COUNT };  /* in the order in which they are sent */

struct outbox_message {
    enum outbox_lane lane;
    int qos;                    /* 0 or 1 */
    bool retain;
    int64_t expires_mono_ms;    /* not sent after this; 0: never expires */
    size_t payload_length;
    const char *topic;          /* terminated */
    const char *payload;
};

enum outbox_sent {
    OUTBOX_SENT,         /* taken over; with qos 1 outbox_confirmed follows */
    OUTBOX_NOT_NOW,      /* no connection: the message goes back to the front of its lane, and the outbox is offline */
    OUTBOX_REFUSED,      /* never: dropped and counted */
};
/* ticket: given back in outbox_confirmed. Called on the sending thread with no lock held. */
typedef enum outbox_sent outbox_send(void *arg, const struct outbox_message *message, uint64_t ticket);

struct outbox_config {
    size_t window;              /* most messages of qos 1 that are not confirmed */
    size_t lane_max[LANE_COUNT];/* most waiting in each lane; 0: 1024 notices, 100000 commands, 10000 events */
    int64_t stall_ms;           /* no confirmation for this long while online: the window is opened anew; 0: 30000 */
    outbox_send *send;
    void *send_arg;
};

struct outbox *outbox_new(const struct outbox_config *config);   /* NULL: out of memory */
void outbox_free(struct outbox *outbox);                         /* after the sending thread has ended */
/* The function that sends, when it is known only later: before the sending thread starts. */
void outbox_set_send(struct outbox *outbox, outbox_send *send, void *arg);

/* Copies the message. The loop. DROVER_FULL: the lane is full (counted), DROVER_UNAVAILABLE: an event while offline (counted). */
enum drover_error outbox_put(struct outbox *outbox, const struct outbox_message *message);

/* --- the sending thread --- */

/* Sends what may be sent and waits for more, at most until `until_mono_ms` or until outbox_kick. */
void outbox_pump(struct outbox *outbox, int64_t until_mono_ms);

/* --- any thread, also from callbacks of the MQTT library --- */

void outbox_set_online(struct outbox *outbox, bool online);
void outbox_confirmed(struct outbox *outbox, uint64_t ticket, bool delivered);
void outbox_kick(struct outbox *outbox);

struct outbox_counters {
    uint64_t sent[LANE_COUNT];
    uint64_t full[LANE_COUNT];       /* dropped: lane full, or out of memory */
    uint64_t expired[LANE_COUNT];    /* dropped: too old */
    uint64_t offline[LANE_COUNT];    /* dropped: an event without a connection */
    uint64_t refused[LANE_COUNT];    /* dropped: the library would not take it */
    uint64_t replaced;               /* notices overtaken by a newer one */
    uint64_t failed;                 /* taken over but not delivered, says the library */
    uint64_t stalls;                 /* windows opened anew */
    size_t waiting[LANE_COUNT];
    size_t unconfirmed;
};
struct outbox_counters outbox_counters(struct outbox *outbox);
