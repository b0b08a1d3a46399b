/* What nobody sends: deadlines that have passed, the upgrades of rollouts that were ended or go back, and devices that are given another turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/flow_work.h"

static void dues_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);    /* 2 decide each                     */
static void take_next(struct sweep *sweep);                                                          /* 3 rollout by rollout              */
static void lives_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);   /* 4 cancel or supersede each        */
static void backs_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);   /* 4 send each back                  */
static void agains_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);  /* 4 give each another turn          */
static void waiting_taken(void *arg, enum drover_error error, const struct due *dues, size_t count); /* 4 its turn in the line has come   */
static void piece_ended(struct work *work, enum drover_error error, const char *why);                /* 5 the last one ends the sweep     */

/* Due work belongs to this instance for so long; if it cannot be finished, it comes again after that. */
#define LEASE_MS 15000
/* Between two rounds among those that go back, or get another turn. */
#define REST_MS 3000

struct sweep {
    struct sweep *next;
    struct flow *flow;
    size_t max;
    flow_done *done;
    void *arg;
    enum drover_error error;
    size_t worked;           /* pieces of work ended well */
    size_t open;             /* pieces not ended yet, and the store call under way */
    size_t take_at, take_count;
    struct take {
        char rollout[ID_SIZE];
        enum take_kind { TAKE_LIVE, TAKE_SUCCEEDED, TAKE_FAILED, TAKE_WAITING } kind;
    } *takes;                /* whose upgrades are to be looked through */
};

static void sweep_free(struct sweep *sweep)
{
    struct sweep **at = &sweep->flow->sweeps;
    while (*at != sweep)
        at = &(*at)->next;
    *at = sweep->next;
    sweep->flow->call_count--;
    free(sweep->takes);
    free(sweep);
}

void sweeps_free(struct flow *flow)
{
    while (flow->sweeps)
        sweep_free(flow->sweeps);
}

/* One of the things the sweep waits for is over; the last one ends it. */
static void close_one(struct sweep *sweep)
{
    if (--sweep->open > 0)
        return;
    flow_done *done = sweep->done;
    void *arg = sweep->arg;
    enum drover_error error = sweep->error;
    char why[48];
    snprintf(why, sizeof why, "%zu worked off", sweep->worked);
    sweep_free(sweep);
    done(arg, error, why);
}

static void list(struct sweep *sweep, const struct rollout *rollout, enum take_kind kind, bool wanted)
{
    if (!wanted)
        return;
    struct take *take = &sweep->takes[sweep->take_count++];
    text_copy(take->rollout, sizeof take->rollout, rollout->id);
    take->kind = kind;
}

/* At most three of one rollout. */
static bool list_takes(struct sweep *sweep)
{
    const struct flow *flow = sweep->flow;
    sweep->takes = calloc(3 * flow->known_count + 1, sizeof *sweep->takes);
    if (!sweep->takes)
        return false;
    for (size_t i = 0; i < flow->known_count; i++) {
        const struct rollout *rollout = &flow->known[i].rollout;
        bool back = rollout_state_goes_back(rollout->state), moves = !flow->config.policy.stopped_ms;
        list(sweep, rollout, TAKE_LIVE, rollout_state_is_ended(rollout->state) || (back && moves));
        list(sweep, rollout, TAKE_SUCCEEDED, rollout->state == ROLLOUT_ROLLING_BACK && moves);
        list(sweep, rollout, TAKE_FAILED, rollout->retry_ms > 0 && rollout_state_takes(rollout->state) && moves);
        list(sweep, rollout, TAKE_WAITING, queue_has_turns(flow, &flow->known[i]));
    }
    return true;
}

void flow_deadlines(struct flow *flow, size_t max, flow_done *done, void *arg)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep) {
        done(arg, DROVER_MEMORY, drover_error_text(DROVER_MEMORY));
        return;
    }
    queue_flush(flow);
    *sweep = (struct sweep){.next = flow->sweeps, .flow = flow, .max = max, .done = done, .arg = arg, .open = 1};
    flow->sweeps = sweep;
    flow->call_count++;
    if (!list_takes(sweep))
        sweep->error = DROVER_MEMORY;
    const struct store_port *store = &flow->config.store;
    store->take_due(store->store, flow->config.now_ms(flow->config.now_arg), LEASE_MS, max, dues_taken, sweep);
}

