/* Places are uniform and independent between rollouts; ids and names are stable. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#define DEVICES 20000

static void places_are_uniform(void **state)
{
    (void)state;
    unsigned tenths[10] = {0};
    for (int i = 0; i < DEVICES; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "device-%05d", i);
        unsigned place = rollout_place("r1", id);
        assert_in_range(place, 0, 9999);
        tenths[place / 1000]++;
    }
    for (int i = 0; i < 10; i++) /* 2000 expected, standard deviation 42 */
        assert_in_range(tenths[i], 1790, 2210);
}

static void canaries_of_one_rollout_are_not_those_of_the_next(void **state)
{
    (void)state;
    unsigned first = 0, both = 0;
    for (int i = 0; i < DEVICES; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "device-%05d", i);
        bool in_first = rollout_place("r1", id) < 1000, in_second = rollout_place("r2", id) < 1000;
        first += in_first;
        both += in_first && in_second;
    }
    assert_in_range(first, 1790, 2210);
    assert_in_range(both, 130, 270); /* a tenth of a tenth */
}

/* The format of stored data: these values must never change. */
static void ids_are_pinned(void **state)
{
    (void)state;
    char id[UPGRADE_ID_SIZE], again[UPGRADE_ID_SIZE], other[UPGRADE_ID_SIZE];
    rollout_upgrade_id("r1", "d1", id);
    rollout_upgrade_id("r1", "d1", again);
    rollout_upgrade_id("r2", "d1", other);
    assert_int_equal(strlen(id), 16);
    assert_string_equal(id, again);
    assert_string_not_equal(id, other);
    assert_string_equal(id, "da0c869b1608d2de");
    assert_int_equal(rollout_place("r1", "d1"), 9044);
}

static void flight_counts_all_but_lost_and_final(void **state)
{
    (void)state;
    struct rollout rollout = {.id = "r1"};
    for (int i = 0; i < UPGRADE_STATE_COUNT; i++)
        rollout.counts.states[i] = 1;
    assert_int_equal(rollout_in_flight(&rollout), 9);
    assert_int_equal(rollout_places_taken(&rollout), 8);
    rollout.counts.states[STATE_LOST] = 1000;
    rollout.counts.states[STATE_SUCCEEDED] = 1000;
    rollout.counts.states[STATE_HELD] = 100;
    assert_int_equal(rollout_in_flight(&rollout), 108);
    assert_int_equal(rollout_places_taken(&rollout), 8);
}

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < ROLLOUT_STATE_COUNT; i++) {
        enum rollout_state read;
        assert_true(rollout_state_read(rollout_state_name((enum rollout_state)i), &read));
        assert_int_equal(read, i);
    }
    enum rollout_state untouched = ROLLOUT_PAUSED;
    assert_false(rollout_state_read("", &untouched));
    assert_int_equal(untouched, ROLLOUT_PAUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_uniform),
        cmocka_unit_test(canaries_of_one_rollout_are_not_those_of_the_next),
        cmocka_unit_test(ids_are_pinned),
        cmocka_unit_test(flight_counts_all_but_lost_and_final),
        cmocka_unit_test(names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
