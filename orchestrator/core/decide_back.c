/* What an operator's orders, and a rollout that goes back, decide about one device: back to the old version, another turn, or out. */
#include <string.h>

#include "orchestrator/core/decide.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/truth.h"

void decide_rollback(const struct situation *s, const char *who, struct decision *ret)
{
    decision_begin(s, ret);
    if (s->upgrade->state == STATE_FAILED && truth_of(s->device, s->upgrade) != TRUTH_TARGET) {
        decision_refuse(ret, DROVER_REFUSED, REFUSAL_ILLEGAL, "it does not run the new version");
        return;
    }
    if (s->upgrade->state == STATE_LOST) {
        decision_refuse(ret, DROVER_REFUSED, REFUSAL_ILLEGAL, "it is lost: its next heartbeat says what it runs");
        return;
    }
    if (s->upgrade->state == STATE_ROLLING_BACK) {
        decision_refuse(ret, DROVER_REFUSED, REFUSAL_ILLEGAL, "it is going back already");
        return;
    }
    decision_make(s, ret, EVENT_ROLLBACK_ASKED, E_ROLLED_BACK, NULL);
    ret->next.asked_back = true;
    if (ret->move)
        decision_say(ret, "%.40s wants the old version", who[0] ? who : "an operator");
    else if (s->upgrade->state == STATE_NONE)
        decision_say(ret, "it has no upgrade that could be taken back");
    else
        decision_say(ret, "its upgrade is %s: there is nothing to take back", upgrade_state_name(s->upgrade->state));
}

/* --- a rollout that goes back --- */

bool decide_goes_back(const struct situation *s)
{
    const struct rollout *other = s->running;
    bool wanted = other && other != s->rollout && (rollout_state_takes(other->state) || other->state == ROLLOUT_PAUSED) && !strcmp(other->version, s->upgrade->version);
    return s->rollout && rollout_state_goes_back(s->rollout->state) && !wanted && !s->upgrade->via[0];
}

/* Who fell silent is told when it speaks again. */
static bool has_spoken_since(const struct situation *s)
{
    return s->device->seen_ms > s->upgrade->state_ms;
}

bool decide_is_back_again(const struct situation *s)
{
    const struct upgrade *upgrade = s->upgrade;
    const char *boot_id = s->device->last.boot_id;
    bool news = upgrade->error == E_LOST ? has_spoken_since(s) : boot_id[0] && strcmp(boot_id, upgrade->boot_id);
    return upgrade->state == STATE_FAILED && upgrade->lost_from == STATE_ROLLING_BACK && news && truth_of(s->device, upgrade) == TRUTH_TARGET;
}

/* Whoever has shown the new version in a new boot. One that did not get back is told again when there is news of it. */
static bool is_there(const struct situation *s)
{
    const struct upgrade *upgrade = s->upgrade;
    switch (upgrade->state) {
    case STATE_SUCCEEDED:
        return true;
    case STATE_VERIFYING:
        return upgrade->rebooted_ms > 0 || truth_new_boot(s->device, upgrade);
    case STATE_LOST:
        return upgrade->lost_from == STATE_ROLLING_BACK && has_spoken_since(s);
    case STATE_FAILED:
        return decide_is_back_again(s);
    default:
        return false;
    }
}

const char *decide_back_refusal(const struct situation *s)
{
    if (!decide_goes_back(s))
        return "its rollout does not go back";
    if (s->policy->stopped_ms)
        return eligible_stopped;
    if (!is_there(s) || truth_of(s->device, s->upgrade) != TRUTH_TARGET)
        return "it is not on the version that its rollout goes back from";
    if (eligible_in_clash(s->policy, s->device, s->now_ms))
        return "two devices with this identity were seen";
    return s->permit ? NULL : "the permit to go back is being made";
}

void decide_back(const struct situation *s, struct decision *ret)
{
    decision_begin(s, ret);
    const char *refusal = decide_back_refusal(s);
    if (refusal) {
        decision_say(ret, "%s", refusal);
        return;
    }
    decision_make(s, ret, EVENT_ROLLBACK_ASKED, E_ROLLED_BACK, NULL);
    ret->next.asked_back = true;
    ret->by_rollout = true;
    if (s->rollout->state == ROLLOUT_ROLLED_BACK)
        decision_say(ret, "its rollout has gone back");
    else
        decision_say(ret, "its rollout goes back: %.60s", s->rollout->why);
}

