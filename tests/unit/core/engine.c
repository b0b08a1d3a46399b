/* Every branch of the engine's one look, on rollouts read from plans; membership in stages. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/engine.h"
#include "orchestrator/core/stage.h"

#define QUIET_MS 90000
#define S 1000

static struct rollout rollout;
static struct engine_move move;
static const struct fleet_health nothing_known;

/* A running rollout of this plan's stages; the members of JSON before them, too. */
static int begin(const char *stages)
{
    char json[2048];
    struct plan *plan;
    struct plan_problems problems;
    int length = snprintf(json, sizeof json, "{\"schema\":1,\"id\":\"r1\",\"model\":\"esp32\",\"version\":\"1.1.0\",%s}", stages);
    if (plan_read(json, (size_t)length, &plan, &problems) != DROVER_OK)
        fail_msg("%s %s", problems.items[0].where, problems.items[0].what);
    rollout_begin(&rollout, plan, NOW);
    plan_drop(plan);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rollout_drop(&rollout);
    return 0;
}

static void look(int64_t now_ms)
{
    engine_decide(&rollout, &nothing_known, QUIET_MS, now_ms, &move);
}

static void stays(int64_t now_ms, const char *why)
{
    look(now_ms);
    assert_false(move.moves);
    assert_string_equal(move.why, why);
}

static void moves(int64_t now_ms, enum rollout_event on, enum rollout_state to, const char *why)
{
    look(now_ms);
    assert_true(move.moves);
    assert_int_equal(move.on, on);
    assert_int_equal(move.to, to);
    assert_string_equal(move.why, why);
}

/* So many of the stage were taken, and settled so; the last one of either kind then. */
static void staged(int64_t opened, int64_t succeeded, int64_t failed, int64_t at_ms)
{
    rollout.staged = (struct rollout_counts){.opened = opened};
    rollout.staged.states[STATE_SUCCEEDED] = succeeded;
    rollout.staged.states[STATE_FAILED] = failed;
    rollout.staged.states[STATE_DOWNLOADING] = opened - succeeded - failed;
    rollout.opened_ms = rollout.settled_ms = at_ms;
}

#define TWO_STAGES "\"stages\":[{\"name\":\"canary\",\"percent\":1,\"soak_s\":600},{\"name\":\"rest\"}]"

/* --- a stage's way --- */

