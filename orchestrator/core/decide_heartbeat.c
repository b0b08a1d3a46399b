/* What a heartbeat decides, state by state: it alone proves which version a device runs. */
#include <string.h>

#include "common/semver.h"
#include "orchestrator/core/decide.h"
#include "orchestrator/core/retry.h"
#include "orchestrator/core/truth.h"

#define NO_REBOOT_SEEN "shows the target version, but in the boot it was told in"

/* A note that would repeat the last one is not worth a write. */
static void note(const struct situation *s, struct decision *ret, const char *why)
{
    if (strcmp(s->upgrade->why, why))
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, why);
    else
        decision_say(ret, "%s", why);
}

static void third_version(const struct situation *s, struct decision *ret)
{
    decision_make(s, ret, EVENT_OTHER_SEEN, E_NONE, NULL);
    decision_say(ret, "it runs %s, neither %s nor %s", s->device->last.version, s->upgrade->from_version, upgrade_goal(s->upgrade));
}

/* It runs the target, though a stone was to come first: what it proves from here on is the target. */
static bool skip_stone(const struct situation *s, struct decision *ret)
{
    if (!ret->next.via[0] || strcmp(s->device->last.version, ret->next.version))
        return false;
    ret->next.via[0] = '\0';
    upgrade_begin_verify(&ret->next);
    return true;
}

static void target_seen(const struct situation *s, struct decision *ret)
{
    if (truth_same_boot(s->device, s->upgrade)) {
        decision_say(ret, NO_REBOOT_SEEN);
        return;
    }
    (void)skip_stone(s, ret);
    decision_make(s, ret, EVENT_TARGET_SEEN, E_NONE, NULL);
    if (ret->move && ret->next.via[0])
        decision_say(ret, "a heartbeat shows %.30s, its stepping stone", ret->next.via);
    if (truth_count_target(s->rollout, s->device, &ret->next))
        decision_reschedule(s, ret);
}

static void old_seen(const struct situation *s, struct decision *ret)
{
    bool asked_to = s->upgrade->state == STATE_ROLLING_BACK || s->upgrade->state == STATE_FAILED;
    enum error_code code = asked_to && s->upgrade->error != E_NONE ? s->upgrade->error : E_ROLLED_BACK;
    decision_make(s, ret, EVENT_OLD_SEEN, code, NULL);
    if (s->upgrade->state == STATE_ROLLING_BACK && s->upgrade->why[0])
        decision_say(ret, "back on %.20s: %s", s->device->last.version, s->upgrade->why);
}

/* Devices that only ask by HTTP are taken when they ask. */
static void take_in(const struct situation *s, struct decision *ret)
{
    if (s->device->last.kind == KIND_SIMPLE)
        decision_say(ret, "waits until it asks over HTTP");
    else
        decide_open(s, ret);
}

static void pending(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET)
        target_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else if (!decide_dispatch_refusal(s))
        decide_dispatch(s, ret);
}

/* A reboot before anything was installed is no fallback: the proof must come from a later boot. */
static void not_installed(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET) {
        target_seen(s, ret);
    } else if (truth == TRUTH_OTHER) {
        third_version(s, ret);
    } else if (s->device->last.boot_id[0] && strcmp(s->device->last.boot_id, s->upgrade->boot_before)) {
        memcpy(ret->next.boot_before, s->device->last.boot_id, sizeof ret->next.boot_before);
        ret->next.strayed_ms = s->device->seen_ms;
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, "rebooted on the old version before it installed");
    }
}

static void installing(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET)
        target_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else if (truth_new_boot(s->device, s->upgrade))
        old_seen(s, ret);
}

static void verifying_old(const struct situation *s, struct decision *ret)
{
    if (truth_same_boot(s->device, s->upgrade)) {
        decision_say(ret, "has not rebooted yet");
    } else if (truth_new_boot(s->device, s->upgrade)) {
        old_seen(s, ret);
    } else if (truth_count_old(s->policy, s->device, &ret->next)) {
        if (truth_fell_back(&ret->next))
            old_seen(s, ret);
        else
            decision_make(s, ret, EVENT_PROGRESS, E_NONE, "shows the old version; the next heartbeat decides");
    }
}

static enum error_code verdict_code(enum upgrade_event verdict)
{
    switch (verdict) {
    case EVENT_BOOT_LOOP:
        return E_BOOT;
    case EVENT_UNHEALTHY:
    case EVENT_NOT_READY:
        return E_HEALTHCHECK;
    default:
        return E_NONE;
    }
}

static void say_evidence(const struct situation *s, struct decision *ret)
{
    const struct upgrade *next = &ret->next;
    decision_make(s, ret, EVENT_PROGRESS, E_NONE, "on the new version, not ready yet");
    decision_reschedule(s, ret);
    if (next->unhealthy)
        decision_say(ret, "unhealthy for %lld of %lld heartbeats", (long long)next->unhealthy, (long long)s->policy->unhealthy_max);
    else if (next->confirmations)
        decision_say(ret, "%lld of %lld healthy heartbeats", (long long)next->confirmations, (long long)truth_needed(s->rollout));
}

/* The next leg begins, as another turn does: with attempts counted anew. */
static void stepped(const struct situation *s, struct decision *ret)
{
    const char *stone = s->upgrade->via;
    upgrade_begin_turn(&ret->next, s->rollout, s->device, s->now_ms);
    decision_make(s, ret, EVENT_STEPPED, E_NONE, NULL);
    decision_say(ret, "on %.30s (%u of %u stones), next %.30s", stone, stones_number(s->rollout, stone), stones_count(s->rollout), upgrade_goal(&ret->next));
}

