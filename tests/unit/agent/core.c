/* The agent's core, without clock, files or network: a device is a struct, a boot is a line, and what it decides is looked at move by move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/core.h"

#define OLD "1.0.0"
#define NEW "1.1.0"
#define MANIFEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct device {
    struct core_policy policy;
    struct upgrade_record record;
    struct device_memory memory;
    struct slot_facts facts;
    char version[VERSION_SIZE], boot_id[ID_SIZE];
    int64_t now_ms;
    struct decision last;
    unsigned boots;
    enum error_code permit;
    const char *permit_why;
};

static struct device device_new(void)
{
    struct device device = {
        .policy = {.check_ms = 60000, .reboot_ms = 120000, .passes = 2, .needs_link = true, .reboots_max = 5, .starts_max = 20, .later_max = 3},
        .facts = {.running = SLOT_A, .slots = {{true, OLD, ""}, {false, "", ""}}}, .version = OLD, .boot_id = "boot-0", .now_ms = 1000000};

    return device;
}

static struct situation of(const struct device *device)
{
    return (struct situation){.policy = &device->policy, .record = &device->record, .memory = &device->memory, .facts = &device->facts,
                              .version = device->version, .boot_id = device->boot_id, .now_ms = device->now_ms, .random = 12345,
                              .permit = device->permit, .permit_why = device->permit_why};
}

/* What the agent does with a decision: nothing, when it was refused. */
static void took(struct device *device)
{
    if (device->last.refused)
        return;
    device->record = device->last.next;
    device->memory = device->last.memory;
}

#define DO(device, function, ...)                                    \
    do {                                                             \
        struct situation s_ = of(device);                            \
        function(&s_, __VA_ARGS__, &(device)->last);                 \
        took(device);                                                \
    } while (0)

static void start(struct device *device)
{
    struct situation s = of(device);

    core_start(&s, &device->last);
    took(device);
}

static void wake(struct device *device)
{
    struct situation s = of(device);

    core_woke(&s, &device->last);
    took(device);
}

static struct command update(const char *id, int64_t attempt, const char *version)
{
    struct command command = {.kind = COMMAND_UPDATE, .attempt = attempt, .url = "http://depot/x", .size_bytes = 10, .manifest_sha256 = MANIFEST};

    (void)text_copy(command.upgrade_id, sizeof command.upgrade_id, id);
    (void)text_copy(command.version, sizeof command.version, version);
    return command;
}

static struct command other(enum command_kind kind, const char *id, const char *version)
{
    struct command command = update(id, 1, version);

    command.kind = kind;
    return command;
}

static void tell(struct device *device, struct command command)
{
    DO(device, core_command, &command);
}

/* A boot into the slot; then the agent starts. */
static void boots(struct device *device, enum slot slot)
{
    device->facts.running = slot;
    (void)text_copy(device->version, sizeof device->version, device->facts.slots[slot].version);
    (void)snprintf(device->boot_id, sizeof device->boot_id, "boot-%u", ++device->boots);
    start(device);
}

static void is(const struct device *device, enum core_event on, enum agent_state state, unsigned effects)
{
    assert_false(device->last.refused);
    assert_string_equal(core_event_name(device->last.on), core_event_name(on));
    assert_string_equal(agent_state_name(device->record.state), agent_state_name(state));
    assert_int_equal(device->last.effects, effects);
}

static void refused(const struct device *device)
{
    assert_true(device->last.refused);
    assert_true(device->last.why && device->last.why[0]);
}

static void says(const struct device *device, enum report_state state, enum error_code error)
{
    struct report report;

    assert_true(core_report(&device->record, "d1", device->version, ABSENT, &report));
    assert_string_equal(report_state_name(report.state), report_state_name(state));
    assert_string_equal(error_code_name(report.error), error_code_name(error));
    assert_int_equal(report.attempt, device->record.command.attempt > 0 ? device->record.command.attempt : 1);
}

