/* "Why is this device not updating?": every predicate in its order, the one that holds it back, in words. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/why.h"

static struct fixture f;
static struct why_device why;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_NONE);
    return 0;
}

static const struct why_predicate *found(const char *name)
{
    for (unsigned i = 0; i < why.count; i++)
        if (strcmp(why.predicates[i].name, name) == 0)
            return &why.predicates[i];
    fail_msg("no predicate %s", name);
    return NULL;
}

static void ask(void)
{
    struct situation s = fixture_situation(&f);
    why_device(&s, &why);
}

/* value NULL, next_ms ABSENT: whatever it is. */
static void held_by(const char *name, const char *refusal, const char *value, int64_t next_ms)
{
    ask();
    assert_in_range(why.held_by, 0, why.count - 1);
    const struct why_predicate *holder = &why.predicates[why.held_by];
    assert_string_equal(holder->name, name);
    assert_string_equal(holder->refusal, refusal);
    if (value)
        assert_string_equal(holder->finding.value, value);
    assert_true(next_ms == ABSENT || why.next_ms == next_ms);
    for (int i = 0; i < why.held_by; i++)
        assert_int_equal(why.predicates[i].answer, WHY_HOLDS);
}

/* --- which rows, in which order --- */

static void every_row_is_shown_in_its_order(void **state)
{
    (void)state;
    unsigned count;
    const struct predicate *rows = predicates(&count);
    assert_true(count <= WHY_PREDICATES_MAX);
    ask();
    assert_int_equal(why.count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_ptr_equal(why.predicates[i].name, rows[i].name);
        assert_int_equal(why.predicates[i].limit, rows[i].limit);
        assert_int_equal(why.predicates[i].answer, WHY_HOLDS);
        assert_null(why.predicates[i].refusal);
    }
    assert_int_equal(why.held_by, -1);
    assert_string_equal(why.explain.next, "its next heartbeat takes it into rollout r1 to 1.1.0");
}

static void what_needs_a_rollout_is_not_asked_without_one(void **state)
{
    (void)state;
    struct situation s = fixture_situation(&f);
    s.running = s.rollout = NULL;
    why_device(&s, &why);
    assert_string_equal(why.predicates[why.held_by].refusal, "its model has no rollout");
    bool behind = false;
    for (unsigned i = 0; i < why.count; i++) {
        const struct why_predicate *predicate = &why.predicates[i];
        assert_int_equal(predicate->answer, behind ? WHY_NOT_ASKED : (int)i == why.held_by ? WHY_REFUSES : WHY_HOLDS);
        assert_true(!behind || (!predicate->refusal && !predicate->finding.value[0]));
        behind = behind || strcmp(predicate->name, PREDICATE_ROLLOUT) == 0;
    }
    assert_true(behind);
}

static void the_first_of_several_holds_it_back_and_all_are_shown(void **state)
{
    (void)state;
    f.rollout.state = ROLLOUT_PAUSED;
    f.rollout.max_in_flight = 1;
    held_by("state", "the rollout is paused", "paused: ", 0);
    assert_int_equal(found("places")->answer, WHY_REFUSES);
    assert_string_equal(found("places")->finding.value, "1 of 1 under way");
    assert_true(found("places")->limit && !found("state")->limit);
}

/* --- the words of each row --- */

static void words_of_its_own_history(void **state)
{
    (void)state;
    fixture_enter(&f, STATE_DOWNLOADING);
    held_by("upgrade", "its upgrade is not over", "downloading in rollout r1", NOW);
    assert_string_equal(why.explain.now, "downloading since 60 s: 0 %");
    fixture_enter(&f, STATE_FAILED);
    held_by("turn", "it had its turn in this rollout", "", 0);
    fixture_enter(&f, STATE_NONE);
    f.device.clash_ms = NOW - 1000;
    held_by("clash", "two devices with this identity were seen", "", NOW - 1000 + f.policy.clash_ms);
}

