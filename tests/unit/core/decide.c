/* Decisions, table by table, and what holds for all of them whatever comes in whichever state. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;
static struct decision d;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static void report_in(enum upgrade_state state, enum report_state said, enum error_code code)
{
    fixture_enter(&f, state);
    struct report report = {.attempt = 1, .seq = 5, .state = said, .progress = ABSENT, .error = code};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
}

/* "" is no move and no error. */
static const char *result(void)
{
    if (d.error != DROVER_OK)
        return refusal_name(d.refusal);
    return d.move ? upgrade_state_name(d.next.state) : "";
}

static void reports(void **state)
{
    (void)state;
    static const struct {
        enum upgrade_state in;
        enum report_state said;
        enum error_code code;
        const char *result;
    } cases[] = {
        {STATE_NONE, REPORT_DOWNLOADING, E_NONE, "unknown_upgrade"},
        {STATE_PENDING, REPORT_DOWNLOADING, E_NONE, "illegal_move"},
        {STATE_DISPATCHED, REPORT_ACKNOWLEDGED, E_NONE, "acknowledged"},
        {STATE_DISPATCHED, REPORT_SUCCEEDED, E_NONE, "verifying"},
        {STATE_ACKNOWLEDGED, REPORT_ACKNOWLEDGED, E_NONE, "acknowledged"},
        {STATE_DOWNLOADING, REPORT_DOWNLOADING, E_NONE, "downloading"},
        {STATE_DOWNLOADING, REPORT_ACKNOWLEDGED, E_NONE, "stale_step"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_NONE, "retry_wait"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_SHA256, "retry_wait"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_SIGNATURE, "failed"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_BUSY, "retry_wait"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_REJECTED, "rejected"},
        {STATE_DOWNLOADING, REPORT_FAILED, E_ROLLED_BACK, "rolling_back"},
        {STATE_DOWNLOADING, REPORT_REJECTED, E_NONE, "rejected"},
        {STATE_DOWNLOADING, REPORT_REJECTED, E_BUSY, "retry_wait"},
        {STATE_INSTALLING, REPORT_DOWNLOADING, E_NONE, "stale_step"},
        {STATE_INSTALLING, REPORT_REJECTED, E_NONE, "rejected"},
        {STATE_INSTALLING, REPORT_ROLLED_BACK, E_NONE, "rolling_back"},
        {STATE_VERIFYING, REPORT_INSTALLING, E_NONE, "stale_step"},
        {STATE_VERIFYING, REPORT_SUCCEEDED, E_NONE, "verifying"},
        {STATE_VERIFYING, REPORT_FAILED, E_HEALTHCHECK, "rolling_back"},
        {STATE_VERIFYING, REPORT_FAILED, E_BOOT, "retry_wait"},
        {STATE_VERIFYING, REPORT_REJECTED, E_NONE, "illegal_move"},
        {STATE_VERIFYING, REPORT_ROLLED_BACK, E_NONE, "rolling_back"},
        {STATE_RETRY_WAIT, REPORT_DOWNLOADING, E_NONE, "illegal_move"},
        {STATE_RETRY_WAIT, REPORT_FAILED, E_SHA256, "stale_step"},
        {STATE_ROLLING_BACK, REPORT_ROLLED_BACK, E_NONE, "rolling_back"},
        {STATE_ROLLING_BACK, REPORT_SUCCEEDED, E_NONE, "illegal_move"},
        {STATE_LOST, REPORT_VERIFYING, E_NONE, "illegal_move"},
        {STATE_SUCCEEDED, REPORT_SUCCEEDED, E_NONE, "succeeded"},
        {STATE_SUCCEEDED, REPORT_FAILED, E_INSTALL, "upgrade_over"},
        {STATE_CANCELLED, REPORT_FAILED, E_CANCELLED, "cancelled"},
        {STATE_CANCELLED, REPORT_INSTALLING, E_NONE, "upgrade_over"},
        {STATE_SUPERSEDED, REPORT_SUCCEEDED, E_NONE, "upgrade_over"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        report_in(cases[i].in, cases[i].said, cases[i].code);
        if (strcmp(result(), cases[i].result))
            fail_msg("%s in %s: %s, not %s", report_state_name(cases[i].said), upgrade_state_name(cases[i].in), result(), cases[i].result);
    }
}

static void a_report_on_the_new_version_of_a_failure_takes_it_back(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_VERIFYING);
    f.upgrade.rebooted_ms = NOW - 1000;
    struct report report = {.attempt = 1, .seq = 5, .state = REPORT_FAILED, .error = E_INTERNAL, .progress = ABSENT};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
    assert_string_equal(result(), "rolling_back");
    assert_true(d.effects & FX_ROLLBACK);
    report.error = E_BUSY;
    decide_report(&s, &report, &d);
    assert_string_equal(result(), "verifying");
}

