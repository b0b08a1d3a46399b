/* The honest device: what a managed and a simple one do with commands, notices, answers and time. */
#include "device_world.h"

static const struct behaviour honest = {BEHAVE_HONEST, STEP_NONE, 0};

#define OFFER "{\"schema\":1,\"rollout\":\"r1\",\"upgrade_id\":\"u1\",\"attempt\":1,\"model\":\"esp32\",\"version\":\"1.1.0\"," \
              "\"url\":\"http://127.0.0.1:1/a\",\"size\":1000,\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"delta\":false}"

static void an_update_is_reported_step_by_step(void **state)
{
    static const enum report_state wanted[] = {
        REPORT_ACKNOWLEDGED, REPORT_DOWNLOADING, REPORT_DOWNLOADING, REPORT_DOWNLOADING, REPORT_DOWNLOADING, REPORT_DOWNLOADING,
        REPORT_INSTALLING, REPORT_VERIFYING, REPORT_VERIFYING, REPORT_SUCCEEDED,
    };
    struct world world;
    char boot_before[BOOT_ID_SIZE];

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_run(&world, 100);
    assert_int_equal(world.online, 1);
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.0");
    assert_int_equal(world_last_heartbeat(&world)->kind, KIND_MANAGED);
    memcpy(boot_before, world_last_heartbeat(&world)->boot_id, BOOT_ID_SIZE);
    world_update(&world, 1);
    world_run(&world, 10000);
    assert_int_equal(world.report_count, COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_int_equal(world.reports[i].state, wanted[i]);
        assert_int_equal(world.reports[i].seq, i + 1);
        assert_int_equal(world.reports[i].attempt, 1);
        assert_string_equal(world.reports[i].upgrade_id, "u1");
    }
    assert_string_equal(world_last_report(&world)->version, "1.1.0");
    assert_string_equal(world_last_heartbeat(&world)->version, "1.1.0");
    assert_string_equal(world_last_heartbeat(&world)->status, "idle");
    assert_string_not_equal(world_last_heartbeat(&world)->boot_id, boot_before);
    assert_int_equal(world_last_heartbeat(&world)->slot, 'b');
    assert_int_equal(world.offs, 1);
    assert_int_equal(world.device.installed[0].times, 1);
    assert_true(device_is_quiet(&world.device));
    world_end(&world);
}

static void it_installs_in_its_window(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world.install_after_ms = world.now_ms + 60000;
    world_update(&world, 1);
    world_run(&world, 59000);
    assert_string_equal(phase_name(world.device.phase), "holding");
    assert_int_equal(world_last_report(&world)->state, REPORT_DOWNLOADING);
    assert_int_equal(world_last_report(&world)->progress, 100);
    world_run(&world, 10000);
    assert_string_equal(world_last_report(&world)->version, "1.1.0");
    world.install_after_ms = 0;
    world.install_before_ms = world.now_ms;
    world_command(&world, COMMAND_UPDATE, "u2", 1, "1.2.0");
    world_run(&world, 10000);
    assert_int_equal(world_last_report(&world)->state, REPORT_FAILED);
    assert_int_equal(world_last_report(&world)->error, E_BUSY);
    world_end(&world);
}

