/* Writing the slot that does not run. The order of steps is what survives a power cut: the slot is marked invalid before its first byte, and valid only
 * after its last one is on disk. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/slots_backend.h"

static void written_forget(struct slots *slots)
{
    slots_release(slots);
    slots->written_count = 0;
}

enum error_code slots_begin(struct slots *slots, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = slots_probation_check(slots, ret_problem);

    slots->begun = false;
    written_forget(slots);
    if (code == E_NONE)
        code = slots_trial_drop(slots, ret_problem);
    next.trying = NO_SLOT;
    next.tries = 0;
    next.slots[other] = (struct slot_entry){.mark = SLOT_INVALID};
    if (code == E_NONE && (slots->state.trying != NO_SLOT || slots->state.slots[other].mark != SLOT_INVALID))
        code = slots_state_save(slots, &next, ret_problem);
    slots->begun = code == E_NONE;
    return code;
}

/* The entry of a part that is opened again is used again. */
static struct slot_written *written_entry(struct slots *slots, const char *part)
{
    for (unsigned i = 0; i < slots->written_count; i++)
        if (strcmp(slots->written[i].name, part) == 0) {
            if (slots->written[i].fd >= 0)
                close(slots->written[i].fd);
            slots->written[i] = slots->written[--slots->written_count];
            break;
        }
    return slots->written_count < SLOT_PARTS_MAX ? &slots->written[slots->written_count] : NULL;
}

enum error_code slots_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    struct slot_written *written;
    enum error_code code;
    int fd = -1;

    if (!slots->begun)
        return slots_refuse(E_INSTALL, "slots", "nothing was begun", ret_problem);
    if (!text_is_id(part, strlen(part)) || size_bytes < 0)
        return slots_refuse(E_INCOMPATIBLE, "part", "its name is not an id, or its size is negative", ret_problem);
    written = written_entry(slots, part);
    if (!written)
        return slots_refuse(E_INCOMPATIBLE, part, "one part too many", ret_problem);
    code = slots->backend->calls->open_part(slots, part, size_bytes, resume, &fd, ret_problem);
    if (code != E_NONE)
        return code;
    *written = (struct slot_written){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .size_bytes = size_bytes};
    if (written->fd < 0) {
        code = slots_failed(part, "cannot be kept open", ret_problem);
        close(fd);
        return code;
    }
    (void)text_copy(written->name, sizeof written->name, part);
    slots->written_count++;
    *ret_fd = fd;
    return E_NONE;
}

enum error_code slots_open_file(struct slots *slots, const char *name, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    int fd = openat(slots->target_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (resume ? 0 : O_TRUNC), 0644);
    enum error_code code = E_NONE;
    struct stat status;

    if (fd < 0)
        return slots_failed(part, "cannot be opened", ret_problem);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        code = slots_refuse(E_INSTALL, part, "is not a regular file", ret_problem);
    else if (status.st_size > size_bytes && ftruncate(fd, size_bytes) != 0)
        code = slots_failed(part, "cannot be cut", ret_problem);
    else if (size_bytes > 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size_bytes) != 0 && (errno == ENOSPC || errno == EDQUOT))
        code = slots_failed(part, "does not fit", ret_problem);
    if (code == E_NONE)
        *ret_fd = fd;
    else
        close(fd);
    return code;
}

enum error_code slots_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem)
{
    if (!text_is_id(part, strlen(part)))
        return slots_refuse(E_DELTA_BASE, "part", "its name is not an id", ret_problem);
    return slots->backend->calls->open_base(slots, part, ret_fd, ret_problem);
}

static enum error_code written_check(const struct slots *slots, const struct slot_written *written, struct problem *ret_problem)
{
    struct stat status;

    if (written->fd < 0) /* done, in a finish that failed later */
        return E_NONE;
    if (fsync(written->fd) != 0 || fstat(written->fd, &status) != 0)
        return slots_failed(written->name, "cannot be synced", ret_problem);
    if (slots->backend->exact_size && status.st_size != written->size_bytes) {
        (void)problem_set(ret_problem, DROVER_MISMATCH, written->name, "has %lld of %lld bytes", (long long)status.st_size, (long long)written->size_bytes);
        return E_INSTALL;
    }
    return E_NONE;
}

static enum error_code missing_part_check(const struct slots *slots, struct problem *ret_problem)
{
    for (unsigned i = 0; slots->backend->needs_all_parts && i < slots->config.part_count; i++) {
        const char *name = slots->config.parts[i].name;
        bool found = false;

        for (unsigned j = 0; j < slots->written_count; j++)
            found |= strcmp(slots->written[j].name, name) == 0;
        if (!found)
            return slots_refuse(E_INCOMPATIBLE, name, "this part was not written: the slot is not whole", ret_problem);
    }
    return E_NONE;
}

static enum error_code finish_check(const struct slots *slots, const char *version, const char *manifest_sha256, struct problem *ret_problem)
{
    char plain[VERSION_SIZE];

    if (!slots->begun || slots->written_count == 0)
        return slots_refuse(E_INSTALL, "slots", "nothing was written", ret_problem);
    if (semver_read(version, strlen(version), plain, NULL) != DROVER_OK || strcmp(plain, version) != 0)
        return slots_refuse(E_INSTALL, "version", "not a version", ret_problem);
    if (manifest_sha256[0] && !text_is_hex(manifest_sha256, strlen(manifest_sha256), SHA256_HEX_SIZE - 1))
        return slots_refuse(E_INSTALL, "manifest_sha256", "not 64 hex digits", ret_problem);
    return missing_part_check(slots, ret_problem);
}

enum error_code slots_finish(struct slots *slots, const char *version, const char *manifest_sha256, struct problem *ret_problem)
{
    struct boot_state next = slots->state;
    struct slot_entry *entry = &next.slots[slot_other(slots->running)];
    enum error_code code = finish_check(slots, version, manifest_sha256, ret_problem);

    for (unsigned i = 0; code == E_NONE && i < slots->written_count; i++)
        code = written_check(slots, &slots->written[i], ret_problem);
    if (code == E_NONE)
        code = slots->backend->calls->settle(slots, version, ret_problem);
    if (code != E_NONE)
        return code;
    entry->mark = SLOT_WRITTEN;
    (void)text_copy(entry->version, sizeof entry->version, version);
    (void)text_copy(entry->manifest_sha256, sizeof entry->manifest_sha256, manifest_sha256);
    code = slots_state_save(slots, &next, ret_problem);
    if (code != E_NONE)
        return code;
    if (slots->backend->calls->discard)
        slots->backend->calls->discard(slots);
    slots->begun = false;
    written_forget(slots);
    return E_NONE;
}