static void start_piece(struct sweep *sweep, enum work_kind kind, const struct due *due)
{
    struct work *work = work_new(sweep->flow, kind, due->device->last.device_id);
    if (!work) {
        sweep->flow->counts.dropped++;
        return;
    }
    if (kind == WORK_WAITING)
        text_copy(work->input.order.rollout, sizeof work->input.order.rollout, sweep->takes[sweep->take_at - 1].rollout);
    work->ended = piece_ended;
    work->arg = sweep;
    sweep->open++;
    work_give(work, due->device, due->upgrade);
    work_start(work);
}

static void start_pieces(struct sweep *sweep, enum work_kind kind, enum drover_error error, const struct due *dues, size_t count)
{
    if (error != DROVER_OK) {
        sweep->error = error;
        sweep->flow->counts.unavailable++;
    }
    for (size_t i = 0; error == DROVER_OK && i < count; i++)
        start_piece(sweep, kind, &dues[i]);
}

static void dues_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    struct sweep *sweep = arg;
    start_pieces(sweep, WORK_DEADLINE, error, dues, count);
    take_next(sweep);
}

/* Places that a rollout has left, as far as known: more would be asked for in vain. */
static size_t places(const struct sweep *sweep, const struct known *known)
{
    int64_t left = known->rollout.max_in_flight - known_in_flight(known);
    return left <= 0 ? 0 : left < (int64_t)sweep->max ? (size_t)left : sweep->max;
}

static bool take(struct sweep *sweep, const struct take *take)
{
    struct flow *flow = sweep->flow;
    const struct store_port *store = &flow->config.store;
    const struct known *known = flow_known(flow, take->rollout);
    int64_t now_ms = flow->config.now_ms(flow->config.now_arg);
    if (!known)
        return false;
    size_t max = take->kind == TAKE_LIVE ? sweep->max : take->kind == TAKE_WAITING ? queue_places(flow, known, sweep->max) : places(sweep, known);
    if (max == 0)
        return false;
    if (take->kind == TAKE_LIVE)
        store->take_live(store->store, take->rollout, now_ms, LEASE_MS, max, lives_taken, sweep);
    else if (take->kind == TAKE_WAITING)
        store->take_waiting(store->store, take->rollout, now_ms, queue_lease_ms(known), max, waiting_taken, sweep);
    else if (take->kind == TAKE_SUCCEEDED)
        store->take_done(store->store, &known->rollout, TAKE_BACK, now_ms, REST_MS, max, backs_taken, sweep);
    else
        store->take_done(store->store, &known->rollout, TAKE_AGAIN, now_ms, REST_MS, max, agains_taken, sweep);
    return true;
}

static void take_next(struct sweep *sweep)
{
    while (sweep->take_at < sweep->take_count && sweep->error == DROVER_OK)
        if (take(sweep, &sweep->takes[sweep->take_at++]))
            return;
    close_one(sweep);
}

static void some_taken(struct sweep *sweep, enum work_kind kind, enum drover_error error, const struct due *dues, size_t count)
{
    start_pieces(sweep, kind, error, dues, count);
    take_next(sweep);
}

static void lives_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    some_taken(arg, WORK_ENDING, error, dues, count);
}

static void backs_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    some_taken(arg, WORK_BACK, error, dues, count);
}

static void agains_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    some_taken(arg, WORK_AGAIN, error, dues, count);
}

static void waiting_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    struct sweep *sweep = arg;
    if (error == DROVER_OK)
        sweep->flow->counts.queue_turns += count;
    some_taken(sweep, WORK_WAITING, error, dues, count);
}

static void piece_ended(struct work *work, enum drover_error error, const char *why)
{
    (void)why;
    struct sweep *sweep = work->arg;
    if (error == DROVER_OK)
        sweep->worked++;
    close_one(sweep);
}
