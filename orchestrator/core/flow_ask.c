/* Questions and orders that do not come over MQTT: GET /firmware/latest, bytes given out, an operator's rollback. */
#include <string.h>

#include "orchestrator/core/eligible.h"
#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/offer.h"

static void ask_ended(struct work *work, enum drover_error error, const char *why);
static void work_told(struct work *work, enum drover_error error, const char *why);

static void answer_nothing(flow_answered *answered, void *arg, enum drover_error error, const char *why)
{
    struct flow_offer offer = {.offered = false, .no_room = error == DROVER_FULL && !strcmp(why, pace_refusal)};
    size_t length = strnlen(why, sizeof offer.why - 1);
    memcpy(offer.why, why, length);
    answered(arg, error, &offer);
}

static const char *refusal_now(const struct flow *flow, const struct release *release)
{
    return release_refusal(&flow->config.policy, release, flow->config.now_ms(flow->config.now_arg));
}

/* Nobody knows the hardware of somebody unnamed. */
static const char *refusal_for_unnamed(const struct flow *flow, const struct release *release, const char *version)
{
    const char *against = refusal_now(flow, release);
    return against ? against : release_device_refusal(release, "", version);
}

/* What nobody says of an unnamed device may be against it. */
static bool is_for_unnamed(const struct plan_filter *filter, const struct heartbeat *unnamed)
{
    return filter->tags_none.count == 0 && !plan_filter_refusal(filter, unnamed);
}

static bool stage_is_for_unnamed(const struct plan_stage *stage, const struct heartbeat *unnamed)
{
    return (stage->kind == STAGE_EVERYBODY || stage->percent_x100 == 10000) && is_for_unnamed(&stage->filter, unnamed);
}

/* A plan that asks a device for more than its version is not for somebody of whom nothing else is known. */
static bool plan_asks_who(const struct rollout *rollout, const char *version)
{
    const struct plan *plan = rollout->plan;
    struct heartbeat unnamed = {.battery_pct = ABSENT};
    if (!plan)
        return false;
    text_copy(unnamed.version, sizeof unnamed.version, version);
    const struct plan_conditions *conditions = &plan->conditions;
    if (plan->windows.count > 0 || plan->step_count > 0 || conditions->networks.count > 0 || conditions->min_battery_pct > 0 || conditions->idle ||
        !is_for_unnamed(&plan->target, &unnamed))
        return true;
    for (int64_t i = 0; i < rollout->stage && i < (int64_t)plan->stage_count; i++)
        if (stage_is_for_unnamed(&plan->stages[i], &unnamed))
            return false;
    return true;
}

/* Somebody unnamed has no place in a rollout and cannot be counted: only a rollout to everybody is for them. */
static void ask_anonymously(struct flow *flow, const char *model, const char *version, flow_answered *answered, void *arg)
{
    const struct known *known = flow_known_of_model(flow, model);
    const struct rollout *rollout = known && known->rollout.state == ROLLOUT_RUNNING ? &known->rollout : NULL;
    const char *against;
    if (flow->config.policy.stopped_ms) {
        answer_nothing(answered, arg, DROVER_OK, eligible_stopped);
    } else if (!rollout) {
        answer_nothing(answered, arg, DROVER_OK, "no rollout runs for its model");
    } else if (rollout->share_pct < 100 || plan_asks_who(rollout, version)) {
        answer_nothing(answered, arg, DROVER_OK, "this rollout asks for a device_id");
    } else if (semver_compare(version, rollout->version) >= 0) {
        answer_nothing(answered, arg, DROVER_OK, "it runs a version that is not older");
    } else if ((against = refusal_for_unnamed(flow, &rollout->release, version))) {
        answer_nothing(answered, arg, DROVER_OK, against);
    } else if (!pace_has_room(&flow->pace)) {
        flow->counts.refusals[REFUSAL_NO_ROOM]++;
        answer_nothing(answered, arg, DROVER_FULL, pace_refusal);
    } else {
        struct flow_offer offer = {.offered = true, .why = "a newer release is on offer"};
        offer_anonymous(rollout, flow->public_url, &offer.command);
        answered(arg, DROVER_OK, &offer);
    }
}

