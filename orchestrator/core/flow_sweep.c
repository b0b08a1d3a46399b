/* What nobody sends: deadlines that have passed, and the upgrades of rollouts that were ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/flow_work.h"

static void dues_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);    /* 2 decide each                     */
static void take_next_ending(struct sweep *sweep);                                                   /* 3 rollout by rollout              */
static void lives_taken(void *arg, enum drover_error error, const struct due *dues, size_t count);   /* 4 cancel or supersede each        */
static void piece_ended(struct work *work, enum drover_error error, const char *why);                /* 5 the last one ends the sweep     */

/* Due work belongs to this instance for so long; if it cannot be finished, it comes again after that. */
#define LEASE_MS 15000

struct sweep {
    struct sweep *next;
    struct flow *flow;
    size_t max;
    flow_done *done;
    void *arg;
    enum drover_error error;
    size_t worked;           /* pieces of work ended well */
    size_t open;             /* pieces not ended yet, and the store call under way */
    size_t ending_at, ending_count;
    char (*ending)[ID_SIZE]; /* ended rollouts to look through */
};

static void sweep_free(struct sweep *sweep)
{
    struct sweep **at = &sweep->flow->sweeps;
    while (*at != sweep)
        at = &(*at)->next;
    *at = sweep->next;
    sweep->flow->call_count--;
    free(sweep->ending);
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

static bool is_ended(const struct rollout *rollout)
{
    return rollout_state_is_ended(rollout->state);
}

static bool list_ending(struct sweep *sweep)
{
    const struct flow *flow = sweep->flow;
    sweep->ending = calloc(flow->known_count ? flow->known_count : 1, sizeof *sweep->ending);
    if (!sweep->ending)
        return false;
    for (size_t i = 0; i < flow->known_count; i++)
        if (is_ended(&flow->known[i].rollout))
            text_copy(sweep->ending[sweep->ending_count++], ID_SIZE, flow->known[i].rollout.id);
    return true;
}

void flow_deadlines(struct flow *flow, size_t max, flow_done *done, void *arg)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep) {
        done(arg, DROVER_MEMORY, drover_error_text(DROVER_MEMORY));
        return;
    }
    *sweep = (struct sweep){.next = flow->sweeps, .flow = flow, .max = max, .done = done, .arg = arg, .open = 1};
    flow->sweeps = sweep;
    flow->call_count++;
    if (!list_ending(sweep))
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
    take_next_ending(sweep);
}

static void take_next_ending(struct sweep *sweep)
{
    if (sweep->ending_at >= sweep->ending_count || sweep->error != DROVER_OK) {
        close_one(sweep);
        return;
    }
    struct flow *flow = sweep->flow;
    const struct store_port *store = &flow->config.store;
    const char *rollout_id = sweep->ending[sweep->ending_at++];
    store->take_live(store->store, rollout_id, flow->config.now_ms(flow->config.now_arg), LEASE_MS, sweep->max, lives_taken, sweep);
}

static void lives_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    struct sweep *sweep = arg;
    start_pieces(sweep, WORK_ENDING, error, dues, count);
    take_next_ending(sweep);
}

static void piece_ended(struct work *work, enum drover_error error, const char *why)
{
    (void)why;
    struct sweep *sweep = work->arg;
    if (error == DROVER_OK)
        sweep->worked++;
    close_one(sweep);
}