static void stale_reports_change_nothing(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    f.upgrade.report_seq = 9;
    struct report report = {.attempt = 1, .seq = 9, .state = REPORT_INSTALLING, .progress = ABSENT};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
    assert_int_equal(d.error, DROVER_STALE);
    assert_string_equal(result(), "stale_seq");
    report.seq = 10;
    report.attempt = 2;
    decide_report(&s, &report, &d);
    assert_string_equal(result(), "stale_attempt");
    assert_memory_equal(&d.next, &f.upgrade, sizeof f.upgrade);
}

static void a_report_makes_it_managed_and_keeps_its_words(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DISPATCHED);
    f.device.last.kind = KIND_UNKNOWN;
    struct report report = {.attempt = 1, .seq = 0, .state = REPORT_DOWNLOADING, .progress = 7};
    for (int i = 0; i < 63; i++)
        memcpy(report.text + 2 * i, "\xc3\xa4", 2); /* 126 bytes of two-byte letters */
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
    assert_int_equal(d.learned, KIND_MANAGED);
    assert_int_equal(strlen(d.next.note), 62); /* no half letter */
    assert_int_equal(d.next.progress, 7);
    assert_int_equal(d.next.report_seq, 0);
    assert_int_equal(d.next.heard_ms, NOW);
}

static void heartbeat_in(enum upgrade_state state, const char *version, const char *boot_id)
{
    fixture_beat(&f, "1.0.0", "b1", "idle");
    fixture_enter(&f, state);
    fixture_beat(&f, version, boot_id, "idle");
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &d);
}

