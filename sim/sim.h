/* The running simulation: the devices, their timers, connections and downloads on one event loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "sim/download.h"
#include "sim/fleet.h"
#include "sim/judge.h"
#include "sim/link.h"
#include "sim/options.h"
#include "sim/tls.h"

struct event;
struct event_base;
struct sim;

/* A device and what the world keeps for it. */
struct actor {
    struct device device;
    struct sim *sim;
    struct event *timers[TIMER_COUNT];
    struct download *download;
    struct http_transfer *ask;
    char *answer;              /* body of the ask so far; owned */
    size_t answer_length;
    bool powered;
};

struct sim {
    const struct options *options;
    struct event_base *base;
    struct fleet_models models;
    struct device_plan plan;
    struct mqtt_config mqtt;
    struct mqtt_totals mqtt_totals;
    struct link_totals link_totals;
    struct download_totals download_totals;
    char password[256];
    struct buffer will;
    struct tls *tls;           /* NULL: none of --mqtt, --ca and --certificates asks for it */
    struct http *http;
    struct judge *judge;       /* NULL: packages are not verified */
    struct actor *actors;
    uint32_t count;
    struct link *links;
    unsigned link_count;
    struct event *ramp, *watch, *stats, *signals[3];
    uint32_t started;          /* actors switched on so far */
    int64_t began_ms, activity_ms, stop_by_ms;   /* mono; stop_by_ms 0: not stopping */
    enum drover_error result;
};

/* Runs to its end; what goes wrong is said on stderr. */
MUST_USE enum drover_error sim_run(const struct options *options);

/* Between the files of the simulation. */
extern const struct link_owner sim_links;                              /* sim_world.c */
void sim_world_init(struct sim *sim);
void sim_heartbeat_due(int fd, short what, void *actor);               /* timers of an actor */
void sim_step_due(int fd, short what, void *actor);
void sim_held_due(int fd, short what, void *actor);
struct actor *sim_actor(struct device *device);
struct link *sim_link_of(struct sim *sim, uint32_t index);
void sim_actor_silence(struct actor *actor);                           /* no timers, no transfers any more */
