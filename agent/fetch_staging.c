/* See fetch_staging.h: the file itself, its head, and its whole SHA-256. The pieces are in fetch_pieces.c. */
#include "agent/fetch_staging.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/durable.h"
#include "common/text.h"

#define WHOLE_STEP_BYTES (1024 * 1024)     /* digested in one call */
#define BLOCK_BYTES (64 * 1024)
#define ID_SUFFIX ".id"

enum error_code staging_failed(const char *what, struct problem *ret_problem)
{
    int cause = errno;

    return package_refuse(ret_problem, cause == ENOSPC || cause == EDQUOT ? E_NO_SPACE : E_INSTALL, "staging file", "%s: %s", what, strerror(cause));
}

static enum error_code code_of(enum drover_error error)
{
    return error == DROVER_OK ? E_NONE : error == DROVER_NO_SPACE ? E_NO_SPACE : E_INSTALL;
}

enum error_code staging_write(struct fetch_staging *staging, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t wrote = pwrite(staging->fd, at, length, offset);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return staging_failed("cannot be written", ret_problem);
        at += wrote;
        offset += wrote;
        length -= (size_t)wrote;
    }
    return E_NONE;
}

/* Fewer than length bytes only at the end of the file; -1: errno. */
static ssize_t read_at(int fd, void *bytes, size_t length, int64_t offset)
{
    size_t got = 0;

    while (got < length) {
        ssize_t more = pread(fd, (char *)bytes + got, length - got, offset + (int64_t)got);

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return -1;
        if (more == 0)
            break;
        got += (size_t)more;
    }
    return (ssize_t)got;
}

static void id_name(const struct fetch_staging *staging, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s" ID_SUFFIX, staging->name);
}

/* "SHA256 SIZE\n"; of the same package the file is kept, of another one it goes before the new id comes. */
static enum error_code id_settle(struct fetch_staging *staging, struct problem *ret_problem)
{
    char name[NAME_MAX + 1], wanted[128], found[128];
    int wanted_length = snprintf(wanted, sizeof wanted, "%s %lld\n", staging->sha256, (long long)staging->size_bytes);
    size_t found_length = 0;
    struct problem ignored;

    id_name(staging, name, sizeof name);
    if (durable_read(staging->folder_fd, name, found, sizeof found, &found_length, &ignored) == DROVER_OK && found_length == (size_t)wanted_length &&
        memcmp(found, wanted, found_length) == 0)
        return E_NONE;
    if (unlinkat(staging->folder_fd, staging->name, 0) != 0 && errno != ENOENT)
        return staging_failed("the one of another package cannot be removed", ret_problem);
    return code_of(durable_replace(staging->folder_fd, name, wanted, (size_t)wanted_length, ret_problem));
}

static enum error_code folder_open(struct fetch_staging *staging, struct problem *ret_problem)
{
    char *slash = strrchr(staging->path, '/');
    enum drover_error error;

    staging->name = slash ? slash + 1 : staging->path;
    if (staging->name[0] == '\0' || strlen(staging->name) + sizeof ID_SUFFIX > NAME_MAX)
        return package_refuse(ret_problem, E_INSTALL, "staging file", "its name is empty or too long");
    if (slash)
        *slash = '\0';
    error = durable_folder(AT_FDCWD, !slash ? "." : slash == staging->path ? "/" : staging->path, &staging->folder_fd, ret_problem);
    if (slash)
        *slash = '/';
    return code_of(error);
}

static enum error_code file_open(struct fetch_staging *staging, struct problem *ret_problem)
{
    struct stat status;

