/* One piece of work from its beginning to its end. A device has one at a time; the others queue behind it, so that
 * decisions about one device never race inside this process. Races with other processes end in CONFLICT: load, decide again. */
#include "orchestrator/core/flow_work.h"

#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/eligible.h"

/* 1 work_run: load, unless it was given */
static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade);   /* 2 decide                        */
static void work_decide(struct work *work);
static void work_save(struct work *work);                                                                                    /* 3 compare and set               */
static void move_saved(void *arg, enum drover_error error, const struct upgrade *upgrade);                                   /* 4 only now tell it; once more?  */
static void work_end(struct work *work, enum drover_error error, const char *why);                                           /* 5 the device's next piece       */

#define CONFLICTS_MAX 5
#define MOVES_MAX 8 /* open, dispatch, ...: one observation never leads to more moves than this */

/* --- 1 load --- */

void work_run(struct work *work)
{
    const struct store_port *store = &work->flow->config.store;
    if (work->loaded)
        work_decide(work);
    else
        store->load(store->store, work->device_id, device_loaded, work);
}

static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade)
{
    struct work *work = arg;
    if (error != DROVER_OK) {
        work->flow->counts.unavailable++;
        work_end(work, error, drover_error_text(error));
    } else if (!device) {
        work->flow->counts.refusals[REFUSAL_UNKNOWN_DEVICE]++;
        work_end(work, DROVER_UNKNOWN, "no heartbeat of this device was seen yet");
    } else {
        work_give(work, device, upgrade);
        work_decide(work);
    }
}

/* --- 2 decide --- */

static void decide_by_kind(const struct work *work, const struct situation *s, struct decision *ret)
{
    switch (work->kind) {
    case WORK_HEARTBEAT:
        decide_heartbeat(s, ret);
        break;
    case WORK_REPORT:
        decide_report(s, &work->input.report, ret);
        break;
    case WORK_DEADLINE:
        decide_deadline(s, ret);
        break;
    case WORK_ENDING:
        decide_ending(s, ret);
        break;
    case WORK_ASK:
        decide_ask(s, work->input.ask.model, work->input.ask.version, ret);
        break;
    case WORK_SERVED:
        decide_served(s, &work->input.served, ret);
        break;
    case WORK_BACK:
        decide_back(s, ret);
        break;
    case WORK_AGAIN:
        decide_again(s, ret);
        break;
    case WORK_WAITING:
        decide_turn(s, ret);
        break;
    case WORK_WITHDRAW:
        decide_withdraw(s, work->input.order.rollout, work->input.order.who, ret);
        break;
    case WORK_ROLLBACK:
    case WORK_KIND_COUNT:
        decide_rollback(s, work->input.order.who, ret);
        break;
    }
}

/* After these more may follow from the same observation; everything else decides once. */
static bool decides_again(const struct work *work)
{
    static const bool kinds[WORK_KIND_COUNT] = {[WORK_HEARTBEAT] = true, [WORK_ASK] = true, [WORK_WAITING] = true, [WORK_AGAIN] = true};
    return kinds[work->kind] && work->moves < MOVES_MAX;
}

static void make_token(struct flow *flow, char *ret)
{
    uint64_t words[2] = {flow_random(flow), flow_random(flow)};
    text_hex(ret, words, sizeof words);
}

/* Many devices are decided on before the first is saved: each counts from here on. */
static void room_promise(struct work *work)
{
    work->promised = work->save.on == EVENT_OPEN || work->save.on == EVENT_DISPATCH;
    work->flow->pace.deciding += work->promised;
}

static void room_settle(struct work *work)
{
    work->flow->pace.deciding -= work->promised;
    work->promised = false;
}

static void fill_save(struct work *work, const struct situation *s, const struct decision *decision)
{
    struct upgrade_save *save = &work->save;
    bool opens = decision->move->on == EVENT_OPEN;
    *save = (struct upgrade_save){
        .upgrade = decision->next,
        .was = s->upgrade,
        .expected_revision = opens ? 0 : s->upgrade->revision,
        .from = decision->move->from,
        .on = decision->move->on,
        .kind = decision->learned,
        .alarm = decision->effects & FX_ALARM,
        .silent = decision->silent,
        .quarantine_ms = decide_quarantine_ms(s, decision),
        .at_ms = s->now_ms,
    };
    memcpy(save->why, decision->why, sizeof save->why);
    make_token(work->flow, save->upgrade.token);
    work->effects = decision->effects;
    eligible_guard(s->rollout, &decision->next, decision->move, decision->by_rollout, s->now_ms, &save->guard);
    if (opens)
        eligible_limits(s->running, &save->upgrade, &s->device->last, s->now_ms, &work->limits);
    work->resent = false;
    room_promise(work);
}