static void heartbeats(void **state)
{
    (void)state;
    static const struct {
        enum upgrade_state in;
        const char *version, *boot_id, *result;
    } cases[] = {
        {STATE_NONE, "1.0.0", "b1", "pending"},
        {STATE_NONE, "1.1.0", "b1", ""},
        {STATE_PENDING, "1.0.0", "b1", "dispatched"},
        {STATE_PENDING, "1.1.0", "b2", "verifying"},
        {STATE_PENDING, "1.0.7", "b2", "superseded"},
        {STATE_DISPATCHED, "1.0.0", "b1", ""},
        {STATE_DISPATCHED, "1.0.0", "b2", "dispatched"},
        {STATE_DISPATCHED, "1.1.0", "b2", "verifying"},
        {STATE_DISPATCHED, "1.1.0", "b1", ""},
        {STATE_DISPATCHED, "1.1.0", "", "verifying"},
        {STATE_DOWNLOADING, "1.0.7", "b2", "superseded"},
        {STATE_INSTALLING, "1.0.0", "b1", ""},
        {STATE_INSTALLING, "1.0.0", "b2", "rolled_back"},
        {STATE_INSTALLING, "1.0.0", "", ""},
        {STATE_INSTALLING, "1.1.0", "b2", "verifying"},
        {STATE_VERIFYING, "1.0.0", "b1", ""},
        {STATE_VERIFYING, "1.0.0", "b2", "rolled_back"},
        {STATE_VERIFYING, "1.0.7", "b2", "superseded"},
        {STATE_VERIFYING, "1.1.0", "b2", "verifying"},
        {STATE_RETRY_WAIT, "1.0.0", "b2", ""},
        {STATE_RETRY_WAIT, "1.1.0", "b2", "verifying"},
        {STATE_RETRY_WAIT, "1.1.0", "b1", ""},
        {STATE_ROLLING_BACK, "1.1.0", "b2", ""},
        {STATE_ROLLING_BACK, "1.0.0", "b1", "rolled_back"},
        {STATE_LOST, "1.1.0", "b2", "verifying"},
        {STATE_LOST, "1.0.0", "b1", "retry_wait"},
        {STATE_LOST, "1.0.7", "b1", "superseded"},
        {STATE_SUCCEEDED, "1.1.0", "b2", ""},
        {STATE_SUCCEEDED, "1.0.0", "b3", "rolled_back"},
        {STATE_SUCCEEDED, "1.0.7", "b3", "rolled_back"},
        {STATE_SUCCEEDED, "1.2.0", "b3", ""},
        {STATE_FAILED, "1.1.0", "b2", "verifying"},
        {STATE_FAILED, "1.0.0", "b2", ""},
        {STATE_ROLLED_BACK, "1.1.0", "b4", "verifying"},
        {STATE_ROLLED_BACK, "1.1.0", "b1", ""},
        {STATE_REJECTED, "1.1.0", "b2", "verifying"},
        {STATE_REJECTED, "1.0.0", "b1", ""},
        {STATE_CANCELLED, "1.1.0", "b2", "verifying"},
        {STATE_CANCELLED, "1.1.0", "b1", ""},
        {STATE_CANCELLED, "1.0.0", "b2", ""},
        {STATE_SUPERSEDED, "1.1.0", "b2", "verifying"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        heartbeat_in(cases[i].in, cases[i].version, cases[i].boot_id);
        if (strcmp(result(), cases[i].result))
            fail_msg("%s %s in %s: %s, not %s", cases[i].version, cases[i].boot_id, upgrade_state_name(cases[i].in), result(), cases[i].result);
    }
}

static void failed_out_of_a_rollback_is_another_matter(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_FAILED);
    f.upgrade.lost_from = STATE_ROLLING_BACK;
    f.upgrade.error = E_HEALTHCHECK;
    fixture_beat(&f, "1.1.0", "b2", "idle");
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), ""); /* known to be on the target: no news */
    fixture_beat(&f, "1.0.0", "b3", "idle");
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolled_back");
    assert_int_equal(d.next.error, E_HEALTHCHECK);
}

static void lost_later_decides_where_it_returns_to(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_LOST);
    f.upgrade.lost_from = STATE_VERIFYING;
    fixture_beat(&f, "1.0.0", "b2", "idle");
    struct situation s = fixture_situation(&f);
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "rolled_back");
    fixture_beat(&f, "1.0.0", "b1", "idle"); /* it never rebooted */
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "retry_wait");
    f.upgrade.attempt = 3;
    decide_heartbeat(&s, &d);
    assert_string_equal(result(), "failed");
}

static void deadline_in(enum upgrade_state state, int64_t silence_ms, int64_t repeats)
{
    fixture_enter(&f, state);
    f.device.seen_ms = NOW - silence_ms;
    f.upgrade.repeats = repeats;
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
}

