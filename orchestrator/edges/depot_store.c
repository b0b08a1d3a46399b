/* See depot_store.h. */
#include "orchestrator/edges/depot_store.h"

#include <dirent.h>
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#define STALE_PART_MS (24 * 3600 * 1000ll)

static enum drover_error folder_make(const char *path, struct problem *ret_problem)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_IO, "data_dir", "cannot make %s: %s", path, strerror(errno));
}

/* <64 hex digits>.part, untouched for a day. */
static bool part_is_stale(const struct depot *depot, const char *name, char ret_path[DEPOT_PATH_SIZE])
{
    struct stat status;
    char sha256[SHA256_HEX_SIZE];
    if (strlen(name) != sizeof sha256 - 1 + 5 || strcmp(name + sizeof sha256 - 1, ".part") != 0 ||
        !text_copy_n(sha256, sizeof sha256, name, sizeof sha256 - 1))
        return false;
    depot_part_path(depot, sha256, ret_path);
    return stat(ret_path, &status) == 0 && (int64_t)status.st_mtime * 1000 < clock_unix_ms() - STALE_PART_MS;
}

static void stale_parts_remove(const struct depot *depot, const char *folder)
{
    char path[DEPOT_PATH_SIZE];
    DIR *list = opendir(folder);
    if (list == NULL)
        return;
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
        if (part_is_stale(depot, entry->d_name, path) && unlink(path) == 0)
            log_event(LOG_INFO, "upload_forgotten", LOG_TEXT("part", entry->d_name), LOG_TEXT("why", "not added to for a day"));
    closedir(list);
}

enum drover_error depot_open(struct depot *depot, const char *data_dir, struct problem *ret_problem)
{
    char path[DEPOT_PATH_SIZE];
    if (data_dir[0] == '\0' || !text_copy(depot->folder, sizeof depot->folder, data_dir))
        return problem_set(ret_problem, DROVER_RANGE, "data_dir", "empty, or longer than %zu bytes", sizeof depot->folder - 1);
    enum drover_error error = folder_make(depot->folder, ret_problem);
    snprintf(path, sizeof path, "%s/artifacts", depot->folder);
    if (error == DROVER_OK)
        error = folder_make(path, ret_problem);
    snprintf(path, sizeof path, "%s/uploads", depot->folder);
    if (error == DROVER_OK)
        error = folder_make(path, ret_problem);
    if (error == DROVER_OK)
        stale_parts_remove(depot, path);
    return error;
}

static bool is_sha256(const char *sha256)
{
    return text_is_hex(sha256, strlen(sha256), SHA256_HEX_SIZE - 1);
}

void depot_artifact_path(const struct depot *depot, const char *sha256, char ret[DEPOT_PATH_SIZE])
{
    ret[0] = '\0';
    if (is_sha256(sha256))
        snprintf(ret, DEPOT_PATH_SIZE, "%s/artifacts/%.2s/%.64s", depot->folder, sha256, sha256);
}

void depot_part_path(const struct depot *depot, const char *sha256, char ret[DEPOT_PATH_SIZE])
{
    ret[0] = '\0';
    if (is_sha256(sha256))
        snprintf(ret, DEPOT_PATH_SIZE, "%s/uploads/%.64s.part", depot->folder, sha256);
}

enum drover_error depot_size(const struct depot *depot, const char *sha256, int64_t *ret_bytes)
{
    char path[DEPOT_PATH_SIZE];
    struct stat status;
    depot_artifact_path(depot, sha256, path);
    if (lstat(path, &status) != 0)
        return errno == ENOENT || errno == ENOTDIR ? DROVER_NOT_FOUND : DROVER_IO;
    if (!S_ISREG(status.st_mode))
        return DROVER_NOT_FOUND;
    *ret_bytes = status.st_size;
    return DROVER_OK;
}

static enum drover_error folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return DROVER_IO;
    enum drover_error error = fsync(fd) == 0 ? DROVER_OK : DROVER_IO;
    close(fd);
    return error;
}