/* Up to the reboot into the new slot. */
static void switched(struct device *device)
{
    start(device);
    tell(device, update("u1", 1, NEW));
    DO(device, core_turn, E_NONE, "");
    DO(device, core_fetched, E_NONE, 0, "");
    device->facts.slots[SLOT_B].valid = true;
    (void)text_copy(device->facts.slots[SLOT_B].version, VERSION_SIZE, NEW);
    (void)text_copy(device->facts.slots[SLOT_B].manifest_sha256, SHA256_HEX_SIZE, MANIFEST);
    DO(device, core_installed, E_NONE, "", 7, 5000);
    is(device, ON_INSTALLED, AGENT_SWITCHED, FX_SWITCH | FX_SAY | FX_REBOOT);
    device->facts.trial = SLOT_TRIAL_AHEAD;
}

static void came_up(struct device *device)
{
    switched(device);
    device->facts.trying = true;
    device->facts.trial = SLOT_NO_TRIAL;
    boots(device, SLOT_B);
    is(device, ON_CAME_UP, AGENT_CHECKING, FX_CHECK | FX_SAY);
}

static void test_the_good_way(void **state)
{
    struct device device = device_new();

    (void)state;
    start(&device);
    is(&device, ON_RESUMED, AGENT_IDLE, FX_CLEAN | FX_CONFIRM);
    tell(&device, update("u1", 1, NEW));
    is(&device, ON_OFFERED, AGENT_WAITING, FX_SAY);
    says(&device, REPORT_ACKNOWLEDGED, E_NONE);
    assert_int_equal(device.record.wake_ms, device.now_ms);
    DO(&device, core_turn, E_NONE, "");
    is(&device, ON_TURN, AGENT_DOWNLOADING, FX_FETCH | FX_SAY);
    says(&device, REPORT_DOWNLOADING, E_NONE);
    DO(&device, core_fetched, E_NONE, 0, "");
    is(&device, ON_FETCHED, AGENT_INSTALLING, FX_INSTALL | FX_SAY);
    says(&device, REPORT_INSTALLING, E_NONE);

    device = device_new();
    came_up(&device);
    says(&device, REPORT_VERIFYING, E_NONE);
    assert_int_equal(device.record.wake_ms, device.now_ms + 60000);
    DO(&device, core_checked, true, true, "");
    is(&device, ON_PASSED, AGENT_CHECKING, FX_CHECK);
    DO(&device, core_checked, true, true, "");
    is(&device, ON_HEALTHY, AGENT_CHECKING, FX_CONFIRM);
    assert_int_equal(device.memory.release_counter, 0);
    DO(&device, core_confirmed, E_NONE, "");
    is(&device, ON_CONFIRMED, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_SUCCEEDED, E_NONE);
    assert_true(device.record.outcome_due);
    assert_int_equal(device.memory.release_counter, 7);
    assert_int_equal(device.memory.floor_ms, 5000);
}

static void test_unhealthy_goes_back(void **state)
{
    struct device device = device_new();

    (void)state;
    came_up(&device);
    DO(&device, core_checked, true, true, "");
    DO(&device, core_checked, false, true, "exit code 3: db is down");
    is(&device, ON_UNHEALTHY, AGENT_CHECKING, FX_CHECK);
    assert_int_equal(device.record.passes, 0);
    wake(&device);
    is(&device, ON_TIME_OVER, AGENT_GOING_BACK, FX_STOP | FX_BACK | FX_SAY | FX_REBOOT);
    says(&device, REPORT_FAILED, E_HEALTHCHECK);
    device.facts.trying = false;
    boots(&device, SLOT_A);
    is(&device, ON_CAME_BACK, AGENT_IDLE, FX_CLEAN | FX_CONFIRM | FX_END);
    says(&device, REPORT_ROLLED_BACK, E_HEALTHCHECK);
    assert_string_equal(device.record.why, "exit code 3: db is down");
    assert_int_equal(device.memory.release_counter, 0);
}

