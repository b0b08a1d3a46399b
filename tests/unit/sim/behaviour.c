/* The short form of behaviours, and which steps fit which. */
#include "check.h"

#include "sim/behaviour.h"

static void behaviours_are_read(void **state)
{
    static const struct {
        const char *text;
        struct behaviour behaviour;
    } rows[] = {
        {"honest", {BEHAVE_HONEST, STEP_NONE, 0}},
        {"transient", {BEHAVE_TRANSIENT, STEP_NONE, 1}},
        {"transient:any:2", {BEHAVE_TRANSIENT, STEP_NONE, 2}},
        {"transient:sha", {BEHAVE_TRANSIENT, STEP_SHA, 1}},
        {"silent:verify:20", {BEHAVE_SILENT, STEP_VERIFY, 20}},
        {"permanent:acknowledge", {BEHAVE_PERMANENT, STEP_ACKNOWLEDGE, 0}},
        {"boot_loop::5", {BEHAVE_BOOT_LOOP, STEP_NONE, 5}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct behaviour behaviour;
        struct problem problem;

        CHECK_ROW(behaviour_read(rows[i].text, strlen(rows[i].text), &behaviour, &problem) == DROVER_OK, rows[i].text);
        CHECK_ROW(behaviour.kind == rows[i].behaviour.kind && behaviour.step == rows[i].behaviour.step &&
                  behaviour.number == rows[i].behaviour.number, rows[i].text);
    }
}

static void what_is_no_behaviour_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
    } rows[] = {
        {"", DROVER_UNKNOWN}, {"hones", DROVER_UNKNOWN}, {"honest:sha", DROVER_UNKNOWN}, {"transient:reboot", DROVER_UNKNOWN},
        {"honest::1", DROVER_RANGE}, {"transient:sha:x", DROVER_RANGE}, {"transient:sha:-1", DROVER_RANGE}, {"silent:any:", DROVER_RANGE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct behaviour behaviour;
        struct problem problem;

        CHECK_PROBLEM(behaviour_read(rows[i].text, strlen(rows[i].text), &behaviour, &problem), problem, rows[i].error, "behaviour", rows[i].text);
    }
}

static void drawn_steps_fit_the_device(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < BEHAVIOUR_COUNT; kind++)
        for (uint64_t random = 0; random < 50; random++) {
            enum step managed = behaviour_draw_step(kind, KIND_MANAGED, random), simple = behaviour_draw_step(kind, KIND_SIMPLE, random);

            assert_true(managed == STEP_NONE || behaviour_has_step(kind, KIND_MANAGED, managed));
            assert_true(simple == STEP_NONE || behaviour_has_step(kind, KIND_SIMPLE, simple));
            assert_true(!behaviour_fits_simple(kind) || simple != STEP_ACKNOWLEDGE);
        }
    assert_int_equal(behaviour_draw_step(BEHAVE_HONEST, KIND_MANAGED, 7), STEP_NONE);
}

static void the_end_depends_on_kind_and_return(void **state)
{
    const struct behaviour dead = {BEHAVE_SILENT, STEP_DOWNLOAD, 0}, back = {BEHAVE_SILENT, STEP_DOWNLOAD, 5};
    const struct behaviour written = {BEHAVE_SILENT, STEP_INSTALL, 5};

    (void)state;
    assert_string_equal(behaviour_expect(&dead, KIND_MANAGED), "lost");
    assert_string_equal(behaviour_expect(&back, KIND_MANAGED), "succeeded");
    assert_string_equal(behaviour_expect(&written, KIND_MANAGED), "rolled_back");
    assert_string_equal(behaviour_expect(&(struct behaviour){BEHAVE_UNHEALTHY, STEP_NONE, 6}, KIND_SIMPLE), "rolled_back");
    assert_string_equal(behaviour_expect(&(struct behaviour){BEHAVE_REJECT, STEP_NONE, 0}, KIND_MANAGED), "rejected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaviours_are_read),
        cmocka_unit_test(what_is_no_behaviour_is_refused),
        cmocka_unit_test(drawn_steps_fit_the_device),
        cmocka_unit_test(the_end_depends_on_kind_and_return),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