static void words_of_the_rollouts_state(void **state)
{
    (void)state;
    static const struct {
        enum rollout_state state;
        const char *refusal, *value;
        int64_t next_ms;
    } rows[] = {
        {ROLLOUT_PAUSED, "the rollout is paused", "paused: operator", 0},
        {ROLLOUT_ROLLING_BACK, "the rollout is going back", "rolling_back: operator", 0},
        {ROLLOUT_AWAITING_APPROVAL, "the rollout has not begun", "awaiting_approval: operator", 0},
        {ROLLOUT_SCHEDULED, "the rollout has not begun", "scheduled: operator", NOW + 5000},
        {ROLLOUT_CANCELLED, "the rollout is over", "cancelled: operator", 0},
    };
    snprintf(f.rollout.why, sizeof f.rollout.why, "operator");
    f.rollout.start_ms = NOW + 5000;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f.rollout.state = rows[i].state;
        held_by("state", rows[i].refusal, rows[i].value, rows[i].next_ms);
    }
}

static void words_of_model_and_version(void **state)
{
    (void)state;
    fixture_beat(&f, "1.1.0", "b2", "idle");
    held_by("version", "it runs the target version", "runs 1.1.0", 0);
    fixture_beat(&f, "1.2.0", "b2", "idle");
    held_by("version", "it runs a version that is not older", "runs 1.2.0", 0);
    snprintf(f.rollout.model, sizeof f.rollout.model, "cam");
    held_by("model", "the rollout is for another model", "", 0);
}

static void words_of_target_and_stage(void **state)
{
    (void)state;
    struct plan plan = {.references = 1, .stage_count = 2, .limits.max_in_flight = 10};
    plan.stages[0] = (struct plan_stage){.kind = STAGE_PERCENT, .percent_x100 = 1};
    plan.stages[1] = (struct plan_stage){.kind = STAGE_EVERYBODY};
    f.rollout.plan = &plan;
    f.rollout.stage = 1;
    held_by("stage", "its stage has not begun", NULL, 0);
    assert_string_equal(strchr(why.predicates[why.held_by].finding.value, ';'), "; stage 1 of 2 runs");
    plan.stage_count = 1;
    held_by("stage", "no stage is for it", NULL, 0);
    plan.target.hw_revs.count = 1;
    snprintf(plan.target.hw_revs.words[0], ID_SIZE, "b9");
    held_by("target", plan_filter_refusal(&plan.target, &f.device.last), "", 0);
    f.rollout.plan = NULL;
    f.rollout.share_pct = 1;
    held_by("stage", "its place is outside the rollout's share", NULL, 0);
}

static void words_of_the_release(void **state)
{
    (void)state;
    snprintf(f.rollout.release.min_version, VERSION_SIZE, "1.0.5");
    ask();
    assert_string_equal(why.predicates[why.held_by].name, "release");
    assert_string_equal(why.predicates[why.held_by].refusal,
                        release_device_refusal(&f.rollout.release, f.device.last.hw_rev, f.device.last.version));
}

static void words_of_the_limit(void **state)
{
    (void)state;
    f.rollout.max_in_flight = 1;
    held_by("places", "as many upgrades as allowed are under way", "1 of 1 under way", ABSENT);
    assert_true(why.next_ms > NOW && why.next_ms <= NOW + 60000);   /* places come free at any time: it is looked at soon */
}

/* --- rollouts --- */

static struct why_rollout standing;
static const struct fleet_health nobody;

static void stopped_by(const char *missing, const char *name, const char *refusal, const char *value)
{
    struct why_look look = {.now_ms = NOW, .policy = &f.policy, .rollout = &f.rollout, .health = &nobody, .missing = missing};
    why_rollout(&look, &standing);
    if (!name) {
        assert_int_equal(standing.held_by, -1);
        return;
    }
    assert_in_range(standing.held_by, 0, standing.count - 1);
    const struct why_predicate *holder = &standing.findings[standing.held_by];
    assert_string_equal(holder->name, name);
    assert_string_equal(holder->refusal, refusal);
    if (value)
        assert_string_equal(holder->finding.value, value);
}

