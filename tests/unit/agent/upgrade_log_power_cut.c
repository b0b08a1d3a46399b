/* The log, with the power going at every change of the disk while a device goes through an upgrade: what was promised is there, nothing newer than
 * the step that was being written, nothing torn; and the next step can be written. */
#include <unistd.h>

#include "agent/upgrade_log.h"
#include "tests/fault/power_cut.h"
#include "tests/unit/common/check.h"

#define STEPS 8

static struct upgrade_record record_of(int64_t step)
{
    struct upgrade_record record = {
        .state = (enum agent_state)(step % AGENT_STATE_COUNT),
        .command = {.kind = COMMAND_ROLLBACK, .upgrade_id = "u-1", .attempt = 1, .version = "1.1.0"},
        .report_seq = step,
        .boot_id = "boot-1",
    };

    memset(record.why, 'w', (size_t)(10 * step)); /* each step has a length of its own */
    return record;
}

static struct device_memory memory_of(int64_t step)
{
    return (struct device_memory){.release_counter = step / 2, .floor_ms = 1000 + step / 3, .notice_epoch = step};
}

static int story(const char *root)
{
    struct upgrade_record record;
    struct device_memory memory;
    struct problem problem;
    struct upgrade_log *log = NULL;
    char folder[300];

    (void)snprintf(folder, sizeof folder, "%s/state", root); /* is made, and may be lost */
    if (upgrade_log_open(folder, &log, &record, &memory, &problem) != DROVER_OK)
        return 1;
    for (int64_t step = 1; step <= STEPS; step++) {
        record = record_of(step);
        memory = memory_of(step);
        if (upgrade_log_write(log, &record, &memory, &problem) != DROVER_OK)
            return 1;
        power_cut_promise('w');
        upgrade_log_note(log, 1769860800000 + step, &record);
    }
    upgrade_log_close(log);
    return 0;
}

static void after_cut_check(const char *root, int64_t promised)
{
    struct upgrade_record record, expected;
    struct device_memory memory, least = memory_of(promised), most = memory_of(promised + 1);
    struct problem problem = {.what = ""};
    struct upgrade_log *log = NULL;
    char bad[340];

    assert_int_equal(upgrade_log_open(root, &log, &record, &memory, &problem), DROVER_OK);
    assert_in_range(record.report_seq, promised, promised + 1);
    if (record.report_seq > 0) {
        expected = record_of(record.report_seq);
        assert_int_equal(record.state, expected.state);
        assert_string_equal(record.why, expected.why);
    }
    assert_in_range(memory.release_counter, promised ? least.release_counter : 0, most.release_counter);
    assert_in_range(memory.notice_epoch, promised, promised + 1);
    (void)snprintf(bad, sizeof bad, "%s/upgrade.log.bad", root);
    assert_int_not_equal(access(bad, F_OK), 0);
    (void)snprintf(bad, sizeof bad, "%s/device.json.bad", root);
    assert_int_not_equal(access(bad, F_OK), 0);
    record = record_of(9);
    memory = memory_of(9);
    assert_int_equal(upgrade_log_write(log, &record, &memory, &problem), DROVER_OK);
    upgrade_log_note(log, 1, &record);
    upgrade_log_close(log);
    assert_int_equal(upgrade_log_open(root, &log, &record, &memory, &problem), DROVER_OK);
    assert_int_equal(record.report_seq, 9);
    assert_int_equal(memory.notice_epoch, 9);
    upgrade_log_close(log);
}

static char last_point[512];

static void every_point(void **state)
{
    const char *mode = *state;
    char root[256], folder[300], promises[64] = "";
    bool ended = false;
    unsigned at;

    for (at = 1; !ended; at += power_cut_stride()) {
        power_cut_folder_make(root, sizeof root);
        ended = power_cut_run(&(struct power_cut){.story = "log", .root = root, .mode = mode, .at = at}, promises);
        (void)snprintf(last_point, sizeof last_point, "mode %s, call %u, promised '%s', in %s", mode, at, promises, root);
        (void)snprintf(folder, sizeof folder, "%s/state", root);
        after_cut_check(folder, (int64_t)strlen(promises));
        power_cut_folder_remove(root);
    }
    assert_true(at > 100);
    fprintf(stderr, "upgrade log, %s: %u points\n", mode, at - power_cut_stride());
}

int main(int argc, char **argv)
{
    static char modes[][8] = {"before", "torn", "data", "all", "some"};
    const struct CMUnitTest tests[] = {
        {"killed", every_point, NULL, NULL, modes[0]},
        {"a torn write", every_point, NULL, NULL, modes[1]},
        {"bytes lost that were not synced", every_point, NULL, NULL, modes[2]},
        {"names lost, too", every_point, NULL, NULL, modes[3]},
        {"some of both lost", every_point, NULL, NULL, modes[4]},
    };
    int failed;

    if (argc == 3)
        return story(argv[2]);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        fprintf(stderr, "last point: %s\n", last_point);
    return failed;
}
