/* Back end `file`: a slot is a folder, a part is a file in it. For devices whose images are files on one file system, and for tests. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/slots_backend.h"

static enum drover_error file_open(struct slots *slots, struct problem *ret_problem)
{
    int running_fd = -1;
    enum drover_error error = durable_folder(slots->folder_fd, slot_name(slots->running), &running_fd, ret_problem);

    if (!error)
        close(running_fd);
    if (!error)
        error = durable_folder(slots->folder_fd, slot_name(slot_other(slots->running)), &slots->target_fd, ret_problem);
    return error;
}

static enum error_code file_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    if (slots->config.part_count > 0 && !slots_part(slots, part)) {
        (void)problem_set(ret_problem, DROVER_UNKNOWN, part, "this device has no such part");
        return E_INCOMPATIBLE;
    }
    return slots_open_file(slots, part, part, size_bytes, resume, ret_fd, ret_problem);
}

static enum error_code file_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem)
{
    char path[ID_SIZE + 2] = {slot_name(slots->running)[0], '/'};
    int fd;

    (void)text_copy(path + 2, sizeof path - 2, part);
    fd = openat(slots->folder_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        (void)durable_failed(part, "the running slot does not have it", ret_problem);
        return E_DELTA_BASE;
    }
    *ret_fd = fd;
    return E_NONE;
}

static bool was_written(const struct slots *slots, const char *name)
{
    for (unsigned i = 0; i < slots->written_count; i++)
        if (strcmp(slots->written[i].name, name) == 0)
            return true;
    return false;
}

/* What the release before had and this one has not. Folders stay (lost+found); a part never is one. */
static enum error_code strangers_remove(struct slots *slots, DIR *list, struct problem *ret_problem)
{
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || was_written(slots, entry->d_name))
            continue;
        if (unlinkat(slots->target_fd, entry->d_name, 0) != 0 && errno != EISDIR && errno != EPERM && errno != ENOENT)
            return slots_failed(slot_name(slot_other(slots->running)), "an old part cannot be removed", ret_problem);
    }
    return E_NONE;
}

static enum error_code file_settle(struct slots *slots, const char *version, struct problem *ret_problem)
{
    const char *name = slot_name(slot_other(slots->running));
    int list_fd = openat(slots->target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = list_fd < 0 ? NULL : fdopendir(list_fd);
    enum error_code code;

    (void)version;
    if (!list) {
        code = slots_failed(name, "cannot be listed", ret_problem);
        if (list_fd >= 0)
            close(list_fd);
        return code;
    }
    code = strangers_remove(slots, list, ret_problem);
    closedir(list);
    return code == E_NONE ? slots_code(durable_folder_sync(slots->target_fd, name, ret_problem)) : code;
}

static const struct slots_calls calls = {
    .open = file_open,
    .open_part = file_open_part,
    .open_base = file_open_base,
    .settle = file_settle,
};

const struct slots_backend slots_file = {
    .name = "file",
    .asks_boot_state = true,
    .exact_size = true,
    .needs_all_parts = true,
    .calls = &calls,
};
