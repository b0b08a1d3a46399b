/* Commands: how they end, what is said of it, deadlines, groups, output of any size, and that nothing is left: no zombie, no descriptor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/health.h"
#include "common/clock.h"
#include "tests/unit/common/check.h"

static enum command_state run_to_end(struct command_run *run, int64_t limit_ms)
{
    int64_t end_ms = clock_mono_ms() + limit_ms, wake_ms;
    enum command_state state;

    assert_non_null(run);
    while ((state = command_run_step(run, clock_mono_ms(), &wake_ms)) == COMMAND_RUNS) {
        struct pollfd polls[2];
        int fds[2];
        unsigned count = command_run_fds(run, fds);
        int64_t now_ms = clock_mono_ms();

        assert_true(now_ms < end_ms);
        for (unsigned i = 0; i < count; i++)
            polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        wake_ms = wake_ms < end_ms ? wake_ms : end_ms;
        (void)poll(polls, count, wake_ms > now_ms ? (int)(wake_ms - now_ms) : 0);
    }
    return state;
}

static void check_row(const char *command, int64_t timeout_ms, enum command_state wanted, int exit_code, const char *why)
{
    struct command_run *run = command_run_start(command, NULL, timeout_ms, clock_mono_ms());
    enum command_state state = run_to_end(run, 20000);

    CHECK_ROW(state == wanted, command);
    CHECK_ROW(command_run_exit_code(run) == exit_code, command);
    if (strcmp(command_run_why(run), why) != 0)
        fail_msg("row '%s': why is '%s'", command, command_run_why(run));
    command_run_free(run);
}

static void how_commands_end(void **state)
{
    (void)state;
    check_row("true", 5000, COMMAND_PASSED, 0, "exit code 0");
    check_row("exit 3", 5000, COMMAND_FAILED, 3, "exit code 3");
    check_row("echo one; echo two >&2; echo; exit 3", 5000, COMMAND_FAILED, 3, "exit code 3: two");
    check_row("printf 'no newline'; exit 1", 5000, COMMAND_FAILED, 1, "exit code 1: no newline");
    check_row("printf 'a\\033[31mb\\n'; exit 1", 5000, COMMAND_FAILED, 1, "exit code 1: a?[31mb");
    check_row("kill -9 $$", 5000, COMMAND_FAILED, -1, "ended by signal 9");
    check_row("no-such-command-here 2>/dev/null", 5000, COMMAND_FAILED, 127, "exit code 127");
    check_row("echo working; sleep 60", 200, COMMAND_TIMED_OUT, -1, "no end within 200 ms: working");
    check_row("read line || echo stdin is empty; exit 4", 5000, COMMAND_FAILED, 4, "exit code 4: stdin is empty");
}

static void output_of_any_size(void **state)
{
    struct command_run *run = command_run_start("head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; exit 9", NULL, 20000, clock_mono_ms());

    (void)state;
    assert_int_equal(run_to_end(run, 20000), COMMAND_FAILED);
    assert_string_equal(command_run_why(run), "exit code 9: the end");
    command_run_free(run);
}

/* What the log gets of it: all of a short output with every character escaped, the start of a long one. */
static void output_is_logged(void **state)
{
    char name[] = "/tmp/drover-health-XXXXXX", text[32768];
    int fd = mkstemp(name), kept = dup(STDERR_FILENO);
    struct command_run *run;
    ssize_t length;
    unsigned escapes = 0;

    (void)state;
    unlink(name);
    (void)poll(NULL, 0, 1100); /* the log lets ten lines of an event through a second, and others had theirs */
    (void)dup2(fd, STDERR_FILENO);
    run = command_run_start("i=0; while [ $i -lt 2690 ]; do printf '\\001'; i=$((i+1)); done; echo; echo seen", NULL, 20000, clock_mono_ms());
    (void)run_to_end(run, 20000);
    command_run_free(run);
    run = command_run_start("head -c 5000 /dev/zero | tr '\\0' 'y'", NULL, 20000, clock_mono_ms());
    (void)poll(NULL, 0, 1100);
    (void)run_to_end(run, 20000);
    command_run_free(run);
    (void)dup2(kept, STDERR_FILENO);
    close(kept);
    length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    close(fd);
    for (const char *at = strstr(text, "\\u0001"); at; at = strstr(at + 1, "\\u0001"))
        escapes++;
    assert_int_equal(escapes, 2690);
    assert_non_null(strstr(text, "\\nseen\\n\""));
    assert_non_null(strstr(text, "event=command_output_cut"));
}

static void environment_is_added(void **state)
{
    static const char *const environment[] = {"DROVER_SLOT=b", "HOME=/nowhere", NULL};
    struct command_run *run = command_run_start("echo $DROVER_SLOT $HOME ${PATH:+path}; exit 1", environment, 5000, clock_mono_ms());

    (void)state;
    assert_int_equal(run_to_end(run, 5000), COMMAND_FAILED);
    assert_string_equal(command_run_why(run), "exit code 1: b /nowhere path");
    command_run_free(run);
}

