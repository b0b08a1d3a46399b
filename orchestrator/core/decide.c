/* What all decisions share: taking a move from the table, and what follows from a move in the upgrade's record. */
#include "orchestrator/core/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "orchestrator/core/deadlines.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/offer.h"
#include "orchestrator/core/retry.h"

#define POSTPONE_MAX_MS 600000

static const char *const refusal_names[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = "none",
    [REFUSAL_UNKNOWN_UPGRADE] = "unknown_upgrade",
    [REFUSAL_STALE_ATTEMPT] = "stale_attempt",
    [REFUSAL_STALE_SEQ] = "stale_seq",
    [REFUSAL_STALE_STEP] = "stale_step",
    [REFUSAL_ILLEGAL] = "illegal_move",
    [REFUSAL_UNKNOWN_DEVICE] = "unknown_device",
    [REFUSAL_OVER] = "upgrade_over",
    [REFUSAL_NO_OFFER] = "no_offer",
    [REFUSAL_NO_ROOM] = "no_room",
};

const char *refusal_name(enum refusal refusal)
{
    return (unsigned)refusal < REFUSAL_COUNT ? refusal_names[refusal] : refusal_names[REFUSAL_NONE];
}

void decision_begin(const struct situation *s, struct decision *ret)
{
    *ret = (struct decision){.error = DROVER_OK, .next = *s->upgrade};
    decision_say(ret, "nothing follows from it");
}

/* Why it waits at all, goes back, or ended matters more than that it still does. */
static bool keeps_why(const struct fsm_move *move)
{
    bool stays = move->from == move->to;
    return move->on == EVENT_POSTPONE || (stays && (move->from == STATE_ROLLING_BACK || upgrade_state_is_final(move->from)));
}

void decision_say(struct decision *ret, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret->why, sizeof ret->why, format, arguments);
    va_end(arguments);
    if (ret->move && !keeps_why(ret->move))
        upgrade_set_why(&ret->next, ret->why);
}

void decision_refuse(struct decision *ret, enum drover_error error, enum refusal refusal, const char *why)
{
    ret->error = error;
    ret->refusal = refusal;
    ret->move = NULL;
    ret->effects = 0;
    if (why != ret->why)
        decision_say(ret, "%s", why);
}

void decision_reschedule(const struct situation *s, struct decision *ret)
{
    ret->next.deadline_ms = deadline_of(s->policy, s->rollout, s->device, &ret->next, s->now_ms, s->random);
}

/* The state changes: what was counted in the old one ends. */
static void enter(const struct situation *s, struct upgrade *next, enum upgrade_state to)
{
    bool stopped = to == STATE_LOST || (to == STATE_FAILED && next->state != STATE_LOST);
    if (stopped)
        next->lost_from = next->state;
    next->state = to;
    next->state_ms = s->now_ms;
    next->repeats = 0;
    next->progress = 0;
    if (to == STATE_VERIFYING)
        upgrade_begin_verify(next);
    if (to == STATE_ROLLING_BACK)   /* should it fail to go back, a later boot is another try */
        memcpy(next->boot_id, s->device->last.boot_id, sizeof next->boot_id);
    if (to == STATE_DOWNLOADING)
        next->download_ms = s->now_ms;
    if (to == STATE_SUCCEEDED)
        next->error = E_NONE;
}

/* The attempt is over, another one may follow: a delta gets no second chance. */
static void back_off(const struct situation *s, struct upgrade *next, enum upgrade_event on)
{
    if (on == EVENT_BUSY)
        next->busy++;
    else
        next->has_package = false;
    next->deadline_ms = s->now_ms + retry_wait_ms(s->policy, next, s->random);
    if (on != EVENT_BUSY && next->delta)
        next->full_only = true;
}

static void set_deadline(const struct situation *s, struct decision *ret, bool moved)
{
    bool note = ret->move->on == EVENT_PROGRESS || ret->move->on == EVENT_SAYS_ROLLED_BACK || (ret->move->on == EVENT_BUSY && !moved);
    if (ret->effects & FX_BACKOFF)
        back_off(s, &ret->next, ret->move->on);
    else if (moved || !note)
        decision_reschedule(s, ret);
}

void decision_make(const struct situation *s, struct decision *ret, enum upgrade_event on, enum error_code code, const char *why)
{
    struct upgrade *next = &ret->next;
    const struct fsm_move *move = fsm_find(next->state, on);
    if (!move) {
        decision_refuse(ret, DROVER_REFUSED, REFUSAL_ILLEGAL, "");
        decision_say(ret, "refused: %s has no move for \"%s\"", upgrade_state_name(next->state), upgrade_event_text(on));
        return;
    }
    bool moved = move->from != move->to;
    ret->move = move;
    ret->effects = move->effects;
    ret->silent = on == EVENT_PROGRESS || on == EVENT_POSTPONE;
    if (code != E_NONE)
        next->error = code;
    if (moved)
        enter(s, next, move->to);
    if (on == EVENT_EXPIRED)
        next->repeats++;
    if (move->effects & FX_ATTEMPT) {
        upgrade_begin_attempt(next, s->device, s->now_ms);
        if (s->rollout)           /* the plan's stones may have been edited */
            upgrade_aim(next, s->rollout, s->device);
        if (!next->has_package)   /* or else it would have to download another one */
            next->delta = s->rollout && offer_wants_delta(s->rollout, next);
        decide_give_window(s, next);
    }
    set_deadline(s, ret, moved);
    decision_say(ret, "%s", why ? why : move->why);
}

