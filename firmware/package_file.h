/* A package on disk, with random access: its head and where the parts lie. Structure is checked, nothing is proved. */
#pragma once

#include "firmware/package_head.h"

struct package_file {
    int fd;                             /* owned */
    int64_t size_bytes;
    struct package_head head;
    int64_t part_offset[PACKAGE_COMPONENTS_MAX];   /* of the value of the component's payload section; -1: none */
};

/* path is a package or a ZIP bundle with one (bundle.h). "-" is not supported. */
MUST_USE enum error_code package_file_open(const char *path, struct package_file *ret_file, struct problem *ret_problem);
void package_file_close(struct package_file *file);
