/* A disk that is full, for a program it is preloaded into (LD_PRELOAD): below DROVER_FULL_ROOT only DROVER_FULL_BYTES may be written, then ENOSPC, as long as
 * the file DROVER_FULL_WHILE is there. Space cannot be reserved, as on many file systems, so that it is met in the middle of writing. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_llong written_bytes;

static bool is_below_root(int fd)
{
    const char *root = getenv("DROVER_FULL_ROOT");
    char link[64], path[PATH_MAX];
    ssize_t length;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (!root || length < 0)
        return false;
    path[length] = '\0';
    return strncmp(path, root, strlen(root)) == 0;
}

static bool is_full(int fd, size_t length)
{
    const char *limit = getenv("DROVER_FULL_BYTES"), *flag = getenv("DROVER_FULL_WHILE");

    if (!limit || !flag || !is_below_root(fd) || access(flag, F_OK) != 0)
        return false;
    return atomic_fetch_add(&written_bytes, (long long)length) + (long long)length > atoll(limit);
}

static ssize_t no_space(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd, length) ? no_space() : real(fd, bytes, length, offset);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    static int (*real)(int, int, off64_t, off64_t);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fallocate64");
    if (!is_below_root(fd))
        return real(fd, mode, offset, length);
    errno = EOPNOTSUPP;
    return -1;
}