static void deadlines(void **state)
{
    (void)state;
    static const struct {
        enum upgrade_state in;
        int64_t silence_ms, repeats;
        const char *result;
        enum error_code code;
        unsigned effects;
    } cases[] = {
        {STATE_NONE, 0, 0, "", E_NONE, 0},
        {STATE_PENDING, 0, 0, "dispatched", E_NONE, FX_COMMAND},
        {STATE_PENDING, 999999, 0, "dispatched", E_NONE, FX_COMMAND},
        {STATE_DISPATCHED, 0, 0, "dispatched", E_NONE, FX_COMMAND},
        {STATE_DISPATCHED, 0, 1, "dispatched", E_NONE, FX_COMMAND},
        {STATE_DISPATCHED, 0, 2, "retry_wait", E_TIMEOUT, 0},
        {STATE_DISPATCHED, 180000, 0, "lost", E_LOST, 0},
        {STATE_ACKNOWLEDGED, 0, 0, "retry_wait", E_TIMEOUT, 0},
        {STATE_ACKNOWLEDGED, 180000, 0, "lost", E_LOST, 0},
        {STATE_DOWNLOADING, 0, 0, "retry_wait", E_DOWNLOAD_TIMEOUT, 0},
        {STATE_DOWNLOADING, 180000, 0, "lost", E_LOST, 0},
        {STATE_INSTALLING, 0, 0, "retry_wait", E_TIMEOUT, 0},
        {STATE_INSTALLING, 180000, 0, "lost", E_LOST, 0},
        {STATE_VERIFYING, 0, 0, "retry_wait", E_BOOT, 0},
        {STATE_VERIFYING, 100000, 0, "verifying", E_NONE, 0}, /* silent since before the reboot: it may be on its way */
        {STATE_VERIFYING, 180000, 0, "lost", E_LOST, 0},
        {STATE_RETRY_WAIT, 0, 0, "dispatched", E_NONE, FX_COMMAND},
        {STATE_RETRY_WAIT, 180000, 0, "lost", E_LOST, 0},
        {STATE_ROLLING_BACK, 0, 0, "rolling_back", E_NONE, FX_ROLLBACK},
        {STATE_ROLLING_BACK, 180000, 1, "lost", E_LOST, 0},
        {STATE_ROLLING_BACK, 0, 2, "failed", E_ROLLED_BACK, FX_ALARM},
        {STATE_LOST, 999999, 0, "failed", E_LOST, 0},
        {STATE_SUCCEEDED, 0, 0, "", E_NONE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        deadline_in(cases[i].in, cases[i].silence_ms, cases[i].repeats);
        if (strcmp(result(), cases[i].result))
            fail_msg("case %zu, %s: %s, not %s", i, upgrade_state_name(cases[i].in), result(), cases[i].result);
        assert_int_equal(d.next.error, cases[i].code);
        assert_int_equal(d.effects & (FX_COMMAND | FX_ROLLBACK | FX_CANCEL | FX_ALARM), cases[i].effects);
    }
}

static void a_deadline_that_was_moved_does_nothing(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DISPATCHED);
    f.upgrade.deadline_ms = NOW + 1;
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    assert_string_equal(result(), "");
}