static void a_stage_passes(void **state)
{
    (void)state;
    begin(TWO_STAGES);
    stays(NOW + 5 * S, "no device of this stage has come yet");
    staged(10, 4, 0, NOW + 100 * S);
    stays(NOW + 100 * S, "4 of 10 devices settled");
    staged(10, 9, 1, NOW + 200 * S);
    stays(NOW + 300 * S, "soaks for 500 s more");
    assert_int_equal(move.next_ms, NOW + 800 * S);
    stays(NOW + 800 * S - 1, "soaks for 1 s more");
    moves(NOW + 800 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
    assert_int_equal(move.stage, 2);
    assert_int_equal(move.next_ms, 0);

    struct rollout next;
    rollout_after(&rollout, move.on, move.stage, NOW + 800 * S, &next);
    assert_true(next.stage == 2 && next.stage_ms == NOW + 800 * S && next.share_pct == 100 && next.plan == rollout.plan);
}

static void the_last_one_completes(void **state)
{
    (void)state;
    begin(TWO_STAGES);
    rollout_enter_stage(&rollout, 2, NOW);
    staged(10, 10, 0, NOW);
    stays(NOW + 60 * S, "waits 30 s more for others to come");
    moves(NOW + 90 * S, ROLLOUT_EVENT_COMPLETE, ROLLOUT_COMPLETED, "the last stage is passed");
    assert_int_equal(move.stage, 2);
}

static void nobody_is_left_for_the_last_one(void **state)
{
    (void)state;
    begin(TWO_STAGES);
    stays(NOW + 5000 * S, "no device of this stage has come yet");
    rollout_enter_stage(&rollout, 2, NOW);
    stays(NOW + 5000 * S, "no device of this stage has come yet");   /* and none of any: it has not even begun */
    rollout.counts.opened = 10;
    stays(NOW + 60 * S, "waits 30 s more for others to come");
    moves(NOW + 90 * S, ROLLOUT_EVENT_COMPLETE, ROLLOUT_COMPLETED, "the last stage is passed");
}

/* One at a time: at the moment the first one settles, all that were taken have settled. */
static void others_must_have_had_time_to_come(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"percent\":1},{\"name\":\"rest\"}]");
    staged(1, 1, 0, NOW + 600 * S);
    stays(NOW + 600 * S, "waits 90 s more for others to come");
    staged(2, 1, 0, NOW + 620 * S);
    stays(NOW + 700 * S, "1 of 2 devices settled");
    staged(2, 2, 0, NOW + 900 * S);
    rollout.waiting = 7;
    stays(NOW + 5000 * S, "7 more wait for a place");
    rollout.waiting = 0;
    moves(NOW + 5000 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
}

/* Where not all must settle, those who are under way do not keep it. */
static void most_are_enough(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"percent\":1,\"settled_pct\":95},{\"name\":\"rest\"}]");
    staged(200, 189, 0, NOW + 600 * S);
    stays(NOW + 600 * S, "189 of 190 devices settled");
    staged(200, 190, 0, NOW + 600 * S);
    moves(NOW + 600 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
    stays(NOW + 80 * S, "soaks for 520 s more");   /* a clock that goes back hurries nothing */
}

static void a_counted_stage_waits_for_its_number(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":5},{\"name\":\"rest\"}]");
    staged(4, 4, 0, NOW);
    stays(NOW + 5000 * S, "4 of 5 devices taken");
    staged(5, 5, 0, NOW + 10 * S);
    rollout.waiting = 900;
    moves(NOW + 10 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
}

/* Nobody knows how many strata there are: those whose devices are online have come after a while. */
static void strata_are_complete_when_nobody_comes_any_more(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":5,\"per\":\"hw_rev\"},{\"name\":\"rest\"}]");
    staged(7, 7, 0, NOW + 10 * S);
    stays(NOW + 40 * S, "waits 60 s more for others to come");
    moves(NOW + 100 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
}

static void an_operator_promotes(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":1,\"promote\":\"manual\"},{\"name\":\"rest\",\"promote\":\"manual\"}]");
    staged(1, 1, 0, NOW);
    stays(NOW + 500 * S, "stage passed; waits for an operator to promote it");
    rollout_enter_stage(&rollout, 2, NOW + 500 * S);
    staged(1, 1, 0, NOW + 500 * S);
    moves(NOW + 600 * S, ROLLOUT_EVENT_COMPLETE, ROLLOUT_COMPLETED, "the last stage is passed");
}

/* --- gates --- */

#define GATED(then) "\"gates\":[{\"measure\":\"failure_rate\",\"max_pct\":10,\"then\":\"" then "\"}],\"stages\":[{\"name\":\"canary\",\"percent\":1},{\"name\":\"rest\"}]"

static void a_broken_gate_has_its_outcome(void **state)
{
    static const struct {
        const char *plan;
        enum rollout_event on;
        enum rollout_state to;
    } rows[] = {
        {GATED("pause"), ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED},
        {GATED("cancel"), ROLLOUT_EVENT_CANCEL, ROLLOUT_CANCELLED},
        {GATED("roll_back"), ROLLOUT_EVENT_ROLL_BACK, ROLLOUT_ROLLING_BACK},
        {GATED("roll_back") ",\"rollback\":{\"automatic\":false}", ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].plan);
        staged(40, 10, 10, NOW);
        moves(NOW, rows[i].on, rows[i].to, "broken: failure_rate 50.0 %, limit 10.0 %");
        assert_int_equal(move.gate_count, 1);
        assert_int_equal(move.gates[0].state, GATE_BROKEN);
        assert_int_equal(move.stage, 1);
        rollout_drop(&rollout);
    }
    begin(GATED("pause"));
}