/* It came back by itself, or because it was not well. */
int64_t decide_quarantine_ms(const struct situation *s, const struct decision *decision)
{
    if (decision->move->on == EVENT_RETRY_ASKED && s->device->quarantine_auto)
        return -1;
    bool came_back = decision->move->to == STATE_ROLLED_BACK && decision->move->from != STATE_ROLLED_BACK;
    return came_back && !decision->next.asked_back && s->policy->quarantine_ms > 0 ? s->now_ms + s->policy->quarantine_ms : 0;
}

/* --- another turn --- */

bool decide_has_another_turn(const struct situation *s)
{
    return s->rollout && s->running == s->rollout && s->rollout->retry_ms > 0 && s->rollout->retry_ms >= s->upgrade->state_ms &&
           fsm_find(s->upgrade->state, EVENT_RETRY_ASKED);
}

void decide_again(const struct situation *s, struct decision *ret)
{
    decision_begin(s, ret);
    if (s->rollout && s->upgrade->state == STATE_PENDING) {   /* it has just got it: told at once */
        decide_dispatch(s, ret);
        return;
    }
    if (!decide_has_another_turn(s)) {
        decision_say(ret, "nobody gave it another turn");
        return;
    }
    struct look look;
    const char *refusal = NULL;
    situation_look(s, s->rollout, &look);
    look.again = true;
    (void)predicates_refuse(&look, true, &refusal);
    if (refusal) {
        decision_say(ret, "%s", refusal);
        return;
    }
    upgrade_begin_turn(&ret->next, s->rollout, s->device, s->now_ms);
    decision_make(s, ret, EVENT_RETRY_ASKED, E_NONE, NULL);
    ret->by_rollout = true;
}

/* --- out --- */

/* What cannot be called back any more goes on to its end. */
void decide_withdraw(const struct situation *s, const char *rollout_id, const char *who, struct decision *ret)
{
    decision_begin(s, ret);
    if (strcmp(s->upgrade->rollout, rollout_id) || s->upgrade->state == STATE_NONE || upgrade_state_is_final(s->upgrade->state)) {
        decision_say(ret, "excluded; no upgrade of it is under way");
    } else if (!fsm_find(s->upgrade->state, EVENT_CANCEL)) {
        decision_say(ret, "excluded; its upgrade is %s and goes on to its end", upgrade_state_name(s->upgrade->state));
    } else {
        decision_make(s, ret, EVENT_CANCEL, E_CANCELLED, NULL);
        decision_say(ret, "%.40s excluded it", who[0] ? who : "an operator");
    }
}

static bool is_begun(const struct situation *s)
{
    const struct upgrade *upgrade = s->upgrade;
    return upgrade->state == STATE_INSTALLING || upgrade->state == STATE_VERIFYING || upgrade->state == STATE_ROLLING_BACK || upgrade->state == STATE_LOST;
}

static bool shows_target(const struct situation *s)
{
    return truth_of(s->device, s->upgrade) == TRUTH_TARGET && !truth_same_boot(s->device, s->upgrade);
}

/* Calls back whoever has not begun to install; the others, when they are through. One whose newest heartbeat shows the new version cannot be called back. */
static void ending_back(const struct situation *s, struct decision *ret)
{
    if (is_begun(s))
        decide_back(s, ret);
    else if (shows_target(s))
        decide_heartbeat(s, ret);
    else
        decision_make(s, ret, EVENT_CANCEL, E_CANCELLED, "its rollout goes back");
}

/* A cancelled rollout calls back whoever has not begun to install; a superseded one lets those finish that were told. */
void decide_ending(const struct situation *s, struct decision *ret)
{
    decision_begin(s, ret);
    bool cancelled = s->rollout && s->rollout->state == ROLLOUT_CANCELLED;
    bool superseded = s->rollout && s->rollout->state == ROLLOUT_SUPERSEDED;
    enum upgrade_event on = cancelled ? EVENT_CANCEL : superseded ? EVENT_SUPERSEDE : EVENT_NOTHING;
    if (s->rollout && rollout_state_goes_back(s->rollout->state))
        ending_back(s, ret);
    else if (on != EVENT_NOTHING && fsm_find(s->upgrade->state, on))
        decision_make(s, ret, on, cancelled ? E_CANCELLED : E_NONE, NULL);
    else
        decision_say(ret, "goes on to its end although the rollout is over");
}
