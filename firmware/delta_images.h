/* The images of a full package as memory: unpacked into unnamed temporary files that are mapped. Inside firmware/ only. */
#pragma once

#include "firmware/package_file.h"
#include "firmware/parallel.h"

struct delta_images {
    unsigned count;
    struct delta_image {
        int fd;                    /* -1: none */
        const uint8_t *bytes;      /* never NULL; of an empty image: none to look at */
        int64_t length;
        void *mapped;              /* NULL: not mapped */
    } list[PACKAGE_COMPONENTS_MAX];
};

/* Every digest of the package is checked, its signatures are not. Temporary files are made beside path. Freed with delta_images_done, also
 * after a failure. */
MUST_USE enum error_code delta_images_load(const struct package_file *file, const char *path, struct delta_images *ret_images, struct problem *ret_problem);
void delta_images_done(struct delta_images *images);