static void test_not_confirmed_without_the_broker_or_with_a_lie(void **state)
{
    struct device device = device_new();

    (void)state;
    came_up(&device);
    for (int i = 0; i < 5; i++) {
        DO(&device, core_checked, true, false, "");
        is(&device, ON_PASSED, AGENT_CHECKING, FX_CHECK);
    }
    DO(&device, core_checked, true, true, "");
    is(&device, ON_HEALTHY, AGENT_CHECKING, FX_CONFIRM);

    device = device_new();
    came_up(&device);
    (void)text_copy(device.version, sizeof device.version, "9.9.9");
    for (int i = 0; i < 5; i++)
        DO(&device, core_checked, true, true, "");
    is(&device, ON_PASSED, AGENT_CHECKING, FX_CHECK);
    wake(&device);
    is(&device, ON_TIME_OVER, AGENT_GOING_BACK, FX_STOP | FX_BACK | FX_SAY | FX_REBOOT);
    assert_non_null(strstr(device.record.why, "another version"));
}

static void test_boot_loops(void **state)
{
    struct device device = device_new();

    (void)state;
    switched(&device); /* the agent never runs on the new slot */
    device.facts.trial = SLOT_TRIAL_SPENT;
    boots(&device, SLOT_A);
    is(&device, ON_FELL_BACK, AGENT_IDLE, FX_CLEAN | FX_CONFIRM | FX_END);
    says(&device, REPORT_ROLLED_BACK, E_BOOT);

    device = device_new();
    came_up(&device); /* it runs, but the device reboots during the check */
    boots(&device, SLOT_B);
    is(&device, ON_CAME_UP, AGENT_CHECKING, FX_CHECK);
    device.facts.trying = false;
    device.facts.trial = SLOT_TRIAL_SPENT;
    boots(&device, SLOT_A);
    is(&device, ON_FELL_BACK, AGENT_IDLE, FX_CLEAN | FX_CONFIRM | FX_END);
    says(&device, REPORT_ROLLED_BACK, E_BOOT);
}

static void test_starting_again_goes_on(void **state)
{
    struct device device = device_new();
    int64_t seq;

    (void)state;
    tell(&device, update("u1", 1, NEW));
    seq = device.record.report_seq;
    boots(&device, SLOT_A);
    is(&device, ON_RESUMED, AGENT_WAITING, FX_CONFIRM);
    assert_true(device.record.report_seq > seq);
    DO(&device, core_turn, E_NONE, "");
    for (unsigned i = 0; i < device.policy.starts_max; i++) {
        start(&device);
        is(&device, ON_RESUMED, AGENT_DOWNLOADING, FX_CONFIRM | FX_FETCH);
    }
    start(&device);
    is(&device, ON_CRASHES, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_INTERNAL);

    device = device_new();
    switched(&device);
    start(&device); /* killed before the reboot */
    is(&device, ON_RESUMED, AGENT_SWITCHED, FX_SWITCH | FX_SAY | FX_REBOOT);
    device.facts.trial = SLOT_NO_TRIAL;
    boots(&device, SLOT_A); /* the power was cut before the switch was on disk */
    is(&device, ON_SWITCH_UNDONE, AGENT_SWITCHED, FX_SWITCH | FX_REBOOT);

    device = device_new();
    came_up(&device);
    device.facts.trying = false; /* killed between the confirmation and the record of it */
    start(&device);
    is(&device, ON_CONFIRMED, AGENT_IDLE, FX_CLEAN | FX_END);
    assert_int_equal(device.memory.release_counter, 7);
}

static void test_the_check_ends_whatever_the_clock_does(void **state)
{
    struct device device = device_new();

    (void)state;
    came_up(&device);
    device.now_ms -= 10LL * 365 * 86400 * 1000; /* the clock was set back; the agent crashed */
    start(&device);
    is(&device, ON_RESUMED, AGENT_CHECKING, FX_CHECK);
    assert_int_equal(device.record.wake_ms, device.now_ms + device.policy.check_ms);
}

