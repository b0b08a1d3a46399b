/* What a passed deadline decides: say it again, try again later, call it lost, or give up. */
#include <stdio.h>

#include "orchestrator/core/deadlines.h"
#include "orchestrator/core/decide.h"
#include "orchestrator/core/truth.h"

static bool gone_silent(const struct situation *s, struct decision *ret)
{
    if (!deadline_is_silent(s->policy, s->device, s->upgrade, s->now_ms))
        return false;
    int64_t silence_ms = s->now_ms - deadline_heard_ms(s->device, s->upgrade);
    decision_make(s, ret, EVENT_SILENT, E_LOST, NULL);
    decision_say(ret, "no sign of life for %lld s in %s", (long long)(silence_ms / 1000), upgrade_state_name(s->upgrade->state));
    return true;
}

static void dispatched(const struct situation *s, struct decision *ret)
{
    if (gone_silent(s, ret))
        return;
    if (s->upgrade->repeats < s->policy->acknowledge_repeats)
        decision_make(s, ret, EVENT_EXPIRED, E_NONE, NULL);
    else
        decide_failure(s, ret, E_TIMEOUT, "told, but never reacted");
}

static void acknowledged(const struct situation *s, struct decision *ret)
{
    if (!gone_silent(s, ret))
        decide_failure(s, ret, E_TIMEOUT, "never began to download");
}

/* Nothing is expected of it until it may be told. */
static void held(const struct situation *s, struct decision *ret)
{
    struct look look;
    const struct predicate *row;
    const char *refusal = decide_held_refusal(s, &look, &row);
    bool may_be_told = !refusal || !row || row->limit;
    if (!may_be_told || !gone_silent(s, ret))
        decide_held(s, true, ret);
}

static void downloading(const struct situation *s, struct decision *ret)
{
    if (gone_silent(s, ret))
        return;
    bool total = s->now_ms >= deadline_download_end_ms(s->policy, s->upgrade);
    decide_failure(s, ret, E_DOWNLOAD_TIMEOUT, total ? "the whole download took too long" : "the download stalled");
}

static void installing(const struct situation *s, struct decision *ret)
{
    if (!gone_silent(s, ret))
        decide_failure(s, ret, E_TIMEOUT, "never finished installing");
}

/* It said that it was done; no heartbeat in a new boot ever showed the target version. */
static void never_on_target(const struct situation *s, struct decision *ret)
{
    char why[WHY_SIZE];
    int64_t silent_at_ms = deadline_heard_ms(s->device, s->upgrade) + s->policy->silent_after_ms;
    if (s->device->seen_ms <= s->upgrade->state_ms) {
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, "no heartbeat since the reboot");
        ret->next.deadline_ms = silent_at_ms;
    } else if (truth_of(s->device, s->upgrade) == TRUTH_TARGET) {
        decide_failure(s, ret, E_BOOT, "shows the new version, but never rebooted");
    } else {
        snprintf(why, sizeof why, "said done, still runs %.20s", s->device->last.version);
        decide_failure(s, ret, E_BOOT, why);
    }
}

/* Well on a version that it is to leave as soon as it may be told; or its rollout may want so, for all that is known here. */
static bool waits_to_go_back(const struct situation *s)
{
    return s->upgrade->confirmations > 0 && (!s->rollout || decide_goes_back(s));
}

/* Proved on a stepping stone, and no room for its next leg yet; its heartbeats ask again. */
static bool waits_to_go_on(const struct situation *s)
{
    return s->upgrade->via[0] && s->upgrade->confirmations >= truth_needed(s->rollout);
}

static void verifying(const struct situation *s, struct decision *ret)
{
    if (gone_silent(s, ret))
        return;
    if (!decide_back_refusal(s)) {
        decide_back(s, ret);
    } else if (waits_to_go_back(s)) {
        decision_make(s, ret, EVENT_POSTPONE, E_NONE, decide_back_refusal(s));
        ret->next.deadline_ms = s->now_ms + s->policy->verify_ms;
    } else if (waits_to_go_on(s)) {
        decision_make(s, ret, EVENT_POSTPONE, E_NONE, "no room yet for the next leg");
        ret->next.deadline_ms = s->now_ms + s->policy->verify_ms;
    } else if (!s->upgrade->rebooted_ms) {
        never_on_target(s, ret);
    } else if (!s->upgrade->healthy_ms) {
        decision_make(s, ret, EVENT_NOT_READY, E_HEALTHCHECK, NULL);
    } else if (s->now_ms >= deadline_verify_end_ms(s->policy, s->rollout, s->upgrade)) {
        decision_make(s, ret, EVENT_NOT_READY, E_HEALTHCHECK, "not healthy long enough on the new version");
    } else {
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, "its proof goes on");
        decision_reschedule(s, ret);
        if (ret->next.deadline_ms <= s->now_ms)
            ret->next.deadline_ms = s->now_ms + s->policy->verify_ms;
    }
}

static void retry_wait(const struct situation *s, struct decision *ret)
{
    if (!gone_silent(s, ret))
        decide_dispatch(s, ret);
}

static void rolling_back(const struct situation *s, struct decision *ret)
{
    if (gone_silent(s, ret))   /* nobody hears the order; whoever comes back is told again */
        return;
    if (s->upgrade->repeats < s->policy->rollback_repeats)
        decision_make(s, ret, EVENT_EXPIRED, E_NONE, NULL);
    else
        decision_make(s, ret, EVENT_GIVE_UP, s->upgrade->error == E_NONE ? E_ROLLED_BACK : E_NONE, NULL);
}

static void lost(const struct situation *s, struct decision *ret)
{
    decision_make(s, ret, EVENT_GIVE_UP, E_LOST, NULL);
    decision_say(ret, "lost for %lld h", (long long)(s->policy->lost_give_up_ms / 3600000));
}

typedef void by_state(const struct situation *s, struct decision *ret);
static by_state *const by_states[UPGRADE_STATE_COUNT] = {
    [STATE_PENDING] = decide_dispatch,
    [STATE_DISPATCHED] = dispatched,
    [STATE_ACKNOWLEDGED] = acknowledged,
    [STATE_DOWNLOADING] = downloading,
    [STATE_INSTALLING] = installing,
    [STATE_VERIFYING] = verifying,
    [STATE_RETRY_WAIT] = retry_wait,
    [STATE_HELD] = held,
    [STATE_ROLLING_BACK] = rolling_back,
    [STATE_LOST] = lost,
};

void decide_deadline(const struct situation *s, struct decision *ret)
{
    decision_begin(s, ret);
    by_state *decide = by_states[s->upgrade->state];
    if (!decide)
        decision_say(ret, "no deadline in this state");
    else if (s->upgrade->deadline_ms > s->now_ms)
        decision_say(ret, "its deadline was moved meanwhile");
    else
        decide(s, ret);
}
