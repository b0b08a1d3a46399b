/* Packages on their way into the depot: parts appended in order, a running SHA-256, and at the end the comparison.
 * Nothing half-written stays: a part file is removed when the disk is full or the digest is wrong. Any thread may call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/error.h"
#include "orchestrator/edges/depot_store.h"

struct depot_uploads;

struct depot_uploads *depot_uploads_new(const struct depot *depot, int64_t package_bytes_max);   /* NULL: out of memory */
void depot_uploads_free(struct depot_uploads *uploads);   /* parts stay on disk: the next droverd goes on with them */

struct depot_upload {
    int64_t offset;      /* what has come so far: the next part's offset */
    int64_t size;        /* of the whole package; 0: not known yet, after a restart */
    bool complete;       /* it is in the depot */
};

/* Appends bytes at `offset` of a package of `size` bytes; none only at the end, to finish a part that is all there but was not
 * put into its place before droverd died. *ret_state is filled in always.
 *   DROVER_OK         taken; complete says whether it was the last
 *   DROVER_CONFLICT   another offset is expected, or another request is adding right now; state.offset says where to go on
 *   DROVER_RANGE      beyond the announced size, empty in the middle, or the size is not allowed
 *   DROVER_MISMATCH   complete, but not what the SHA-256 promises; removed
 *   DROVER_NO_SPACE   removed
 *   DROVER_FULL       too many uploads at a time
 *   DROVER_IO, _MEMORY  removed */
MUST_USE enum drover_error depot_upload_add(struct depot_uploads *uploads, const char *sha256, int64_t size, int64_t offset,
                                            const struct iovec *parts, int count, struct depot_upload *ret_state);
/* DROVER_NOT_FOUND when nothing of it has come. */
MUST_USE enum drover_error depot_upload_find(struct depot_uploads *uploads, const char *sha256, struct depot_upload *ret_state);