static void test_probation_without_a_record(void **state)
{
    struct device device = device_new();

    (void)state;
    device.facts.trying = true;
    start(&device);
    is(&device, ON_UNPROVED, AGENT_IDLE, FX_CLEAN | FX_BACK);
}

static void test_commands_that_change_nothing(void **state)
{
    struct device device = device_new();
    struct command late = update("u1", 3, NEW);

    (void)state;
    tell(&device, update("u1", 2, NEW));
    tell(&device, update("u1", 1, NEW));
    refused(&device);
    late.deadline_ms = device.now_ms - 1;
    tell(&device, late);
    refused(&device);
    late.deadline_ms = device.now_ms + 5;
    device.memory.floor_ms = device.now_ms + 10; /* a clock that stands still is not believed */
    tell(&device, late);
    refused(&device);
    tell(&device, other(COMMAND_CANCEL, "u9", ""));
    refused(&device);
    tell(&device, update("u1", 2, NEW));
    is(&device, ON_AGAIN, AGENT_WAITING, FX_SAY);
    tell(&device, update("u1", 4, NEW));
    is(&device, ON_OFFERED, AGENT_WAITING, FX_STOP | FX_SAY);
    assert_int_equal(device.record.command.attempt, 4);

    device = device_new();
    switched(&device);
    tell(&device, update("u2", 1, "1.2.0"));
    refused(&device);
    tell(&device, other(COMMAND_CANCEL, "u1", ""));
    refused(&device);
    assert_string_equal(device.record.command.upgrade_id, "u1");
}

/* A command that comes after its deadline is answered, with what the clock says: it may be the clock that is wrong. */
static void test_a_deadline_that_has_passed_is_reported(void **state)
{
    struct device device = device_new();
    struct command late = update("u1", 2, NEW);

    (void)state;
    late.deadline_ms = device.now_ms - 1;
    tell(&device, late);
    is(&device, ON_TOO_LATE, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_TIMEOUT);
    assert_string_equal(device.record.why, "its deadline has passed: the device's clock says 1970-01-01T00:16:40Z");
    assert_int_equal(device.record.command.attempt, 2);
    tell(&device, late);
    is(&device, ON_AGAIN, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_TIMEOUT);
    tell(&device, update("u1", 1, NEW));
    refused(&device);

    late = update("u2", 1, NEW);
    late.deadline_ms = device.now_ms - 1;
    tell(&device, late); /* u1's outcome is still due */
    refused(&device);
    assert_string_equal(device.record.command.upgrade_id, "u1");
    device.record.outcome_due = false;
    tell(&device, late);
    is(&device, ON_TOO_LATE, AGENT_IDLE, FX_END);
    tell(&device, update("u2", 2, NEW));
    is(&device, ON_OFFERED, AGENT_WAITING, FX_SAY);
    assert_string_equal(device.record.why, "");
}

static void test_attack_16_a_clock_that_stands_in_the_past_is_told(void **state)
{
    struct device device = device_new();
    struct command command = update("u1", 1, NEW);

    (void)state;
    device.memory.floor_ms = device.now_ms;
    device.now_ms = 1000;
    command.deadline_ms = device.memory.floor_ms + 1;
    tell(&device, command);
    is(&device, ON_OFFERED, AGENT_WAITING, FX_SAY);
    assert_string_equal(device.record.why, "not believed: the device's clock says 1970-01-01T00:00:01Z");
    says(&device, REPORT_ACKNOWLEDGED, E_NONE);
}

