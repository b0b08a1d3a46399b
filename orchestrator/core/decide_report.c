/* What a device's report decides. Reports may skip steps, never go back; none of them proves which version it runs. */
#include <string.h>

#include "orchestrator/core/decide.h"
#include "orchestrator/core/retry.h"

#define SAYS_SUCCEEDED "it says succeeded; its heartbeats must prove it"

/* How far along a step is; a report of an earlier step than the upgrade's is late. 0: beside the line. */
static const int state_steps[UPGRADE_STATE_COUNT] = {
    [STATE_DISPATCHED] = 1, [STATE_ACKNOWLEDGED] = 2, [STATE_DOWNLOADING] = 3, [STATE_HELD] = 3, [STATE_INSTALLING] = 4, [STATE_VERIFYING] = 5,
};
static const struct {
    int step;
    enum upgrade_event on;
} words[REPORT_STATE_COUNT] = {
    [REPORT_ACKNOWLEDGED] = {2, EVENT_ACKNOWLEDGE},
    [REPORT_DOWNLOADING] = {3, EVENT_DOWNLOAD},
    [REPORT_INSTALLING] = {4, EVENT_INSTALL},
    [REPORT_VERIFYING] = {5, EVENT_REBOOT},
    [REPORT_SUCCEEDED] = {5, EVENT_REBOOT},
};

/* What a device may still say of an upgrade that is over without contradicting it; plus 1, so that 0 is nothing. */
static const int last_words[UPGRADE_STATE_COUNT] = {
    [STATE_SUCCEEDED] = REPORT_SUCCEEDED + 1, [STATE_ROLLED_BACK] = REPORT_ROLLED_BACK + 1, [STATE_FAILED] = REPORT_FAILED + 1,
    [STATE_REJECTED] = REPORT_REJECTED + 1, [STATE_CANCELLED] = REPORT_FAILED + 1,
};

/* Keeps the device's own words, cut between two characters. */
static void keep_text(struct upgrade *next, const char *text)
{
    size_t length = strnlen(text, REPORT_TEXT_SIZE - 1), kept = 0, step;
    while (kept < length && (step = text_utf8_step(text + kept, length - kept)) > 0 && kept + step < sizeof next->note)
        kept += step;
    memcpy(next->note, text, kept);
    next->note[kept] = 0;
}

static bool agrees(const struct upgrade *upgrade, const struct report *report)
{
    return last_words[upgrade->state] == (int)report->state + 1;
}

static bool is_current(const struct upgrade *upgrade, const struct report *report, struct decision *ret)
{
    if (upgrade->state == STATE_NONE || strcmp(upgrade->upgrade_id, report->upgrade_id))
        decision_refuse(ret, DROVER_UNKNOWN, REFUSAL_UNKNOWN_UPGRADE, "it has no upgrade of this id");
    else if (report->attempt != upgrade->attempt)
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_ATTEMPT, "about another attempt than the current one");
    else if (report->seq <= upgrade->report_seq)
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_SEQ, "not newer than a report already taken");
    else if (upgrade_state_is_final(upgrade->state) && !agrees(upgrade, report))
        decision_refuse(ret, DROVER_REFUSED, REFUSAL_OVER, "the upgrade is over");
    else
        return true;
    return false;
}

/* The step goes on. Only a download that moves forward earns more time. */
static void step_goes_on(const struct situation *s, const struct report *report, struct decision *ret)
{
    bool downloading = s->upgrade->state == STATE_DOWNLOADING;
    bool forward = report->progress == ABSENT || report->progress > s->upgrade->progress;
    if (report->progress != ABSENT && forward)
        ret->next.progress = report->progress;
    decision_make(s, ret, EVENT_PROGRESS, E_NONE, report->state == REPORT_SUCCEEDED ? SAYS_SUCCEEDED : "it goes on");
    if (report->state != REPORT_SUCCEEDED && report->progress != ABSENT)
        decision_say(ret, "%lld %% done", (long long)ret->next.progress);
    if (downloading && forward)
        decision_reschedule(s, ret);
}

