/* The line of a rollout with a plan: devices that only a limit holds back stand in it and have their turn, the smallest score first (schedule.h), when a place is
 * free. Who stands where is in Redis; here is what keeps that cheap: who was written lately is not written again, and the writes go by batches. */
#include "common/hash.h"
#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/predicates.h"
#include "orchestrator/core/schedule.h"

#define REMEMBER_MS 60000          /* a device that stands in line, or may not, is left alone for so long ... */
#define REMEMBER_MORE_MS 8192      /* ... and up to this longer, so that they do not all come again together */
#define SITES_BESIDE 32            /* with a limit per site so many more are tried: the first in line may be of a site that is full */
#define BURST_S 5                  /* as in upgrade_open.lua */

static void waiters_written(void *arg, enum drover_error error);

static int64_t flow_now_ms(const struct flow *flow)
{
    return flow->config.now_ms(flow->config.now_arg);
}

/* --- what is remembered: one place a hash; who loses its place to another is written once more --- */

/* Who returns is another one than who comes for the first time: the store lets only one of them stand in line. */
static uint64_t pair_of(const char *rollout_id, const char *device_id, bool returns)
{
    return hash_text(device_id, hash_text(rollout_id, returns));
}

static struct remembered *place_of(struct flow *flow, uint64_t pair)
{
    return &flow->remembered[pair % REMEMBERED_MAX];
}

static void remember(struct flow *flow, uint64_t pair)
{
    *place_of(flow, pair) = (struct remembered){pair, flow_now_ms(flow) + REMEMBER_MS + (int64_t)(pair / REMEMBERED_MAX % REMEMBER_MORE_MS)};
}

static void forget(struct flow *flow, uint64_t pair)
{
    if (place_of(flow, pair)->pair == pair)
        *place_of(flow, pair) = (struct remembered){0};
}

static bool is_remembered(struct flow *flow, uint64_t pair)
{
    const struct remembered *place = place_of(flow, pair);
    int64_t left_ms = place->until_ms - flow_now_ms(flow);
    return place->pair == pair && left_ms > 0 && left_ms <= REMEMBER_MS + REMEMBER_MORE_MS;   /* more: the clock was set back */
}

/* --- into the line, out of it --- */

void queue_flush(struct flow *flow)
{
    const struct store_port *store = &flow->config.store;
    size_t count = flow->waiter_count;
    if (count == 0)
        return;
    flow->waiter_count = 0;
    flow->call_count++;
    store->wait(store->store, flow->waiters, count, flow->config.policy.queue_max, waiters_written, flow);
}

/* Lost or not: who is not in line comes again when it is forgotten here. */
static void waiters_written(void *arg, enum drover_error error)
{
    struct flow *flow = arg;
    flow->call_count--;
    flow->counts.unavailable += error != DROVER_OK;
}

static void write_waiter(struct flow *flow, const char *rollout_id, const char *device_id, const struct waiter *as)
{
    struct waiter *waiter;
    if (flow->waiter_count == STORE_WAITERS_MAX)
        queue_flush(flow);
    waiter = &flow->waiters[flow->waiter_count++];
    *waiter = *as;
    text_copy(waiter->rollout, sizeof waiter->rollout, rollout_id);
    text_copy(waiter->device_id, sizeof waiter->device_id, device_id);
}

void queue_join(struct flow *flow, struct known *known, const struct heartbeat *heartbeat, bool returns)
{
    struct rollout *rollout = &known->rollout;
    if (!rollout->plan || heartbeat->kind == KIND_SIMPLE || rollout->waiting >= flow->config.policy.queue_max)
        return;
    uint64_t pair = pair_of(rollout->id, heartbeat->device_id, returns);
    if (is_remembered(flow, pair))
        return;
    struct waiter waiter = {.score = schedule_score(&rollout->plan->priority, heartbeat, flow_now_ms(flow)), .returns = returns};
    write_waiter(flow, rollout->id, heartbeat->device_id, &waiter);
    remember(flow, pair);
    rollout->waiting++;
    flow->counts.queue_joined++;
}