/* A device that pulls gives all its updates one name; the second one must not be taken for the first. */
static void test_one_pulled_update_after_another(void **state)
{
    struct device device = device_new();
    struct command first = update(CORE_PULL_ID, 1, NEW), second = update(CORE_PULL_ID, 1, "1.2.0");

    (void)state;
    memset(first.sha256, 'a', 64);
    memset(second.sha256, 'b', 64);
    tell(&device, first);
    is(&device, ON_OFFERED, AGENT_WAITING, FX_SAY);
    tell(&device, first);
    is(&device, ON_AGAIN, AGENT_WAITING, FX_SAY);
    DO(&device, core_turn, E_NONE, "");
    DO(&device, core_fetched, E_DOWNLOAD_TIMEOUT, 0, "silence");
    assert_int_equal(device.record.state, AGENT_IDLE);
    tell(&device, first);
    is(&device, ON_OFFERED, AGENT_WAITING, FX_SAY);
    tell(&device, second);
    is(&device, ON_OFFERED, AGENT_WAITING, FX_STOP | FX_SAY);
    assert_string_equal(device.record.command.version, "1.2.0");
}

static void test_cancel(void **state)
{
    struct device device = device_new();

    (void)state;
    tell(&device, update("u1", 1, NEW));
    DO(&device, core_turn, E_NONE, "");
    tell(&device, other(COMMAND_CANCEL, "u1", ""));
    is(&device, ON_CANCEL, AGENT_IDLE, FX_STOP | FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_CANCELLED);
    tell(&device, other(COMMAND_CANCEL, "u1", ""));
    refused(&device);
    tell(&device, update("u1", 1, NEW)); /* the command once more: its last word is repeated */
    is(&device, ON_AGAIN, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_CANCELLED);
}

static void test_what_runs_already(void **state)
{
    struct device device = device_new();

    (void)state;
    tell(&device, update("u1", 1, OLD));
    is(&device, ON_ALREADY, AGENT_IDLE, FX_END);
    says(&device, REPORT_SUCCEEDED, E_NONE);
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD));
    is(&device, ON_IS_BACK, AGENT_IDLE, FX_END);
    says(&device, REPORT_ROLLED_BACK, E_NONE);
    tell(&device, other(COMMAND_ROLLBACK, "u2", "0.9.0"));
    is(&device, ON_NO_SUCH_BACK, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_INCOMPATIBLE);
}

/* A confirmed image is left only with a permit, where one is asked for; one that is being checked at any time. */
static void test_going_back_asks_for_a_permit(void **state)
{
    struct device device = device_new();

    (void)state;
    came_up(&device);
    DO(&device, core_checked, true, true, "");
    DO(&device, core_checked, true, true, "");
    DO(&device, core_confirmed, E_NONE, "");
    device.permit = E_DOWNGRADE;
    device.permit_why = "permit: p-1 has expired";
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD));
    is(&device, ON_NO_PERMIT, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_DOWNGRADE);
    assert_string_equal(device.record.why, "permit: p-1 has expired");
    device.permit = E_NONE;
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD));
    is(&device, ON_TOLD_BACK, AGENT_GOING_BACK, FX_BACK | FX_REBOOT);
    device.permit = E_DOWNGRADE;
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD)); /* on its way it is not held up */
    is(&device, ON_TOLD_BACK, AGENT_GOING_BACK, FX_BACK | FX_REBOOT);

    device = device_new();
    came_up(&device);
    device.permit = E_DOWNGRADE;
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD));
    is(&device, ON_TOLD_BACK, AGENT_GOING_BACK, FX_STOP | FX_BACK | FX_REBOOT);
}

static void test_told_to_go_back(void **state)
{
    struct device device = device_new();

    (void)state;
    came_up(&device);
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD));
    is(&device, ON_TOLD_BACK, AGENT_GOING_BACK, FX_STOP | FX_BACK | FX_REBOOT);
    boots(&device, SLOT_B); /* the boot loader did not follow */
    is(&device, ON_STILL_THERE, AGENT_GOING_BACK, FX_BACK | FX_REBOOT);
    device.facts.trying = false;
    boots(&device, SLOT_A);
    is(&device, ON_CAME_BACK, AGENT_IDLE, FX_CLEAN | FX_CONFIRM | FX_END);
    says(&device, REPORT_ROLLED_BACK, E_NONE);

    device = device_new();
    came_up(&device);
    wake(&device);
    tell(&device, other(COMMAND_ROLLBACK, "u1", OLD)); /* the server heard of it and says so, too */
    is(&device, ON_TOLD_BACK, AGENT_GOING_BACK, FX_BACK | FX_REBOOT);
    device.facts.trying = false;
    boots(&device, SLOT_A);
    says(&device, REPORT_ROLLED_BACK, E_HEALTHCHECK);
}

