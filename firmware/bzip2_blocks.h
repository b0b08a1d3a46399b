/* bzip2 on several cores. A bzip2 stream is a row of blocks that know nothing of each other: each is compressed on its own, and where one stream
 * is wanted the blocks' bits are put behind each other (as lbzip2 does), so that every bzip2 reads it. */
#pragma once

#include "common/buffer.h"
#include "firmware/parallel.h"

struct bzip2_block {
    const uint8_t *raw;        /* borrowed */
    size_t raw_bytes;
    int level;                 /* 1..9: no more than it needs, because it decides on the memory that decompressing takes */
    uint8_t *bytes;            /* owned: a whole bzip2 stream with this one block */
    size_t length;
};

/* Cuts bytes where bzip2 -9 would begin a new block, runs of equal bytes counted as it does. Appends to a list of *count blocks (realloc'ed). */
MUST_USE bool bzip2_blocks_cut(const uint8_t *bytes, size_t length, struct bzip2_block **list, size_t *count);
/* Compresses the block; false: out of memory. Any thread. */
MUST_USE bool bzip2_block_compress(struct bzip2_block *block);
/* One stream of all blocks; of none: an empty stream. The buffer's failure sticks. */
void bzip2_blocks_join(const struct bzip2_block *list, size_t count, struct buffer *ret_stream);
void bzip2_blocks_free(struct bzip2_block *list, size_t count);