static void nobody_is_told_while_the_rollout_does_not_run(void **state)
{
    (void)state;
    static const struct {
        enum rollout_state rollout;
        const char *result;
    } cases[] = {{ROLLOUT_PAUSED, "retry_wait"}, {ROLLOUT_CANCELLED, "cancelled"}, {ROLLOUT_SUPERSEDED, "superseded"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f.rollout.state = cases[i].rollout;
        deadline_in(STATE_RETRY_WAIT, 0, 0);
        assert_string_equal(result(), cases[i].result);
        assert_int_equal(d.effects & FX_COMMAND, 0);
    }
    fixture_enter(&f, STATE_RETRY_WAIT);
    struct situation s = fixture_situation(&f);
    s.rollout = NULL; /* not known here now */
    decide_deadline(&s, &d);
    assert_string_equal(result(), "retry_wait");
    assert_true(d.silent);
}

static void endings(void **state)
{
    (void)state;
    static const struct {
        enum upgrade_state in;
        const char *cancelled, *superseded;
        bool told;
    } cases[] = {
        {STATE_PENDING, "cancelled", "superseded", false},    {STATE_DISPATCHED, "cancelled", "", true},
        {STATE_ACKNOWLEDGED, "cancelled", "", true},          {STATE_DOWNLOADING, "cancelled", "", true},
        {STATE_INSTALLING, "", "", false},                    {STATE_VERIFYING, "", "", false},
        {STATE_RETRY_WAIT, "cancelled", "superseded", false}, {STATE_ROLLING_BACK, "", "", false},
        {STATE_LOST, "cancelled", "superseded", false},       {STATE_SUCCEEDED, "", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_enter(&f, cases[i].in);
        struct situation s = fixture_situation(&f);
        f.rollout.state = ROLLOUT_CANCELLED;
        decide_ending(&s, &d);
        assert_string_equal(result(), cases[i].cancelled);
        assert_int_equal(!!(d.effects & FX_CANCEL), cases[i].told);
        f.rollout.state = ROLLOUT_SUPERSEDED;
        decide_ending(&s, &d);
        assert_string_equal(result(), cases[i].superseded);
        f.rollout.state = ROLLOUT_RUNNING;
        decide_ending(&s, &d);
        assert_string_equal(result(), "");
    }
}

static void an_attempt_begins_with_nothing_seen(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_RETRY_WAIT);
    f.upgrade.confirmations = f.upgrade.unhealthy = f.upgrade.boots = f.upgrade.repeats = f.upgrade.progress = 3;
    f.upgrade.rebooted_ms = f.upgrade.healthy_ms = f.upgrade.confirmed_ms = f.upgrade.download_ms = NOW - 5;
    f.upgrade.report_seq = 77;
    fixture_beat(&f, "1.0.0", "b9", "idle");
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    const struct upgrade *next = &d.next;
    assert_int_equal(next->attempt, 2);
    assert_int_equal(next->confirmations + next->unhealthy + next->boots + next->repeats + next->progress, 0);
    assert_int_equal(next->rebooted_ms + next->healthy_ms + next->confirmed_ms + next->download_ms, 0);
    assert_int_equal(next->report_seq, -1);
    assert_string_equal(next->boot_before, "b9");
    assert_int_equal(next->attempt_ms, NOW);
    assert_true(next->delta);
}

/* Its heartbeat was recorded while its next attempt was being decided: it will not boot a third time to prove what it proved. */
static void who_came_up_after_all_need_not_reboot_again(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_RETRY_WAIT);
    char told_in[BOOT_ID_SIZE];
    memcpy(told_in, f.upgrade.boot_before, sizeof told_in);
    fixture_beat(&f, "1.1.0", "b9", "idle");
    struct situation s = fixture_situation(&f);
    decide_deadline(&s, &d);
    assert_int_equal(d.next.state, STATE_DISPATCHED);
    assert_string_equal(d.next.boot_before, told_in);
    f.upgrade = d.next;
    decide_heartbeat(&s, &d);
    assert_int_equal(d.next.state, STATE_VERIFYING);

    fixture_enter(&f, STATE_RETRY_WAIT);
    memcpy(f.upgrade.boot_before, "b9", sizeof "b9");   /* in the boot in which it was told: that proves nothing */
    s = fixture_situation(&f);
    decide_deadline(&s, &d);
    f.upgrade = d.next;
    decide_heartbeat(&s, &d);
    assert_null(d.move);
}

static void a_failed_delta_is_not_tried_again(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    f.upgrade.delta = true;
    struct report report = {.attempt = 1, .seq = 1, .state = REPORT_FAILED, .error = E_CRC, .progress = ABSENT};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
    assert_true(d.next.full_only);
    report.error = E_BUSY; /* that was not the delta's fault */
    decide_report(&s, &report, &d);
    assert_false(d.next.full_only);
    assert_int_equal(d.next.busy, 1);
}