static void test_a_boot_loader_that_does_not_go_back(void **state)
{
    struct device device = device_new();
    unsigned tries = 0;

    (void)state;
    came_up(&device);
    wake(&device);
    while (device.record.state == AGENT_GOING_BACK && tries < 20) {
        boots(&device, SLOT_B);
        tries++;
    }
    assert_in_range(tries, 2, 10);
    is(&device, ON_STUCK, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_INTERNAL);
}

static void test_no_reboot(void **state)
{
    struct device device = device_new();

    (void)state;
    switched(&device);
    for (unsigned i = 1; i < device.policy.reboots_max; i++) {
        wake(&device);
        is(&device, ON_NO_REBOOT, AGENT_SWITCHED, FX_REBOOT);
    }
    wake(&device);
    is(&device, ON_NEVER_REBOOTS, AGENT_IDLE, FX_CLEAN | FX_CONFIRM | FX_END);
    says(&device, REPORT_ROLLED_BACK, E_BOOT);
}

static void test_failures_of_the_download(void **state)
{
    struct device device = device_new();

    (void)state;
    tell(&device, update("u1", 1, NEW));
    for (unsigned i = 0; i < device.policy.later_max; i++) {
        DO(&device, core_turn, E_NONE, "");
        DO(&device, core_fetched, E_DOWNLOAD_HTTP, 30000, "503");
        is(&device, ON_FETCH_LATER, AGENT_WAITING, 0);
        assert_int_equal(device.record.wake_ms, device.now_ms + 30000);
        says(&device, REPORT_DOWNLOADING, E_NONE);
    }
    DO(&device, core_turn, E_NONE, "");
    DO(&device, core_fetched, E_DOWNLOAD_HTTP, 30000, "503");
    is(&device, ON_FETCH_FAILED, AGENT_IDLE, FX_END); /* what is there is kept for the next attempt */
    says(&device, REPORT_FAILED, E_DOWNLOAD_HTTP);
    start(&device);
    is(&device, ON_RESUMED, AGENT_IDLE, FX_CONFIRM); /* still */

    tell(&device, update("u1", 2, NEW));
    DO(&device, core_turn, E_NONE, "");
    DO(&device, core_fetched, E_SIGNATURE, 0, "manifest: 0 of 1 signatures");
    is(&device, ON_FETCH_FAILED, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_SIGNATURE);
    start(&device);
    is(&device, ON_RESUMED, AGENT_IDLE, FX_CLEAN | FX_CONFIRM); /* the power may have gone before it was removed */

    tell(&device, update("u1", 3, NEW));
    DO(&device, core_turn, E_REJECTED, "exit code 77: the owner does not want it");
    is(&device, ON_HELD_OFF, AGENT_IDLE, FX_END);
    says(&device, REPORT_REJECTED, E_REJECTED);
}

static struct command in_window(int64_t attempt, int64_t after_ms, int64_t before_ms)
{
    struct command command = update("u1", attempt, NEW);

    command.install_after_ms = after_ms;
    command.install_before_ms = before_ms;
    return command;
}

static void fetched(struct device *device)
{
    DO(device, core_turn, E_NONE, "");
    DO(device, core_fetched, E_NONE, 0, "");
}

