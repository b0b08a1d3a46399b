/* The small file that names how far an image is on disk, so that it can go on after a power cut. Inside firmware/ only. */
#pragma once

#include "firmware/format.h"

/* What the journal is of; another target's journal is no use. */
struct patch_journal_target {
    const uint8_t *base_sha256;      /* NULL: there is no base, or it is not known */
    int64_t base_bytes;
    const uint8_t *out_sha256;
    int64_t out_bytes;
    int64_t out_offset;
};

struct patch_journal {
    int64_t mark;                    /* so many bytes of the output are on disk */
    uint8_t prefix_sha256[SHA256_BYTES];   /* of these bytes */
};

/* False: there is none that fits; *ret_why says why ("no journal", "of another target", "damaged"). */
bool patch_journal_read(const char *path, const struct patch_journal_target *target, struct patch_journal *ret_journal, const char **ret_why);
/* Replaces the file as a whole, and returns when it is on disk. */
MUST_USE enum error_code patch_journal_write(const char *path, const struct patch_journal_target *target, const struct patch_journal *journal, struct problem *ret_problem);
/* Gone for good when it returns; not an error when there was none. */
void patch_journal_remove(const char *path);
