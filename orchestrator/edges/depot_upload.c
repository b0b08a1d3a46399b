/* See depot_upload.h. A row of the table belongs to one upload; `busy` is the hold of the request that adds to it, so that
 * files are written and hashed outside the lock. What others may look at meanwhile changes only under the lock. */
#include "orchestrator/edges/depot_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#define UPLOADS_MAX 32
#define IDLE_MS (10 * 60 * 1000)   /* then the row may go to another upload; its part stays on disk */

struct upload {
    char sha256[SHA256_HEX_SIZE];  /* "" : a free row */
    int64_t size, offset;          /* as of the last part that was taken; size 0: none was */
    bool busy;
    int64_t used_ms;
    int fd;                        /* the holder's; -1: not opened yet */
    struct sha256 *digest;         /* the holder's; of the first `offset` bytes */
};

struct depot_uploads {
    const struct depot *depot;
    int64_t package_bytes_max;
    pthread_mutex_t lock;
    struct upload rows[UPLOADS_MAX];
};

static void row_clear(struct upload *row)
{
    if (row->fd >= 0)
        close(row->fd);
    sha256_free(row->digest);
    *row = (struct upload){.fd = -1};
}

struct depot_uploads *depot_uploads_new(const struct depot *depot, int64_t package_bytes_max)
{
    struct depot_uploads *uploads = calloc(1, sizeof *uploads);
    if (uploads == NULL)
        return NULL;
    uploads->depot = depot;
    uploads->package_bytes_max = package_bytes_max;
    pthread_mutex_init(&uploads->lock, NULL);
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        uploads->rows[i].fd = -1;
    return uploads;
}

void depot_uploads_free(struct depot_uploads *uploads)
{
    if (uploads == NULL)
        return;
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        row_clear(&uploads->rows[i]);
    pthread_mutex_destroy(&uploads->lock);
    free(uploads);
}

/* --- rows, under the lock --- */

static struct upload *row_find(struct depot_uploads *uploads, const char *sha256)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        if (strcmp(uploads->rows[i].sha256, sha256) == 0)
            return &uploads->rows[i];
    return NULL;
}

static struct upload *row_make(struct depot_uploads *uploads, const char *sha256)
{
    struct upload *row = row_find(uploads, "");
    for (size_t i = 0; i < UPLOADS_MAX && row == NULL; i++)
        if (!uploads->rows[i].busy && uploads->rows[i].used_ms < clock_mono_ms() - IDLE_MS)
            row = &uploads->rows[i];
    if (row == NULL)
        return NULL;
    row_clear(row);
    (void)text_copy(row->sha256, sizeof row->sha256, sha256);
    return row;
}

/* Takes hold of the upload's row. DROVER_CONFLICT: somebody else has it. */
static enum drover_error row_hold(struct depot_uploads *uploads, const char *sha256, struct upload **ret_row, struct depot_upload *ret_state)
{
    enum drover_error error = DROVER_OK;
    pthread_mutex_lock(&uploads->lock);
    struct upload *row = row_find(uploads, sha256);
    if (row == NULL)
        row = row_make(uploads, sha256);
    if (row == NULL)
        error = DROVER_FULL;
    else if (row->busy)
        error = DROVER_CONFLICT;
    else
        row->busy = true;
    if (row != NULL)
        *ret_state = (struct depot_upload){.offset = row->offset, .size = row->size};
    pthread_mutex_unlock(&uploads->lock);
    *ret_row = row;
    return error;
}

/* Ends the hold. gone: the upload is over, well or badly, and the row free again. */
static void row_release(struct depot_uploads *uploads, struct upload *row, int64_t offset, int64_t size, bool gone)
{
    pthread_mutex_lock(&uploads->lock);
    row->busy = false;
    row->offset = offset;
    row->size = size;
    row->used_ms = clock_mono_ms();
    if (gone)
        row_clear(row);
    pthread_mutex_unlock(&uploads->lock);
}

/* --- files, with the row held --- */

static enum drover_error io_error(void)
{
    /* EFBIG: a limit on file sizes; for the operator the same as a full disk */
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? DROVER_NO_SPACE : DROVER_IO;
}

/* Hashes what an earlier droverd has left in the part file. */
static enum drover_error part_rehash(struct upload *row, int64_t *ret_bytes)
{
    static const size_t block = 256 * 1024;
    char *bytes = malloc(block);
    int64_t offset = 0;
    ssize_t got = bytes != NULL ? 1 : -1;
    while (got > 0) {
        got = pread(row->fd, bytes, block, offset);
        if (got > 0) {
            sha256_add(row->digest, bytes, (size_t)got);
            offset += got;
        }
    }
    free(bytes);
    *ret_bytes = offset;
    return bytes == NULL ? DROVER_MEMORY : got == 0 ? DROVER_OK : DROVER_IO;
}

/* Only the first part makes the file; another one without it is told to begin at 0. */
static enum drover_error part_open(struct depot_uploads *uploads, struct upload *row, bool make, int64_t *ret_offset)
{
    char path[DEPOT_PATH_SIZE];
    depot_part_path(uploads->depot, row->sha256, path);
    row->digest = sha256_new();
    if (row->digest == NULL)
        return DROVER_MEMORY;
    row->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0644);
    if (row->fd < 0)
        return errno == ENOENT && !make ? DROVER_CONFLICT : io_error();
    return part_rehash(row, ret_offset);
}