static void leave(struct flow *flow, const char *rollout_id, const char *device_id)
{
    struct known *known = flow_known(flow, rollout_id);
    write_waiter(flow, rollout_id, device_id, &(struct waiter){.leaves = true});
    if (known && known->rollout.waiting > 0)
        known->rollout.waiting--;
    flow->counts.queue_dropped++;
}

/* --- turns --- */

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static int64_t minute_places(const struct rollout *rollout, int64_t now_ms)
{
    int64_t per_minute = schedule_per_minute(rollout, now_ms), burst = per_minute * BURST_S / 60;
    if (schedule_paced_until_ms(per_minute, rollout->paced_ms, now_ms))
        return 0;
    return per_minute == 0 ? INT64_MAX : burst > 1 ? burst : 1;
}

size_t queue_places(const struct flow *flow, const struct known *known, size_t max)
{
    const struct rollout *rollout = &known->rollout;
    int64_t bytes = schedule_bytes_places(rollout);
    int64_t left = smaller((int64_t)max, rollout->max_in_flight - known_in_flight(known));
    left = smaller(left, minute_places(rollout, flow_now_ms(flow)));
    if (bytes > 0)
        left = smaller(left, bytes - schedule_bytes_taken(&rollout->counts) - known->more);
    if (flow->pace.depot.places > 0)
        left = smaller(left, flow->pace.depot.places - pace_taken(&flow->pace));
    return left <= 0 ? 0 : (size_t)left + (rollout->plan->limits.per_site > 0 ? SITES_BESIDE : 0);
}

bool queue_has_turns(const struct flow *flow, const struct known *known)
{
    const struct rollout *rollout = &known->rollout;
    return rollout->plan && rollout->waiting > 0 && rollout_state_takes(rollout->state) && !flow->config.policy.stopped_ms;
}

/* One that found a limit reached stays in line, and is not asked again before its lease ends. */
int64_t queue_lease_ms(const struct known *known)
{
    return known->rollout.plan->limits.per_site > 0 ? 10000 : 1000;
}

/* What is against the device in its turn: of its next attempt when it is held, else of taking it. */
static const struct predicate *turn_refusal(const struct situation *s)
{
    struct look look;
    const char *refusal;
    const struct predicate *row;
    if (s->upgrade->state == STATE_HELD && s->rollout) {
        (void)decide_held_refusal(s, &look, &row);
        return row;
    }
    situation_look(s, s->running, &look);
    return predicates_refuse(&look, true, &refusal);
}

void queue_turn_over(struct work *work, const struct situation *s)
{
    const struct predicate *row = turn_refusal(s);
    if (s->device->online && row && row->limit)
        return;
    leave(work->flow, work->input.order.rollout, work->device_id);
    if (!s->device->online)   /* its next heartbeat may stand in line again; what else is against it will not pass so soon */
        forget(work->flow, pair_of(work->input.order.rollout, work->device_id, s->upgrade->state == STATE_HELD));
}

void queue_open_refused(struct work *work, enum drover_error error)
{
    struct known *known = flow_known(work->flow, work->save.upgrade.rollout);
    if (work->kind == WORK_WAITING && error == DROVER_REFUSED)
        leave(work->flow, work->input.order.rollout, work->device_id);
    else if (work->kind != WORK_WAITING && (work->save.on == EVENT_OPEN || work->save.from == STATE_HELD) && error == DROVER_FULL && known)
        queue_join(work->flow, known, &work->device.last, work->save.from == STATE_HELD);
}

void queue_opened(struct flow *flow, struct known *known, const struct upgrade *upgrade, bool returned, int64_t now_ms)
{
    struct rollout *rollout = &known->rollout;
    if (!rollout->plan)
        return;
    rollout->paced_ms = schedule_paced_next_ms(schedule_per_minute(rollout, now_ms), rollout->paced_ms, now_ms);
    if (is_remembered(flow, pair_of(rollout->id, upgrade->device_id, returned)) && rollout->waiting > 0)
        rollout->waiting--;
}

int64_t flow_waiting(const struct flow *flow)
{
    int64_t sum = 0;
    for (size_t i = 0; i < flow->known_count; i++)
        sum += flow->known[i].rollout.waiting;
    return sum;
}
