/* Each behaviour does what behaviour.def says of it. */
#include "device_world.h"

#define OFFER "{\"version\":\"1.1.0\",\"url\":\"http://127.0.0.1:1/a\",\"size\":1000,\"sha256\":\"" \
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"

static void update(struct world *world, enum device_kind kind, struct behaviour behaviour)
{
    world_begin(world, kind, behaviour);
    world_run(world, 100);
    world_update(world, 1);
    world_run(world, 20000);
}

static void transient_ones_fail_so_often_at_their_step(void **state)
{
    static const struct {
        enum step step;
        enum error_code error;
    } rows[] = {{STEP_DOWNLOAD, E_DOWNLOAD_TIMEOUT}, {STEP_SHA, E_SHA256}, {STEP_INSTALL, E_INSTALL}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;

        update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_TRANSIENT, rows[i].step, 2});
        for (int64_t attempt = 1; attempt <= 2; attempt++) {
            assert_int_equal(world_last_report(&world)->state, REPORT_FAILED);
            assert_int_equal(world_last_report(&world)->error, rows[i].error);
            assert_int_equal(world_last_report(&world)->attempt, attempt);
            assert_string_equal(device_version(&world.device), "1.0.0");
            world_update(&world, attempt + 1);
            world_run(&world, 20000);
        }
        assert_int_equal(world_last_report(&world)->state, REPORT_SUCCEEDED);
        assert_int_equal(world.device.installed[0].times, 1);
        world_end(&world);
    }
}

static void permanent_ones_never_take_it(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_PERMANENT, STEP_SHA, 0});
    assert_int_equal(world_last_report(&world)->error, E_SIGNATURE);
    world_update(&world, 2);
    world_run(&world, 20000);
    assert_int_equal(world_last_report(&world)->error, E_SIGNATURE);
    world_end(&world);
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_PERMANENT, STEP_ACKNOWLEDGE, 0});
    assert_int_equal(world.report_count, 1);
    assert_int_equal(world_last_report(&world)->error, E_INCOMPATIBLE);
    assert_string_equal(device_version(&world.device), "1.0.0");
    world_end(&world);
}

static void rejecting_and_busy_ones_say_so(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_REJECT, STEP_NONE, 0});
    assert_int_equal(world_last_report(&world)->state, REPORT_REJECTED);
    world_end(&world);
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_BUSY, STEP_NONE, 1});
    assert_int_equal(world_last_report(&world)->error, E_BUSY);
    world_update(&world, 2);
    world_run(&world, 20000);
    assert_int_equal(world_last_report(&world)->state, REPORT_SUCCEEDED);
    world_end(&world);
}

static void silent_ones_die_at_their_step_and_may_return(void **state)
{
    static const struct {
        enum step step;
        const char *version;
    } rows[] = {
        {STEP_ACKNOWLEDGE, "1.0.0"}, {STEP_DOWNLOAD, "1.0.0"}, {STEP_SHA, "1.0.0"}, {STEP_INSTALL, "1.0.0"}, {STEP_REBOOT, "1.1.0"}, {STEP_VERIFY, "1.1.0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        unsigned heartbeats;

        update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_SILENT, rows[i].step, 0});
        assert_int_equal(world.device.phase, PHASE_DEAD);
        assert_int_equal(world.online, 0);
        assert_false(world.downloading);
        assert_string_equal(device_version(&world.device), rows[i].version);
        heartbeats = world.heartbeat_count;
        world_run(&world, 1000000);
        assert_int_equal(world.heartbeat_count, heartbeats);
        assert_true(device_is_quiet(&world.device));
        world_end(&world);

        update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_SILENT, rows[i].step, 60});
        assert_false(device_is_quiet(&world.device));
        world_run(&world, 60000);
        assert_int_equal(world.online, 1);
        assert_string_equal(world_last_heartbeat(&world)->version, rows[i].version);
        world_update(&world, 1); /* the command it died on comes again */
        world_run(&world, 20000);
        assert_string_equal(device_version(&world.device), "1.1.0");
        assert_int_equal(world.device.deaths, 1);
        world_end(&world);
    }
}

static void liars_claim_what_they_do_not_run(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_LIAR, STEP_NONE, 0});
    assert_int_equal(world_last_report(&world)->state, REPORT_SUCCEEDED);
    assert_string_equal(world_last_report(&world)->version, "1.1.0");
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.0");
    assert_int_equal(world.device.version_count, 0);
    world_end(&world);
}

static void fallbacks_come_back_without_a_word(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_FALLBACK, STEP_NONE, 0});
    assert_int_equal(world_last_report(&world)->state, REPORT_VERIFYING);
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.0");
    assert_int_equal(world_last_heartbeat(&world)->slot, 'a');
    assert_int_equal(world.device.boots, 2);
    for (unsigned i = 0; i < world.heartbeat_count; i++)
        assert_string_equal(world.heartbeats[i].version, "1.0.0");
    world_end(&world);
}

static void boot_loops_end_when_told_or_by_themselves(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, (struct behaviour){BEHAVE_BOOT_LOOP, STEP_NONE, 50});
    world_run(&world, 100);
    world_update(&world, 1);
    world_run(&world, 10000);
    assert_true(world.device.boots > 4);
    assert_string_equal(device_version(&world.device), "1.1.0");
    while (world.device.phase != PHASE_STARTING)
        world_run(&world, 10);
    world_command(&world, COMMAND_ROLLBACK, "u1", 1, "1.0.0");
    world_run(&world, 10000);
    assert_string_equal(device_version(&world.device), "1.0.0");
    assert_int_equal(world_last_report(&world)->state, REPORT_ROLLED_BACK);
    world_end(&world);

    world_begin(&world, KIND_MANAGED, (struct behaviour){BEHAVE_BOOT_LOOP, STEP_NONE, 3});
    world_update(&world, 1);
    world_run(&world, 30000);
    assert_string_equal(device_version(&world.device), "1.0.0");
    assert_int_equal(world.device.boots, 5); /* the first, three on the new version, one back */
    world_end(&world);
}

