/* The rollout's table of moves: what it must allow, what it must refuse, and that its parts agree with each other. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/rollout_fsm.h"

static bool leads(enum rollout_state from, enum rollout_event on, enum rollout_state to)
{
    enum rollout_state found;
    return rollout_move_find(from, on, &found) && found == to;
}

static bool refused(enum rollout_state from, enum rollout_event on)
{
    enum rollout_state found = ROLLOUT_RUNNING;
    return !rollout_move_find(from, on, &found) && found == ROLLOUT_RUNNING;
}

static void nothing_leaves_an_end(void **state)
{
    (void)state;
    for (int from = 0; from < ROLLOUT_STATE_COUNT; from++)
        for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
            if (rollout_state_is_ended((enum rollout_state)from))
                assert_true(refused((enum rollout_state)from, (enum rollout_event)on));
}

static void every_state_is_reached_and_can_end(void **state)
{
    (void)state;
    for (int to = 0; to < ROLLOUT_STATE_COUNT; to++) {
        bool reached = to == ROLLOUT_RUNNING || to == ROLLOUT_AWAITING_APPROVAL || to == ROLLOUT_SCHEDULED; /* where one begins */
        for (int from = 0; from < ROLLOUT_STATE_COUNT; from++)
            for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
                reached = reached || leads((enum rollout_state)from, (enum rollout_event)on, (enum rollout_state)to);
        assert_true(reached);
        if (!rollout_state_is_ended((enum rollout_state)to))
            assert_true(leads((enum rollout_state)to, ROLLOUT_EVENT_CANCEL, ROLLOUT_CANCELLED));
    }
}

static void whoever_holds_the_place_can_be_overtaken(void **state)
{
    (void)state;
    for (int from = 0; from < ROLLOUT_STATE_COUNT; from++)
        assert_int_equal(leads((enum rollout_state)from, ROLLOUT_EVENT_SUPERSEDE, ROLLOUT_SUPERSEDED), rollout_state_is_open((enum rollout_state)from));
}

static void an_edit_changes_no_state(void **state)
{
    static const enum rollout_state editable[] = {ROLLOUT_AWAITING_APPROVAL, ROLLOUT_SCHEDULED, ROLLOUT_RUNNING, ROLLOUT_PAUSED, ROLLOUT_COMPLETED};
    (void)state;
    unsigned found = 0;
    for (int from = 0; from < ROLLOUT_STATE_COUNT; from++)
        found += leads((enum rollout_state)from, ROLLOUT_EVENT_EDIT, (enum rollout_state)from);
    for (size_t i = 0; i < sizeof editable / sizeof editable[0]; i++)
        assert_true(leads(editable[i], ROLLOUT_EVENT_EDIT, editable[i]));
    assert_int_equal(found, sizeof editable / sizeof editable[0]);
    assert_true(refused(ROLLOUT_ROLLING_BACK, ROLLOUT_EVENT_EDIT));
}

static void what_matters_most(void **state)
{
    (void)state;
    assert_true(leads(ROLLOUT_PAUSED, ROLLOUT_EVENT_RESUME, ROLLOUT_RUNNING));
    assert_true(leads(ROLLOUT_ROLLBACK_PAUSED, ROLLOUT_EVENT_RESUME, ROLLOUT_ROLLING_BACK));
    assert_true(leads(ROLLOUT_ROLLING_BACK, ROLLOUT_EVENT_PAUSE, ROLLOUT_ROLLBACK_PAUSED));
    assert_true(leads(ROLLOUT_RUNNING, ROLLOUT_EVENT_ROLL_BACK, ROLLOUT_ROLLING_BACK));
    assert_true(leads(ROLLOUT_ROLLING_BACK, ROLLOUT_EVENT_BACK, ROLLOUT_ROLLED_BACK));
    assert_true(refused(ROLLOUT_AWAITING_APPROVAL, ROLLOUT_EVENT_START));    /* four eyes */
    assert_true(refused(ROLLOUT_AWAITING_APPROVAL, ROLLOUT_EVENT_PROMOTE));
    assert_true(refused(ROLLOUT_ROLLING_BACK, ROLLOUT_EVENT_PROMOTE));
    assert_true(refused(ROLLOUT_ROLLING_BACK, ROLLOUT_EVENT_RESUME));
    assert_true(refused(ROLLOUT_COMPLETED, ROLLOUT_EVENT_PROMOTE));
}

static void who_may_move(void **state)
{
    (void)state;
    assert_false(rollout_event_is_operators(ROLLOUT_EVENT_COMPLETE));
    assert_false(rollout_event_is_operators(ROLLOUT_EVENT_BACK));
    assert_true(rollout_event_is_operators(ROLLOUT_EVENT_APPROVE));
    assert_true(rollout_event_is_operators(ROLLOUT_EVENT_ROLL_BACK));
    assert_true(rollout_state_takes(ROLLOUT_COMPLETED));
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++)
        assert_false(rollout_state_is_open((enum rollout_state)i) && rollout_state_is_ended((enum rollout_state)i));
}

/* What the store's script is given must be what the table says, whatever rows are added. */
static void sources_are_those_of_the_table(void **state)
{
    (void)state;
    for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
        for (int to = 0; to < ROLLOUT_STATE_COUNT; to++) {
            char sources[128], framed[140], wanted[40];
            rollout_event_sources((enum rollout_event)on, (enum rollout_state)to, sources, sizeof sources);
            assert_true(strlen(sources) + 1 < sizeof sources);
            snprintf(framed, sizeof framed, ",%s,", sources);
            for (int from = 0; from < ROLLOUT_STATE_COUNT; from++) {
                snprintf(wanted, sizeof wanted, ",%s,", rollout_state_name((enum rollout_state)from));
                assert_int_equal(strstr(framed, wanted) != NULL, leads((enum rollout_state)from, (enum rollout_event)on, (enum rollout_state)to));
            }
        }
    char sources[128];
    rollout_event_sources(ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED, sources, sizeof sources);
    assert_string_equal(sources, "running,completed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_an_end),
        cmocka_unit_test(every_state_is_reached_and_can_end),
        cmocka_unit_test(whoever_holds_the_place_can_be_overtaken),
        cmocka_unit_test(an_edit_changes_no_state),
        cmocka_unit_test(what_matters_most),
        cmocka_unit_test(who_may_move),
        cmocka_unit_test(sources_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