static void work_decide(struct work *work)
{
    struct situation s;
    struct decision decision;
    flow_situation(work->flow, &work->device, &work->upgrade, flow_random(work->flow), &s);
    s.has_turn = work->kind == WORK_WAITING || work->kind == WORK_ASK || work->kind == WORK_AGAIN;   /* who asks for itself cannot be told later; who was taken once came first */
    decide_by_kind(work, &s, &decision);
    struct known *known = decision.waits ? flow_known(work->flow, work->upgrade.rollout) : NULL;
    if (known && work->kind != WORK_WAITING)
        queue_join(work->flow, known, &work->device.last, true);
    if (decision.error != DROVER_OK) {
        work->flow->counts.refusals[decision.refusal]++;
        work_end(work, decision.error, decision.why);
    } else if (!decision.move) {
        if (work->kind == WORK_WAITING && work->moves == 0)
            queue_turn_over(work, &s);
        /* What was done before, if anything, is more interesting than that nothing more follows. */
        work_end(work, DROVER_OK, work->moves ? work->save.why : decision.why);
    } else {
        fill_save(work, &s, &decision);
        work_save(work);
    }
}

/* --- 3 save --- */

static void work_save(struct work *work)
{
    const struct store_port *store = &work->flow->config.store;
    if (work->save.on == EVENT_OPEN)
        store->open(store->store, &work->save, &work->limits, move_saved, work);
    else
        store->move(store->store, &work->save, move_saved, work);
}

/* --- 4 speak, and look again --- */

/* What the save has made of the device. */
static void quarantined(struct work *work)
{
    struct device *device = &work->device;
    if (work->save.quarantine_ms == 0)
        return;
    device->quarantine_auto = work->save.quarantine_ms > 0;
    device->quarantine_ms = device->quarantine_auto ? work->save.quarantine_ms : 0;
    device->quarantine[0] = '\0';
    if (device->quarantine_auto)
        memcpy(device->quarantine, work->upgrade.version, sizeof device->quarantine);
}

static void saved_well(struct work *work, const struct upgrade *upgrade)
{
    char before[EVENT_ID_SIZE];
    room_settle(work);
    work->flow->pace.announced += work->save.on == EVENT_DISPATCH;
    memcpy(before, work->upgrade.last_event, sizeof before);
    work->upgrade = *upgrade;
    if (work->save.kind != KIND_UNKNOWN)
        work->device.last.kind = work->save.kind;
    quarantined(work);
    work->moves++;
    work->flow->counts.moves[work->save.on]++;
    int more = upgrade_state_holds_place(upgrade->state) - upgrade_state_holds_place(work->save.from);
    struct known *known = more ? flow_known(work->flow, upgrade->rollout) : NULL;
    if (known)
        known->more += more;
    if (known && (work->save.on == EVENT_OPEN || work->save.from == STATE_HELD))
        queue_opened(work->flow, known, upgrade, work->save.from == STATE_HELD, work->save.at_ms);
    flow_speak(work, before);
    if (decides_again(work))
        work_decide(work);
    else
        work_end(work, DROVER_OK, work->save.why);
}

static void saved_by_another(struct work *work)
{
    room_settle(work);
    work->flow->counts.conflicts++;
    work->loaded = false;
    if (++work->conflicts < CONFLICTS_MAX) {
        work_run(work);
        return;
    }
    work->flow->counts.conflicts_lost++;
    work_end(work, DROVER_CONFLICT, "changed by others again and again");
}

/* The outcome is unknown. The same save once more, with the same token, turns out as a success if the first had worked. */
static void save_again(struct work *work)
{
    work->resent = true;
    work->flow->counts.resent++;
    work_save(work);
}

static void move_saved(void *arg, enum drover_error error, const struct upgrade *upgrade)
{
    struct work *work = arg;
    switch (error) {
    case DROVER_OK:
        saved_well(work, upgrade);
        return;
    case DROVER_CONFLICT:
        saved_by_another(work);
        return;
    case DROVER_FULL:
    case DROVER_REFUSED:
        work->flow->counts.opens_refused++;
        queue_open_refused(work, error);
        work_end(work, DROVER_OK, "no place is free, it had its turn, or its rollout stands");
        return;
    case DROVER_UNAVAILABLE:
        if (!work->resent) {
            save_again(work);
            return;
        }
        work->flow->counts.unavailable++;
        break;
    default:
        work->flow->counts.store_refused++;
        break;
    }
    work_end(work, error, drover_error_text(error));
}

/* --- 5 the end --- */

static void work_end(struct work *work, enum drover_error error, const char *why)
{
    char reason[sizeof work->save.why];
    text_copy(reason, sizeof reason, why);
    room_settle(work);
    struct work *behind = work_leave(work);
    if (work->kind == WORK_HEARTBEAT)
        flow_set_unsettled(work->flow, work->device_id, error != DROVER_OK);
    if (work->ended)
        work->ended(work, error, reason);
    free(work);
    if (behind)
        work_run(behind);
}