static void the_worst_of_several_counts(void **state)
{
    (void)state;
    begin("\"gates\":[{\"measure\":\"failure_rate\",\"max_pct\":10},{\"measure\":\"success_rate\",\"min_pct\":90,\"then\":\"cancel\"}],"
          "\"stages\":[{\"name\":\"all\",\"gates\":[{\"measure\":\"failure_rate\",\"max_pct\":20,\"then\":\"roll_back\"}]}]");
    staged(40, 20, 20, NOW);
    look(NOW);
    assert_int_equal(move.gate_count, 3);
    assert_int_equal(move.on, ROLLOUT_EVENT_ROLL_BACK);
    staged(40, 25, 8, NOW);
    look(NOW);
    assert_int_equal(move.gates[2].state, GATE_OPEN);
    assert_int_equal(move.on, ROLLOUT_EVENT_CANCEL);
}

static void a_doubt_holds_it_back(void **state)
{
    (void)state;
    begin(GATED("pause"));
    staged(30, 26, 4, NOW);
    stays(NOW + 500 * S, "in doubt: failure_rate 13.3 %, limit 10.0 %");
    staged(3, 0, 3, NOW);   /* too few for a verdict, and all failed */
    stays(NOW + 500 * S, "in doubt: failure_rate 100.0 %, limit 10.0 %");
    staged(3, 3, 0, NOW);   /* too few, and well */
    moves(NOW + 500 * S, ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, "stage canary is passed");
}

static void what_was_resumed_is_judged_anew(void **state)
{
    (void)state;
    begin(GATED("pause"));
    staged(40, 10, 20, NOW);
    moves(NOW, ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED, "broken: failure_rate 66.7 %, limit 10.0 %");
    rollout.before = rollout.staged;
    rollout.resumed_ms = NOW + 1000 * S;
    stays(NOW + 1000 * S, "30 of 40 devices settled");
    assert_int_equal(move.gates[0].sample, 0);
    staged(40, 20, 20, NOW);
    stays(NOW + 1060 * S, "waits 30 s more for others to come");   /* from the resume on, not from the last one that settled before it */
    staged(60, 20, 40, NOW + 1060 * S);
    moves(NOW + 1061 * S, ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED, "broken: failure_rate 66.7 %, limit 10.0 %");
}

/* An operator promoted in spite of a broken gate: nobody of the new stage has been judged yet. */
static void the_next_stage_begins_unjudged(void **state)
{
    (void)state;
    begin(GATED("cancel"));
    rollout.counts.opened = 40;
    rollout.counts.states[STATE_FAILED] = 40;
    rollout_enter_stage(&rollout, 2, NOW);
    stays(NOW + S, "waits 89 s more for others to come");
    assert_int_equal(move.gates[0].sample, 0);
}

static void late_ones_may_break_a_gate_still(void **state)
{
    (void)state;
    begin(GATED("pause"));
    rollout.state = ROLLOUT_COMPLETED;
    rollout.counts.states[STATE_SUCCEEDED] = 960;
    rollout.counts.states[STATE_FAILED] = 40;
    rollout.before = rollout.counts;
    stays(NOW, "every stage is passed; devices that come late are still taken");
    rollout.counts.states[STATE_FAILED] = 80;
    moves(NOW, ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED, "broken: failure_rate 100.0 %, limit 10.0 %");
}

static void comparison_reaches_the_gates(void **state)
{
    struct fleet_health health = {.updated = {.devices = 100, .offline = 40}, .control = {.devices = 100}};
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"percent\":1,\"gates\":[{\"measure\":\"heartbeat_loss\",\"max_pct\":2}]},{\"name\":\"rest\"}]");
    assert_true(engine_compares(&rollout));
    engine_decide(&rollout, &health, QUIET_MS, NOW, &move);
    assert_int_equal(move.on, ROLLOUT_EVENT_PAUSE);
    rollout_enter_stage(&rollout, 2, NOW);
    assert_false(engine_compares(&rollout));
}

