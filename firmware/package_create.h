/* From images to a full package, unsigned: compress, cut into chunks, digest, write the manifest. */
#pragma once

#include "firmware/manifest.h"
#include "firmware/package_writer.h"

struct package_plan {
    struct manifest manifest;            /* version, model, hw_revs, min_version, times, counter; per component name, part, compression. The rest is filled in. chunk_bytes 0: chosen */
    const char *images[PACKAGE_COMPONENTS_MAX];   /* files */
    int zstd_level;                      /* 1..22; 0: 19 */
    const char *path;                    /* of the package */
};
/* A component that zstd does not make smaller is stored as it is. The manifest is filled in on success (manifest_done). */
MUST_USE enum error_code package_create(struct package_plan *plan, const struct package_progress *progress, struct problem *ret_problem);
