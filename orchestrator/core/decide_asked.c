/* What questions decide: a device asks over HTTP, or fetches bytes. */
#include <string.h>

#include "orchestrator/core/decide.h"

static void nothing_to_offer(struct decision *ret, const char *why)
{
    decision_refuse(ret, DROVER_REFUSED, REFUSAL_NO_OFFER, why);
}

static void no_room(struct decision *ret)
{
    decision_refuse(ret, DROVER_FULL, REFUSAL_NO_ROOM, pace_refusal);
}

/* It must say what its heartbeats say: a device that has just changed will say so in its next heartbeat. */
static bool contradicts(const struct situation *s, const char *model, const char *version, struct decision *ret)
{
    if (strcmp(model, s->device->last.model))
        nothing_to_offer(ret, "says another model than its heartbeats");
    else if (strcmp(version, s->device->last.version))
        nothing_to_offer(ret, "says another version than its heartbeats");
    else
        return false;
    return true;
}

/* It had all of the delta and asks again: it could not use it, and has no words to say so. */
static void full_instead(const struct situation *s, struct decision *ret)
{
    ret->next.full_only = true;
    ret->next.delta = false;
    decision_make(s, ret, EVENT_PROGRESS, E_NONE, "asked again after the delta: the full package");
    decision_reschedule(s, ret);
}

/* Who asks can be told when to ask again; nothing has to be noted for that. */
static void dispatch_or_later(const struct situation *s, struct decision *ret)
{
    if (decide_dispatch_refusal(s) == pace_refusal)
        no_room(ret);
    else
        decide_dispatch(s, ret);
}

/* A question is a sign of life. Simple devices pace themselves: theirs begins the next attempt, too. */
void decide_ask(const struct situation *s, const char *model, const char *version, struct decision *ret)
{
    decision_begin(s, ret);
    if (contradicts(s, model, version, ret))
        return;
    bool simple = s->device->last.kind != KIND_MANAGED;
    if (s->device->last.kind == KIND_UNKNOWN)
        ret->learned = KIND_SIMPLE;
    enum device_kind learned = ret->learned;
    switch (s->upgrade->state) {
    case STATE_PENDING:
        dispatch_or_later(s, ret);
        break;
    case STATE_HELD:
        if (simple)
            decide_held(s, false, ret);
        if (!ret->move)
            nothing_to_offer(ret, "waits for its maintenance window, or for a place");
        break;
    case STATE_RETRY_WAIT:
        if (simple)
            dispatch_or_later(s, ret);
        else
            nothing_to_offer(ret, "waits before its next attempt");
        break;
    case STATE_DISPATCHED:
        decision_make(s, ret, EVENT_ACKNOWLEDGE, E_NONE, "it asked for the release");
        break;
    case STATE_INSTALLING:
        if (simple && s->upgrade->delta) {
            full_instead(s, ret);
            break;
        }
        decision_say(ret, "asked again in the same attempt");
        break;
    case STATE_ACKNOWLEDGED:
    case STATE_DOWNLOADING:
        decision_say(ret, "asked again in the same attempt");
        break;
    case STATE_VERIFYING:
    case STATE_ROLLING_BACK:
    case STATE_LOST:
        nothing_to_offer(ret, "its upgrade is beyond the download");
        break;
    default:
        decide_open(s, ret);
        if (!ret->move && decide_open_refusal(s) == pace_refusal)
            no_room(ret);
        else if (!ret->move)
            nothing_to_offer(ret, ret->why);
    }
    if (ret->move) {
        ret->next.heard_ms = s->now_ms;
        ret->learned = learned;
    }
}

/* It had all bytes before it was seen in a new boot: that boot was the try to run them, whatever came to us first. */
static void had_all_before_its_boot(struct upgrade *next, int64_t at_ms)
{
    if (next->strayed_ms && at_ms <= next->strayed_ms)
        memcpy(next->boot_before, BOOT_NONE, sizeof BOOT_NONE);
}

void decide_served(const struct situation *s, const struct served *served, struct decision *ret)
{
    decision_begin(s, ret);
    const struct upgrade *upgrade = s->upgrade;
    if (upgrade->state == STATE_NONE || strcmp(upgrade->upgrade_id, served->upgrade_id)) {
        decision_refuse(ret, DROVER_UNKNOWN, REFUSAL_UNKNOWN_UPGRADE, "it has no upgrade of this id");
    } else if (served->attempt != upgrade->attempt) {
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_ATTEMPT, "about another attempt than the current one");
    } else if (s->device->last.kind == KIND_MANAGED) {
        decision_say(ret, "it reports for itself");
    } else if (!decide_may_fetch(upgrade) || upgrade->state == STATE_INSTALLING) {
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_STEP, "bytes fetched after their step was over");
    } else {
        bool forward = served->progress_pct > upgrade->progress;
        ret->next.heard_ms = s->now_ms;
        if (served->whole) {
            had_all_before_its_boot(&ret->next, served->at_ms);
            decision_make(s, ret, EVENT_INSTALL, E_NONE, "has all bytes");
        } else if (upgrade->state != STATE_DOWNLOADING) {
            decision_make(s, ret, EVENT_DOWNLOAD, E_NONE, "fetches the package");
        } else if (forward) {
            ret->next.progress = served->progress_pct;
            decision_make(s, ret, EVENT_PROGRESS, E_NONE, "fetches the package");
            decision_reschedule(s, ret);
        }
    }
}
