/* The three streams of a bsdiff patch before they are compressed, and the two forms they are written in (patch.h). */
#pragma once

#include "common/buffer.h"
#include "firmware/bsdiff_scan.h"
#include "firmware/patch.h"

enum bsdiff_stream { BSDIFF_CONTROL, BSDIFF_DIFF, BSDIFF_EXTRA, BSDIFF_STREAMS };

struct bsdiff_difference {
    struct bsdiff_entries entries;
    const uint8_t *new;                /* borrowed */
    size_t new_bytes;
    uint8_t *diff, *extra;             /* owned: what is added to the old bytes; what is new */
    size_t diff_bytes, extra_bytes;
};

MUST_USE enum error_code bsdiff_difference_make(const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, unsigned threads,
                                                struct parallel_report *report, struct bsdiff_difference *ret_difference, struct problem *ret_problem);
void bsdiff_difference_done(struct bsdiff_difference *difference);
/* What to move by in the old image behind entry i. */
int64_t bsdiff_entries_seek(const struct bsdiff_entries *entries, size_t i);

/* Append the patch to the buffer. The container names the sizes of both images. E_INTERNAL: out of memory; E_CANCELLED. */
MUST_USE enum error_code bsdiff40_write(const struct bsdiff_difference *difference, unsigned threads, struct parallel_report *report, struct buffer *patch,
                                        struct problem *ret_problem);
MUST_USE enum error_code bsdiff_container_write(const struct bsdiff_difference *difference, size_t old_bytes, unsigned threads, struct parallel_report *report,
                                                struct buffer *patch, struct problem *ret_problem);