static void it_names_a_zone_of_those_it_may_have(void **state)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "UTC"};
    bool seen[COUNT_OF(zones)] = {false};
    struct world world;

    (void)state;
    for (uint32_t index = 0; index < 50; index++) {
        world_begin(&world, KIND_MANAGED, honest);
        (void)text_copy(world.plan.time_zones, sizeof world.plan.time_zones, "Europe/Berlin,America/New_York,UTC");
        world.device.index = index;
        world_run(&world, 2000);
        for (unsigned i = 0; i < COUNT_OF(zones); i++)
            seen[i] |= strcmp(world_last_heartbeat(&world)->tz, zones[i]) == 0;
        world_end(&world);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void it_is_not_ready_right_after_the_boot(void **state)
{
    struct world world;
    unsigned i = 0;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_update(&world, 1);
    world_run(&world, 10000);
    while (i < world.heartbeat_count && strcmp(world.heartbeats[i].version, "1.1.0") != 0)
        i++;
    assert_true(i + 1 < world.heartbeat_count);
    assert_string_equal(world.heartbeats[i].status, "starting");
    assert_int_equal(world.heartbeats[i].seq, 0);
    world_end(&world);
}

static void heartbeats_keep_their_interval(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_run(&world, 100000);
    assert_in_range(world.heartbeat_count, 91, 112);
    for (unsigned i = 0; i < world.heartbeat_count; i++)
        assert_int_equal(world.heartbeats[i].seq, i);
    world_end(&world);
}

static void a_repeated_command_repeats_the_last_word(void **state)
{
    struct world world;
    unsigned before;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_run(&world, 100);
    world_update(&world, 1);
    world_update(&world, 1);
    assert_int_equal(world.report_count, 2);
    assert_int_equal(world.reports[1].state, REPORT_ACKNOWLEDGED);
    assert_int_equal(world.reports[1].seq, world.reports[0].seq + 1);
    world_run(&world, 10000);
    before = world.report_count;
    world_update(&world, 1);
    world_run(&world, 10000);
    assert_int_equal(world.report_count, before + 1);
    assert_int_equal(world_last_report(&world)->state, REPORT_SUCCEEDED);
    assert_int_equal(world.device.installed[0].times, 1);
    assert_int_equal(world.device.attempts, 1);
    world_end(&world);
}

static void an_older_attempt_is_ignored_and_a_newer_one_begins_again(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world.auto_download = false;
    world_run(&world, 100);
    world_update(&world, 2);
    world_run(&world, 1000);
    assert_true(world.downloading);
    world_update(&world, 1);
    assert_true(world.downloading);
    assert_int_equal(world.device.commands_stale, 1);
    world_update(&world, 3);
    assert_false(world.downloading);
    assert_int_equal(world_last_report(&world)->attempt, 3);
    world.auto_download = true;
    world_run(&world, 10000);
    assert_string_equal(device_version(&world.device), "1.1.0");
    assert_int_equal(world.device.attempts, 2);
    world_end(&world);
}

static void cancel_stops_a_download_but_not_an_installation(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world.auto_download = false;
    world_run(&world, 100);
    world_update(&world, 1);
    world_run(&world, 1000);
    world_command(&world, COMMAND_CANCEL, "u1", 1, "1.1.0");
    assert_false(world.downloading);
    assert_int_equal(world_last_report(&world)->state, REPORT_FAILED);
    assert_int_equal(world_last_report(&world)->error, E_CANCELLED);
    world_update(&world, 2);
    world_run(&world, 500);
    world_deliver(&world);
    world_command(&world, COMMAND_CANCEL, "u1", 2, "1.1.0");
    world_run(&world, 10000);
    assert_string_equal(device_version(&world.device), "1.1.0");
    world_end(&world);
}

static void it_goes_back_when_told(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_update(&world, 1);
    world_run(&world, 10000);
    world_command(&world, COMMAND_ROLLBACK, "u1", 1, "1.0.0");
    world_run(&world, 10000);
    assert_string_equal(device_version(&world.device), "1.0.0");
    assert_int_equal(world_last_report(&world)->state, REPORT_ROLLED_BACK);
    assert_string_equal(world_last_heartbeat(&world)->version, "1.0.0");
    world_command(&world, COMMAND_ROLLBACK, "u1", 1, "0.9.0");
    assert_int_equal(world_last_report(&world)->state, REPORT_FAILED);
    assert_string_equal(device_version(&world.device), "1.0.0");
    world_end(&world);
}

static void what_comes_while_it_is_off_waits(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_MANAGED, honest);
    world_update(&world, 1);
    while (world.device.phase != PHASE_OFF)
        world_run(&world, 10);
    world_command(&world, COMMAND_UPDATE, "u2", 1, "1.2.0");
    assert_int_equal(world.device.phase, PHASE_OFF);
    world_run(&world, 20000);
    assert_string_equal(device_version(&world.device), "1.2.0");
    world_end(&world);
}

