/* The world of a story: the store, one or two orchestrators, the broker's ear, and a clock that only this file moves. */
#pragma once

#include "orchestrator/core/flow.h"
#include "tests/flow/memory_store.h"

#define ORCHESTRATORS_MAX 2
#define SENDERS_MAX 64
#define TICK_MS 1000 /* the orchestrators look for due work this often, as droverd's loop does */

struct orchestrator {
    struct memory_link link;
    struct flow *flow;              /* NULL: dead */
    bool sweeping;
};

/* A device that keeps sending the same heartbeat, and may do what it is told. */
struct sender {
    struct heartbeat heartbeat;
    int64_t next_ms, each_ms, until_ms;
    bool silent;
    int64_t obeys_ms;               /* so long after it was told; 0: it does not */
    char fails[VERSION_SIZE];       /* it cannot install this one, */
    char dies_of[VERSION_SIZE];     /* and falls silent with this one; "": none */
    struct command told;
    int64_t acts_ms;                /* 0: it was told nothing */
    unsigned boots;
};

struct world {
    struct memory_store store;
    struct policy policy;
    struct orchestrator orchestrators[ORCHESTRATORS_MAX];
    size_t orchestrator_count;
    struct sender senders[SENDERS_MAX];
    size_t sender_count;
    int64_t begin_ms;               /* when the story begins, unix ms; its moments are counted from there */
    struct time_zones *zones;
    size_t work_max;                /* pieces of work an orchestrator takes at a time, 64 */
    void (*hears)(struct world *world, const char *device_id, const struct command *command);   /* what devices do with a command; world_thing_hears */
    bool engine;                    /* staged rollouts go their way; otherwise only operators move them */
    bool hushed;                    /* of what happens only rollouts and answers are told */
    char said[ROLLOUTS_MAX][64];    /* what the engine last said of each */
    char permit[ID_SIZE];           /* what going back is given; "": nothing */
    bool permit_pending;            /* it is being made */
    int64_t told_ms;                /* the last time orchestrators were handed the rollouts */
    int64_t ticked_ms;              /* the last time somebody looked for due work */
    int lose_commands;              /* the broker loses so many */
    int64_t seq;                    /* of heartbeats and reports that say none */
    bool broken;                    /* a promise was broken; said on stderr */
    void (*log)(void *arg, int64_t now_ms, const char *line);
    void *log_arg;
};

void world_init(struct world *world, void (*log)(void *arg, int64_t now_ms, const char *line), void *arg);
void world_done(struct world *world);
void world_start(struct world *world, size_t index);
void world_kill(struct world *world, size_t index);
/* Lets everything happen that happens before `until_ms`, and moves the clock there. */
void world_run(struct world *world, int64_t until_ms);
/* Hands the orchestrators the rollouts as the store has them now. */
void world_tell_rollouts(struct world *world);
void world_say(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
/* The first that lives, unless `index` is asked for; NULL: none lives. */
struct flow *world_flow(struct world *world, size_t index);
void world_heartbeat(struct world *world, size_t index, const struct heartbeat *heartbeat);
struct sender *world_keep_sending(struct world *world, const struct heartbeat *heartbeat, int64_t each_ms, int64_t until_ms);
/* False: it keeps sending nothing. */
bool world_silence(struct world *world, const char *device_id, bool silent);
/* For world.c: a command reaches a device; when the next device does something of itself, and that. */
void world_thing_hears(struct world *world, const char *device_id, const struct command *command);
int64_t world_things_next_ms(struct world *world);
void world_things_step(struct world *world);

/* One look at each staged rollout, by the leader. */
void world_run_engine(struct world *world);
/* Ends those that have gone back, as orchestrator/edges/chores_back.c does. */
void world_end_backs(struct world *world);
/* A move of a rollout, told as it happens; false: not possible. stage: for PROMOTE. */
bool world_move_rollout(struct world *world, struct rollout *rollout, enum rollout_event on, int64_t stage, const char *why);
