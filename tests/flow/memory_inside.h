/* Inside the story's store: a call between being made and being answered. */
#pragma once

#include "tests/flow/memory_store.h"

enum call_kind { CALL_RECORD, CALL_LOAD, CALL_OPEN, CALL_MOVE, CALL_TAKE_DUE, CALL_TAKE_LIVE, CALL_TAKE_DONE, CALL_WAIT, CALL_TAKE_WAITING };

struct memory_call {
    enum call_kind kind;
    struct memory_link *link;
    unsigned life;
    uint64_t number;              /* calls at the same time go in this order */
    int64_t made_ms;
    bool applied;
    enum drover_error error;
    /* what was asked */
    struct beat *beats;           /* `count` of them; owned, as all that is pointed to */
    char id[ID_SIZE];
    struct upgrade_save save;
    struct open_limits limits;
    struct waiter *waiters;
    int64_t now_ms, lease_ms;
    size_t max, count;
    enum done_take take;
    /* what is answered: copies as they were when it was applied */
    struct device *devices;       /* as many as there may be */
    struct upgrade *upgrades;
    struct recorded_beat *recorded;
    bool found;
    union {
        store_recorded *recorded;
        store_loaded *loaded;
        store_saved *saved;
        store_due_taken *taken;
        store_waiting *waiting;
    } done;
    void *arg;
};

/* Would take_done find this device? */
bool memory_wants_back(const struct memory_device *known, const struct rollout *rollout);
bool memory_wants_again(const struct memory_device *known, const struct rollout *rollout);
/* Copies the device and its upgrade into the answer at `index`. */
void answer_keep(struct memory_call *call, size_t index, const struct memory_device *known);

void memory_tell(struct memory_store *store, const struct memory_link *by, const char *format, ...) PRINTF_LIKE(3, 4);
struct memory_device *memory_device_add(struct memory_store *store, const char *device_id);
bool memory_had_turn(const struct memory_device *known, const char *rollout_id);
/* Why the rollout can take nobody now; NULL: it can. */
const char *limit_reached(const struct memory_store *store, const struct rollout *rollout, const struct memory_call *call);
/* The same for what the move is guarded by beyond places. */
const char *limit_of_move(const struct memory_store *store, const struct rollout *rollout, const struct memory_call *call);
void line_leave(struct memory_store *store, struct memory_device *known);

/* By state and, where it ended badly, by error. */
void counts_add(struct rollout_counts *counts, const struct upgrade *upgrade, int by);
/* An upgrade comes into a state of its stage (by +1), or leaves it (-1). */
void stage_count(struct memory_store *store, const struct upgrade *upgrade, int by);
/* A device is taken; why it cannot be, NULL: its stage has room. */
void stage_open(struct memory_store *store, const struct memory_call *call);
const char *stage_refuses(const struct memory_store *store, const struct memory_call *call);

void apply_record(struct memory_store *store, struct memory_call *call);
void apply_load(struct memory_store *store, struct memory_call *call);
void apply_open(struct memory_store *store, struct memory_call *call);
void apply_move(struct memory_store *store, struct memory_call *call);
void apply_take_due(struct memory_store *store, struct memory_call *call);
void apply_take_live(struct memory_store *store, struct memory_call *call);
void apply_take_done(struct memory_store *store, struct memory_call *call);
void apply_wait(struct memory_store *store, struct memory_call *call);
void apply_take_waiting(struct memory_store *store, struct memory_call *call);