static void unhealthy_ones_stay_so_until_told(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_UNHEALTHY, STEP_NONE, 3});
    assert_string_equal(world_last_heartbeat(&world)->status, "unhealthy");
    assert_string_equal(world_last_heartbeat(&world)->version, "1.1.0");
    assert_int_equal(world_last_report(&world)->state, REPORT_VERIFYING);
    world_command(&world, COMMAND_ROLLBACK, "u1", 1, "1.0.0");
    world_run(&world, 10000);
    assert_string_equal(world_last_heartbeat(&world)->status, "idle");
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.0");
    world_end(&world);
}

static void the_fault_may_be_one_releases(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, (struct behaviour){BEHAVE_UNHEALTHY, STEP_NONE, 3});
    (void)text_copy(world.plan.faulty_version, sizeof world.plan.faulty_version, "1.1.0");
    world_command(&world, COMMAND_UPDATE, "u1", 1, "1.0.1");
    world_run(&world, 10000);
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.1");
    assert_string_equal(world_last_heartbeat(&world)->status, "idle");
    world_command(&world, COMMAND_UPDATE, "u2", 1, "1.1.0");
    world_run(&world, 10000);
    assert_string_equal(world_last_heartbeat(&world)->status, "unhealthy");
    world_command(&world, COMMAND_ROLLBACK, "u2", 1, "1.0.1");
    world_run(&world, 10000);
    world_command(&world, COMMAND_UPDATE, "u3", 1, "1.2.0");
    world_run(&world, 10000);
    assert_string_equal(world_last_heartbeat(&world)->version, "1.2.0");
    assert_string_equal(world_last_heartbeat(&world)->status, "idle");
    assert_int_equal(world.device.given.kind, BEHAVE_UNHEALTHY);
    world_end(&world);
}

static void a_simple_one_goes_back_by_itself_and_does_not_ask_again(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_SIMPLE, (struct behaviour){BEHAVE_UNHEALTHY, STEP_NONE, 3});
    world_run(&world, 100);
    world_notice(&world, "esp32", "1.1.0", 5, 0);
    world_run(&world, 10);
    device_answered(&world.device, 200, OFFER, strlen(OFFER), 0);
    world_run(&world, 20000);
    assert_string_equal(device_version(&world.device), "1.0.0");
    assert_int_equal(world.device.asks, 1);
    assert_int_equal(world.device.rollbacks, 1);
    world_end(&world);
}

static void duplicates_say_everything_twice(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_DUPLICATES, STEP_NONE, 0});
    assert_int_equal(world.report_count, 20);
    for (unsigned i = 0; i < world.report_count; i += 2)
        assert_memory_equal(&world.reports[i], &world.reports[i + 1], sizeof(struct report));
    assert_int_equal(world.heartbeats[2].seq, world.heartbeats[3].seq);
    world_end(&world);
}

static void reordered_messages_all_arrive(void **state)
{
    struct world world;
    unsigned swaps = 0;
    uint64_t seen = 0;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_REORDER, STEP_NONE, 0});
    assert_int_equal(world.report_count, 10);
    for (unsigned i = 0; i < world.report_count; i++) {
        seen |= UINT64_C(1) << world.reports[i].seq;
        swaps += i > 0 && world.reports[i].seq < world.reports[i - 1].seq;
    }
    assert_int_equal(seen, 0x7fe); /* 1 to 10, each once */
    assert_true(swaps > 0);
    world_end(&world);
}

static void garbage_comes_between_good_messages(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, (struct behaviour){BEHAVE_GARBAGE, STEP_NONE, 0});
    world_run(&world, 200000);
    assert_in_range(world.unreadable, 20, 80);
    assert_in_range(world.heartbeat_count, 180, 225);
    world_end(&world);
}

static void flaky_ones_have_their_downloads_cut(void **state)
{
    struct world world;

    (void)state;
    update(&world, KIND_MANAGED, (struct behaviour){BEHAVE_FLAKY, STEP_NONE, 3});
    assert_int_equal(world.cuts, 3);
    assert_int_equal(world_last_report(&world)->state, REPORT_SUCCEEDED);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transient_ones_fail_so_often_at_their_step),
        cmocka_unit_test(permanent_ones_never_take_it),
        cmocka_unit_test(rejecting_and_busy_ones_say_so),
        cmocka_unit_test(silent_ones_die_at_their_step_and_may_return),
        cmocka_unit_test(liars_claim_what_they_do_not_run),
        cmocka_unit_test(fallbacks_come_back_without_a_word),
        cmocka_unit_test(boot_loops_end_when_told_or_by_themselves),
        cmocka_unit_test(unhealthy_ones_stay_so_until_told),
        cmocka_unit_test(the_fault_may_be_one_releases),
        cmocka_unit_test(a_simple_one_goes_back_by_itself_and_does_not_ask_again),
        cmocka_unit_test(duplicates_say_everything_twice),
        cmocka_unit_test(reordered_messages_all_arrive),
        cmocka_unit_test(garbage_comes_between_good_messages),
        cmocka_unit_test(flaky_ones_have_their_downloads_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