/* Downloads at once, installs in its window; a restart meanwhile changes nothing; the package is kept when the window has closed. */
static void test_installs_in_its_window(void **state)
{
    struct device device = device_new();
    const int64_t hour_ms = 3600000, after_ms = device.now_ms + 5 * hour_ms / 2, before_ms = after_ms + hour_ms;
    struct report report;

    (void)state;
    tell(&device, in_window(1, after_ms, before_ms));
    fetched(&device);
    is(&device, ON_HELD, AGENT_HOLDING, FX_SAY);
    says(&device, REPORT_DOWNLOADING, E_NONE);
    assert_true(core_report(&device.record, "d1", OLD, ABSENT, &report) && report.progress == 100);
    assert_int_equal(device.record.wake_ms, device.now_ms + hour_ms);
    device.now_ms += hour_ms;
    wake(&device);
    is(&device, ON_HELD, AGENT_HOLDING, 0);
    DO(&device, core_turn, E_NONE, "");
    refused(&device);
    tell(&device, in_window(1, after_ms, before_ms));
    is(&device, ON_AGAIN, AGENT_HOLDING, FX_SAY);
    start(&device);
    is(&device, ON_RESUMED, AGENT_HOLDING, FX_CONFIRM);
    assert_int_equal(device.record.wake_ms, device.now_ms);
    wake(&device);
    is(&device, ON_HELD, AGENT_HOLDING, 0);
    device.now_ms = after_ms - 1;
    wake(&device);
    is(&device, ON_HELD, AGENT_HOLDING, 0);
    assert_int_equal(device.record.wake_ms, after_ms);
    device.now_ms = after_ms;
    wake(&device);
    is(&device, ON_OPENED, AGENT_INSTALLING, FX_INSTALL | FX_SAY);
}

static void test_a_window_that_was_missed(void **state)
{
    struct device device = device_new();

    (void)state;
    tell(&device, in_window(1, 0, device.now_ms + 10));
    device.now_ms += 10;
    fetched(&device);
    is(&device, ON_MISSED, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_BUSY);
    start(&device);
    is(&device, ON_RESUMED, AGENT_IDLE, FX_CONFIRM);   /* the package is kept for the next attempt */

    tell(&device, in_window(2, device.now_ms + 100, device.now_ms + 200));
    fetched(&device);
    device.now_ms += 200;   /* it was off in the meantime */
    start(&device);
    wake(&device);
    is(&device, ON_MISSED, AGENT_IDLE, FX_END);

    tell(&device, in_window(3, device.now_ms, 0));
    fetched(&device);
    is(&device, ON_FETCHED, AGENT_INSTALLING, FX_INSTALL | FX_SAY);
}

static void test_a_window_and_a_clock_that_stands_in_the_past(void **state)
{
    struct device device = device_new();

    (void)state;
    device.memory.floor_ms = device.now_ms + 1;
    tell(&device, in_window(1, device.now_ms + 1000, device.now_ms + 2000));
    fetched(&device);
    is(&device, ON_MISSED, AGENT_IDLE, FX_END);
    says(&device, REPORT_FAILED, E_BUSY);
    assert_non_null(strstr(device.record.why, "the device's clock says 1970"));
}

static void test_a_held_package_is_called_back(void **state)
{
    struct device device = device_new();

    (void)state;
    tell(&device, in_window(1, device.now_ms + 1000, 0));
    fetched(&device);
    tell(&device, other(COMMAND_CANCEL, "u1", NEW));
    is(&device, ON_CANCEL, AGENT_IDLE, FX_STOP | FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_CANCELLED);
}

static void test_failures_of_the_slots(void **state)
{
    struct device device = device_new();

    (void)state;
    switched(&device);
    DO(&device, core_switched, E_INSTALL, "boot.state: No space left on device");
    is(&device, ON_SWITCH_FAILED, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_INSTALL);

    device = device_new();
    came_up(&device);
    DO(&device, core_confirmed, E_INSTALL, "cannot write");
    is(&device, ON_CONFIRM_FAILED, AGENT_GOING_BACK, FX_BACK | FX_SAY | FX_REBOOT);
    DO(&device, core_went_back, E_ROLLED_BACK, "there is no way back");
    is(&device, ON_BACK_FAILED, AGENT_IDLE, FX_CLEAN | FX_END);
    says(&device, REPORT_FAILED, E_INTERNAL);
}