static void step(const struct situation *s, const struct report *report, struct decision *ret)
{
    int now = state_steps[s->upgrade->state], said = words[report->state].step;
    if (now && said < now) {
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_STEP, "a late report of an earlier step");
    } else if (report->state == REPORT_DOWNLOADING && decide_is_to_hold(s->upgrade, report->progress)) {
        decide_hold(s, ret, NULL);
    } else if (now == said) {
        step_goes_on(s, report, ret);
    } else {
        decision_make(s, ret, words[report->state].on, E_NONE, report->state == REPORT_SUCCEEDED ? SAYS_SUCCEEDED : NULL);
        if (ret->move && report->progress != ABSENT && ret->next.state != STATE_VERIFYING)
            ret->next.progress = report->progress;
    }
}

/* Once it runs the new version, a failure is a failed health check: it must go back. */
static void failed_on_target(const struct situation *s, struct decision *ret, enum error_code code)
{
    if (error_code_class(code) == CLASS_BUSY)
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, "busy on the new version");
    else
        decision_make(s, ret, EVENT_HEALTH_FAILED, code == E_NONE ? E_HEALTHCHECK : code, NULL);
}

static void failed(const struct situation *s, struct decision *ret, enum error_code code)
{
    bool verifying = s->upgrade->state == STATE_VERIFYING;
    if (code == E_ROLLED_BACK)
        decision_make(s, ret, EVENT_SAYS_ROLLED_BACK, code, NULL);
    else if (code == E_REJECTED)
        decision_make(s, ret, EVENT_REJECT, code, NULL);
    else if (verifying && (s->upgrade->rebooted_ms || code == E_HEALTHCHECK))
        failed_on_target(s, ret, code);
    else if (s->upgrade->state == STATE_ROLLING_BACK && (code == E_DOWNGRADE || code == E_INCOMPATIBLE))
        decision_make(s, ret, EVENT_FAIL, code, NULL);   /* no permit, or no slot with that version; other codes say why it goes back */
    else if (state_steps[s->upgrade->state])
        decide_failure(s, ret, code, NULL);
    else
        decision_refuse(ret, DROVER_STALE, REFUSAL_STALE_STEP, "a late report of a failure");
}

static void rejected(const struct situation *s, struct decision *ret, enum error_code code)
{
    if (error_code_class(code) == CLASS_BUSY)
        decide_failure(s, ret, code, NULL);
    else
        decision_make(s, ret, EVENT_REJECT, code == E_NONE ? E_REJECTED : code, NULL);
}

static void said_rolled_back(const struct situation *s, struct decision *ret, enum error_code code)
{
    bool told_to = s->upgrade->state == STATE_ROLLING_BACK;
    if (code == E_NONE && !told_to)
        code = E_ROLLED_BACK;
    decision_make(s, ret, EVENT_SAYS_ROLLED_BACK, told_to ? E_NONE : code, NULL);
}

void decide_report(const struct situation *s, const struct report *report, struct decision *ret)
{
    decision_begin(s, ret);
    if (!is_current(s->upgrade, report, ret))
        return;
    ret->next.report_seq = report->seq;
    if (upgrade_state_is_final(s->upgrade->state)) {
        decision_make(s, ret, EVENT_PROGRESS, E_NONE, NULL);
        return;
    }
    ret->next.heard_ms = s->now_ms;
    if (report->text[0])
        keep_text(&ret->next, report->text);
    if (s->device->last.kind != KIND_MANAGED)
        ret->learned = KIND_MANAGED;
    switch (report->state) {
    case REPORT_FAILED:
        failed(s, ret, report->error);
        break;
    case REPORT_REJECTED:
        rejected(s, ret, report->error);
        break;
    case REPORT_ROLLED_BACK:
        said_rolled_back(s, ret, report->error);
        break;
    default:
        step(s, report, ret);
    }
}