void flow_ask(struct flow *flow, const char *device_id, const char *model, const char *version, flow_answered *done, void *arg)
{
    if (!device_id[0]) {
        ask_anonymously(flow, model, version, done, arg);
        return;
    }
    struct work *work = work_new(flow, WORK_ASK, device_id);
    if (!work) {
        flow->counts.full++;
        answer_nothing(done, arg, DROVER_FULL, "as much work as allowed is under way");
        return;
    }
    text_copy(work->input.ask.version, sizeof work->input.ask.version, version);
    text_copy(work->input.ask.model, sizeof work->input.ask.model, model);
    work->input.ask.answered = done;
    work->arg = arg;
    work->ended = ask_ended;
    work_start(work);
}

/* The upgrade is now where the question has led it; what it may fetch there is the answer. */
static void ask_ended(struct work *work, enum drover_error error, const char *why)
{
    flow_answered *answered = work->input.ask.answered;
    const struct rollout *rollout = flow_rollout(work->flow, work->upgrade.rollout);
    const char *against;
    if (error == DROVER_REFUSED || error == DROVER_UNKNOWN) {
        answer_nothing(answered, work->arg, DROVER_OK, why);
    } else if (error != DROVER_OK) {
        answer_nothing(answered, work->arg, error, why);
    } else if (!rollout || !decide_may_fetch(&work->upgrade)) {
        answer_nothing(answered, work->arg, DROVER_OK, why);
    } else if ((against = stones_leg_refusal(&work->flow->config.policy, rollout, &work->upgrade, work->flow->config.now_ms(work->flow->config.now_arg)))) {
        answer_nothing(answered, work->arg, DROVER_OK, against);
    } else {
        struct flow_offer offer = {.offered = true};
        text_copy(offer.why, sizeof offer.why, work->upgrade.why);
        offer_update(&work->flow->config.policy, rollout, &work->upgrade, work->flow->public_url, &offer.command);
        answered(work->arg, DROVER_OK, &offer);
    }
}

void flow_served(struct flow *flow, const struct served *served, flow_done *done, void *arg)
{
    struct work *work = work_new(flow, WORK_SERVED, served->device_id);
    if (!work) {
        flow->counts.full++;
        if (done)
            done(arg, DROVER_FULL, "as much work as allowed is under way");
        return;
    }
    work->input.served = *served;
    work->ended = done ? work_told : NULL;
    work->done = done;
    work->arg = arg;
    work_start(work);
}

static void order(struct flow *flow, enum work_kind kind, const char *device_id, const char *rollout_id, const char *who, flow_done *done, void *arg)
{
    struct work *work = work_new(flow, kind, device_id);
    if (!work) {
        flow->counts.full++;
        done(arg, DROVER_FULL, "as much work as allowed is under way");
        return;
    }
    text_copy(work->input.order.who, sizeof work->input.order.who, who);
    text_copy(work->input.order.rollout, sizeof work->input.order.rollout, rollout_id);
    work->ended = work_told;
    work->done = done;
    work->arg = arg;
    work_start(work);
}

void flow_rollback(struct flow *flow, const char *device_id, const char *who, flow_done *done, void *arg)
{
    order(flow, WORK_ROLLBACK, device_id, "", who, done, arg);
}

void flow_withdraw(struct flow *flow, const char *device_id, const char *rollout_id, const char *who, flow_done *done, void *arg)
{
    order(flow, WORK_WITHDRAW, device_id, rollout_id, who, done, arg);
}

static void work_told(struct work *work, enum drover_error error, const char *why)
{
    work->done(work->arg, error, why);
}