static void verifying_target(const struct situation *s, struct decision *ret)
{
    if (truth_same_boot(s->device, s->upgrade)) {
        note(s, ret, NO_REBOOT_SEEN);
        return;
    }
    bool skipped = skip_stone(s, ret);
    bool counted = truth_count_target(s->rollout, s->device, &ret->next);
    enum upgrade_event verdict = truth_verdict(s->policy, s->rollout, s->device, &ret->next);
    if (verdict == EVENT_CONFIRMED && !s->rollout)   /* it may go back: then whoever ended well would be left where it is */
        note(s, ret, "proved; its rollout is not known here now");
    else if (verdict == EVENT_CONFIRMED && decide_goes_back(s))
        note(s, ret, "proved, but its rollout goes back");
    else if (verdict == EVENT_CONFIRMED && ret->next.via[0] && !counted)
        stepped(s, ret);
    else if (verdict == EVENT_CONFIRMED && ret->next.via[0])   /* saved first: there may be no room for the next leg, and then it must not have to prove itself again */
        say_evidence(s, ret);
    else if (verdict != EVENT_NOTHING)
        decision_make(s, ret, verdict, verdict_code(verdict), NULL);
    else if (counted)
        say_evidence(s, ret);
    if (skipped)   /* that its leg is another one is in its history */
        ret->silent = false;
}

static void verifying(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET)
        verifying_target(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else
        verifying_old(s, ret);
}

static void retry_wait(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET)
        target_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
}

static void held(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET)
        target_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else
        decide_held(s, false, ret);
}

static void rolling_back(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_OLD)
        old_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
}

static bool lost_after_download(const struct upgrade *upgrade)
{
    return upgrade->lost_from == STATE_INSTALLING || upgrade->lost_from == STATE_VERIFYING;
}

/* An order stands, of its rollout or an operator, or it was not well there: it goes on going back. */
static void lost_going_back(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_OLD)
        old_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else if (decide_goes_back(s))
        decide_back(s, ret);
    else if (s->rollout)
        decision_make(s, ret, EVENT_ROLLBACK_ASKED, E_ROLLED_BACK, NULL);
}

static void lost(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (s->upgrade->lost_from == STATE_ROLLING_BACK)
        lost_going_back(s, ret, truth);
    else if (truth == TRUTH_TARGET)
        target_seen(s, ret);
    else if (truth == TRUTH_OTHER)
        third_version(s, ret);
    else if (lost_after_download(s->upgrade) && truth_new_boot(s->device, s->upgrade))
        old_seen(s, ret);
    else if (s->upgrade->lost_from == STATE_HELD)   /* many may return at once: each takes a place again when there is one */
        decide_hold(s, ret, NULL);
    else if (retry_left(s->policy, s->rollout, s->upgrade))
        decision_make(s, ret, EVENT_BACK_OLD, E_NONE, NULL);
    else
        decision_make(s, ret, EVENT_GIVE_UP, E_LOST, "it returned with the old version; no attempts left");
}

/* Any older version is a fallback here, also one that it did not come from. */
static void succeeded(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth != TRUTH_TARGET && semver_compare(s->device->last.version, s->upgrade->version) < 0)
        old_seen(s, ret);
    else
        take_in(s, ret);
}

/* Failed out of a rollback it is known to run the target version, but for what decide_is_back_again says (that its rollout goes back may not be known here
 * yet: it is, once the upgrade is live again); otherwise the target version is news. */
static void failed(const struct situation *s, struct decision *ret, enum truth truth)
{
    bool rolling_back_failed = s->upgrade->lost_from == STATE_ROLLING_BACK;
    if (truth == TRUTH_TARGET && (!rolling_back_failed || (!s->rollout && decide_is_back_again(s))))
        target_seen(s, ret);
    else if (truth == TRUTH_OLD && rolling_back_failed)
        old_seen(s, ret);
    else
        take_in(s, ret);
}

static void over(const struct situation *s, struct decision *ret, enum truth truth)
{
    (void)truth;
    take_in(s, ret);
}

/* It ended without the new version, and yet runs it: called back, or given up, too late. */
static void unsuccessful(const struct situation *s, struct decision *ret, enum truth truth)
{
    if (truth == TRUTH_TARGET && !truth_same_boot(s->device, s->upgrade))
        target_seen(s, ret);
    else
        take_in(s, ret);
}

typedef void by_state(const struct situation *s, struct decision *ret, enum truth truth);
static by_state *const by_states[UPGRADE_STATE_COUNT] = {
    [STATE_NONE] = over,
    [STATE_PENDING] = pending,
    [STATE_DISPATCHED] = not_installed,
    [STATE_ACKNOWLEDGED] = not_installed,
    [STATE_DOWNLOADING] = not_installed,
    [STATE_INSTALLING] = installing,
    [STATE_VERIFYING] = verifying,
    [STATE_RETRY_WAIT] = retry_wait,
    [STATE_HELD] = held,
    [STATE_ROLLING_BACK] = rolling_back,
    [STATE_LOST] = lost,
    [STATE_SUCCEEDED] = succeeded,
    [STATE_ROLLED_BACK] = unsuccessful,
    [STATE_FAILED] = failed,
    [STATE_REJECTED] = unsuccessful,
    [STATE_CANCELLED] = unsuccessful,
    [STATE_SUPERSEDED] = unsuccessful,
};

void decide_heartbeat(const struct situation *s, struct decision *ret)
{
    if (!decide_back_refusal(s)) {
        decide_back(s, ret);
        return;
    }
    decision_begin(s, ret);
    by_states[s->upgrade->state](s, ret, truth_of(s->device, s->upgrade));
}

/* What it says counts only while it is there to be told. */
void decide_turn(const struct situation *s, struct decision *ret)
{
    decision_begin(s, ret);
    if (s->device->online)
        decide_heartbeat(s, ret);
    else
        decision_say(ret, "it is offline");
}
