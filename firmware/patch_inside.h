/* What the formats of patches share inside firmware/: each is a row of four functions. */
#pragma once

#include "firmware/patch.h"
#include "firmware/patch_output.h"

/* What an apply works on. */
struct patch_job {
    int base_fd;
    int64_t base_bytes;
    struct patch_output *output;
};

struct patch_reader {
    enum error_code (*begin)(const struct patch_job *job, void **ret_state, struct problem *ret_problem);
    enum error_code (*feed)(void *state, const uint8_t *bytes, size_t length, struct problem *ret_problem);
    enum error_code (*end)(void *state, struct problem *ret_problem);   /* the patch is over; the output's own end comes after */
    void (*free)(void *state);                                          /* NULL is fine */
};
extern const struct patch_reader bsdiff40_reader, bsdiff_container_reader, patch_zstd_reader;

/* Size and digest of the base: E_DELTA_BASE. */
MUST_USE enum error_code patch_base_check(const struct patch_target *target, struct problem *ret_problem);
/* An apply whose output may keep its journal: `unpack` needs it until every image is there. */
MUST_USE enum error_code patch_apply_end_kept(struct patch_apply *apply, struct problem *ret_problem);

MUST_USE enum error_code patch_zstd_make(const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes,
                                         const struct package_progress *progress, int fd, int64_t *ret_bytes, struct problem *ret_problem);
#define PATCH_ZSTD_WINDOW_LOG_MAX 31   /* what `zstd -d --long=31` reads at most */
/* The largest window that zstd takes on this machine: 31 bits, or the 30 of its 32-bit builds. */
int patch_zstd_window_log_max(void);
/* An unlinked temporary file in TMPDIR (or /var/tmp); -1: errno says why. */
int patch_temporary_file(void);
/* Writes to fd from its offset on; E_NO_SPACE, E_INSTALL. */
MUST_USE enum error_code patch_write(int fd, const void *bytes, size_t length, struct problem *ret_problem);
