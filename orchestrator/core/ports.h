/* What the core needs of the world, as tables of functions: a store that saves and a speaker that talks to devices.
 * The edges implement them with Redis and MQTT (edges/store.c, edges/speaker.c), the story tests in memory on a virtual clock.
 *
 * Store calls are asynchronous. The callback comes exactly once per call, on the loop, never from inside the call itself.
 * Requests are copied before a call returns; results live only until the callback returns.
 *   DROVER_OK           done
 *   DROVER_UNAVAILABLE  not sent, or the outcome is unknown (connection lost, deadline passed): nothing may be spoken
 *   DROVER_STORE        Redis refused (read-only, out of memory, script error): nothing was changed
 *   DROVER_CONFLICT     (move) the revision is another one by now: load again and decide again
 *   DROVER_FULL         (open, move) a limit is reached, for now; (open) the plan was edited
 *   DROVER_REFUSED      (open, move) the rollout does not run, its stage has enough, or the device had its turn in it */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/time_zone.h"
#include "orchestrator/core/device.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/notice.h"

/* --- record: a batch of heartbeats, at most STORE_BATCH_MAX, no device twice --- */
#define STORE_BATCH_MAX 256

struct beat {
    struct heartbeat heartbeat;
    int64_t at_ms;      /* when it arrived, unix ms */
    bool want;          /* load the device even if nothing changed: a rollout may want it */
};

enum recorded {
    RECORDED_SAME,      /* taken; only time and seq changed, no live upgrade, not wanted: nothing is loaded */
    RECORDED_LOADED,    /* taken; device and upgrade are loaded for a decision */
    RECORDED_STALE,     /* not newer than what is known: dropped and counted */
    RECORDED_CLASH,     /* an older boot id keeps coming back: two devices with one identity; dropped, alarm event written */
};
struct recorded_beat {
    enum recorded outcome;
    const struct device *device;     /* RECORDED_LOADED only; as it is after this heartbeat */
    const struct upgrade *upgrade;   /* RECORDED_LOADED only; state STATE_NONE when there is none */
};
typedef void store_recorded(void *arg, enum drover_error error, const struct recorded_beat *beats, size_t count);

/* --- load: one device with its upgrade; device NULL when it is unknown --- */
typedef void store_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade);

/* --- open: a new upgrade in state PENDING, revision 1, if the rollout takes devices, the limits allow it (counted in Redis, so that all
 *     instances keep them together), the device has no live upgrade and had no turn in this rollout. Also writes one event (none -> pending). --- */
struct open_limits {
    int64_t max_in_flight;
    int64_t stage_max;               /* most to open in its stage, or in this stratum of it; 0: any */
    char stratum[ID_SIZE];           /* "": the stage has none */
    int64_t per_site;                /* most in flight for upgrade.site; 0: any */
    int64_t per_minute;              /* most to open in a minute; 0: any */
    int64_t bytes_places;            /* most devices of the rollout that may hold bytes of its package; 0: any */
    int64_t plan_revision;           /* the plan that it was decided by: when it is another one by now, that is a limit (DROVER_FULL) */
};
struct move_guard {
    const char *states;              /* static: the move is refused unless its rollout is in one of these and nothing is stopped; NULL: whatever they do */
    int64_t max_in_flight;           /* most upgrades of the rollout that hold a place, when the move makes one more; when it holds one already, most
                                      * that are going back; 0: any */
    int64_t per_minute;              /* most such moves and opens a minute; 0: any */
    int64_t per_site;                /* most that hold a place at the upgrade's site; 0: any */
    int64_t bytes_places;            /* most devices of the rollout that may hold bytes of its package; 0: any */
};
/* --- move: replaces the upgrade when its revision still is `expected_revision`; saves it as revision expected + 1; moves counters,
 *     deadline index, device fields and event stream in the same script. from == to is a note: saved, counted as no transition;
 *     `silent` leaves out the event entry (progress). The same token found with revision expected + 1 is success: the first try had worked. --- */
struct upgrade_save {
    struct upgrade upgrade;          /* as it shall be; revision is ignored, token set by the caller */
    const struct upgrade *was;       /* move: as it is with the expected revision; lives until the call returns */
    int64_t expected_revision;
    enum upgrade_state from;         /* state before */
    enum upgrade_event on;
    char why[128];                   /* for the event stream; upgrade.why is the short form */
    enum device_kind kind;           /* what was learned of the device, to be kept as its kind; KIND_UNKNOWN: nothing new */
    bool alarm;                      /* adds an entry of kind alarm */
    bool silent;
    int64_t quarantine_ms;           /* the device is kept from this version until then; 0: it is not; -1: not any more */
    struct move_guard guard;
    int64_t at_ms;
};
/* upgrade: as saved (with revision and last_event) on DROVER_OK, else NULL */
typedef void store_saved(void *arg, enum drover_error error, const struct upgrade *upgrade);

/* --- take_due: up to max upgrades whose deadline has passed, leased to this instance for lease_ms --- */
struct due {
    const struct device *device;
    const struct upgrade *upgrade;
};
typedef void store_due_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);

/* --- wait: devices stand in the line of a rollout, the smallest score first, or leave it. At most queue_max stand in one; who does not fit, has its turn over, or
 *     asks for one that has ended is not taken in and comes again by itself. Who stands there already keeps the smaller score. --- */
#define STORE_WAITERS_MAX 256
struct waiter {
    char rollout[ID_SIZE];
    char device_id[ID_SIZE];
    int64_t score;
    bool returns;                    /* its upgrade is held until a window opens: it wants its place again, and not a first one */
    bool leaves;
};
typedef void store_waiting(void *arg, enum drover_error error);

/* --- take_waiting: the first `max` of a rollout's line, leased to this instance: they have their turn. They leave the line when they are opened, or by `wait`. --- */

/* --- take_live: up to max live upgrades of a cancelled or superseded rollout, leased like due ones --- */

/* --- take_done: up to `max` upgrades of a rollout that are over, part by part, round by round: those that succeeded and shall go back (devices that are online),
 *     or those that failed until retry_ms and are given another turn. Between two rounds the store rests; it notes what a round found in the rollout. --- */
enum done_take { TAKE_BACK, TAKE_AGAIN };

struct store_port {
    void *store;
    void (*record)(void *store, const struct beat *beats, size_t count, store_recorded *done, void *arg);
    void (*load)(void *store, const char *device_id, store_loaded *done, void *arg);
    void (*open)(void *store, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg);
    void (*move)(void *store, const struct upgrade_save *save, store_saved *done, void *arg);
    void (*take_due)(void *store, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
    void (*wait)(void *store, const struct waiter *waiters, size_t count, int64_t queue_max, store_waiting *done, void *arg);
    void (*take_waiting)(void *store, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
    void (*take_live)(void *store, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg);
    void (*take_done)(void *store, const struct rollout *rollout, enum done_take what, int64_t now_ms, int64_t rest_ms, size_t max, store_due_taken *done, void *arg);
};

/* Time zones by their IANA names. Immediate. False: there is no such zone. */
struct zone_port {
    void *zones;
    bool (*find)(void *zones, const char *name, const struct time_zone **ret);
};

/* The speaker queues and returns; what it cannot queue is dropped and counted: the deadline in Redis repeats it. */
struct speaker_port {
    void *speaker;
    void (*command)(void *speaker, const char *model, const char *device_id, const struct command *command);
    void (*event)(void *speaker, const struct event *event);
};
