/* A shell command as a child of its own process group. posix_spawn instead of fork: no copy of the agent's memory, and descriptors above 2 are closed
 * in the child whoever opened them. The leader is reaped last: while it is a zombie its number, which is also the group's, cannot be given to
 * anybody else, so that kill(-pid) never meets a stranger. */
#include "agent/health.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"

#define OUTPUT_BYTES 2700    /* kept for the log: nine pieces, because it takes ten lines of one event a second */
#define PIECE_BYTES 300      /* of output in one line of the log, which may need six times as many */
#define LAST_LINE_SIZE 98    /* with "exit code 255: " before it, what a problem holds */
#define KILL_AFTER_MS 2000
#define LOOK_AGAIN_MS 50     /* without a pidfd */
#define FREE_WAIT_MS 2000    /* for a killed process that hangs in the kernel */

struct command_run {
    pid_t pid;
    int pidfd;               /* -1: this kernel has none */
    int output_fd;           /* -1 after its end */
    int64_t timeout_ms, term_at_ms, kill_at_ms;
    bool timed_out;          /* or stopped */
    bool stopped;
    enum command_state state;
    int exit_code;
    size_t output_length;
    char output[OUTPUT_BYTES];
    bool output_cut;
    size_t line_length;      /* of the line that is arriving */
    char line[LAST_LINE_SIZE];
    char last_line[LAST_LINE_SIZE];
    char why[176];
};

/* --- starting --- */

static bool is_overridden(const char *entry, const char *const *environment)
{
    size_t name_length = strcspn(entry, "=");

    for (; *environment; environment++)
        if (strcspn(*environment, "=") == name_length && strncmp(*environment, entry, name_length) == 0)
            return true;
    return false;
}

/* Ours with theirs in front; the texts are not copied. */
static char **environment_merge(const char *const *environment)
{
    size_t count = 0, at = 0;
    char **merged;

    for (char **entry = environ; entry && *entry; entry++)
        count++;
    for (const char *const *entry = environment; *entry; entry++)
        count++;
    merged = calloc(count + 1, sizeof *merged);
    if (!merged)
        return NULL;
    for (const char *const *entry = environment; *entry; entry++)
        merged[at++] = (char *)(uintptr_t)*entry; /* posix_spawn's prototype lacks a const */
    for (char **entry = environ; entry && *entry; entry++)
        if (!is_overridden(*entry, environment))
            merged[at++] = *entry;
    return merged;
}

static int attributes_set(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setpgroup(attributes, 0);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int actions_add(posix_spawn_file_actions_t *actions, int output_fd)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, output_fd, STDERR_FILENO);
    return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

static int shell_spawn(const char *command, const char *const *environment, int output_fd, pid_t *ret_pid)
{
    char *arguments[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)command, NULL};
    char **merged = environment_merge(environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed;

    if (!merged)
        return ENOMEM;
    (void)posix_spawn_file_actions_init(&actions); /* glibc: these two cannot fail */
    (void)posix_spawnattr_init(&attributes);
    failed = actions_add(&actions, output_fd);
    if (!failed)
        failed = attributes_set(&attributes);
    if (!failed)
        failed = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, arguments, merged);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(merged);
    return failed;
}

struct command_run *command_run_start(const char *command, const char *const *environment, int64_t timeout_ms, int64_t now_mono_ms)
{
    static const char *const nothing[] = {NULL};
    struct command_run *run = calloc(1, sizeof *run);
    int ends[2], failed;

    if (!run)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(run);
        return NULL;
    }
    failed = shell_spawn(command, environment ? environment : nothing, ends[1], &run->pid);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        free(run);
        errno = failed;
        return NULL;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    run->output_fd = ends[0];
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0); /* close-on-exec by itself */
    run->timeout_ms = timeout_ms;
    run->term_at_ms = now_mono_ms + timeout_ms;
    run->kill_at_ms = INT64_MAX;
    run->exit_code = -1;
    return run;
}

/* --- its output --- */

static void line_end(struct command_run *run)
{
    if (run->line_length > 0)
        (void)text_excerpt(run->last_line, sizeof run->last_line, run->line, run->line_length);
    run->line_length = 0;
}

/* Everything is read, so that the child never waits for us; what is over the limit is only searched for its last line. */
static void output_take(struct command_run *run, const char *bytes, size_t length)
{
    size_t room = OUTPUT_BYTES - run->output_length, kept = length < room ? length : room;

    memcpy(run->output + run->output_length, bytes, kept);
    run->output_length += kept;
    run->output_cut |= kept < length;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            line_end(run);
        else if (run->line_length < sizeof run->line)
            run->line[run->line_length++] = bytes[i];
    }
}

static void output_close(struct command_run *run)
{
    if (run->output_fd >= 0)
        close(run->output_fd);
    run->output_fd = -1;
}

/* A bounded bite, so that a command that never stops talking cannot hold the loop. */
static void output_read(struct command_run *run)
{
    char bytes[4096];

    for (unsigned bites = 0; bites < 16 && run->output_fd >= 0; bites++) {
        ssize_t got = read(run->output_fd, bytes, sizeof bytes);

        if (got > 0)
            output_take(run, bytes, (size_t)got);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            output_close(run);
        else if (errno == EAGAIN)
            return;
    }
}

