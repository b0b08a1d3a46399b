/* Makes the new image out of the old one and the three streams of a bsdiff patch, whichever form they come in. Every number of the control
 * stream is held against the sizes before it is used (CVE-2014-9862, CVE-2020-14315: lengths and seeks that were not). Inside firmware/ only. */
#pragma once

#include "firmware/bsdiff_make.h"
#include "firmware/patch_output.h"

/* Where the streams come from. */
struct bsdiff_source {
    /* At most length raw bytes of the stream. *ret_got 0: there are none now, the apply stops and is called again when there are. */
    enum error_code (*pull)(void *arg, enum bsdiff_stream stream, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem);
    void *arg;
    bool leb128;                     /* numbers of the control stream: LEB128, otherwise 8 bytes with a sign bit */
};

struct bsdiff_apply;
/* base_fd and output are borrowed. NULL: out of memory. */
struct bsdiff_apply *bsdiff_apply_new(int base_fd, int64_t base_bytes, struct patch_output *output, const struct bsdiff_source *source);
void bsdiff_apply_free(struct bsdiff_apply *apply);   /* NULL is fine */
/* As far as it can go. E_NONE: the output is complete, or *ret_needs is the stream that has run out. */
MUST_USE enum error_code bsdiff_apply_run(struct bsdiff_apply *apply, enum bsdiff_stream *ret_needs, struct problem *ret_problem);
