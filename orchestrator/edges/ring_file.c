/* The ring's file: made, locked, mapped, and searched for records at opening.
 *
 * After a mere crash of the process the pages are as they were: everything from committed to head is whole. After a power cut the
 * kernel may have written any of the pages and none of the others, the header included. Then every place is looked at: a record
 * counts where its own position and checksum say so, and fillers are laid over what is between. */
#include "orchestrator/edges/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/text.h"

uint64_t ring_frame_checksum(const struct ring *ring, const struct ring_frame *frame)
{
    const char *bytes = (const char *)frame;
    size_t skip = sizeof frame->checksum;

    return hash_bytes(bytes + skip, sizeof *frame - skip + frame->topic_length + frame->payload_length, ring->header->salt);
}

static enum drover_error fail(struct problem *ret_problem, const char *path, const char *doing)
{
    enum drover_error error = errno == ENOSPC || errno == EDQUOT ? DROVER_NO_SPACE : DROVER_IO;
    char name[48];
    size_t length = strlen(path), shown = length < sizeof name ? length : sizeof name - 1;

    text_excerpt(name, sizeof name, path + length - shown, shown); /* the end of a path says more than its beginning */
    return problem_set(ret_problem, error, name, "cannot %s it: %s", doing, strerror(errno));
}

/* This run of the machine: another id than the file's means that its pages went through a reboot. */
static void boot_id_read(char ret[RING_BOOT_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret, RING_BOOT_SIZE - 1);

    if (fd >= 0)
        close(fd);
    if (got <= 0) /* no /proc: every opening counts as one after a reboot, which is slow but right */
        got = snprintf(ret, RING_BOOT_SIZE, "unknown-%016llx", (unsigned long long)clock_random());
    ret[got] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

static size_t size_round(size_t size)
{
    size_t rounded = RING_SIZE_MIN;

    while (rounded < size && rounded < RING_SIZE_MAX)
        rounded <<= 1;
    return rounded;
}

/* Reserves the blocks, so that a full disk shows now and not as SIGBUS in a write through the map. */
static bool reserve(int fd, size_t size)
{
    off_t bytes = (off_t)(RING_HEADER_BYTES + size);

    if (ftruncate(fd, bytes) != 0)
        return false;
    return fallocate(fd, 0, 0, bytes) == 0 || errno == EOPNOTSUPP || errno == ENOSYS;
}

static enum drover_error map(struct ring *ring, const char *path, struct problem *ret_problem)
{
    int access = PROT_READ | PROT_WRITE;
    char *twice;

    ring->header = mmap(NULL, RING_HEADER_BYTES, access, MAP_SHARED, ring->fd, 0);
    if (ring->header == MAP_FAILED) {
        ring->header = NULL;
        return fail(ret_problem, path, "map");
    }
    twice = mmap(NULL, 2 * ring->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (twice == MAP_FAILED)
        return fail(ret_problem, path, "map");
    ring->data = twice;
    for (int i = 0; i < 2; i++)
        if (mmap(twice + (size_t)i * ring->size, ring->size, access, MAP_SHARED | MAP_FIXED, ring->fd, RING_HEADER_BYTES) == MAP_FAILED)
            return fail(ret_problem, path, "map");
    return DROVER_OK;
}

static void unmap(struct ring *ring)
{
    if (ring->data)
        munmap(ring->data, 2 * ring->size);
    if (ring->header)
        munmap(ring->header, RING_HEADER_BYTES);
    ring->data = NULL;
    ring->header = NULL;
}

/* An empty ring of this size in the file. The magic comes last: a half-made file is made again. */
static enum drover_error create(struct ring *ring, const char *path, size_t size, struct problem *ret_problem)
{
    enum drover_error error;

    ring->size = size;
    ring->mask = size - 1;
    if (ftruncate(ring->fd, 0) != 0 || !reserve(ring->fd, size))
        return fail(ret_problem, path, "reserve room for");
    error = map(ring, path, ret_problem);
    if (error)
        return error;
    *ring->header = (struct ring_header){.version = RING_VERSION, .header_bytes = RING_HEADER_BYTES, .size = size, .salt = clock_random()};
    atomic_store(&ring->header->magic, RING_MAGIC);
    return DROVER_OK;
}

static bool frame_is_whole(const struct ring *ring, uint64_t position)
{
    const struct ring_frame *frame = (const struct ring_frame *)(ring->data + (position & ring->mask));

    return frame->position == position && ring_frame_bytes(frame) <= ring->size && frame->checksum == ring_frame_checksum(ring, frame);
}

/* Lays a filler over [from, to); at least one frame fits, or the gap is too small for a record and `to` moves on instead. */
static void fill(struct ring *ring, uint64_t from, uint64_t to)
{
    struct ring_frame *frame = (struct ring_frame *)(ring->data + (from & ring->mask));

    *frame = (struct ring_frame){.position = from, .flags = FRAME_FILLER, .payload_length = (uint32_t)(to - from - sizeof *frame)};
    frame->checksum = ring_frame_checksum(ring, frame);
}

/* The records in [from, to). Sets committed to the first and head behind the last; what is between them becomes fillers. */
static void search(struct ring *ring, uint64_t from, uint64_t to, struct ring_found *found)
{
    uint64_t first = 0, end = from;
    bool any = false;

    for (uint64_t at = from; at < to;) {
        uint64_t gap = at - end;

        if (!frame_is_whole(ring, at) || (gap > 0 && gap < sizeof(struct ring_frame))) {
            at += 8;
            continue;
        }
        if (!any)
            first = at;
        else if (gap > 0)
            fill(ring, end, at);
        if (gap > 0) {
            found->torn++;
            found->torn_bytes += gap;
        }
        any = true;
        at += ring_frame_bytes((const struct ring_frame *)(ring->data + (at & ring->mask)));
        end = at;
    }
    if (!any)
        first = end;
    atomic_store(&ring->header->committed, first);
    atomic_store(&ring->header->head, end);
}

/* A span longer than the ring holds remains of an older round: those were committed long before. */
static void drop_overwritten(struct ring *ring)
{
    uint64_t at = atomic_load(&ring->header->committed), head = atomic_load(&ring->header->head);

    while (head - at > ring->size)
        at += ring_frame_bytes((const struct ring_frame *)(ring->data + (at & ring->mask)));
    atomic_store(&ring->header->committed, at);
}

static void count(const struct ring *ring, struct ring_found *found)
{
    uint64_t head = atomic_load(&ring->header->head);

    for (uint64_t at = atomic_load(&ring->header->committed); at < head;) {
        const struct ring_frame *frame = (const struct ring_frame *)(ring->data + (at & ring->mask));

        if (!(frame->flags & FRAME_FILLER)) {
            found->records++;
            found->bytes += ring_frame_bytes(frame);
        }
        at += ring_frame_bytes(frame);
    }
}

static void recover(struct ring *ring, struct ring_found *found)
{
    struct ring_header *header = ring->header;
    uint64_t committed = atomic_load(&header->committed) & ~(uint64_t)7, head = atomic_load(&header->head) & ~(uint64_t)7;
    char boot_id[RING_BOOT_SIZE];

    boot_id_read(boot_id);
    header->boot_id[RING_BOOT_SIZE - 1] = '\0';
    found->power_lost = header->boot_id[0] && strcmp(header->boot_id, boot_id) != 0;
    if (found->power_lost || head < committed || head - committed > ring->size) {
        search(ring, committed, committed + 2 * ring->size, found);
        drop_overwritten(ring);
    } else {
        search(ring, committed, head, found);
        if (atomic_load(&header->head) < head) {
            found->torn++;
            found->torn_bytes += head - atomic_load(&header->head);
        }
    }
    count(ring, found);
}

/* Is what the file says of itself a ring that this program can read? */
static enum drover_error check(const struct ring_header *header, off_t file_bytes, const char *path, struct problem *ret_problem)
{
    char name[48];

    text_excerpt(name, sizeof name, path, strlen(path));
    if (header->magic != RING_MAGIC)
        return problem_set(ret_problem, DROVER_MISMATCH, name, "is not a ring file");
    if (header->version != RING_VERSION || header->header_bytes != RING_HEADER_BYTES)
        return problem_set(ret_problem, DROVER_MISMATCH, name, "is of version %u; this program reads %u", header->version, RING_VERSION);
    if (header->size < RING_SIZE_MIN || header->size > RING_SIZE_MAX || (header->size & (header->size - 1)) != 0 ||
        file_bytes < (off_t)(RING_HEADER_BYTES + header->size))
        return problem_set(ret_problem, DROVER_MISMATCH, name, "is damaged: its header says %llu bytes", (unsigned long long)header->size);
    return DROVER_OK;
}

static enum drover_error open_existing(struct ring *ring, const struct ring_config *config, off_t file_bytes,
                                       struct ring_found *found, struct problem *ret_problem)
{
    size_t size = size_round(config->size_bytes);
    struct ring_header header;
    enum drover_error error;

    if (pread(ring->fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return fail(ret_problem, config->path, "read");
    error = check(&header, file_bytes, config->path, ret_problem);
    if (error)
        return error;
    ring->size = header.size;
    ring->mask = header.size - 1;
    if (!reserve(ring->fd, ring->size))
        return fail(ret_problem, config->path, "reserve room for");
    error = map(ring, config->path, ret_problem);
    if (error)
        return error;
    recover(ring, found);
    if (ring->size == size)
        return DROVER_OK;
    if (found->records > 0) {
        found->size_kept = true;
        return DROVER_OK;
    }
    unmap(ring);
    return create(ring, config->path, size, ret_problem);
}

/* True for a file that never became a ring: empty, or made so far that only its magic is missing. */
static bool is_unmade(int fd, off_t file_bytes)
{
    uint64_t magic = 0;

    return file_bytes < RING_HEADER_BYTES || (pread(fd, &magic, sizeof magic, 0) == (ssize_t)sizeof magic && magic == 0);
}

enum drover_error ring_file_open(struct ring *ring, const struct ring_config *config, struct ring_found *ret_found,
                                 struct problem *ret_problem)
{
    struct stat status;
    enum drover_error error;

    *ret_found = (struct ring_found){.created = false};
    ring->fd = open(config->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (ring->fd < 0)
        return fail(ret_problem, config->path, "open");
    if (flock(ring->fd, LOCK_EX | LOCK_NB) != 0) {
        error = fail(ret_problem, config->path, "lock");
        return errno == EWOULDBLOCK ? problem_set(ret_problem, DROVER_CONFLICT, "ring file", "another droverd uses %.90s", config->path) : error;
    }
    if (fstat(ring->fd, &status) != 0)
        return fail(ret_problem, config->path, "look at");
    ret_found->created = is_unmade(ring->fd, status.st_size);
    if (ret_found->created)
        error = create(ring, config->path, size_round(config->size_bytes), ret_problem);
    else
        error = open_existing(ring, config, status.st_size, ret_found, ret_problem);
    if (!error)
        boot_id_read(ring->header->boot_id);
    return error;
}

void ring_file_close(struct ring *ring, bool orderly)
{
    if (orderly && ring->header && fdatasync(ring->fd) == 0) {
        ring->header->boot_id[0] = '\0';
        (void)fdatasync(ring->fd);
    }
    unmap(ring);
    if (ring->fd >= 0)
        close(ring->fd); /* and with it the lock */
    ring->fd = -1;
}