/* Whatever happens in whatever order, the table holds: what is refused changes nothing, every state of work has a way out, an outcome ends in idle. */
static void test_any_order(void **state)
{
    static const char *const versions[] = {OLD, NEW, "1.2.0"};
    struct device device = device_new();
    uint32_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct upgrade_record before = device.record;
        struct command command;
        unsigned dice;

        seed = seed * 1664525u + 1013904223u;
        dice = seed >> 16;
        command = update(dice & 1 ? "u1" : "u2", 1 + dice % 3, versions[dice % 3]);
        command.kind = (enum command_kind)(dice % 3);
        command.install_after_ms = dice & 8 ? device.now_ms + dice % 700 : 0;
        command.install_before_ms = dice & 16 ? device.now_ms + 700 + dice % 700 : 0;
        device.now_ms += dice % 1000;
        switch (dice % 11) {
        case 0: DO(&device, core_command, &command); break;
        case 1: start(&device); break;
        case 2: device.facts.slots[SLOT_B] = device.facts.slots[SLOT_A]; boots(&device, (enum slot)(dice & 1)); break;
        case 3: wake(&device); break;
        case 4: DO(&device, core_turn, dice & 64 ? E_NONE : E_BUSY, "x"); break;
        case 5: DO(&device, core_fetched, dice & 64 ? E_NONE : E_SHA256, dice & 32 ? 5 : 0, "x"); break;
        case 6: DO(&device, core_installed, dice & 64 ? E_NONE : E_CRC, "x", dice, dice); break;
        case 7: DO(&device, core_switched, dice & 64 ? E_NONE : E_INSTALL, "x"); break;
        case 8: DO(&device, core_confirmed, dice & 64 ? E_NONE : E_INSTALL, "x"); break;
        case 9: DO(&device, core_checked, dice & 64, dice & 32, "x"); break;
        default: DO(&device, core_went_back, dice & 64 ? E_NONE : E_ROLLED_BACK, "x"); break;
        }
        if (device.last.refused) {
            assert_memory_equal(&before, &device.record, sizeof before);
            continue;
        }
        assert_non_null(core_move(before.state, device.last.on));
        if (device.last.effects & FX_END)
            assert_true(device.record.state == AGENT_IDLE && device.record.outcome_due);
        if (device.last.effects & (FX_FETCH | FX_INSTALL))
            assert_true(device.record.state == AGENT_DOWNLOADING || device.record.state == AGENT_INSTALLING);
        if (device.last.effects & FX_REBOOT)
            assert_true(device.record.wake_ms > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_good_way),
        cmocka_unit_test(test_unhealthy_goes_back),
        cmocka_unit_test(test_not_confirmed_without_the_broker_or_with_a_lie),
        cmocka_unit_test(test_boot_loops),
        cmocka_unit_test(test_starting_again_goes_on),
        cmocka_unit_test(test_the_check_ends_whatever_the_clock_does),
        cmocka_unit_test(test_probation_without_a_record),
        cmocka_unit_test(test_commands_that_change_nothing),
        cmocka_unit_test(test_a_deadline_that_has_passed_is_reported),
        cmocka_unit_test(test_one_pulled_update_after_another),
        cmocka_unit_test(test_attack_16_a_clock_that_stands_in_the_past_is_told),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_what_runs_already),
        cmocka_unit_test(test_going_back_asks_for_a_permit),
        cmocka_unit_test(test_told_to_go_back),
        cmocka_unit_test(test_a_boot_loader_that_does_not_go_back),
        cmocka_unit_test(test_no_reboot),
        cmocka_unit_test(test_failures_of_the_download),
        cmocka_unit_test(test_installs_in_its_window),
        cmocka_unit_test(test_a_window_that_was_missed),
        cmocka_unit_test(test_a_window_and_a_clock_that_stands_in_the_past),
        cmocka_unit_test(test_a_held_package_is_called_back),
        cmocka_unit_test(test_failures_of_the_slots),
        cmocka_unit_test(test_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
