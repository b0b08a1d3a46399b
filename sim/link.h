/* A connection and the devices behind it: one of its own for each device, or one for many. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/mqtt_client.h"
#include "sim/mqtt_outbox.h"
#include "proto/topics.h"

struct link;

/* What a link asks of whoever keeps the devices; k counts the devices of this link. */
struct link_owner {
    uint32_t (*count)(void *arg, unsigned link);
    /* The filter device k needs, into ret; false: none, or one it shares with an earlier device of the link. */
    bool (*filter)(void *arg, unsigned link, uint32_t k, char ret[TOPIC_SIZE]);
    void (*up)(void *arg, unsigned link);
    void (*down)(void *arg, unsigned link);
    void (*message)(void *arg, unsigned link, const struct topic *topic, struct mqtt_view payload);
};

struct link_totals {
    struct mqtt_outbox_totals outbox;
    uint64_t received, foreign, subscribe_refused;
};

struct link {
    const struct link_owner *owner;
    void *arg;
    unsigned number;
    struct mqtt_client *client;
    struct mqtt_outbox outbox;
    struct link_totals *totals;
    bool subscribed;               /* the broker's session knows all filters */
    unsigned subscribe_pending;    /* SUBACKs not here yet */
};

extern const struct mqtt_handler link_handler;   /* for the clients' mqtt_config */

/* False: out of memory. The link must not move afterwards. will_topic NULL: no last will. */
bool link_init(struct link *link, unsigned number, const struct mqtt_config *config, const char *client_id, const char *will_topic,
               struct mqtt_view will_payload, size_t window, size_t limit, const struct link_owner *owner, void *arg, struct link_totals *totals);
void link_done(struct link *link);
