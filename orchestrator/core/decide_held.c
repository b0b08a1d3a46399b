/* Who waits for a maintenance window holds no place: when it has its package and is to install it later, or when its window closed before its next attempt. It takes a
 * place again, within the limits, when its own second of the window has come, and is told by a new attempt; for that its package is told to be kept. */
#include <string.h>

#include "orchestrator/core/decide.h"
#include "orchestrator/core/schedule.h"

#define DAY_MS INT64_C(86400000)
#define KEEP_MS (7 * DAY_MS)     /* beyond the next window: who has no turn in that one keeps its package for the next ones */
#define LOOK_MS 3600000          /* who waits for a window looks at least so often whether the plan was edited */
#define LIMIT_LOOK_MS 600000     /* who waits for a place stands in line, or speaks; this is for whoever got lost there */

/* A device that reports is told when its turn has come; until then it keeps its package, and should nobody ever say so, it lets us know. One that cannot be told
 * installs in its window by itself. */
void decide_give_window(const struct situation *s, struct upgrade *next)
{
    const struct plan *plan = s->rollout ? s->rollout->plan : NULL;
    int64_t after_ms, before_ms;
    next->install_after_ms = next->install_before_ms = 0;
    if (!plan || plan->windows.count == 0)
        return;
    schedule_install(&plan->windows, s->zone, schedule_window_place(s->rollout->id, next->device_id), s->now_ms, &after_ms, &before_ms);
    if (after_ms > 0 && s->device->last.kind == KIND_MANAGED) {
        after_ms = (before_ms > after_ms ? before_ms : after_ms) + KEEP_MS;
        before_ms = after_ms + 1;
    }
    next->install_after_ms = after_ms;
    next->install_before_ms = before_ms;
}

static bool is_told(enum upgrade_state state)
{
    return state == STATE_DISPATCHED || state == STATE_ACKNOWLEDGED || state == STATE_DOWNLOADING;
}

bool decide_is_to_hold(const struct upgrade *upgrade, int64_t progress)
{
    return is_told(upgrade->state) && progress >= 100 && upgrade->install_after_ms > 0;
}

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

/* When to look next: when its window opens, if that is all that it waits for. */
static int64_t look_ms(const struct situation *s, const struct upgrade *upgrade)
{
    struct situation as_held = *s;
    struct look look;
    struct finding finding = {.next_ms = 0};
    const struct predicate *row;
    as_held.upgrade = upgrade;
    const char *refusal = decide_held_refusal(&as_held, &look, &row);
    if (!refusal)
        return s->now_ms;
    if (!row || row->limit)
        return s->now_ms + LIMIT_LOOK_MS;
    if (row->describe)
        row->describe(&look, &finding);
    return finding.next_ms > s->now_ms ? smaller(finding.next_ms, s->now_ms + LOOK_MS) : s->now_ms + LOOK_MS;
}

/* An attempt that was broken off here, by us, is none. */
void decide_hold(const struct situation *s, struct decision *ret, const char *why)
{
    bool downloaded = is_told(s->upgrade->state);
    decision_make(s, ret, EVENT_HOLD, E_NONE, why);
    if (!ret->move)
        return;
    ret->next.attempts_before += downloaded;
    ret->next.has_package = downloaded || ret->next.has_package;
    ret->next.deadline_ms = look_ms(s, &ret->next);
}

const char *decide_held_refusal(const struct situation *s, struct look *ret_look, const struct predicate **ret_row)
{
    const char *refusal = NULL;
    *ret_row = NULL;
    if (!s->rollout)
        return "its rollout is not known here now";
    situation_look(s, s->rollout, ret_look);
    *ret_row = predicates_refuse_return(ret_look, &refusal);
    if (!*ret_row && !s->device->online)
        return "it is offline";
    return refusal;
}

static bool is_over(const struct situation *s)
{
    return s->rollout && (rollout_state_is_ended(s->rollout->state) || rollout_state_goes_back(s->rollout->state) || !strcmp(s->device->excluded, s->rollout->id));
}

void decide_held(const struct situation *s, bool on_deadline, struct decision *ret)
{
    struct look look;
    const struct predicate *row;
    const char *refusal = decide_held_refusal(s, &look, &row);
    if (!refusal || is_over(s)) {
        decide_dispatch(s, ret);
    } else if (on_deadline) {
        decision_make(s, ret, EVENT_POSTPONE, E_NONE, refusal);
        ret->next.deadline_ms = look_ms(s, s->upgrade);
    } else {
        decision_say(ret, "%s", refusal);
    }
    ret->waits = refusal && row && row->limit && !is_over(s);
}