    staging->fd = openat(staging->folder_fd, staging->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (staging->fd < 0 || fstat(staging->fd, &status) != 0)
        return staging_failed("cannot be opened", ret_problem);
    if (!S_ISREG(status.st_mode))
        return package_refuse(ret_problem, E_INSTALL, "staging file", "something else has its name");
    if (status.st_size > staging->size_bytes && ftruncate(staging->fd, staging->size_bytes) != 0)
        return staging_failed("cannot be cut to its size", ret_problem);
    return E_NONE;
}

static void head_forget(struct fetch_staging *staging)
{
    pieces_done(staging);
    package_head_done(&staging->head);
    if (staging->trust_new)
        trust_done(&staging->trust);
    staging->has_head = staging->trust_new = false;
    staging->head_have_bytes = 0;
    staging->head_bytes = PACKAGE_HEADER_BYTES;
    sha256_free(staging->whole);
    staging->whole = NULL;
    staging->whole_bytes = 0;
}

enum error_code staging_open(struct fetch_staging *staging, const char *path, const char *sha256, int64_t size_bytes, const struct package_policy *policy,
                             const struct recipient_keys *keys, struct problem *ret_problem)
{
    enum error_code code;

    *staging = (struct fetch_staging){.folder_fd = -1, .fd = -1, .size_bytes = size_bytes, .policy = policy, .keys = keys, .head_bytes = PACKAGE_HEADER_BYTES};
    staging->path = strdup(path);
    if (!staging->path)
        return package_refuse(ret_problem, E_INTERNAL, "staging file", "out of memory");
    if (!text_is_hex(sha256, strlen(sha256), SHA256_HEX_SIZE - 1) || !text_copy(staging->sha256, sizeof staging->sha256, sha256))
        return package_refuse(ret_problem, E_INTERNAL, "sha256", "not the SHA-256 of a package");
    if (size_bytes <= PACKAGE_HEADER_BYTES + PACKAGE_TRAILER_BYTES)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "size", "too small for a package");
    code = folder_open(staging, ret_problem);
    if (!code)
        code = id_settle(staging, ret_problem);
    return code ? code : file_open(staging, ret_problem);
}

void staging_done(struct fetch_staging *staging)
{
    if (!staging->path)
        return;
    head_forget(staging);
    if (staging->fd >= 0)
        close(staging->fd);
    if (staging->folder_fd >= 0)
        close(staging->folder_fd);
    free(staging->path);
    *staging = (struct fetch_staging){.folder_fd = -1, .fd = -1};
}

enum error_code staging_empty(struct fetch_staging *staging, struct problem *ret_problem)
{
    head_forget(staging);
    return ftruncate(staging->fd, 0) == 0 ? E_NONE : staging_failed("cannot be emptied", ret_problem);
}

void staging_remove(struct fetch_staging *staging)
{
    char name[NAME_MAX + 1];

    id_name(staging, name, sizeof name);
    (void)unlinkat(staging->folder_fd, staging->name, 0);
    (void)unlinkat(staging->folder_fd, name, 0);
}

static enum error_code header_read(struct fetch_staging *staging, struct problem *ret_problem)
{
    uint8_t bytes[PACKAGE_HEADER_BYTES];
    struct package_header header;
    enum error_code code;