static void malformed_and_expired_commands_change_nothing(void **state)
{
    struct command late = {.kind = COMMAND_UPDATE, .upgrade_id = "u1", .attempt = 1, .version = "1.1.0", .url = "http://h/a", .size_bytes = 1,
                           .deadline_ms = 999999};
    struct world world;
    struct buffer message;

    (void)state;
    memset(late.sha256, 'a', SHA256_HEX_SIZE - 1);
    world_begin(&world, KIND_MANAGED, honest);
    world_run(&world, 100);
    device_command(&world.device, "{}", 2);
    device_command(&world.device, "\xff", 1);
    buffer_init(&message, MESSAGE_SIZE);
    command_write(&late, &message);
    device_command(&world.device, message.bytes, message.length);
    buffer_done(&message);
    world_run(&world, 5000);
    assert_int_equal(world.device.commands_bad, 2);
    assert_int_equal(world.device.commands_stale, 1);
    assert_int_equal(world.report_count, 0);
    world_end(&world);
}

static void a_simple_device_asks_within_the_spread(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_SIMPLE, honest);
    world_run(&world, 100);
    world_notice(&world, "esp32", "1.1.0", 5, 10);
    assert_int_equal(world.device.phase, PHASE_WAITING);
    assert_in_range(world.due[TIMER_STEP] - world.now_ms, 1, 10001);
    world_run(&world, 10001);
    assert_true(world.asked);
    device_answered(&world.device, 200, OFFER, strlen(OFFER), 0);
    world_run(&world, 10000);
    assert_string_equal(device_version(&world.device), "1.1.0");
    assert_int_equal(world.report_count, 0);
    assert_int_equal(world_last_heartbeat(&world)->kind, KIND_UNKNOWN);
    assert_int_equal(world.device.asks, 1);
    world_end(&world);
}

static void notices_that_are_old_foreign_or_cleared_are_ignored(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_SIMPLE, honest);
    world_run(&world, 100);
    world_notice(&world, "gateway", "1.1.0", 5, 1);
    world_notice(&world, "esp32", "1.0.0", 5, 1);
    world_run(&world, 20000);
    assert_false(world.asked);
    world_notice(&world, "esp32", "1.1.0", 5, 1); /* its epoch is not newer */
    world_run(&world, 20000);
    assert_false(world.asked);
    world_notice(&world, "esp32", "1.1.0", 6, 5);
    device_notice(&world.device, "", 0);
    world_run(&world, 20000);
    assert_false(world.asked);
    world_end(&world);
}

static void nothing_for_it_is_asked_again_later(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_SIMPLE, honest);
    world_run(&world, 100);
    world_notice(&world, "esp32", "1.1.0", 5, 0);
    world_run(&world, 10);
    assert_true(world.asked);
    world.asked = false;
    device_answered(&world.device, 304, "", 0, 0);
    world_run(&world, 900);
    assert_false(world.asked);
    world_run(&world, 2200);
    assert_true(world.asked);
    world_end(&world);
}

static void a_busy_depot_is_given_the_time_it_asks_for(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, KIND_SIMPLE, honest);
    world_run(&world, 100);
    world_notice(&world, "esp32", "1.1.0", 5, 0);
    world_run(&world, 10);
    world.asked = false;
    device_answered(&world.device, 503, "", 0, 30);
    world_run(&world, 29999);
    assert_false(world.asked);
    world_run(&world, 60002);
    assert_true(world.asked);
    device_answered(&world.device, 200, "no JSON", 7, 0);
    assert_int_equal(world.device.commands_bad, 1);
    assert_int_equal(world.device.phase, PHASE_WAITING);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_is_reported_step_by_step),
        cmocka_unit_test(it_installs_in_its_window),
        cmocka_unit_test(it_names_a_zone_of_those_it_may_have),
        cmocka_unit_test(it_is_not_ready_right_after_the_boot),
        cmocka_unit_test(heartbeats_keep_their_interval),
        cmocka_unit_test(a_repeated_command_repeats_the_last_word),
        cmocka_unit_test(an_older_attempt_is_ignored_and_a_newer_one_begins_again),
        cmocka_unit_test(cancel_stops_a_download_but_not_an_installation),
        cmocka_unit_test(it_goes_back_when_told),
        cmocka_unit_test(what_comes_while_it_is_off_waits),
        cmocka_unit_test(malformed_and_expired_commands_change_nothing),
        cmocka_unit_test(a_simple_device_asks_within_the_spread),
        cmocka_unit_test(notices_that_are_old_foreign_or_cleared_are_ignored),
        cmocka_unit_test(nothing_for_it_is_asked_again_later),
        cmocka_unit_test(a_busy_depot_is_given_the_time_it_asks_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
