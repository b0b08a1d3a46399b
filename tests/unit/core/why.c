/* "Why is this device not updating?": every predicate in its order, the one that holds it back, in words. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/why.h"

static struct fixture f;
static struct why_device why;
static const struct pace *pace;            /* of the depot, NULL: it has room */
static const struct look_known *known;     /* read of the store, NULL: nothing */
static bool has_held[WHY_PREDICATES_MAX];  /* rows that were the one that holds a device back, in any test so far */

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_NONE);
    pace = NULL;
    known = NULL;
    return 0;
}

/* A plan with one stage for everybody. */
static void use_plan(struct plan *plan)
{
    plan->references = 1;
    plan->stage_count = 1;
    plan->limits.max_in_flight = 10;
    plan->stages[0] = (struct plan_stage){.name = "all", .kind = STAGE_EVERYBODY};
    f.rollout.plan = plan;
    f.rollout.stage = 1;
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
    s.pace = pace;
    s.known = known;
    why_device(&s, &why);
    if (why.held_by >= 0)
        has_held[why.held_by] = true;
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
    has_held[why.held_by] = true;
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

static void words_of_what_operators_hold_against_it(void **state)
{
    (void)state;
    f.policy.stopped_ms = NOW - 1000;
    held_by("stop", "all rollouts are stopped", "", 0);
    f.policy.stopped_ms = 0;
    snprintf(f.device.excluded, sizeof f.device.excluded, "r1");
    held_by("excluded", "it was excluded from this rollout", "", 0);
    snprintf(f.device.excluded, sizeof f.device.excluded, "r2");   /* later, from another one */
    ask();
    assert_int_equal(why.held_by, -1);
    known = &(struct look_known){.site_in_flight = ABSENT, .excluded = true};
    held_by("excluded", "it was excluded from this rollout", "", 0);
    known = NULL;
    snprintf(f.device.quarantine, sizeof f.device.quarantine, "1.1.0");
    f.device.quarantine_ms = NOW + 5000;
    held_by("quarantine", "it is in quarantine for this release", "kept from 1.1.0 for a time", NOW + 5000);
    f.device.quarantine_ms = 0;
    held_by("quarantine", "it is in quarantine for this release", "kept from 1.1.0 until somebody lifts it", 0);
}

static void words_of_a_stepping_stone(void **state)
{
    (void)state;
    struct plan plan = {.step_count = 1, .steps = {"1.0.5"}};
    use_plan(&plan);
    held_by("step", "a stepping stone on its way cannot be given", "via 1.0.5: its stepping stone has no release", 0);
    f.rollout.stones = stones_new(1);
    f.rollout.stones->releases[0] = f.rollout.release;
    snprintf(f.rollout.stones->releases[0].version, VERSION_SIZE, "1.0.5");
    ask();
    assert_int_equal(why.held_by, -1);
    assert_string_equal(found("step")->finding.value, "via 1.0.5 (1 of 1 stones)");
    snprintf(f.rollout.stones->releases[0].min_version, VERSION_SIZE, "1.0.1");
    held_by("step", "a stepping stone on its way cannot be given", "via 1.0.5: it runs a version from which the release cannot be reached", 0);
    f.rollout.stones->releases[0].min_version[0] = '\0';
    snprintf(f.rollout.stones->releases[0].refused, sizeof f.rollout.release.refused, "E_SIGNATURE");
    held_by("step", "a stepping stone on its way cannot be given", "via 1.0.5: its release does not verify any more", 0);
    stones_drop(f.rollout.stones);
    f.rollout.stones = NULL;
}

static void words_of_conditions_and_windows(void **state)
{
    (void)state;
    struct plan plan = {.conditions.min_battery_pct = 50};
    use_plan(&plan);
    f.device.last.battery_pct = 20;
    held_by("conditions", "its battery is too low", "idle, battery 20 %, network unknown", 0);
    f.device.last.battery_pct = 80;
    plan.windows = (struct plan_windows){.time_zone = "UTC", .count = 1, .windows = {{.days = 0x7f, .from_min = 120, .to_min = 300}}};
    held_by("window", "its maintenance window is not open", "Tuesday 22:13 where it is (UTC)", ABSENT);
    int64_t opens_ms = why.next_ms - (NOW - NOW % 86400000 + 86400000 + 120 * 60000);   /* after 02:00 of the next day */
    assert_in_range(opens_ms, 0, 180 * 60000 / 4);
}

static void words_of_the_plans_limits(void **state)
{
    (void)state;
    struct plan plan = {.limits.bytes_in_flight = 1};
    use_plan(&plan);
    f.rollout.counts.opened = f.rollout.counts.states[STATE_DOWNLOADING] = 1;
    held_by("bytes", "as many bytes as allowed are being downloaded", "1000000 of 1 bytes told", NOW + 1000);
    plan.limits.bytes_in_flight = 0;
    plan.limits.per_minute = 6;
    f.rollout.paced_ms = NOW + 30000;
    held_by("per_minute", "as many a minute as allowed were told", "6 a minute", NOW + 30000);
    plan.limits.per_minute = 0;
    f.rollout.waiting = 3;
    held_by("line", "others wait for a place before it", "3 wait; its weight is 30", NOW + 1000);
}

/* How many are under way at a site is in the store alone; without its word the row does not guess. */
static void words_of_the_site(void **state)
{
    (void)state;
    struct plan plan = {.limits = {.per_site = 2, .site_tag = "site-"}};
    use_plan(&plan);
    plan.limits.max_in_flight = 10;
    snprintf(f.device.last.tags, sizeof f.device.last.tags, "red,site-north");
    ask();
    assert_int_equal(why.held_by, -1);
    assert_string_equal(found("site")->finding.value, "site-north: up to 2 at a time");
    known = &(struct look_known){.site_in_flight = 1};
    ask();
    assert_int_equal(why.held_by, -1);
    assert_string_equal(found("site")->finding.value, "site-north: 1 of 2 under way");
    known = &(struct look_known){.site_in_flight = 2};
    held_by("site", "as many upgrades as allowed are under way at its site", "site-north: 2 of 2 under way", NOW + 1000);
    assert_true(found("site")->limit);
}

static void words_of_the_depot(void **state)
{
    (void)state;
    pace = &(struct pace){.depot = {.places = 2, .used = 2}};
    held_by("depot", pace_refusal, "2 of 2 places", NOW + 1000);
}

/* The last of those above: a new row needs a test in which it is the one that holds the device back. */
static void every_row_has_held_a_device_back(void **state)
{
    (void)state;
    unsigned count;
    const struct predicate *rows = predicates(&count);
    for (unsigned i = 0; i < count; i++)
        if (!has_held[i])
            fail_msg("in no test a device was held back by `%s`", rows[i].name);
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
        cmocka_unit_test_setup(words_of_what_operators_hold_against_it, setup),
        cmocka_unit_test_setup(words_of_a_stepping_stone, setup),
        cmocka_unit_test_setup(words_of_conditions_and_windows, setup),
        cmocka_unit_test_setup(words_of_the_plans_limits, setup),
        cmocka_unit_test_setup(words_of_the_site, setup),
        cmocka_unit_test_setup(words_of_the_depot, setup),
        cmocka_unit_test(every_row_has_held_a_device_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
