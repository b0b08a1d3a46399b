/* A store in memory that keeps the promises of ports.h, on the story's virtual clock: compare-and-set, places in flight,
 * leases, turns, tokens, one event chain per device. A call is applied 2 ms after it was made and answered after 5 ms,
 * never from inside the call; between the two, an orchestrator can die, as it can with a real Redis. */
#pragma once

#include <stdio.h>

#include "orchestrator/core/gate.h"
#include "orchestrator/core/ports.h"

#define APPLY_MS 2
#define ANSWER_MS 5
#define DEVICES_MAX 64          /* of a store that was not told otherwise */
#define ROLLOUTS_MAX 4
#define STRATA_MAX 16

struct memory_device {
    struct device device;
    struct upgrade upgrade;
    int64_t due_ms;                       /* the deadline index; a lease moves it; 0: not in it */
    int64_t live_leased_ms;               /* taken as one of an ended rollout's; not again before this */
    char boot_prev[BOOT_ID_SIZE];
    int clashes;
    int64_t clash_seen_ms;                /* the newest boot's last heartbeat when an older boot spoke */
    bool waits;                           /* stands in the line of waits_for, by score; its turn is leased until turn_until_ms */
    char waits_for[ID_SIZE];
    int64_t score, turn_until_ms;
    bool news;                            /* something changed: the next heartbeat is loaded, too; the first answer may get lost */
    char done[ROLLOUTS_MAX][ID_SIZE];     /* rollouts it had its turn in */
    int done_count;
};

/* What rollouts count for each stage. */
struct memory_stage {
    struct rollout_counts counts, before;
    int64_t opened_ms, settled_ms, resumed_ms;
    bool before_of_all;
    struct {
        char name[ID_SIZE];
        int64_t opened;
    } strata[STRATA_MAX];
    unsigned stratum_count;
};

struct memory_event {
    struct event event;
    bool spoken;
    bool answered;                        /* the orchestrator learned that it is saved, and lives: it must speak */
};

struct store_trouble {
    bool unreachable, read_only;
    int lose_replies;                     /* so many saves are applied, but their answer gets lost */
};

/* Where what happens in the store is told; line is without time. */
typedef void store_tells(void *arg, const char *line);

struct memory_call;
struct memory_store {
    int64_t now_ms;
    struct memory_device *devices;        /* owned, as all that is pointed to */
    size_t device_count, device_max;
    uint32_t *places;                     /* hash table of devices: index + 1 */
    size_t place_mask;
    struct rollout rollouts[ROLLOUTS_MAX];
    struct memory_stage stages[ROLLOUTS_MAX][PLAN_STAGES_MAX];
    size_t rollout_count;
    int64_t most_places[ROLLOUTS_MAX];    /* that were ever held at a time */
    int64_t rest_ms[ROLLOUTS_MAX][2];     /* until then take_done rests */
    size_t again_found[ROLLOUTS_MAX];     /* by its round before, and one more */
    bool stopped;
    struct memory_event *events;
    size_t event_count, event_max;
    struct memory_call **calls;
    size_t call_count, call_max;
    uint64_t calls_made;
    struct store_trouble trouble;
    store_tells *tell;
    void *tell_arg;
};

/* One orchestrator's connection; calls of an earlier life of it are applied, but never answered. */
struct memory_link {
    struct memory_store *store;
    char name;                            /* 'A', 'B' */
    unsigned life;
    bool named;                           /* several orchestrators: say which one did it */
};

void memory_store_init(struct memory_store *store, store_tells *tell, void *arg);
/* Room for so many devices; before the first one comes. */
void memory_store_size(struct memory_store *store, size_t devices);
void memory_store_done(struct memory_store *store);
struct store_port memory_store_port(struct memory_link *link);
/* When the next call is to be applied or answered; INT64_MAX: none. Works off the first one that is due at now_ms. */
int64_t memory_store_next_ms(const struct memory_store *store);
void memory_store_step(struct memory_store *store);
/* When take_due or take_live would first find something; INT64_MAX: never. */
int64_t memory_store_due_ms(const struct memory_store *store);

struct memory_device *memory_store_device(struct memory_store *store, const char *device_id);
struct rollout *memory_store_rollout(struct memory_store *store, const char *rollout_id);
struct memory_event *memory_store_event(struct memory_store *store, const char *event_id);
/* Its current stage's counts and times into each rollout, as rollouts_load reads them. */
void memory_store_show_stages(struct memory_store *store);
/* What its gates leave out from now on, as redis-scripts/lib/before.lua does. */
void memory_store_leave_out(struct memory_store *store, const struct rollout *rollout, enum rollout_event on);
/* The control group now; nothing was so before, and nobody reboots. */
void memory_store_health(const struct memory_store *store, const struct rollout *rollout, int64_t offline_after_ms, struct fleet_health *ret);
/* Compares the counters with the devices, and each device's history with the table. False: told what is wrong. */
bool memory_store_check(struct memory_store *store);
