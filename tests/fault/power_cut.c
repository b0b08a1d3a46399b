/* See power_cut.h. The shim's place is told by the environment (DROVER_FAULT_SHIM), which meson sets. */
#include "tests/fault/power_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/common/check.h"

#define PROMISES_SIZE 64

static void child_run(const struct power_cut *cut, int output_fd)
{
    char at[16], program[256] = "";
    const char *shim = getenv("DROVER_FAULT_SHIM");
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    if (length < 0 || !shim || dup2(output_fd, STDOUT_FILENO) < 0)
        _exit(126);
    (void)snprintf(at, sizeof at, "%u", cut->at);
    (void)setenv("LD_PRELOAD", shim, 1);
    (void)setenv("DROVER_FAULT_ROOT", cut->root, 1);
    (void)setenv("DROVER_FAULT_MODE", cut->mode, 1);
    (void)setenv("DROVER_FAULT_AT", at, 1);
    (void)setenv("DROVER_FAULT_PROGRAM", program_invocation_short_name, 1);
    (void)execl(program, program_invocation_short_name, cut->story, cut->root, (char *)NULL);
    _exit(126);
}

static void promises_read(int fd, char *ret_promises)
{
    size_t length = 0;
    ssize_t got;

    while ((got = read(fd, ret_promises + length, PROMISES_SIZE - 1 - length)) > 0)
        length += (size_t)got;
    ret_promises[length] = '\0';
}

bool power_cut_run(const struct power_cut *cut, char *ret_promises)
{
    int ends[2], status = 0;
    pid_t child;

    if (!getenv("DROVER_FAULT_SHIM"))
        fail_msg("DROVER_FAULT_SHIM does not say where libdrover-fault.so is; `meson test` does");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_run(cut, ends[1]);
    close(ends[1]);
    promises_read(ends[0], ret_promises);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && cut->at > 0)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s, mode %s, call %u: status %#x after '%s'", cut->story, cut->mode, cut->at, (unsigned)status, ret_promises);
    return true;
}

unsigned power_cut_stride(void)
{
    const char *stride = getenv("DROVER_FAULT_STRIDE");
    unsigned long number = stride ? strtoul(stride, NULL, 10) : 1;

    return number > 0 ? (unsigned)number : 1;
}

void power_cut_promise(char letter)
{
    if (write(STDOUT_FILENO, &letter, 1) != 1)
        _exit(125);
}

/* In memory where that is possible: what is synced is the shim's to know, the disk's own fsync would only take time. */
void power_cut_folder_make(char *ret_path, unsigned size)
{
    const char *temp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(ret_path, size, "%s/drover-cut-XXXXXX", temp);
    assert_non_null(mkdtemp(ret_path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

/* What the shim kept for undoing lies beside the folder when the power went while it was kept. */
void power_cut_folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