static void only_more_progress_earns_more_time(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    f.upgrade.progress = 50;
    struct report report = {.attempt = 1, .seq = 1, .state = REPORT_DOWNLOADING, .progress = 50};
    memcpy(report.upgrade_id, f.upgrade.upgrade_id, sizeof report.upgrade_id);
    struct situation s = fixture_situation(&f);
    decide_report(&s, &report, &d);
    assert_int_equal(d.next.deadline_ms, NOW);
    report.progress = 40;
    decide_report(&s, &report, &d);
    assert_int_equal(d.next.progress, 50);
    report.progress = 51;
    decide_report(&s, &report, &d);
    assert_int_equal(d.next.deadline_ms, NOW + f.policy.download_stall_ms);
    assert_true(d.silent);
}

static void served_bytes_move_only_those_who_do_not_report(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_ACKNOWLEDGED);
    struct situation s = fixture_situation(&f);
    struct served served = {.attempt = 1, .progress_pct = 1, .at_ms = s.now_ms};
    text_copy(served.upgrade_id, sizeof served.upgrade_id, f.upgrade.upgrade_id);
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "");
    f.device.last.kind = KIND_SIMPLE;
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "downloading");
    served.whole = true;
    served.progress_pct = 100;
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "installing");
    assert_string_equal(d.next.boot_before, f.upgrade.boot_before);

    /* a new boot on the old version came to us first: judged by when the last byte went out */
    f.upgrade.strayed_ms = s.now_ms;
    served.at_ms = s.now_ms + 1;
    decide_served(&s, &served, &d);
    assert_string_equal(d.next.boot_before, f.upgrade.boot_before);
    served.at_ms = s.now_ms - 1;
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "installing");
    assert_string_equal(d.next.boot_before, BOOT_NONE);

    served.attempt = 2;
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "stale_attempt");
    served.attempt = 1;
    text_copy(served.upgrade_id, sizeof served.upgrade_id, "0");
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "unknown_upgrade");
    text_copy(served.upgrade_id, sizeof served.upgrade_id, f.upgrade.upgrade_id);
    f.upgrade.state = STATE_VERIFYING;
    decide_served(&s, &served, &d);
    assert_string_equal(result(), "stale_step");
}

static void rollbacks_are_asked_for_where_there_is_something_to_take_back(void **state)
{
    (void)state;
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++) {
        fixture_beat(&f, "1.0.0", "b1", "idle");
        fixture_enter(&f, (enum upgrade_state)i);
        fixture_beat(&f, "1.1.0", "b2", "idle");
        struct situation s = fixture_situation(&f);
        decide_rollback(&s, "ann", &d);
        bool possible = i == STATE_VERIFYING || i == STATE_SUCCEEDED || i == STATE_FAILED;
        assert_int_equal(d.error == DROVER_OK && d.effects & FX_ROLLBACK, possible);
        assert_true(possible || d.error == DROVER_REFUSED);
    }
    fixture_enter(&f, STATE_FAILED);
    fixture_beat(&f, "1.0.0", "b1", "idle");
    struct situation s = fixture_situation(&f);
    decide_rollback(&s, "ann", &d);
    assert_int_equal(d.error, DROVER_REFUSED);
}

/* --- whatever comes in, whichever state --- */

static void holds_for_all(const char *what)
{
    bool fine = d.why[0] != 0;
    if (d.error != DROVER_OK)
        fine = fine && !d.move && d.refusal != REFUSAL_NONE && d.effects == 0;
    if (d.move) {
        bool final = upgrade_state_is_final(d.next.state);
        fine = fine && fsm_find(d.move->from, d.move->on) == d.move && d.next.state == d.move->to;
        fine = fine && (d.move->from == f.upgrade.state || d.move->on == EVENT_OPEN);
        fine = fine && (final ? d.next.deadline_ms == 0 : d.next.deadline_ms > 0);
        fine = fine && (final || d.move->from == d.move->to || d.next.deadline_ms >= NOW);
        fine = fine && d.next.why[0] != 0 && d.next.attempt >= f.upgrade.attempt;
        fine = fine && (d.effects == d.move->effects);
    }
    if (!fine)
        fail_msg("%s in %s: %s, why \"%s\", deadline %+lld", what, upgrade_state_name(f.upgrade.state), result(), d.why,
                 (long long)(d.next.deadline_ms - NOW));
}

