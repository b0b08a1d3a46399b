/* Patches from one image to another: made in memory with all cores, applied as a stream in bounded memory.
 *   PATCH_BSDIFF40  Colin Percival's format ("Naive differences of executable code", 2003), what Debian's bsdiff and bspatch speak
 *   PATCH_BSDIFF    the same differences in our container: records in the order the apply needs them, so a pipe will do (docs/package-format.md)
 *   PATCH_ZSTD      a zstd frame with the old image as prefix, what `zstd --patch-from` reads */
#pragma once

#include "firmware/format.h"

enum patch_format { PATCH_BSDIFF40, PATCH_BSDIFF, PATCH_ZSTD, PATCH_FORMAT_COUNT };

struct patch_make_options {
    enum patch_format format;
    unsigned threads;                    /* 0: the cores of this machine */
    const struct package_progress *progress;   /* show may be called on other threads, never by two at once */
};
/* The patch is written to fd from its offset on. */
MUST_USE enum error_code patch_make(const void *old, size_t old_bytes, const void *new, size_t new_bytes, const struct patch_make_options *options,
                                    int fd, int64_t *ret_bytes, struct problem *ret_problem);

/* How much memory that takes at most, with both images in it. */
int64_t patch_make_memory_bytes(enum patch_format format, int64_t old_bytes, int64_t new_bytes);

/* What is to become of the patch; all of it signed or otherwise proved by the caller. */
struct patch_target {
    int base_fd;                         /* read with pread; not owned */
    int64_t base_bytes;
    const uint8_t *base_sha256;          /* checked first, before a byte is written; NULL: not known (a bare patch file) */
    int out_fd;                          /* open for reading and writing; written from out_offset on; never more than out_bytes */
    int64_t out_offset;
    int64_t out_bytes;                   /* of a bare patch file: patch_announced_bytes */
    const uint8_t *out_sha256;           /* checked last; NULL: not known */
    const char *journal_path;            /* NULL: not resumable. Otherwise a small file that names how far the output is on disk; needs out_sha256 */
};
struct patch_apply;
/* Checks the base's size and digest (E_DELTA_BASE). With a journal of the same patch target, what is on disk already is checked and kept: the patch
 * is fed again from its start, but only what is missing is written. PATCH_ZSTD decodes into a mapping of the output and writes the same bytes
 * again, unless all of them are there. */
MUST_USE enum error_code patch_apply_new(enum patch_format format, const struct patch_target *target, struct patch_apply **ret_apply, struct problem *ret_problem);
/* PATCH_BSDIFF40 cannot be streamed: it is collected in an unlinked temporary file up to a limit and applied at the end. */
MUST_USE enum error_code patch_apply_feed(struct patch_apply *apply, const void *bytes, size_t length, struct problem *ret_problem);
/* Everything was fed: all of the target must be written; the digest is checked, the output synced, the journal removed. */
MUST_USE enum error_code patch_apply_end(struct patch_apply *apply, struct problem *ret_problem);
/* So many bytes were found on disk and are kept; 0: *ret_why (NULL is fine) says why not, "the journal is of another target". */
int64_t patch_apply_found(const struct patch_apply *apply, const char **ret_why);
void patch_apply_free(struct patch_apply *apply);   /* NULL is fine; an unfinished one leaves its journal */
/* By the first bytes of a patch; false: none of ours. 16 bytes suffice. */
bool patch_format_detect(const void *bytes, size_t length, enum patch_format *ret_format);
/* How large the new file will be, by the patch's own first bytes (32 suffice); -1: they do not say. Nothing proves it. */
int64_t patch_announced_bytes(const void *bytes, size_t length);
