/* Starting droverd again for one job. The link /proc/self/exe leads to the program that runs, also when an upgrade has put another file
 * in its place meanwhile. */
#include "orchestrator/edges/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* A file without a name that holds the trust store: the worker reads what we hold, whatever lies under its path by now. */
static int trust_fd(const char *trust, size_t length)
{
    int fd = memfd_create("drover-trust", MFD_CLOEXEC);

    if (fd >= 0 && pwrite(fd, trust, length, 0) != (ssize_t)length) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* stdin: the trust store; stdout: the pipe; stderr: ours, for what a sanitizer has to say. Nothing else is inherited. 0, or an errno. */
static int actions_fill(posix_spawn_file_actions_t *actions, int trust, int answer)
{
    int failed = posix_spawn_file_actions_adddup2(actions, trust, STDIN_FILENO);

    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, answer, STDOUT_FILENO);
    return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

static int attributes_fill(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int failed;

    sigemptyset(&none);
    sigfillset(&all);
    failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    return failed ? failed : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(char *task, int trust, int answer, pid_t *ret_pid)
{
    static char name[] = "droverd", option[] = "--worker";
    char *const argv[] = {name, option, task, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);

    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = actions_fill(&actions, trust, answer);
        if (!failed)
            failed = attributes_fill(&attributes);
        if (!failed)
            failed = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Our end does not block; the worker's may. */
static int pipe_make(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC) != 0)
        return errno;
    return fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

bool worker_process_start(const struct worker_task *task, const char *trust, size_t trust_length, pid_t *ret_pid, int *ret_fd)
{
    int held = trust_fd(trust, trust_length), fds[2] = {-1, -1};
    int failed = held < 0 ? errno : pipe_make(fds);
    struct buffer text;

    buffer_init(&text, WORKER_TEXT_MAX);
    worker_task_write(task, &text);
    if (!failed)
        failed = text.failed ? ENOMEM : spawn(text.bytes, held, fds[1], ret_pid);
    buffer_done(&text);
    if (held >= 0)
        close(held);
    if (fds[1] >= 0)
        close(fds[1]);
    if (failed && fds[0] >= 0)
        close(fds[0]);
    errno = failed;
    if (!failed)
        *ret_fd = fds[0];
    return !failed;
}
