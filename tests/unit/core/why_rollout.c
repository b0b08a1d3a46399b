/* "Why does this rollout not move?": what stops it, or what its stage waits for. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/why.h"

static struct fixture f;
static struct why_rollout standing;
static const struct fleet_health nobody;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_NONE);
    return 0;
}

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

/* One stage with one gate, and so many devices that failed in it. */
static void one_gate(struct plan *plan, int64_t failed)
{
    *plan = (struct plan){.references = 1, .stage_count = 1, .limits.max_in_flight = 10};
    plan->stages[0] = (struct plan_stage){.name = "all", .kind = STAGE_EVERYBODY, .settled_pct = 100, .gate_count = 1};
    plan->stages[0].gates[0] = (struct plan_gate){.measure = GATE_FAILURE_RATE, .limit = 50000, .min_sample = 10, .confidence_pct = 95};
    f.rollout.plan = plan;
    f.rollout.stage = 1;
    f.rollout.staged.opened = f.rollout.staged.states[STATE_FAILED] = failed;
    f.rollout.counts = f.rollout.staged;
}

static void a_gate_that_is_broken_is_named(void **state)
{
    (void)state;
    struct plan plan;
    one_gate(&plan, 40);
    stopped_by("", "gates", "a gate is broken", NULL);
    assert_string_equal(standing.findings[standing.held_by].finding.value, standing.move.gates[0].text);
    assert_true(standing.move.moves && standing.move.on == ROLLOUT_EVENT_PAUSE);
}

/* Neither the gate that broke nor the release that is left holds up who goes back. */
static void going_back_is_not_held_back_by_what_made_it_go(void **state)
{
    (void)state;
    struct plan plan;
    one_gate(&plan, 40);
    f.rollout.release.expires_ms = NOW - 1;
    f.rollout.state = ROLLOUT_ROLLING_BACK;
    stopped_by("", NULL, NULL, NULL);
    f.rollout.state = ROLLOUT_ROLLBACK_PAUSED;
    stopped_by("", "state", rollout_state_text(ROLLOUT_ROLLBACK_PAUSED), NULL);
}

/* A completed rollout has no end of a stage that a doubt could hold back. */
static void a_doubt_holds_up_a_stage_alone(void **state)
{
    (void)state;
    struct plan plan;
    one_gate(&plan, 3);
    stopped_by("", "gates", "a gate is in doubt", NULL);
    f.rollout.state = ROLLOUT_COMPLETED;
    stopped_by("", NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_stops_a_rollout_without_stages, setup),
        cmocka_unit_test_setup(what_a_stage_waits_for, setup),
        cmocka_unit_test_setup(a_gate_that_is_broken_is_named, setup),
        cmocka_unit_test_setup(going_back_is_not_held_back_by_what_made_it_go, setup),
        cmocka_unit_test_setup(a_doubt_holds_up_a_stage_alone, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