void decide_failure(const struct situation *s, struct decision *ret, enum error_code code, const char *what)
{
    if (code == E_NONE)
        code = E_INTERNAL;
    enum upgrade_event on = retry_event(s->policy, s->rollout, s->upgrade, code);
    if (!what)
        what = error_code_text(code);
    int64_t used = retry_attempts_used(s->policy, s->upgrade), most = retry_attempts_max(s->rollout);
    decision_make(s, ret, on, code, what);
    if (ret->move && on == EVENT_RETRY)
        decision_say(ret, "%s; attempt %lld of %lld follows", what, (long long)used + 1, (long long)most);
    else if (ret->move && on == EVENT_GIVE_UP)
        decision_say(ret, "%s; no attempts left of %lld", what, (long long)most);
    if (ret->move)
        upgrade_set_why(&ret->next, what);
}

void situation_look(const struct situation *s, const struct rollout *rollout, struct look *ret)
{
    *ret = (struct look){.now_ms = s->now_ms, .policy = s->policy, .rollout = rollout, .in_flight = s->in_flight, .pace = s->pace, .zone = s->zone,
                         .known = s->known, .has_turn = s->has_turn, .heartbeat = &s->device->last, .device = s->device, .upgrade = s->upgrade};
}

/* Which row is against another attempt; NULL: none. */
static const struct predicate *attempt_refusal(const struct situation *s, struct look *ret_look, const char **ret_refusal)
{
    situation_look(s, s->rollout, ret_look);
    return predicates_refuse_attempt(ret_look, ret_refusal);
}

const char *decide_dispatch_refusal(const struct situation *s)
{
    struct look look;
    const char *refusal;
    if (!s->rollout)
        return "its rollout is not known here now";
    return attempt_refusal(s, &look, &refusal) ? refusal : NULL;
}

/* A row that knows when it will hold (a window that opens) is not asked all the time until then, but often enough that an edit is seen. */
static void postpone(const struct situation *s, struct decision *ret)
{
    struct look look;
    struct finding finding = {.next_ms = 0};
    const char *refusal = "its rollout is not known here now";
    const struct predicate *row = s->rollout ? attempt_refusal(s, &look, &refusal) : NULL;
    if (row && row->describe)
        row->describe(&look, &finding);
    if (row && !strcmp(row->name, PREDICATE_WINDOW)) {
        decide_hold(s, ret, refusal);
        return;
    }
    decision_make(s, ret, EVENT_POSTPONE, E_NONE, refusal);
    if (ret->move && finding.next_ms > ret->next.deadline_ms)
        ret->next.deadline_ms = finding.next_ms < s->now_ms + POSTPONE_MAX_MS ? finding.next_ms : s->now_ms + POSTPONE_MAX_MS;
}

void decide_dispatch(const struct situation *s, struct decision *ret)
{
    if (s->rollout && (rollout_state_is_ended(s->rollout->state) || rollout_state_goes_back(s->rollout->state))) {
        decide_ending(s, ret);
        return;
    }
    if (s->rollout && !strcmp(s->device->excluded, s->rollout->id)) {
        decide_withdraw(s, s->rollout->id, "", ret);
        return;
    }
    if (decide_dispatch_refusal(s)) {
        postpone(s, ret);
        return;
    }
    decision_make(s, ret, EVENT_DISPATCH, E_NONE, NULL);
    if (ret->move)
        decision_say(ret, "attempt %lld of %lld, %s%s%s", (long long)retry_attempts_used(s->policy, &ret->next), (long long)s->rollout->max_attempts,
                     ret->next.delta ? "by delta" : "full package", ret->next.via[0] ? " of " : "", ret->next.via);
}

const char *decide_open_refusal(const struct situation *s)
{
    struct look look;
    const char *refusal;
    situation_look(s, s->running, &look);
    return predicates_refuse(&look, true, &refusal) ? refusal : NULL;
}

void decide_open(const struct situation *s, struct decision *ret)
{
    const char *refusal = decide_open_refusal(s);
    if (refusal) {
        decision_say(ret, "%s", refusal);
        return;
    }
    struct situation fresh = *s;
    fresh.rollout = s->running;
    upgrade_init(&ret->next, s->running, s->device, s->now_ms);
    /* The chain of the device's events goes on. */
    memcpy(ret->next.last_event, s->upgrade->last_event, sizeof ret->next.last_event);
    decision_make(&fresh, ret, EVENT_OPEN, E_NONE, NULL);
    decision_say(ret, "runs %.30s, behind %.30s%s%.30s", s->device->last.version, s->running->version, ret->next.via[0] ? ", by way of " : "", ret->next.via);
}

bool decide_may_fetch(const struct upgrade *upgrade)
{
    switch (upgrade->state) {
    case STATE_DISPATCHED:
    case STATE_ACKNOWLEDGED:
    case STATE_DOWNLOADING:
    case STATE_INSTALLING:
        return true;
    default:
        return false;
    }
}
