/* Back end `block`: a part is a block device (or a file of fixed size that stands for one) per slot. A device is written only through a descriptor
 * opened with O_EXCL: the kernel then refuses (EBUSY) what is mounted, or held by dm, md, swap or a loop device (open(2)). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/slots_backend.h"

static bool is_same(const struct stat *left, const struct stat *right)
{
    if (S_ISBLK(left->st_mode) && S_ISBLK(right->st_mode))
        return left->st_rdev == right->st_rdev;
    return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

static enum drover_error device_check(const struct slot_part *part, enum slot slot, struct stat *ret_status, struct problem *ret_problem)
{
    const char *device = part->device[slot];

    if (device[0] != '/')
        return problem_set(ret_problem, DROVER_SYNTAX, part->name, "slot %s needs the absolute path of a device", slot_name(slot));
    if (stat(device, ret_status) != 0)
        return problem_set(ret_problem, DROVER_NOT_FOUND, part->name, "slot %s: %s", slot_name(slot), strerror(errno));
    if (!S_ISBLK(ret_status->st_mode) && !S_ISREG(ret_status->st_mode))
        return problem_set(ret_problem, DROVER_SYNTAX, part->name, "slot %s: neither a block device nor a file", slot_name(slot));
    return DROVER_OK;
}

/* Every device belongs to one part of one slot; two names of one device are found out. */
static enum drover_error block_open(struct slots *slots, struct problem *ret_problem)
{
    struct stat seen[2 * SLOT_PARTS_MAX];
    unsigned count = 0;

    if (slots->config.part_count == 0)
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "block needs the devices of at least one part");
    for (unsigned i = 0; i < 2 * slots->config.part_count; i++, count++) {
        const struct slot_part *part = &slots->config.parts[i / 2];
        enum drover_error error = device_check(part, (enum slot)(i % 2), &seen[count], ret_problem);

        if (error)
            return error;
        for (unsigned j = 0; j < count; j++)
            if (is_same(&seen[j], &seen[count]))
                return problem_set(ret_problem, DROVER_SYNTAX, part->name, "slot %s: this device is also part %s of slot %s", slot_name((enum slot)(i % 2)),
                                   slots->config.parts[j / 2].name, slot_name((enum slot)(j % 2)));
    }
    return DROVER_OK;
}

static int64_t device_bytes(int fd)
{
    struct stat status;
    uint64_t bytes = 0;

    if (fstat(fd, &status) != 0)
        return -1;
    if (S_ISREG(status.st_mode))
        return status.st_size;
    return S_ISBLK(status.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? (int64_t)bytes : -1;
}

/* The type is looked at before opening, because O_EXCL without O_CREAT means something for block devices only, and opening a foreign device node
 * may do things; it is looked at again on the descriptor by device_bytes. */
static int device_open(const char *device, bool write)
{
    struct stat status;
    int exclusive = write && stat(device, &status) == 0 && S_ISBLK(status.st_mode) ? O_EXCL : 0;

    return open(device, (write ? O_RDWR : O_RDONLY) | exclusive | O_NONBLOCK | O_CLOEXEC);
}

static enum error_code block_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    const struct slot_part *place = slots_part(slots, part);
    int64_t room;
    int fd;

    (void)resume; /* a device always keeps what it has */
    if (!place) {
        (void)problem_set(ret_problem, DROVER_UNKNOWN, part, "this device has no such part");
        return E_INCOMPATIBLE;
    }
    fd = device_open(place->device[slot_other(slots->running)], true);
    if (fd < 0)
        return slots_failed(part, errno == EBUSY ? "its device is mounted or in use" : "its device cannot be opened", ret_problem);
    room = device_bytes(fd);
    if (room >= size_bytes) {
        *ret_fd = fd;
        return E_NONE;
    }
    close(fd);
    (void)problem_set(ret_problem, DROVER_NO_SPACE, part, "%lld bytes do not fit on a device of %lld", (long long)size_bytes, (long long)room);
    return E_NO_SPACE;
}

static enum error_code block_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem)
{
    const struct slot_part *place = slots_part(slots, part);
    int fd = place ? device_open(place->device[slots->running], false) : -1;

    if (fd >= 0) {
        *ret_fd = fd;
        return E_NONE;
    }
    if (place)
        (void)durable_failed(part, "the running slot's device cannot be opened", ret_problem);
    else
        (void)problem_set(ret_problem, DROVER_UNKNOWN, part, "this device has no such part");
    return E_DELTA_BASE;
}

/* slots_install.c has synced each device. Its cached blocks are dropped, so that whoever reads it next reads the device; without CAP_SYS_ADMIN they stay,
 * which is no less right. */
static enum error_code block_settle(struct slots *slots, const char *version, struct problem *ret_problem)
{
    struct stat status;

    (void)version, (void)ret_problem;
    for (unsigned i = 0; i < slots->written_count; i++)
        if (fstat(slots->written[i].fd, &status) == 0 && S_ISBLK(status.st_mode))
            (void)ioctl(slots->written[i].fd, BLKFLSBUF, 0);
    return E_NONE;
}

static const struct slots_calls calls = {
    .open = block_open,
    .open_part = block_open_part,
    .open_base = block_open_base,
    .settle = block_settle,
};

const struct slots_backend slots_block = {
    .name = "block",
    .asks_boot_state = true,
    .needs_all_parts = true,
    .calls = &calls,
};
