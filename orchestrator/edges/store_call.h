/* Private to the store_*.c files: the store itself, and one outstanding call. */
#pragma once

#include <hiredis/hiredis.h>

#include "orchestrator/edges/facts_cache.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/store.h"
#include "orchestrator/edges/store_plans.h"
#include "orchestrator/edges/store_records.h"

struct store {
    struct redis_link *link;
    char instance[ID_SIZE];
    int64_t events_keep, audit_keep, series_keep, timeout_ms;
    struct facts_cache *facts;
    struct redis_args args;          /* the command being built; never held across a return to the loop */
    struct buffer transaction;       /* so is the transaction */
    unsigned transaction_commands;
    struct store_counters counters;
    struct plan_shelf plans;
    struct store_moves *moves;       /* that wait for the end of the loop's turn (store_moves.h) */
};

typedef void store_callback(void);   /* what `done` is kept as; each file casts it back to its own type */

struct store_call {
    struct store *store;
    store_callback *done;            /* may be NULL */
    void *arg;
    char device_id[ID_SIZE];         /* load, open, move */
    struct upgrade upgrade;          /* open, move: as asked */
    struct release *release;         /* release_add: as asked; freed by its answer */
    size_t limit;                    /* exclusions: most that were asked for */
    bool newest_last;                /* rollouts: in the order they began */
    bool known;                      /* rollouts: all known ones, so that other plans may be let go */
    char after[48];                  /* events: where the caller was */
};

struct store_call *store_call_new(struct store *store, store_callback *done, void *arg);
/* Begins a script with the two prefixes as keys; the caller adds the arguments. */
struct redis_args *store_script_begin(struct store *store, enum redis_script script);
void store_script_send(struct store *store, enum redis_script script, redis_replied *replied, void *arg);
/* Begins a plain command. */
struct redis_args *store_command_begin(struct store *store, const char *name);
void store_command_send(struct store *store, redis_replied *replied, void *arg);
/* A transaction of plain commands, for what is read from one moment: cheaper than a script, which makes every answer anew in Lua. Each command that was begun
 * with store_command_begin is added to it; the answer is EXEC's, an array of theirs. */
void store_exec_begin(struct store *store);
void store_exec_add(struct store *store);
void store_exec_send(struct store *store, redis_replied *replied, void *arg);
/* For XADD: trimmed to about so many, and an id of Redis' own. */
void store_add_trim(struct redis_args *args, int64_t keep);
/* Adds one argument: the actor as redis-scripts/lib/audit.lua reads it; NULL: nobody. */
void store_add_actor(struct store *store, struct redis_args *args, const struct actor *actor);
/* Adds one argument: the plan's JSON; NULL: "". */
void store_add_plan(struct redis_args *args, const struct plan *plan);
/* Adds one argument: the stamp of a proposal as it was read (redis-scripts/lib/proposal.lua); NULL: "". */
void store_add_proposal(struct redis_args *args, const struct proposal *proposal);
/* For commands whose answer only counts as done or not; arg is a struct store_call with a store_written. */
void store_written_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
/* Counts what a reader of records returned; false when it was no such record. */
bool store_record_ok(struct store *store, size_t bad);
/* Reads the three values that lib/load.lua gives for a device; false when they are unreadable or the device is unknown. */
bool store_loaded_read(struct store *store, struct redisReply *const *values, const char *device_id, struct device *ret_device, struct upgrade *ret_upgrade);

/* The port's functions, by file. */
void store_heartbeats_record(void *store, const struct beat *beats, size_t count, store_recorded *done, void *arg);
void store_upgrade_open(void *store, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg);
void store_upgrade_move(void *store, const struct upgrade_save *save, store_saved *done, void *arg);
void store_take_due(void *store, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
void store_take_done(void *store, const struct rollout *rollout, enum done_take what, int64_t now_ms, int64_t rest_ms, size_t max, store_due_taken *done, void *arg);
void store_wait(void *store, const struct waiter *waiters, size_t count, int64_t queue_max, store_waiting *done, void *arg);
void store_take_waiting(void *store, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
void store_take_live(void *store, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