static void output_log(const struct command_run *run)
{
    char piece[PIECE_BYTES + 1];

    for (size_t at = 0; at < run->output_length; at += PIECE_BYTES) {
        size_t length = run->output_length - at < PIECE_BYTES ? run->output_length - at : PIECE_BYTES;

        for (size_t i = 0; i < length; i++)
            piece[i] = run->output[at + i] ? run->output[at + i] : ' ';
        piece[length] = '\0';
        log_event(LOG_INFO, "command_output", LOG_NUMBER("pid", run->pid), LOG_TEXT("text", piece));
    }
    if (run->output_cut)
        log_event(LOG_INFO, "command_output_cut", LOG_NUMBER("pid", run->pid), LOG_NUMBER("after_bytes", OUTPUT_BYTES));
}

/* --- its end --- */

unsigned command_run_fds(const struct command_run *run, int ret_fds[2])
{
    unsigned count = 0;

    if (run->state != COMMAND_RUNS)
        return 0;
    if (run->pidfd >= 0)
        ret_fds[count++] = run->pidfd;
    if (run->output_fd >= 0)
        ret_fds[count++] = run->output_fd;
    return count;
}

/* True when the leader has ended; it stays a zombie. */
static bool leader_ended(const struct command_run *run, bool *ret_lost)
{
    siginfo_t info = {.si_pid = 0};

    *ret_lost = waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    return *ret_lost || info.si_pid == run->pid;
}

static void why_set(struct command_run *run, int status)
{
    const char *line = run->last_line;
    char how[64];

    if (run->stopped)
        (void)text_copy(how, sizeof how, "stopped");
    else if (run->timed_out)
        (void)snprintf(how, sizeof how, "no end within %lld ms", (long long)run->timeout_ms);
    else if (WIFSIGNALED(status))
        (void)snprintf(how, sizeof how, "ended by signal %d", WTERMSIG(status));
    else
        (void)snprintf(how, sizeof how, "exit code %d", WEXITSTATUS(status));
    (void)snprintf(run->why, sizeof run->why, "%s%s%s", how, line[0] ? ": " : "", line);
}

static enum command_state end_state(const struct command_run *run, bool lost)
{
    if (run->timed_out)
        return COMMAND_TIMED_OUT;
    return !lost && run->exit_code == 0 ? COMMAND_PASSED : COMMAND_FAILED;
}

static void finish(struct command_run *run, bool lost)
{
    siginfo_t info = {.si_pid = 0};
    int status = 0;

    output_read(run);
    output_close(run);
    line_end(run);
    if (!lost && waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && (run->timed_out || info.si_code != CLD_EXITED || info.si_status != 0))
        (void)kill(-run->pid, SIGKILL); /* what it left behind; the zombie keeps the number ours */
    if (!lost)
        (void)waitpid(run->pid, &status, 0);
    if (!lost && !run->timed_out && WIFEXITED(status))
        run->exit_code = WEXITSTATUS(status);
    why_set(run, status);
    if (lost)
        (void)text_copy(run->why, sizeof run->why, "its end was not seen: SIGCHLD is ignored");
    run->state = end_state(run, lost);
    output_log(run);
}

static void deadlines_keep(struct command_run *run, int64_t now_mono_ms)
{
    if (now_mono_ms >= run->term_at_ms) {
        run->timed_out = true;
        run->term_at_ms = INT64_MAX;
        run->kill_at_ms = now_mono_ms + KILL_AFTER_MS;
        (void)kill(-run->pid, SIGTERM);
    }
    if (now_mono_ms >= run->kill_at_ms) {
        run->kill_at_ms = INT64_MAX;
        (void)kill(-run->pid, SIGKILL);
    }
}

enum command_state command_run_step(struct command_run *run, int64_t now_mono_ms, int64_t *ret_wake_ms)
{
    bool lost;

    *ret_wake_ms = INT64_MAX;
    if (run->state != COMMAND_RUNS)
        return run->state;
    output_read(run);
    if (leader_ended(run, &lost)) {
        finish(run, lost);
        return run->state;
    }
    deadlines_keep(run, now_mono_ms);
    *ret_wake_ms = run->term_at_ms < run->kill_at_ms ? run->term_at_ms : run->kill_at_ms;
    if (run->pidfd < 0 && *ret_wake_ms > now_mono_ms + LOOK_AGAIN_MS)
        *ret_wake_ms = now_mono_ms + LOOK_AGAIN_MS;
    return COMMAND_RUNS;
}

const char *command_run_why(const struct command_run *run)
{
    return run->why;
}

void command_run_stop(struct command_run *run, int64_t now_mono_ms)
{
    if (run->state != COMMAND_RUNS || run->timed_out)
        return;
    run->stopped = true;
    run->term_at_ms = now_mono_ms;
}

int command_run_exit_code(const struct command_run *run)
{
    return run->exit_code;
}

/* SIGKILL is certain but for a process that hangs in the kernel; that one is left to whoever adopts it. */
static void kill_and_reap(struct command_run *run)
{
    bool lost;

    (void)kill(-run->pid, SIGKILL);
    for (unsigned waited_ms = 0; waited_ms < FREE_WAIT_MS && !leader_ended(run, &lost); waited_ms += 10)
        (void)poll(NULL, 0, 10);
    (void)waitpid(run->pid, NULL, WNOHANG);
}

void command_run_free(struct command_run *run)
{
    if (!run)
        return;
    if (run->state == COMMAND_RUNS)
        kill_and_reap(run);
    output_close(run);
    if (run->pidfd >= 0)
        close(run->pidfd);
    free(run);
}
