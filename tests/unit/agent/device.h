/* A device of files for the tests of the slots: settings, images that can be told apart byte by byte, a boot loader. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/slots.h"
#include "common/hash.h"
#include "tests/unit/common/check.h"

#define DEVICE_BYTES 16384   /* of a file that stands for a block device */
#define IMAGE_BYTES_MAX 12000

static const char *const device_parts[] = {"kernel", "rootfs"};

/* What the part of a version looks like; each version has a size of its own. */
static inline size_t image_make(const char *version, const char *part, char ret[IMAGE_BYTES_MAX])
{
    uint64_t seed = hash_text(part, hash_text(version, 7));
    size_t length = 5000 + seed % (IMAGE_BYTES_MAX - 5000);

    for (size_t i = 0; i < length; i++)
        ret[i] = (char)(hash_mix(seed + i / 8) >> (8 * (i % 8)));
    return length;
}

static inline void place_of(const char *root, const char *backend, enum slot slot, const char *part, char ret[300])
{
    if (strcmp(backend, "file") == 0)
        (void)snprintf(ret, 300, "%s/%s/%s", root, slot_name(slot), part);
    else
        (void)snprintf(ret, 300, "%s/%s-%s", root, slot_name(slot), part);
}

/* True when the slot's part begins with the version's image (a file: is it). */
static inline bool image_is(const char *root, const char *backend, enum slot slot, const char *part, const char *version)
{
    char path[300], image[IMAGE_BYTES_MAX], found[DEVICE_BYTES];
    size_t length = image_make(version, part, image);
    ssize_t got;
    int fd;

    place_of(root, backend, slot, part, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, found, sizeof found);
    close(fd);
    if (strcmp(backend, "block") == 0 ? got != DEVICE_BYTES : got != (ssize_t)length)
        return false;
    return memcmp(found, image, length) == 0;
}

static inline bool slot_is(const char *root, const char *backend, enum slot slot, const char *version)
{
    return image_is(root, backend, slot, "kernel", version) && image_is(root, backend, slot, "rootfs", version);
}

static inline void file_put(const char *path, const void *bytes, size_t length, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    if (size > length)
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

/* As it leaves the factory: slot a holds 1.0.0, nothing in b, no boot.state. */
static inline void device_make(const char *root, const char *backend)
{
    char path[300], image[IMAGE_BYTES_MAX];

    (void)snprintf(path, sizeof path, "%s/a", root);
    if (strcmp(backend, "file") == 0)
        assert_int_equal(mkdir(path, 0755), 0);
    for (unsigned i = 0; i < 2 * COUNT_OF(device_parts); i++) {
        const char *part = device_parts[i / 2];
        size_t length = image_make("1.0.0", part, image);

        place_of(root, backend, (enum slot)(i % 2), part, path);
        if (i % 2 == SLOT_A)
            file_put(path, image, length, strcmp(backend, "block") == 0 ? DEVICE_BYTES : 0);
        else if (strcmp(backend, "block") == 0)
            file_put(path, "", 0, DEVICE_BYTES);
    }
}

static inline struct slots_config device_config(const char *root, const char *backend, const char *running)
{
    struct slots_config config = {.backend = backend, .dir = root, .running = running, .part_count = COUNT_OF(device_parts)};

    for (unsigned i = 0; i < COUNT_OF(device_parts); i++) {
        (void)text_copy(config.parts[i].name, ID_SIZE, device_parts[i]);
        for (unsigned slot = 0; slot < 2; slot++)
            place_of(root, backend, (enum slot)slot, device_parts[i], config.parts[i].device[slot]);
    }
    return config;
}

static inline enum error_code part_write(struct slots *slots, const char *part, const char *version, struct problem *problem)
{
    char image[IMAGE_BYTES_MAX];
    size_t length = image_make(version, part, image), half = length / 2;
    int fd = -1;
    enum error_code code = slots_open_part(slots, part, (int64_t)length, false, &fd, problem);

    if (code != E_NONE)
        return code;
    if (pwrite(fd, image, half, 0) != (ssize_t)half || pwrite(fd, image + half, length - half, (off_t)half) != (ssize_t)(length - half))
        code = E_INSTALL;
    close(fd);
    return code;
}

static inline enum error_code image_install(struct slots *slots, const char *version, struct problem *problem)
{
    enum error_code code = slots_begin(slots, problem);

    for (unsigned i = 0; code == E_NONE && i < COUNT_OF(device_parts); i++)
        code = part_write(slots, device_parts[i], version, problem);
    return code == E_NONE ? slots_finish(slots, version, "", problem) : code;
}
