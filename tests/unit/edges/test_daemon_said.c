/* The book of what the engine said: what is written again and when, and when a refused move is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "orchestrator/edges/chores_said.h"

#define NOW INT64_C(1700000000000)

static struct said_book book;
static struct plan plan = {.references = 1, .stage_count = 1};

static struct rollout rollout_of(const char *id, enum rollout_state state)
{
    struct rollout rollout = {.state = state, .plan = &plan, .stage = 1};
    snprintf(rollout.id, sizeof rollout.id, "%s", id);
    return rollout;
}

static struct engine_move said_of(const char *why, enum gate_state gate)
{
    struct engine_move move = {.stage = 1, .gate_count = 1};
    snprintf(move.why, sizeof move.why, "%s", why);
    move.gates[0].state = gate;
    snprintf(move.gates[0].text, sizeof move.gates[0].text, "%s", gate_state_name(gate));
    return move;
}

static int observe_one(void **state)
{
    struct rollout rollout = rollout_of("r1", ROLLOUT_RUNNING);
    (void)state;
    book = (struct said_book){.count = 0};
    said_observe(&book, &rollout, 1);
    return 0;
}

static void words_every_5_s_verdicts_at_once(void **state)
{
    struct engine_move first = said_of("soaks for 9 s more", GATE_OPEN), later = said_of("soaks for 8 s more", GATE_OPEN), held = said_of("soaks for 8 s more", GATE_HELD);
    (void)state;
    assert_true(said_is_news(&book, "r1", &first, NOW));
    assert_false(said_is_news(&book, "r1", &first, NOW + 1000));
    assert_false(said_is_news(&book, "r1", &later, NOW + SAID_EVERY_MS - 1));
    assert_true(said_is_news(&book, "r1", &later, NOW + SAID_EVERY_MS));
    assert_true(said_is_news(&book, "r1", &held, NOW + SAID_EVERY_MS + 1));
    assert_false(said_is_news(&book, "r1", &held, NOW + SAID_EVERY_MS + 2));
    held.stage = 2;
    assert_true(said_is_news(&book, "r1", &held, NOW + SAID_EVERY_MS + 3));
    held.gates[0].state = GATE_OPEN;
    assert_true(said_is_news(&book, "r1", &held, NOW + SAID_EVERY_MS + 4));
    held.gates[0].doubt = true;
    assert_true(said_is_news(&book, "r1", &held, NOW + SAID_EVERY_MS + 5));
}

static void the_same_words_once_a_minute(void **state)
{
    struct engine_move move = said_of("waits for an operator", GATE_HELD);
    (void)state;
    assert_true(said_is_news(&book, "r1", &move, NOW));
    assert_false(said_is_news(&book, "r1", &move, NOW + SAID_ANYWAY_MS - 1));
    assert_true(said_is_news(&book, "r1", &move, NOW + SAID_ANYWAY_MS));
    assert_true(said_is_news(&book, "r1", &move, NOW));   /* a clock that went back must not silence it */
}

static void a_refused_move_waits(void **state)
{
    (void)state;
    assert_true(said_may_try(&book, "r1", NOW));
    said_refused(&book, "r1", NOW);
    assert_false(said_may_try(&book, "r1", NOW + SAID_AGAIN_MS - 1));
    assert_true(said_may_try(&book, "r1", NOW + SAID_AGAIN_MS));
    said_moved(&book, "r1");
    assert_true(said_may_try(&book, "r1", NOW + 1));
}

static void who_is_in_the_book(void **state)
{
    struct rollout rollouts[] = {rollout_of("r2", ROLLOUT_SCHEDULED), rollout_of("r1", ROLLOUT_PAUSED), rollout_of("r3", ROLLOUT_CANCELLED), rollout_of("r4", ROLLOUT_RUNNING)};
    struct engine_move move = said_of("", GATE_OPEN);
    (void)state;
    rollouts[3].plan = NULL;
    said_refused(&book, "r1", NOW);
    said_observe(&book, rollouts, 4);
    assert_int_equal(book.count, 2);   /* the ended one and the flat one are not looked at */
    assert_false(said_may_try(&book, "r1", NOW + 1));
    assert_true(said_may_try(&book, "r2", NOW + 1));
    assert_true(said_is_news(&book, "r9", &move, NOW) && said_is_news(&book, "r9", &move, NOW));
    said_observe(&book, rollouts, 1);
    assert_int_equal(book.count, 1);
    assert_true(said_may_try(&book, "r1", NOW + 1));
}

static void no_more_than_there_is_room(void **state)
{
    static struct rollout many[SAID_MAX + 10];
    (void)state;
    for (size_t i = 0; i < SAID_MAX + 10; i++) {
        many[i] = rollout_of("", ROLLOUT_RUNNING);
        snprintf(many[i].id, sizeof many[i].id, "r%zu", i);
    }
    said_observe(&book, many, SAID_MAX + 10);
    assert_int_equal(book.count, SAID_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_every_5_s_verdicts_at_once, observe_one),
        cmocka_unit_test_setup(the_same_words_once_a_minute, observe_one),
        cmocka_unit_test_setup(a_refused_move_waits, observe_one),
        cmocka_unit_test_setup(who_is_in_the_book, observe_one),
        cmocka_unit_test_setup(no_more_than_there_is_room, observe_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
