/* Where in the old image do these bytes occur? An index over it: suffix arrays (Yuta Mori's libdivsufsort) of one part a core, a table of where
 * each prefix of 20 bits begins in them, and a bitmap of the 8-byte strings that occur at all, so that most questions end after one look. */
#pragma once

#include "firmware/parallel.h"

#define BSDIFF_IMAGE_MAX INT32_MAX         /* suffix arrays of 32-bit positions */
#define BSDIFF_MATCH_MIN 9                 /* shorter matches never pay for an entry of a patch: they may be missed */

struct bsdiff_index;
/* old is borrowed and must stay. E_INTERNAL: out of memory. E_CANCELLED. Reports old_bytes of progress. */
MUST_USE enum error_code bsdiff_index_new(const uint8_t *old, size_t old_bytes, unsigned threads, struct parallel_report *report, struct bsdiff_index **ret_index,
                                          struct problem *ret_problem);
void bsdiff_index_free(struct bsdiff_index *index);   /* NULL is fine */
/* The longest prefix of bytes that occurs in the old image and where; 0 when it is shorter than BSDIFF_MATCH_MIN. Any thread. */
size_t bsdiff_index_find(const struct bsdiff_index *index, const uint8_t *bytes, size_t length, size_t *ret_position);
/* What an index and a scan with it take at most, images not counted. */
int64_t bsdiff_index_bytes(size_t old_bytes);
