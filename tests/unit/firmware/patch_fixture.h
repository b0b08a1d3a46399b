/* What the tests of patches share: images and edits that random numbers make (the same ones for the same seed), patches made into memory and
 * applied from it. */
#pragma once

#include "../common/check.h"
#include "firmware/patch.h"
#include "proto/error_code.h"

struct image {
    uint8_t *bytes;    /* owned */
    size_t length;
};
void image_done(struct image *image);
/* kind 0: noise, 1: text-like with repeats, 2: long runs of few values */
struct image image_random(uint64_t *random, size_t length, unsigned kind);
/* Some inserts, deletes, moves, overwrites and repeats. */
struct image image_edited(uint64_t *random, const struct image *old, unsigned edits);
uint64_t random_below(uint64_t *random, uint64_t limit);

/* An unnamed file with these bytes. */
int file_of(const void *bytes, size_t length);
struct image file_load(int fd);

struct image patch_of(const struct image *old, const struct image *new, enum patch_format format, unsigned threads);

struct applying {
    const struct image *base, *patch;
    enum patch_format format;
    int64_t out_bytes, out_offset;
    const uint8_t *base_sha256, *out_sha256;
    const char *journal_path;
    int out_fd;
    size_t step;          /* bytes a feed; 0: all at once */
    size_t stop_after;    /* feed no more than that, and no end: a power cut; 0: all */
    int64_t found;        /* is set: what was found on disk */
    const char *why;
};
enum error_code apply_run(struct applying *applying, struct problem *ret_problem);
