/* The payloads of a delta package: for each component the smallest of copying, patching and storing it in full. Inside firmware/ only. */
#pragma once

#include "firmware/delta_images.h"
#include "firmware/package_delta.h"

struct delta_part {
    struct package_delta_part result;
    int base;                      /* component of `from`; -1: it has none of this name */
    int fd;                        /* owned: the patch, from offset 0; -1: there is none */
    int64_t stored_bytes;
};

struct delta_making {
    const struct package_file *from, *to;
    const struct delta_images *old, *new;
    const struct package_delta_options *options;
    const char *path;              /* temporary files are made beside it */
    struct delta_part parts[PACKAGE_COMPONENTS_MAX];
};

MUST_USE enum error_code delta_parts_make(struct delta_making *making, struct problem *ret_problem);
void delta_parts_done(struct delta_making *making);