/* Room for all of it, so that a full disk is known at the first part and not at the last. Not every file system can. */
static enum drover_error part_reserve(const struct upload *row, int64_t size)
{
    int failed = fallocate(row->fd, FALLOC_FL_KEEP_SIZE, 0, size);
    return failed != 0 && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR ? io_error() : DROVER_OK;
}

static enum drover_error part_restart(struct upload *row, int64_t *ret_offset)
{
    char digest[SHA256_HEX_SIZE];
    sha256_hex(row->digest, digest);   /* starts afresh */
    *ret_offset = 0;
    return ftruncate(row->fd, 0) == 0 ? DROVER_OK : io_error();
}

static enum drover_error bytes_write(struct upload *row, int64_t offset, const struct iovec *part)
{
    const char *at = part->iov_base;
    for (size_t left = part->iov_len; left > 0;) {
        ssize_t written = pwrite(row->fd, at, left, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return io_error();
        at += written;
        offset += written;
        left -= (size_t)written;
    }
    sha256_add(row->digest, part->iov_base, part->iov_len);
    return DROVER_OK;
}

/* All bytes are here: are they what was promised? Then to disk and into its place. */
static enum drover_error part_finish(struct depot_uploads *uploads, struct upload *row)
{
    char digest[SHA256_HEX_SIZE];
    sha256_hex(row->digest, digest);
    if (strcmp(digest, row->sha256) != 0)
        return DROVER_MISMATCH;
    if (fsync(row->fd) != 0)
        return io_error();
    return depot_take_part(uploads->depot, row->sha256);
}

/* --- the story of one part --- */

static enum drover_error part_add(struct depot_uploads *uploads, struct upload *row, int64_t size, int64_t offset,
                                  const struct iovec *parts, int count, int64_t *at)
{
    enum drover_error error = DROVER_OK;
    if (row->fd < 0)
        error = part_open(uploads, row, offset == 0, at);
    if (error == DROVER_OK && offset == 0 && (*at > size || (row->size != 0 && row->size != size)))
        error = part_restart(row, at);   /* another size than before: whoever begins anew knows better */
    if (error != DROVER_OK)
        return error;
    if (offset != *at || (row->size != 0 && row->size != size && offset != 0))
        return DROVER_CONFLICT;
    if (offset == 0)
        error = part_reserve(row, size);
    for (int i = 0; i < count && error == DROVER_OK; i++) {
        error = bytes_write(row, *at, &parts[i]);
        if (error == DROVER_OK)
            *at += (int64_t)parts[i].iov_len;
    }
    if (error == DROVER_OK && *at == size)
        error = part_finish(uploads, row);
    return error;
}

static void part_remove(struct depot_uploads *uploads, const char *sha256, enum drover_error why)
{
    char path[DEPOT_PATH_SIZE];
    depot_part_path(uploads->depot, sha256, path);
    (void)unlink(path);   /* it may not have come into being */
    log_event(LOG_WARN, "upload_removed", LOG_TEXT("sha256", sha256), LOG_TEXT("why", drover_error_text(why)));
}

static int64_t parts_bytes(const struct iovec *parts, int count)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += (int64_t)parts[i].iov_len;
    return bytes;
}

enum drover_error depot_upload_add(struct depot_uploads *uploads, const char *sha256, int64_t size, int64_t offset,
                                   const struct iovec *parts, int count, struct depot_upload *ret_state)
{
    struct upload *row = NULL;
    int64_t bytes = parts_bytes(parts, count);
    *ret_state = (struct depot_upload){0};
    if (size < 1 || size > uploads->package_bytes_max || offset < 0 || bytes > size - offset)
        return DROVER_RANGE;
    if (bytes == 0 && offset != size)   /* at the end it asks to finish what a droverd killed right then could not */
        return DROVER_RANGE;
    if (depot_size(uploads->depot, sha256, &ret_state->size) == DROVER_OK) {
        ret_state->offset = ret_state->size;
        ret_state->complete = true;
        return ret_state->size == size ? DROVER_OK : DROVER_RANGE;
    }
    enum drover_error error = row_hold(uploads, sha256, &row, ret_state);
    if (error != DROVER_OK)
        return error;
    int64_t at = row->offset;
    error = part_add(uploads, row, size, offset, parts, count, &at);
    bool failed = error != DROVER_OK && error != DROVER_CONFLICT;
    *ret_state = (struct depot_upload){.offset = failed ? 0 : at, .size = size, .complete = error == DROVER_OK && at == size};
    if (failed)
        part_remove(uploads, sha256, error);
    row_release(uploads, row, at, error == DROVER_OK ? size : row->size, failed || ret_state->complete || row->fd < 0);
    return error;
}

enum drover_error depot_upload_find(struct depot_uploads *uploads, const char *sha256, struct depot_upload *ret_state)
{
    char path[DEPOT_PATH_SIZE];
    struct stat status;
    *ret_state = (struct depot_upload){0};
    if (depot_size(uploads->depot, sha256, &ret_state->size) == DROVER_OK) {
        ret_state->offset = ret_state->size;
        ret_state->complete = true;
        return DROVER_OK;
    }
    pthread_mutex_lock(&uploads->lock);
    const struct upload *row = row_find(uploads, sha256);
    bool open = row != NULL && row->size > 0;
    if (open)
        *ret_state = (struct depot_upload){.offset = row->offset, .size = row->size};
    pthread_mutex_unlock(&uploads->lock);
    depot_part_path(uploads->depot, sha256, path);
    if (!open && stat(path, &status) == 0)
        ret_state->offset = status.st_size;
    else if (!open)
        return DROVER_NOT_FOUND;
    return DROVER_OK;
}
