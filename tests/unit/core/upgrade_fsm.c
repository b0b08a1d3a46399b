/* Properties of the table: every state that is not final has a way out, finals are left only by truth or an operator. */
#include "tests/unit/core/fixture.h"

#include <string.h>

static void finds_exactly_the_rows(void **state)
{
    (void)state;
    unsigned count, found = 0;
    const struct fsm_move *moves = fsm_moves(&count);
    for (int from = 0; from < UPGRADE_STATE_COUNT; from++)
        for (int on = 0; on < UPGRADE_EVENT_COUNT; on++)
            found += fsm_find((enum upgrade_state)from, (enum upgrade_event)on) != NULL;
    assert_int_equal(found, count);
    for (unsigned i = 0; i < count; i++)
        assert_ptr_equal(fsm_find(moves[i].from, moves[i].on), &moves[i]);
    assert_null(fsm_find(UPGRADE_STATE_COUNT, EVENT_OPEN));
    assert_null(fsm_find(STATE_NONE, UPGRADE_EVENT_COUNT));
}

static void mark(const struct fsm_move *moves, unsigned count, enum upgrade_state from, bool *reached)
{
    if (reached[from])
        return;
    reached[from] = true;
    for (unsigned i = 0; i < count; i++)
        if (moves[i].from == from)
            mark(moves, count, moves[i].to, reached);
}

static void every_state_is_reached(void **state)
{
    (void)state;
    bool reached[UPGRADE_STATE_COUNT] = {false};
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    mark(moves, count, STATE_NONE, reached);
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        assert_true(reached[i]);
}

static void every_state_can_end(void **state)
{
    (void)state;
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (int from = STATE_NONE + 1; from < UPGRADE_STATE_COUNT; from++) {
        bool reached[UPGRADE_STATE_COUNT] = {false}, ends = false;
        mark(moves, count, (enum upgrade_state)from, reached);
        for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
            ends = ends || (reached[i] && upgrade_state_is_final((enum upgrade_state)i));
        assert_true(ends);
    }
}

static void every_event_is_used(void **state)
{
    (void)state;
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (int on = EVENT_NOTHING + 1; on < UPGRADE_EVENT_COUNT; on++) {
        bool used = false;
        for (unsigned i = 0; i < count; i++)
            used = used || moves[i].on == (enum upgrade_event)on;
        assert_true(used);
    }
}

static void finals_are_left_only_by_truth_or_an_operator(void **state)
{
    (void)state;
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (unsigned i = 0; i < count; i++) {
        if (!upgrade_state_is_final(moves[i].from))
            continue;
        if (moves[i].on == EVENT_PROGRESS) {
            assert_int_equal(moves[i].to, moves[i].from);
            continue;
        }
        if (moves[i].on == EVENT_RETRY_ASKED) {
            assert_int_equal(moves[i].to, STATE_PENDING);
            assert_int_not_equal(moves[i].from, STATE_SUCCEEDED);
            continue;
        }
        assert_true(moves[i].on == EVENT_OLD_SEEN || moves[i].on == EVENT_TARGET_SEEN || moves[i].on == EVENT_ROLLBACK_ASKED);
        assert_true(moves[i].on == EVENT_TARGET_SEEN || moves[i].from == STATE_SUCCEEDED || moves[i].from == STATE_FAILED);
    }
}

static void only_heartbeats_make_it_succeed(void **state)
{
    (void)state;
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (unsigned i = 0; i < count; i++)
        if (moves[i].to == STATE_SUCCEEDED && moves[i].from != STATE_SUCCEEDED)
            assert_true(moves[i].on == EVENT_CONFIRMED && moves[i].from == STATE_VERIFYING);
}

static void steps_never_go_back(void **state)
{
    (void)state;
    static const enum upgrade_event steps[] = {EVENT_ACKNOWLEDGE, EVENT_DOWNLOAD, EVENT_INSTALL, EVENT_REBOOT};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        for (int from = STATE_DISPATCHED; from <= STATE_VERIFYING; from++) {
            const struct fsm_move *move = fsm_find((enum upgrade_state)from, steps[i]);
            assert_true(!move || move->to > move->from);
        }
}

static void effects_fit_their_states(void **state)
{
    (void)state;
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (unsigned i = 0; i < count; i++) {
        unsigned effects = moves[i].effects;
        assert_true(!(effects & FX_COMMAND) || moves[i].to == STATE_DISPATCHED);
        assert_true(!(effects & FX_ATTEMPT) || effects & FX_COMMAND);
        assert_true(!(effects & FX_ROLLBACK) || moves[i].to == STATE_ROLLING_BACK);
        assert_true(!(effects & FX_CANCEL) || moves[i].to == STATE_CANCELLED || moves[i].to == STATE_SUPERSEDED);
        assert_int_equal(!!(effects & FX_BACKOFF), moves[i].to == STATE_RETRY_WAIT && moves[i].from != STATE_RETRY_WAIT);
    }
}

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++) {
        enum upgrade_state read = STATE_NONE;
        assert_true(upgrade_state_read(upgrade_state_name((enum upgrade_state)i), &read));
        assert_int_equal(read, i);
        assert_true(strlen(upgrade_state_text((enum upgrade_state)i)) > 0);
    }
    enum upgrade_state untouched = STATE_LOST;
    assert_false(upgrade_state_read("RETRY_WAIT", &untouched));
    assert_int_equal(untouched, STATE_LOST);
    assert_string_equal(upgrade_state_name(STATE_RETRY_WAIT), "retry_wait");
    assert_string_equal(upgrade_state_name(STATE_NONE), "none");
    assert_string_equal(upgrade_event_name(EVENT_TARGET_SEEN), "target_seen");
    assert_string_equal(upgrade_event_name(EVENT_NOTHING), "nothing");
    assert_string_equal(upgrade_event_text(EVENT_OPEN), "the rollout reached the device");
}

static void places_are_held_by_all_but_lost_and_final(void **state)
{
    (void)state;
    assert_false(upgrade_state_is_in_flight(STATE_NONE));
    assert_false(upgrade_state_is_in_flight(STATE_LOST));
    assert_false(upgrade_state_is_final(STATE_NONE));
    for (int i = STATE_NONE + 1; i < UPGRADE_STATE_COUNT; i++)
        if (i != STATE_LOST)
            assert_int_not_equal(upgrade_state_is_in_flight((enum upgrade_state)i), upgrade_state_is_final((enum upgrade_state)i));
    for (int i = STATE_NONE; i < UPGRADE_STATE_COUNT; i++)
        assert_int_equal(upgrade_state_holds_place((enum upgrade_state)i), i != STATE_HELD && upgrade_state_is_in_flight((enum upgrade_state)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_exactly_the_rows),
        cmocka_unit_test(every_state_is_reached),
        cmocka_unit_test(every_state_can_end),
        cmocka_unit_test(every_event_is_used),
        cmocka_unit_test(finals_are_left_only_by_truth_or_an_operator),
        cmocka_unit_test(only_heartbeats_make_it_succeed),
        cmocka_unit_test(steps_never_go_back),
        cmocka_unit_test(effects_fit_their_states),
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(places_are_held_by_all_but_lost_and_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