    if (read_at(staging->fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return package_refuse(ret_problem, E_INSTALL, "staging file", "cannot be read");
    code = package_header_read(bytes, &header, ret_problem);
    if (!code && header.package_bytes != (uint64_t)staging->size_bytes)
        code = package_refuse(ret_problem, E_SHA256, "package", "%llu bytes; announced were %lld", (unsigned long long)header.package_bytes,
                              (long long)staging->size_bytes);
    if (!code)
        staging->head_bytes = PACKAGE_HEADER_BYTES + (int64_t)header.metadata_bytes;
    return code;
}

static enum error_code head_load(struct fetch_staging *staging, struct problem *ret_problem)
{
    size_t length = (size_t)staging->head_bytes;
    uint8_t *bytes = malloc(length);
    enum error_code code;

    if (!bytes)
        return package_refuse(ret_problem, E_INTERNAL, "metadata", "no memory to read it");
    if (read_at(staging->fd, bytes, length, 0) == (ssize_t)length)
        code = package_head_read(bytes, length, &staging->head, ret_problem);
    else
        code = package_refuse(ret_problem, E_INSTALL, "staging file", "cannot be read");
    free(bytes);
    return code;
}

/* Header and metadata are in the file. A failure leaves nothing but the bytes. */
static enum error_code head_prove(struct fetch_staging *staging, struct problem *ret_problem)
{
    enum error_code code = head_load(staging, ret_problem);

    if (!code) {
        code = package_head_check(&staging->head, staging->policy, &staging->trust, &staging->trust_new, ret_problem);
        if (!code)
            code = pieces_init(staging, ret_problem);
        if (code)
            head_forget(staging);
    }
    staging->has_head = code == E_NONE;
    return code;
}

enum error_code staging_resume_head(struct fetch_staging *staging, struct problem *ret_problem)
{
    enum error_code code;
    struct stat status;

    if (fstat(staging->fd, &status) != 0)
        return staging_failed("cannot be read", ret_problem);
    if (status.st_size < PACKAGE_HEADER_BYTES)
        return staging_empty(staging, ret_problem);
    code = header_read(staging, ret_problem);
    if (!code && status.st_size < staging->head_bytes)
        return staging_empty(staging, ret_problem);
    if (!code)
        code = head_prove(staging, ret_problem);
    if (code == E_NO_SPACE || code == E_INSTALL || code == E_INTERNAL) /* says nothing about the bytes */
        return code;
    return code ? staging_empty(staging, ret_problem) : E_NONE;
}

/* One step through the head: the rest of the header, or of the metadata. */
static enum error_code head_arrived(struct fetch_staging *staging, const uint8_t *bytes, size_t length, size_t *ret_taken, struct problem *ret_problem)
{
    int64_t missing = staging->head_bytes - staging->head_have_bytes;
    enum error_code code;

    *ret_taken = (int64_t)length < missing ? length : (size_t)missing;
    code = staging_write(staging, staging->head_have_bytes, bytes, *ret_taken, ret_problem);
    if (code)
        return code;
    staging->written_bytes += (int64_t)*ret_taken;
    staging->head_have_bytes += (int64_t)*ret_taken;
    if (staging->head_have_bytes < staging->head_bytes)
        return E_NONE;
    if (staging->head_bytes == PACKAGE_HEADER_BYTES)
        code = header_read(staging, ret_problem);
    if (!code && staging->head_have_bytes == staging->head_bytes)
        code = head_prove(staging, ret_problem);
    return code;
}

enum error_code staging_arrived(struct fetch_staging *staging, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem)
{
    const uint8_t *at = bytes;
    enum error_code code = E_NONE;

    while (!code && length > 0) {
        size_t taken = 0;
        int64_t known = staging->head_have_bytes - offset;   /* of the head, there already */

        if (staging->has_head)
            code = pieces_arrived(staging, offset, at, length, &taken, ret_problem);
        else if (known > 0)
            taken = (int64_t)length < known ? length : (size_t)known;
        else
            code = head_arrived(staging, at, length, &taken, ret_problem);
        at += taken;
        offset += (int64_t)taken;
        length -= taken;
    }
    return code;
}

enum error_code staging_whole_some(struct fetch_staging *staging, bool *ret_over, struct problem *ret_problem)
{
    uint8_t *block = malloc(BLOCK_BYTES);
    char found[SHA256_HEX_SIZE];
    int64_t stop = staging->whole_bytes + WHOLE_STEP_BYTES;

    if (!staging->whole)
        staging->whole = sha256_new();
    if (!block || !staging->whole) {
        free(block);
        return package_refuse(ret_problem, E_INTERNAL, "package", "no memory to digest it");
    }
    *ret_over = false;
    while (!*ret_over && staging->whole_bytes < stop) {
        ssize_t got = read_at(staging->fd, block, BLOCK_BYTES, staging->whole_bytes);

        if (got < 0) {
            free(block);
            return staging_failed("cannot be read", ret_problem);
        }
        sha256_add(staging->whole, block, (size_t)got);
        staging->whole_bytes += got;
        *ret_over = got < BLOCK_BYTES;
    }
    free(block);
    if (!*ret_over)
        return E_NONE;
    sha256_hex(staging->whole, found);
    if (strcmp(found, staging->sha256) != 0)
        return package_refuse(ret_problem, E_SHA256, "package", "its SHA-256 is not the announced one");
    return fsync(staging->fd) == 0 ? E_NONE : staging_failed("cannot be synced", ret_problem);
}
