/* Inside the flow: pieces of work, one at a time per device, and what they share. Only flow*.c include this. */
#pragma once

#include "orchestrator/core/decide.h"
#include "orchestrator/core/flow.h"

#define INSTANCE_SIZE ID_SIZE
#define PUBLIC_URL_SIZE 256
#define UNSETTLED_MAX 16384

enum work_kind { WORK_HEARTBEAT, WORK_REPORT, WORK_DEADLINE, WORK_ENDING, WORK_ASK, WORK_SERVED, WORK_ROLLBACK, WORK_WITHDRAW, WORK_BACK, WORK_AGAIN, WORK_WAITING, WORK_KIND_COUNT };

struct work;
typedef void work_ended(struct work *work, enum drover_error error, const char *why);

/* One observation on its way: load -> decide -> save -> speak, and perhaps once more. Owns copies of everything. */
struct work {
    struct work *chain;            /* next in the hash bucket; only the piece at the head of a device's queue is in the table */
    struct work *behind;           /* the same device's next piece */
    struct flow *flow;
    enum work_kind kind;
    char device_id[ID_SIZE];
    union {
        struct report report;
        struct {
            char model[ID_SIZE];
            char version[VERSION_SIZE];
            flow_answered *answered;
        } ask;
        struct served served;
        struct {
            char who[ID_SIZE];
            char rollout[ID_SIZE];   /* withdraw, waiting */
        } order;
    } input;
    work_ended *ended;             /* NULL: nobody waits for it */
    flow_done *done;               /* for `ended` */
    void *arg;
    bool loaded;                   /* device and upgrade are filled in and current, as far as known */
    struct device device;
    struct upgrade upgrade;
    struct upgrade_save save;      /* on its way to the store */
    unsigned effects;              /* to be spoken when it is saved */
    struct open_limits limits;     /* of an open */
    unsigned moves, conflicts;
    bool resent;
    bool promised;                 /* among flow->pace.deciding */
};

/* A rollout, and how many more of its upgrades hold a place since its counts were read; below 0: places became free again. */
struct known {
    struct rollout rollout;
    int64_t more;
};

struct flow_counts {
    uint64_t moves[UPGRADE_EVENT_COUNT];
    uint64_t refusals[REFUSAL_COUNT];
    uint64_t heartbeats[RECORDED_CLASH + 1];
    uint64_t commands[COMMAND_ROLLBACK + 1];
    uint64_t work[WORK_KIND_COUNT];
    uint64_t dropped, full, coalesced, opens_refused, conflicts, conflicts_lost, resent, unavailable, store_refused, held_back;
    uint64_t queue_joined, queue_turns, queue_dropped, zones_unknown;
};

/* A device that stands in a rollout's line, or may not stand there, by the hash of both: left alone until then. */
#define REMEMBERED_MAX 32768
struct remembered {
    uint64_t pair;
    int64_t until_ms;
};

struct batch;
struct sweep;

struct flow {
    struct flow_config config;
    char instance[INSTANCE_SIZE];
    char public_url[PUBLIC_URL_SIZE];
    struct known *known;
    size_t known_count;
    struct pace pace;
    struct work **table;           /* by device id; size is a power of two */
    size_t table_mask;
    size_t work_count;
    struct batch *batches;         /* under way in the store */
    struct sweep *sweeps;
    size_t call_count;             /* batches and sweeps */
    uint64_t random_count;
    uint64_t unsettled[UNSETTLED_MAX]; /* hashes of devices whose last heartbeat was recorded, but not decided on to the end */
    struct waiter waiters[STORE_WAITERS_MAX];   /* to be written with the next look for due work, or when they are so many */
    size_t waiter_count;
    struct remembered remembered[REMEMBERED_MAX];
    struct flow_counts counts;
};

uint64_t flow_random(struct flow *flow);

/* --- flow_known.c --- */

void known_free(struct flow *flow);
struct known *flow_known(const struct flow *flow, const char *rollout_id);
/* The rollout that holds the model's place; there is one at most. NULL: none. */
struct known *flow_known_of_model(const struct flow *flow, const char *model);
/* The permit to go back that the upgrade's rollout has; see flow_config. */
const char *flow_permit(const struct flow *flow, const struct rollout *rollout, const struct upgrade *upgrade);
int64_t known_in_flight(const struct known *known);
/* The device's own time zone, or else that of the rollout's plan; NULL is UTC: also what is not known there either. */
const struct time_zone *flow_zone_of(const struct flow *flow, const struct rollout *rollout, const struct heartbeat *heartbeat, bool *ret_unknown);
/* What a decision about this device looks at; points into device, upgrade and flow. */
void flow_situation(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, uint64_t random, struct situation *ret);

/* --- flow_table.c --- */

/* NULL: out of memory, or as much work as allowed (counted by the caller). */
struct work *work_new(struct flow *flow, enum work_kind kind, const char *device_id);
/* Gives it what was loaded already, so that it may begin with deciding. */
void work_give(struct work *work, const struct device *device, const struct upgrade *upgrade);
/* Begins it, or queues it behind the device's other work. The flow owns it from here on. */
void work_start(struct work *work);
/* True when a heartbeat of the device waits already; it will look at the newest one. */
bool work_heartbeat_waits(const struct flow *flow, const char *device_id);
/* It has ended: the device's next piece takes its place, and is to be run; NULL: there is none. The piece itself is the caller's to free. */
struct work *work_leave(struct work *work);
bool table_begin(struct flow *flow);   /* false: out of memory */
void table_free(struct flow *flow);    /* with all work that is left */

/* --- flow_work.c --- */

/* Loads what it was not given, decides, saves, speaks. */
void work_run(struct work *work);

/* The device's next heartbeat shall be loaded even if it says nothing new (or need not be, any more). */
void flow_set_unsettled(struct flow *flow, const char *device_id, bool unsettled);

/* Speaks what was saved: commands by effects, the event. `before` is the upgrade's last_event before the save. */
void flow_speak(struct work *work, const char *before);

/* --- flow_queue.c --- */

/* Only a limit holds the device back: it shall stand in the rollout's line. Cheap when it does already. returns: its upgrade was held, and wants its place again. */
void queue_join(struct flow *flow, struct known *known, const struct heartbeat *heartbeat, bool returns);
void queue_flush(struct flow *flow);
/* Somebody waits in the rollout's line, and it takes devices. */
bool queue_has_turns(const struct flow *flow, const struct known *known);
/* How many may have their turn now, as far as known. */
size_t queue_places(const struct flow *flow, const struct known *known, size_t max);
int64_t queue_lease_ms(const struct known *known);
/* WORK_WAITING: nothing came of its turn. It leaves the line, unless a limit was in its way again. */
void queue_turn_over(struct work *work, const struct situation *s);
/* The store refused to open its upgrade: DROVER_FULL, DROVER_REFUSED. */
void queue_open_refused(struct work *work, enum drover_error error);
/* An upgrade was opened, or has taken a place again; the store has taken the device out of the line. */
void queue_opened(struct flow *flow, struct known *known, const struct upgrade *upgrade, bool returned, int64_t now_ms);

void batches_free(struct flow *flow);
void sweeps_free(struct flow *flow);