/* Polls until a process is gone or only a zombie of somebody else. */
static bool is_gone(pid_t pid)
{
    for (unsigned i = 0; i < 500; i++) {
        char path[48], text[256] = "";
        FILE *file;
        bool gone;

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        file = fopen(path, "r");
        gone = !file || !fgets(text, sizeof text, file) || strstr(text, ") Z ") || strstr(text, ") X ");
        if (file)
            fclose(file);
        if (gone)
            return true;
        (void)poll(NULL, 0, 10);
    }
    return false;
}

static pid_t pid_said(const struct command_run *run)
{
    const char *colon = strrchr(command_run_why(run), ' ');

    assert_non_null(colon);
    return (pid_t)strtol(colon + 1, NULL, 10);
}

/* A command that ignores SIGTERM, with a child that does, too. */
static void the_whole_group_ends(void **state)
{
    int64_t started_ms = clock_mono_ms();
    struct command_run *run = command_run_start("trap '' TERM; (trap '' TERM; exec sleep 300) & echo $!; while :; do sleep 1; done", NULL, 300, started_ms);

    (void)state;
    assert_int_equal(run_to_end(run, 20000), COMMAND_TIMED_OUT);
    assert_true(clock_mono_ms() - started_ms >= 2300);
    assert_true(is_gone(pid_said(run)));
    command_run_free(run);
}

static void what_failed_leaves_nothing(void **state)
{
    struct command_run *run = command_run_start("sleep 300 & echo $!; exit 1", NULL, 5000, clock_mono_ms());

    (void)state;
    assert_int_equal(run_to_end(run, 5000), COMMAND_FAILED);
    assert_true(is_gone(pid_said(run)));
    command_run_free(run);
}

static void what_passed_may_stay(void **state)
{
    char name[] = "/tmp/drover-health-XXXXXX", command[128], text[16] = "";
    int fd = mkstemp(name);
    struct command_run *run;
    pid_t stayed;

    (void)state;
    (void)snprintf(command, sizeof command, "sleep 300 & echo $! > %s; exit 0", name);
    run = command_run_start(command, NULL, 5000, clock_mono_ms());
    assert_int_equal(run_to_end(run, 5000), COMMAND_PASSED);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    stayed = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(kill(stayed, 0), 0);
    assert_int_equal(kill(stayed, SIGKILL), 0);
    command_run_free(run);
    close(fd);
    unlink(name);
}

static unsigned open_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

static void nothing_is_left(void **state)
{
    unsigned before = open_descriptors();

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct command_run *run = command_run_start(i % 2 ? "exit 1" : "sleep 300", NULL, 60000, clock_mono_ms());

        if (i % 2)
            assert_int_equal(run_to_end(run, 5000), COMMAND_FAILED);
        command_run_free(run);
    }
    command_run_free(NULL);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* A descriptor that some library forgot to mark is not passed on; blocked signals are not either. */
static void nothing_is_inherited(void **state)
{
    int leaked = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    char command[128];
    struct command_run *run;
    sigset_t term, old;

    (void)state;
    (void)snprintf(command, sizeof command, "[ -e /proc/self/fd/%d ] && exit 7; kill -TERM $$; exit 8", leaked);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &old);
    run = command_run_start(command, NULL, 5000, clock_mono_ms());
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    assert_int_equal(run_to_end(run, 5000), COMMAND_FAILED);
    assert_string_equal(command_run_why(run), "ended by signal 15");
    command_run_free(run);
    close(leaked);
}

/* Linux 4.x: in a process in which pidfd_open is unknown, from here to its end. */
static void without_pidfd(void **state)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT_OF(rows), .filter = rows};
    int fds[2];
    struct command_run *run;

    (void)state;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        print_message("skipped: no seccomp here\n");
        skip();
    }
    run = command_run_start("exec >/dev/null 2>&1; sleep 0.2; exit 5", NULL, 5000, clock_mono_ms());
    assert_non_null(run);
    assert_true(command_run_fds(run, fds) <= 1);
    assert_int_equal(run_to_end(run, 5000), COMMAND_FAILED);
    assert_int_equal(command_run_exit_code(run), 5);
    command_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_commands_end),
        cmocka_unit_test(output_of_any_size),
        cmocka_unit_test(output_is_logged),
        cmocka_unit_test(environment_is_added),
        cmocka_unit_test(the_whole_group_ends),
        cmocka_unit_test(what_failed_leaves_nothing),
        cmocka_unit_test(what_passed_may_stay),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(nothing_is_inherited),
        cmocka_unit_test(without_pidfd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
