/* See durable.h. Sources: open(2), fsync(2), rename(2); a rename without an fsync before it may leave an empty file (ext4's delayed allocation). */
#include "agent/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define NAME_BYTES 96

enum drover_error durable_failed(const char *name, const char *what, struct problem *ret_problem)
{
    int cause = errno;
    enum drover_error error = cause == ENOSPC || cause == EDQUOT ? DROVER_NO_SPACE : DROVER_IO;

    return problem_set(ret_problem, error, name, "%s: %s", what, strerror(cause));
}

/* FAT and some network file systems cannot sync a folder and say EINVAL; more cannot be done there. */
enum drover_error durable_folder_sync(int folder_fd, const char *what, struct problem *ret_problem)
{
    if (fsync(folder_fd) == 0 || errno == EINVAL)
        return DROVER_OK;
    return durable_failed(what, "the folder cannot be synced", ret_problem);
}

static enum drover_error parent_sync(int folder_fd, const char *path, struct problem *ret_problem)
{
    int parent_fd = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum drover_error error;

    if (parent_fd < 0)
        return durable_failed(path, "the folder above cannot be opened", ret_problem);
    error = durable_folder_sync(parent_fd, path, ret_problem);
    close(parent_fd);
    return error;
}

enum drover_error durable_folder(int at_fd, const char *path, int *ret_fd, struct problem *ret_problem)
{
    bool made = mkdirat(at_fd, path, 0755) == 0;
    enum drover_error error = DROVER_OK;
    int fd;

    if (!made && errno != EEXIST)
        return durable_failed(path, "the folder cannot be made", ret_problem);
    fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return durable_failed(path, "the folder cannot be opened", ret_problem);
    if (made)
        error = parent_sync(fd, path, ret_problem);
    if (error)
        close(fd);
    else
        *ret_fd = fd;
    return error;
}

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t wrote = write(fd, at, length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            errno = wrote < 0 ? errno : EIO;
            return false;
        }
        at += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

static enum drover_error replacement_write(int folder_fd, const char *name, const void *bytes, size_t length, struct problem *ret_problem)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    enum drover_error error = DROVER_OK;

    if (fd < 0)
        return durable_failed(name, "cannot be made", ret_problem);
    if (!write_all(fd, bytes, length))
        error = durable_failed(name, "cannot be written", ret_problem);
    else if (fsync(fd) != 0)
        error = durable_failed(name, "cannot be synced", ret_problem);
    close(fd);
    return error;
}

enum drover_error durable_replace(int folder_fd, const char *name, const void *bytes, size_t length, struct problem *ret_problem)
{
    char beside[NAME_BYTES];
    enum drover_error error;

    (void)snprintf(beside, sizeof beside, "%s.new", name);
    error = replacement_write(folder_fd, beside, bytes, length, ret_problem);
    if (!error && renameat(folder_fd, beside, folder_fd, name) != 0)
        error = durable_failed(name, "cannot be replaced", ret_problem);
    if (error) {
        (void)unlinkat(folder_fd, beside, 0); /* gives a full disk its bytes back */
        return error;
    }
    return durable_folder_sync(folder_fd, name, ret_problem);
}

/* One byte more than fits is asked for, so that a file that is too long is noticed without trusting its stated size. */
static enum drover_error read_all(int fd, const char *name, char *ret_bytes, size_t size, size_t *ret_length, struct problem *ret_problem)
{
    size_t length = 0;
    char beyond;

    for (;;) {
        bool full = length == size;
        ssize_t got = read(fd, full ? &beyond : ret_bytes + length, full ? 1 : size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return durable_failed(name, "cannot be read", ret_problem);
        if (got > 0 && full)
            return problem_set(ret_problem, DROVER_TOO_LONG, name, "has more than %zu bytes", size);
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *ret_length = length;
    return DROVER_OK;
}

enum drover_error durable_read(int folder_fd, const char *name, void *ret_bytes, size_t size, size_t *ret_length, struct problem *ret_problem)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    enum drover_error error;

    if (fd < 0 && errno == ENOENT)
        return problem_set(ret_problem, DROVER_NOT_FOUND, name, "there is no such file");
    if (fd < 0)
        return durable_failed(name, "cannot be opened", ret_problem);
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        error = read_all(fd, name, ret_bytes, size, ret_length, ret_problem);
    else
        error = problem_set(ret_problem, DROVER_TYPE, name, "is not a regular file");
    close(fd);
    return error;
}

void durable_set_aside(int folder_fd, const char *name, const struct problem *why)
{
    char aside[NAME_BYTES];

    (void)snprintf(aside, sizeof aside, "%s.bad", name);
    if (renameat(folder_fd, name, folder_fd, aside) != 0) {
        if (errno != ENOENT)
            log_event(LOG_ERROR, "file_not_set_aside", LOG_TEXT("file", name), LOG_TEXT("why", strerror(errno)));
        return;
    }
    (void)fsync(folder_fd); /* if this is lost, it is set aside again */
    log_event(LOG_WARN, "file_set_aside", LOG_TEXT("file", name), LOG_TEXT("as", aside), LOG_TEXT("where", why->where), LOG_TEXT("why", why->what));
}
