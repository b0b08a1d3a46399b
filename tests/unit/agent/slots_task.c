/* Steps of the slots on a thread: a command that hangs, that does not listen, that is over its time; and that the next step is not held up by it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "agent/slots_backend.h"
#include "agent/slots_task.h"
#include "common/clock.h"
#include "tests/fault/power_cut.h"
#include "tests/unit/agent/device.h"

#define LONG_MS 20000   /* that a test waits for what must come */

static char root[256], staging[300], pid_path[300];

static int setup(void **state)
{
    (void)state;
    power_cut_folder_make(root, sizeof root);
    (void)snprintf(staging, sizeof staging, "%s/staging", root);
    (void)snprintf(pid_path, sizeof pid_path, "%s/pid", root);
    (void)setenv("TEST_ROOT", root, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    power_cut_folder_remove(root);
    return 0;
}

/* A device whose slot b holds 1.1.0, confirmed: each step has its command to run. */
static struct slots *device(const char *command, int64_t timeout_ms)
{
    struct slots_config config = {.backend = "script", .dir = root, .running = "b", .staging_dir = staging, .command_timeout_ms = timeout_ms,
                                  .install_command = "true", .switch_command = command, .confirm_command = command, .back_command = command, .part_count = 1};
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;
    int fd = -1;

    (void)text_copy(config.parts[0].name, ID_SIZE, "app");
    assert_int_equal(slots_open(&config, &slots, &problem), DROVER_OK);
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(slots_open_part(slots, "app", 1, false, &fd, &problem), E_NONE);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_NONE);
    return slots;
}

static struct slots_task *begin(struct slots *slots, enum slots_step step)
{
    const struct slots_order order = {.slots = slots, .step = step, .tries = 3};
    struct slots_task *task = slots_task_start(&order);

    assert_non_null(task);
    assert_int_equal(slots_task_step(task), step);
    return task;
}

static const struct slots_outcome *end_of(struct slots_task *task)
{
    struct pollfd fd = {.fd = slots_task_fd(task), .events = POLLIN};

    assert_int_equal(poll(&fd, 1, LONG_MS), 1);
    assert_non_null(slots_task_outcome(task));
    return slots_task_outcome(task);
}

/* The number that the command has written down; it is running then. */
static pid_t pid_of_command(void)
{
    int64_t give_up_ms = clock_mono_ms() + LONG_MS;
    pid_t pid = 0;

    while (pid == 0 && clock_mono_ms() < give_up_ms) {
        char text[32] = "";
        int fd = open(pid_path, O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
            if (read(fd, text, sizeof text - 1) > 0 && strchr(text, '\n'))
                pid = (pid_t)atol(text);
            close(fd);
        }
        (void)poll(NULL, 0, 5);
    }
    assert_true(pid > 0);
    (void)unlink(pid_path);
    return pid;
}

#define HANGS "echo $$ > $TEST_ROOT/pid; exec sleep 1000"
#define DEAF "trap '' TERM; echo $$ > $TEST_ROOT/pid; while :; do sleep 1000; done"

static void stopped_while_it_hangs(struct slots *slots, enum slots_step step)
{
    struct slots_task *task = begin(slots, step);
    pid_t pid = pid_of_command();
    int64_t began_ms = clock_mono_ms();

    assert_null(slots_task_outcome(task));
    slots_task_stop(task);
    assert_in_range(clock_mono_ms() - began_ms, 0, 1000); /* it only asks */
    assert_int_equal(end_of(task)->code, E_CANCELLED);
    assert_string_equal(end_of(task)->problem.what, "stopped");
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    slots_task_free(task);
}

static void a_command_that_hangs_is_stopped(void **state)
{
    struct slots *slots = device(HANGS, 3600 * 1000);

    (void)state;
    stopped_while_it_hangs(slots, SLOTS_SWITCH);
    stopped_while_it_hangs(slots, SLOTS_CONFIRM);
    slots_close(slots);
}

/* There is a way back only from a slot to one that was confirmed: b by the factory, a by its own command. */
static void so_is_one_that_goes_back(void **state)
{
    struct slots *slots = device("test -e $TEST_ROOT/ready || exit 0; " HANGS, 3600 * 1000);
    struct slots_task *task = begin(slots, SLOTS_BACK);
    struct slots_config config = slots->config;
    struct problem problem;
    char path[300];

    (void)state;
    assert_int_equal(end_of(task)->code, E_ROLLED_BACK); /* refused before any command */
    slots_task_free(task);
    assert_int_equal(slots_switch(slots, 1, &problem), E_NONE);
    slots_close(slots);
    config.running = "a";
    assert_int_equal(slots_open(&config, &slots, &problem), DROVER_OK);
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    (void)snprintf(path, sizeof path, "%s/ready", root);
    file_put(path, "", 0, 0);
    stopped_while_it_hangs(slots, SLOTS_BACK);
    slots_close(slots);
}

static void one_that_does_not_listen_is_killed(void **state)
{
    struct slots *slots = device(DEAF, 3600 * 1000);
    struct slots_task *task = begin(slots, SLOTS_SWITCH);
    pid_t pid = pid_of_command();
    int64_t began_ms = clock_mono_ms();

    (void)state;
    slots_task_free(task); /* waits for the end */
    assert_in_range(clock_mono_ms() - began_ms, 1500, LONG_MS);
    assert_int_equal(kill(pid, 0), -1);
    slots_close(slots);
}

static void a_deadline_ends_it(void **state)
{
    struct slots *slots = device(HANGS, 300);
    struct slots_task *task = begin(slots, SLOTS_CONFIRM);

    (void)state;
    assert_int_equal(end_of(task)->code, E_INSTALL);
    assert_string_equal(end_of(task)->problem.where, "confirm_command");
    assert_string_equal(end_of(task)->problem.what, "no end within 300 ms");
    slots_task_free(task);
    slots_close(slots);
}

/* The first one hangs; what comes after a stop begins anew. */
static void the_next_step_is_not_stopped(void **state)
{
    struct slots *slots = device("if test -e $TEST_ROOT/again; then exit 0; fi; touch $TEST_ROOT/again; " HANGS, 3600 * 1000);
    struct slots_task *task = begin(slots, SLOTS_SWITCH);
    struct slot_facts facts;

    (void)state;
    (void)pid_of_command();
    slots_task_stop(task);
    assert_int_equal(end_of(task)->code, E_CANCELLED);
    slots_task_free(task);
    task = begin(slots, SLOTS_SWITCH);
    assert_int_equal(end_of(task)->code, E_NONE);
    slots_task_free(task);
    slots_facts(slots, &facts);
    assert_int_equal(facts.trial, SLOT_TRIAL_AHEAD);
    slots_close(slots);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_command_that_hangs_is_stopped), CASE(so_is_one_that_goes_back), CASE(one_that_does_not_listen_is_killed), CASE(a_deadline_ends_it), CASE(the_next_step_is_not_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
