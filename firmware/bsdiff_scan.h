/* The differences between two images as Colin Percival's bsdiff finds them ("Naive differences of executable code", 2003): stretches of the new
 * image that resemble a stretch of the old one, and between them bytes that are new. */
#pragma once

#include "firmware/bsdiff_index.h"

/* diff_bytes of the new image are the old image's from old_at on plus a difference (mostly 0); extra_bytes follow that are new. */
struct bsdiff_entry {
    int64_t old_at;
    int64_t diff_bytes;
    int64_t extra_bytes;
};

struct bsdiff_entries {
    struct bsdiff_entry *list;   /* owned */
    size_t count;
    size_t size;
};

/* The new image is cut into segments that the threads scan side by side; what the seams cut apart is joined again. E_INTERNAL: out of memory.
 * E_CANCELLED. Reports new_bytes of progress. */
MUST_USE enum error_code bsdiff_scan(const struct bsdiff_index *index, const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, unsigned threads,
                                     struct parallel_report *report, struct bsdiff_entries *ret_entries, struct problem *ret_problem);
void bsdiff_entries_done(struct bsdiff_entries *entries);