/* 30 of the others are offline, of whom up to 25 may be rebooting into the new version: no excuse for the updated ones. */
static void rebooting_ones_are_no_loss(void **state)
{
    struct fleet_health health = {.updated = {.devices = 100, .offline = 12}, .control = {.devices = 130, .offline = 40, .offline_before = 10}};
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"percent\":1,\"gates\":[{\"measure\":\"heartbeat_loss\",\"max_pct\":2}]},{\"name\":\"rest\"}]");
    engine_decide(&rollout, &health, QUIET_MS, NOW, &move);
    assert_string_equal(move.gates[0].text, "heartbeat_loss -13.0 % of 100 (-22.8 .. -2.6 %), limit 2.0 %: held");
    rollout.counts.states[STATE_INSTALLING] = 15;
    rollout.counts.states[STATE_VERIFYING] = 10;
    engine_decide(&rollout, &health, QUIET_MS, NOW, &move);
    assert_string_equal(move.gates[0].text, "heartbeat_loss 6.7 % of 95 (-1.4 .. 15.1 %), limit 2.0 %: open");
    assert_true(move.gates[0].doubt);
    rollout.counts.states[STATE_VERIFYING] = 1000;   /* no fewer than were so before */
    engine_decide(&rollout, &health, QUIET_MS, NOW, &move);
    assert_int_equal(move.gates[0].state, GATE_BROKEN);
}

/* --- the other states --- */

static void its_time_comes(void **state)
{
    struct rollout next;
    (void)state;
    begin(TWO_STAGES);
    rollout.state = ROLLOUT_SCHEDULED;
    rollout.start_ms = NOW + 60 * S;
    stays(NOW + 500, "begins in 60 s");
    assert_int_equal(move.next_ms, NOW + 60 * S);
    moves(NOW + 61 * S, ROLLOUT_EVENT_START, ROLLOUT_RUNNING, "its time has come");
    rollout_after(&rollout, move.on, move.stage, NOW + 61 * S, &next);
    assert_true(next.stage == 1 && next.stage_ms == NOW + 61 * S);
}

static void others_are_left_alone(void **state)
{
    (void)state;
    begin(GATED("roll_back"));
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++) {
        rollout.state = (enum rollout_state)i;
        if (rollout_state_takes(rollout.state) || rollout.state == ROLLOUT_SCHEDULED)
            continue;
        staged(40, 0, 40, NOW);
        look(NOW + 9000 * S);
        assert_false(move.moves);
        assert_int_equal(move.gate_count, 1);   /* still shown */
        assert_int_equal(move.gates[0].state, GATE_BROKEN);
        assert_true(move.why[0] && strncmp(move.why, rollout_state_text(rollout.state), 63) == 0);
    }
}

/* --- who belongs to which stage --- */

static struct heartbeat device(const char *id, const char *hw_rev, const char *tags)
{
    struct heartbeat heartbeat = {.model = "esp32", .version = "1.0.0"};
    snprintf(heartbeat.device_id, ID_SIZE, "%s", id);
    snprintf(heartbeat.hw_rev, sizeof heartbeat.hw_rev, "%s", hw_rev);
    snprintf(heartbeat.tags, sizeof heartbeat.tags, "%s", tags);
    return heartbeat;
}

static void the_first_stage_that_takes(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"lab\",\"filter\":{\"tags_any\":[\"lab\"]}},{\"name\":\"few\",\"percent\":50},{\"name\":\"rest\",\"filter\":{\"hw_revs\":[\"B\"]}}]");
    struct heartbeat lab = device("d1", "A", "lab"), high = device("d1", "A", ""), high_b = device("d1", "B", "");   /* d1 has place 9044 */
    assert_int_equal(stage_of(&rollout, &lab), 1);
    assert_int_equal(stage_of(&rollout, &high), STAGE_NEVER);
    assert_int_equal(stage_of(&rollout, &high_b), STAGE_NOT_YET);
    rollout_enter_stage(&rollout, 3, NOW);
    assert_int_equal(stage_of(&rollout, &lab), 1);   /* a new device of an earlier stage */
    assert_int_equal(stage_of(&rollout, &high_b), 3);
}

