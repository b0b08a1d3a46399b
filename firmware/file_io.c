/* What every writer of a file needs: whole transfers, and a file that appears under its name only when it is complete. */
#include "firmware/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"

#define NAMES_TRIED 16

bool file_read_at(int fd, void *bytes, size_t length, int64_t offset, size_t *ret_got)
{
    char *at = bytes;
    size_t got = 0;

    while (got < length) {
        ssize_t more = pread(fd, at + got, length - got, offset + (int64_t)got);

        if (more == 0)
            break;
        if (more < 0 && errno != EINTR)
            return false;
        got += more > 0 ? (size_t)more : 0;
    }
    *ret_got = got;
    return true;
}

bool file_read(int fd, void *bytes, size_t length, size_t *ret_got)
{
    ssize_t got;

    do
        got = read(fd, bytes, length);
    while (got < 0 && errno == EINTR);
    *ret_got = got > 0 ? (size_t)got : 0;
    return got >= 0;
}

bool file_write(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t done = write(fd, at, length);

        if (done < 0 && errno != EINTR)
            return false;
        at += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

bool file_write_at(int fd, const void *bytes, size_t length, int64_t offset)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t done = pwrite(fd, at, length, offset);

        if (done < 0 && errno != EINTR)
            return false;
        at += done > 0 ? done : 0;
        offset += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

int file_beside(const char *path, char *ret_temporary, size_t size)
{
    int fd = -1;

    for (unsigned i = 0; fd < 0 && i < NAMES_TRIED; i++) {
        int length = snprintf(ret_temporary, size, "%s.%016" PRIx64, path, clock_random());

        if (length < 0 || (size_t)length >= size) {
            errno = ENAMETOOLONG;
            break;
        }
        fd = open(ret_temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        ret_temporary[0] = '\0';
    return fd;
}

int file_beside_unnamed(const char *path)
{
    char temporary[PATH_MAX];
    int fd = file_beside(path, temporary, sizeof temporary);

    if (fd >= 0)
        (void)unlink(temporary);
    return fd;
}

/* The folder part of path, "." when it has none. */
static bool folder_of(const char *path, char *ret, size_t size)
{
    const char *slash = strrchr(path, '/');
    int length = !slash ? snprintf(ret, size, ".") : snprintf(ret, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);

    return length >= 0 && (size_t)length < size;
}

bool file_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    int fd, failed, kept;

    if (!folder_of(path, folder, sizeof folder)) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    failed = fsync(fd);
    kept = errno;
    close(fd);
    errno = kept;
    return failed == 0;
}

void *file_map(int fd, int64_t offset, int64_t bytes, int protection, int flags)
{
    if ((uint64_t)bytes <= SIZE_MAX / 2)
        return mmap(NULL, (size_t)bytes, protection, flags, fd, offset);
    errno = EFBIG;
    return MAP_FAILED;
}