/* A passed deadline always leads to a save, and so to another deadline or the end: nothing stays for ever. */
static void leads_somewhere(const char *what)
{
    bool live = f.upgrade.state != STATE_NONE && !upgrade_state_is_final(f.upgrade.state);
    if (live && (d.error != DROVER_OK || !d.move || (d.next.deadline_ms <= NOW && d.next.deadline_ms != 0)))
        fail_msg("%s in %s leads nowhere: %s", what, upgrade_state_name(f.upgrade.state), d.why);
}

/* Guards never choose an event for which the table has no row. */
static void is_not_refused(const char *what)
{
    if (d.error != DROVER_OK)
        fail_msg("%s in %s is refused: %s", what, upgrade_state_name(f.upgrade.state), d.why);
}

static void every_observation_in_every_state(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0", "1.0.7"}, *const boots[] = {"", "b1", "b2"}, *const words[] = {"idle", "error", "starting"};
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++) {
        for (int k = 0; k < 27; k++) {
            fixture_beat(&f, "1.0.0", "b1", "idle");
            fixture_enter(&f, (enum upgrade_state)i);
            f.upgrade.boots = k % 5;
            f.upgrade.unhealthy = k % 4;
            f.upgrade.rebooted_ms = k % 2 ? NOW - 40000 : 0;
            fixture_beat(&f, versions[k % 3], boots[k / 3 % 3], words[k / 9]);
            struct situation s = fixture_situation(&f);
            decide_heartbeat(&s, &d);
            holds_for_all("heartbeat");
            is_not_refused("heartbeat");
            decide_deadline(&s, &d);
            holds_for_all("deadline");
            leads_somewhere("deadline");
            decide_ask(&s, "esp32", f.device.last.version, &d);
            holds_for_all("ask");
            decide_ending(&s, &d);
            holds_for_all("ending");
            s.rollout = s.running = NULL;
            decide_deadline(&s, &d);
            holds_for_all("deadline without rollout");
            leads_somewhere("deadline without rollout");
            decide_heartbeat(&s, &d);
            holds_for_all("heartbeat without rollout");
        }
        for (int said = 0; said < REPORT_STATE_COUNT; said++)
            for (int code = 0; code < ERROR_CODE_COUNT; code++) {
                report_in((enum upgrade_state)i, (enum report_state)said, (enum error_code)code);
                holds_for_all("report");
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reports, setup),
        cmocka_unit_test_setup(a_report_on_the_new_version_of_a_failure_takes_it_back, setup),
        cmocka_unit_test_setup(stale_reports_change_nothing, setup),
        cmocka_unit_test_setup(a_report_makes_it_managed_and_keeps_its_words, setup),
        cmocka_unit_test_setup(heartbeats, setup),
        cmocka_unit_test_setup(failed_out_of_a_rollback_is_another_matter, setup),
        cmocka_unit_test_setup(lost_later_decides_where_it_returns_to, setup),
        cmocka_unit_test_setup(deadlines, setup),
        cmocka_unit_test_setup(a_deadline_that_was_moved_does_nothing, setup),
        cmocka_unit_test_setup(nobody_is_told_while_the_rollout_does_not_run, setup),
        cmocka_unit_test_setup(endings, setup),
        cmocka_unit_test_setup(an_attempt_begins_with_nothing_seen, setup),
        cmocka_unit_test_setup(who_came_up_after_all_need_not_reboot_again, setup),
        cmocka_unit_test_setup(a_failed_delta_is_not_tried_again, setup),
        cmocka_unit_test_setup(only_more_progress_earns_more_time, setup),
        cmocka_unit_test_setup(served_bytes_move_only_those_who_do_not_report, setup),
        cmocka_unit_test_setup(rollbacks_are_asked_for_where_there_is_something_to_take_back, setup),
        cmocka_unit_test_setup(every_observation_in_every_state, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
