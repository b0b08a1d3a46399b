/* Between load.c, which sends, and load_setup.c, which makes and frees what it sends with. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/load.h"
#include "sim/load_obey.h"
#include "sim/load_template.h"
#include "sim/mqtt_client.h"

#define LOAD_BATCH_BYTES 65536
#define LOAD_TICK_MS 5
#define LOAD_IDS 65536

struct load;

struct load_link {
    struct load *load;
    struct mqtt_client *client;
    unsigned number;
    uint32_t devices;
    uint64_t total, next, acked;       /* messages of this link: in all, given out, acknowledged */
    uint32_t in_flight, window;
    uint16_t last_id;
    uint64_t *messages;                /* by packet id: its number + 1, or 0; owned */
    struct errands *errands;           /* --obey: what it answers, instead of heartbeats; NULL otherwise; owned */
};

struct load {
    const struct options *options;
    struct event_base *base;
    struct mqtt_config mqtt;
    struct mqtt_totals totals;
    struct fleet_models models;
    struct load_template templates[FLEET_MODELS_MAX];
    struct load_link *links;
    unsigned link_count;
    uint64_t sent, resent, refused;
    int64_t began_us, first_us, ended_us, bye_ms;
    struct event *tick, *stats, *signals[2];
    char password[256];
    char *batch;
    bool interrupted;
};

extern const struct mqtt_handler load_handler;
void load_tick_due(evutil_socket_t fd, short what, void *load);
void load_stats_due(evutil_socket_t fd, short what, void *load);
void load_signalled(evutil_socket_t number, short what, void *load);

MUST_USE enum drover_error load_set_up(struct load *load, struct problem *ret_problem);
void load_tear_down(struct load *load);