static void what_stops_a_rollout_without_stages(void **state)
{
    (void)state;
    stopped_by("", NULL, NULL, NULL);
    assert_string_equal(standing.move.why, "takes each device of its share when it speaks");
    f.rollout.max_in_flight = 2;
    f.rollout.counts.opened = f.rollout.counts.states[STATE_DOWNLOADING] = 2;
    f.rollout.waiting = 7;
    stopped_by("", "places", "as many upgrades as allowed are under way", "2 of 2 under way, 7 devices wait");
    f.policy.stopped_ms = NOW - 1000;
    stopped_by("mqtt", "stop", "all rollouts are stopped", "");
    f.policy.stopped_ms = 0;
    stopped_by("mqtt", "links", "this server is not connected to all it needs", "not connected: mqtt");
    f.rollout.state = ROLLOUT_PAUSED;
    stopped_by("", "state", rollout_state_text(ROLLOUT_PAUSED), "paused: ");
    assert_string_equal(standing.move.why, rollout_state_text(ROLLOUT_PAUSED));
    f.rollout.state = ROLLOUT_SCHEDULED;
    f.rollout.start_ms = NOW + 9000;
    stopped_by("", "state", rollout_state_text(ROLLOUT_SCHEDULED), "scheduled: ");
    assert_true(standing.next_ms == NOW + 9000);
}

static void what_a_stage_waits_for(void **state)
{
    (void)state;
    struct plan plan = {.references = 1, .stage_count = 2, .limits.max_in_flight = 10};
    plan.stages[0] = (struct plan_stage){.name = "canary", .kind = STAGE_COUNT, .count = 3, .settled_pct = 100, .soak_s = 60};
    plan.stages[1] = (struct plan_stage){.name = "all", .kind = STAGE_EVERYBODY, .settled_pct = 100};
    f.rollout.plan = &plan;
    f.rollout.stage = 1;
    f.rollout.stage_ms = NOW - 1000;
    f.rollout.staged.opened = 2;
    stopped_by("", "stage", "the next stage waits for the end of this one", "canary, 1 of 2: 2 of 3 devices taken");
    f.rollout.staged.opened = f.rollout.staged.states[STATE_SUCCEEDED] = 3;
    stopped_by("", "stage", "the next stage waits for the end of this one", "canary, 1 of 2: soaks for 59 s more");
    assert_true(standing.next_ms == NOW + 59000);
    plan.stages[0].soak_s = 0;
    stopped_by("", NULL, NULL, NULL);   /* the engine promotes it at this moment */
    assert_true(standing.move.moves && standing.move.stage == 2);
}

static void a_gate_that_is_broken_is_named(void **state)
{
    (void)state;
    struct plan plan = {.references = 1, .stage_count = 1, .limits.max_in_flight = 10};
    plan.stages[0] = (struct plan_stage){.name = "all", .kind = STAGE_EVERYBODY, .settled_pct = 100, .gate_count = 1};
    plan.stages[0].gates[0] = (struct plan_gate){.measure = GATE_FAILURE_RATE, .limit = 50000, .min_sample = 10, .confidence_pct = 95};
    f.rollout.plan = &plan;
    f.rollout.stage = 1;
    f.rollout.staged.opened = f.rollout.staged.states[STATE_FAILED] = 40;
    f.rollout.counts = f.rollout.staged;
    stopped_by("", "gates", "a gate is broken", NULL);
    assert_string_equal(standing.findings[standing.held_by].finding.value, standing.move.gates[0].text);
    assert_true(standing.move.moves && standing.move.on == ROLLOUT_EVENT_PAUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_row_is_shown_in_its_order, setup),
        cmocka_unit_test_setup(what_needs_a_rollout_is_not_asked_without_one, setup),
        cmocka_unit_test_setup(the_first_of_several_holds_it_back_and_all_are_shown, setup),
        cmocka_unit_test_setup(words_of_its_own_history, setup),
        cmocka_unit_test_setup(words_of_the_rollouts_state, setup),
        cmocka_unit_test_setup(words_of_model_and_version, setup),
        cmocka_unit_test_setup(words_of_target_and_stage, setup),
        cmocka_unit_test_setup(words_of_the_release, setup),
        cmocka_unit_test_setup(words_of_the_limit, setup),
        cmocka_unit_test_setup(what_stops_a_rollout_without_stages, setup),
        cmocka_unit_test_setup(what_a_stage_waits_for, setup),
        cmocka_unit_test_setup(a_gate_that_is_broken_is_named, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