static void a_full_stage_takes_nobody(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":2},{\"name\":\"rest\"}]");
    struct heartbeat heartbeat = device("d1", "A", "");
    assert_int_equal(stage_of(&rollout, &heartbeat), 1);
    rollout.staged.opened = 2;
    assert_int_equal(stage_of(&rollout, &heartbeat), STAGE_NOT_YET);
    rollout_enter_stage(&rollout, 2, NOW);
    assert_int_equal(stage_of(&rollout, &heartbeat), 2);
}

static void each_stratum_is_full_by_itself(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":2,\"per\":\"hw_rev\"},{\"name\":\"rest\"}]");
    struct heartbeat a = device("d1", "A", ""), b = device("d1", "B", ""), none = device("d1", "", "");
    stage_note_stratum(&rollout, "A", 2);
    stage_note_stratum(&rollout, "B", 1);
    stage_note_stratum(&rollout, "-", 3);
    assert_int_equal(stage_of(&rollout, &a), STAGE_NOT_YET);
    assert_int_equal(stage_of(&rollout, &b), 1);
    assert_int_equal(stage_of(&rollout, &none), STAGE_NOT_YET);
    for (int i = 0; i < 2 * STRATA_FULL_MAX; i++)   /* what there is no room to note, the store is asked about */
        stage_note_stratum(&rollout, "C", 9);
    assert_int_equal(rollout.full_count, STRATA_FULL_MAX);
}

static void strata_by_tag(void **state)
{
    char stratum[ID_SIZE];
    (void)state;
    begin("\"stages\":[{\"name\":\"canary\",\"count\":2,\"per\":\"tag:batch-\"},{\"name\":\"rest\",\"count\":3}]");
    struct heartbeat heartbeat = device("d1", "A", "eu,batch-7,batch-8"), none = device("d1", "A", "eu");
    stage_stratum(&rollout.plan->stages[0], &heartbeat, stratum);
    assert_string_equal(stratum, "batch-7");
    stage_stratum(&rollout.plan->stages[0], &none, stratum);
    assert_string_equal(stratum, "-");
    stage_stratum(&rollout.plan->stages[1], &heartbeat, stratum);
    assert_string_equal(stratum, "");
}

static void shares_for_notices(void **state)
{
    (void)state;
    begin("\"stages\":[{\"name\":\"a\",\"count\":2},{\"name\":\"b\",\"percent\":2.5},{\"name\":\"c\"}]");
    assert_int_equal(stage_share_pct(rollout.plan, 1), 1);
    assert_int_equal(stage_share_pct(rollout.plan, 2), 3);
    assert_int_equal(stage_share_pct(rollout.plan, 3), 100);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stage_passes),
        TEST(the_last_one_completes),
        TEST(nobody_is_left_for_the_last_one),
        TEST(others_must_have_had_time_to_come),
        TEST(most_are_enough),
        TEST(a_counted_stage_waits_for_its_number),
        TEST(strata_are_complete_when_nobody_comes_any_more),
        TEST(an_operator_promotes),
        TEST(a_broken_gate_has_its_outcome),
        TEST(the_worst_of_several_counts),
        TEST(a_doubt_holds_it_back),
        TEST(what_was_resumed_is_judged_anew),
        TEST(the_next_stage_begins_unjudged),
        TEST(late_ones_may_break_a_gate_still),
        TEST(comparison_reaches_the_gates),
        TEST(rebooting_ones_are_no_loss),
        TEST(its_time_comes),
        TEST(others_are_left_alone),
        TEST(the_first_stage_that_takes),
        TEST(a_full_stage_takes_nobody),
        TEST(each_stratum_is_full_by_itself),
        TEST(strata_by_tag),
        TEST(shares_for_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
