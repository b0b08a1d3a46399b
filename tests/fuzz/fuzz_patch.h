/* What the fuzz targets of patches share: a base that is always the same, and an apply that must never write past its output. */
#pragma once

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/patch.h"

#define PATCH_BASE_BYTES 4096
#define PATCH_OUT_BYTES 8192     /* of every seed's image */

static inline int patch_base(void)
{
    static int fd = -1;
    uint8_t bytes[PATCH_BASE_BYTES];

    if (fd >= 0)
        return fd;
    for (uint32_t i = 0; i < PATCH_BASE_BYTES; i++)
        bytes[i] = (uint8_t)(i * i >> 5 ^ i >> 3);
    fd = memfd_create("base", MFD_CLOEXEC);
    MUST(fd >= 0 && pwrite(fd, bytes, sizeof bytes, 0) == PATCH_BASE_BYTES);
    return fd;
}

/* Applies the patch in pieces of `step` bytes. */
static inline void patch_try(enum patch_format format, const uint8_t *bytes, size_t length, size_t step)
{
    static int out_fd = -1;
    struct patch_target target = {.base_fd = patch_base(), .base_bytes = PATCH_BASE_BYTES, .out_bytes = PATCH_OUT_BYTES};
    struct patch_apply *apply = NULL;
    struct problem problem = {0};
    enum error_code code;
    struct stat status;

    if (out_fd < 0)
        out_fd = memfd_create("out", MFD_CLOEXEC);
    MUST(out_fd >= 0 && ftruncate(out_fd, 0) == 0);
    target.out_fd = out_fd;
    code = patch_apply_new(format, &target, &apply, &problem);
    MUST(code == E_NONE);
    for (size_t at = 0; at < length && !code; at += step)
        code = patch_apply_feed(apply, bytes + at, length - at < step ? length - at : step, &problem);
    if (!code)
        code = patch_apply_end(apply, &problem);
    patch_apply_free(apply);
    MUST(!code || (problem.where[0] && problem.what[0]));
    MUST(fstat(out_fd, &status) == 0 && status.st_size <= PATCH_OUT_BYTES);
    MUST(code || status.st_size == PATCH_OUT_BYTES);
}