enum drover_error depot_take_part(const struct depot *depot, const char *sha256)
{
    char part[DEPOT_PATH_SIZE], artifact[DEPOT_PATH_SIZE], folder[DEPOT_PATH_SIZE];
    depot_part_path(depot, sha256, part);
    depot_artifact_path(depot, sha256, artifact);
    snprintf(folder, sizeof folder, "%s/artifacts/%.2s", depot->folder, sha256);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return errno == ENOSPC ? DROVER_NO_SPACE : DROVER_IO;
    if (rename(part, artifact) != 0)
        return errno == ENOSPC ? DROVER_NO_SPACE : DROVER_IO;
    enum drover_error error = folder_sync(folder);
    snprintf(folder, sizeof folder, "%s/artifacts", depot->folder);
    return error == DROVER_OK ? folder_sync(folder) : error;
}

void depot_files_init(struct depot_files *files, const struct depot *depot)
{
    *files = (struct depot_files){.depot = depot};
}

static void file_close(struct depot_file *file)
{
    if (file->segment != NULL)
        evbuffer_file_segment_free(file->segment);   /* counted: downloads that still run keep it */
    *file = (struct depot_file){0};
}

void depot_files_done(struct depot_files *files)
{
    for (size_t i = 0; i < DEPOT_OPEN_MAX; i++)
        file_close(&files->files[i]);
}

/* O_NOFOLLOW and the check for a regular file: what somebody else put into the folder is not given out. */
enum drover_error depot_artifact_open(const struct depot *depot, const char *sha256, int *ret_fd, int64_t *ret_bytes)
{
    char path[DEPOT_PATH_SIZE];
    struct stat status;
    depot_artifact_path(depot, sha256, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? DROVER_NOT_FOUND : DROVER_IO;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return DROVER_NOT_FOUND;
    }
    *ret_fd = fd;
    *ret_bytes = status.st_size;
    return DROVER_OK;
}

static enum drover_error file_open(const struct depot *depot, const char *sha256, struct depot_file *ret_file)
{
    int fd = -1;
    int64_t bytes = 0;
    enum drover_error error = depot_artifact_open(depot, sha256, &fd, &bytes);
    if (error != DROVER_OK)
        return error;
    struct evbuffer_file_segment *segment = NULL;
    if (bytes > 0)
        segment = evbuffer_file_segment_new(fd, 0, bytes, EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_LOCKING);
    if (segment == NULL) {
        close(fd);
        return bytes > 0 ? DROVER_MEMORY : DROVER_NOT_FOUND;
    }
    ret_file->segment = segment;
    ret_file->size_bytes = bytes;
    (void)text_copy(ret_file->sha256, sizeof ret_file->sha256, sha256);
    return DROVER_OK;
}

enum drover_error depot_files_find(struct depot_files *files, const char *sha256, const struct depot_file **ret_file)
{
    struct depot_file *oldest = &files->files[0];
    for (size_t i = 0; i < DEPOT_OPEN_MAX; i++) {
        struct depot_file *file = &files->files[i];
        if (file->segment != NULL && strcmp(file->sha256, sha256) == 0) {
            file->used = ++files->clock;
            *ret_file = file;
            return DROVER_OK;
        }
        if (file->used < oldest->used)
            oldest = file;
    }
    struct depot_file opened = {.used = ++files->clock};
    enum drover_error error = file_open(files->depot, sha256, &opened);
    if (error != DROVER_OK)
        return error;
    file_close(oldest);
    *oldest = opened;
    *ret_file = oldest;
    return DROVER_OK;
}

bool depot_files_add(struct depot_files *files, const struct depot_file *file, int64_t start, int64_t length, int64_t piece_bytes,
                     struct evbuffer *body)
{
    for (int64_t done = 0, piece; done < length; done += piece) {
        piece = piece_bytes > 0 && length - done > piece_bytes ? piece_bytes : length - done;
        if (evbuffer_add_file_segment(body, file->segment, start + done, piece) != 0) {
            /* libevent has taken our hold on the segment away, too */
            files->files[file - files->files] = (struct depot_file){0};
            return false;
        }
    }
    return true;
}
