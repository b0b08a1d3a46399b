/* A stream: "BZh9", blocks, 48 bits of end mark, 32 bits of combined CRC, up to the byte's end. A block begins at any bit with 48 bits of mark
 * and its own CRC. Combined: for each block, rotate left by one and exclusive-or its CRC. */
#include "firmware/bzip2_blocks.h"

#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_BYTES (100000 - 100)           /* of run-length coded bytes a level; bzip2's own blocks are of level * 100,000 - 19 */
#define BLOCK_BYTES (9 * LEVEL_BYTES - 1)
#define RUN_MAX 255                          /* bytes that one run-length code stands for */
#define HEAD_BITS 32
#define END_BITS 80

static const uint8_t end_mark[6] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};

/* bzip2 writes up to three equal bytes as they are, more as four and a count. */
static size_t run_cost(size_t run)
{
    return run < 4 ? run : 5;
}

/* How many of these bytes fill a block, and how many it takes them for. */
static size_t block_length(const uint8_t *bytes, size_t length, size_t *ret_cost)
{
    size_t at = 0, cost = 0;

    while (at < length) {
        size_t run = 1, most = length - at < RUN_MAX ? length - at : RUN_MAX;

        while (run < most && bytes[at + run] == bytes[at])
            run++;
        if (cost + run_cost(run) > BLOCK_BYTES)
            break;
        cost += run_cost(run);
        at += run;
    }
    *ret_cost = cost;
    return at;
}

bool bzip2_blocks_cut(const uint8_t *bytes, size_t length, struct bzip2_block **list, size_t *count)
{
    while (length > 0) {
        size_t cost, taken = block_length(bytes, length, &cost);
        struct bzip2_block *more = realloc(*list, (*count + 1) * sizeof *more);

        if (!more)
            return false;
        *list = more;
        more[(*count)++] = (struct bzip2_block){.raw = bytes, .raw_bytes = taken, .level = (int)(cost / LEVEL_BYTES) + 1};
        bytes += taken;
        length -= taken;
    }
    return true;
}

static bool block_deflate(bz_stream *stream, struct bzip2_block *block)
{
    size_t left = block->raw_bytes;
    int status;

    stream->next_in = (char *)(uintptr_t)block->raw;
    do { /* its counters have 32 bits; a run of zeros may be longer */
        unsigned piece = left < (1u << 30) ? (unsigned)left : 1u << 30;

        stream->avail_in = piece;
        status = BZ2_bzCompress(stream, left > piece ? BZ_RUN : BZ_FINISH);
        left -= piece - stream->avail_in;
    } while (status == BZ_RUN_OK);
    return status == BZ_STREAM_END;
}

bool bzip2_block_compress(struct bzip2_block *block)
{
    bz_stream stream = {0};
    size_t size = BLOCK_BYTES + BLOCK_BYTES / 50 + 1024;
    bool good;

    if (block->raw_bytes < BLOCK_BYTES)
        size = block->raw_bytes + block->raw_bytes / 50 + 1024;
    block->bytes = malloc(size);
    if (!block->bytes || BZ2_bzCompressInit(&stream, block->level, 0, 0) != BZ_OK)
        return false;
    stream.next_out = (char *)block->bytes;
    stream.avail_out = (unsigned)size;
    good = block_deflate(&stream, block);
    block->length = size - stream.avail_out;
    (void)BZ2_bzCompressEnd(&stream);
    return good;
}

static unsigned bit_at(const uint8_t *bytes, size_t bit)
{
    return bytes[bit / 8] >> (7 - bit % 8) & 1u;
}

static uint32_t block_crc(const struct bzip2_block *block)
{
    return (uint32_t)block->bytes[10] << 24 | (uint32_t)block->bytes[11] << 16 | (uint32_t)block->bytes[12] << 8 | block->bytes[13];
}

/* True when the stream's last 80 bits begin here: the end mark, then the CRC, which for one block is the block's. */
static bool end_begins(const struct bzip2_block *block, size_t bit)
{
    uint32_t crc = block_crc(block);

    for (unsigned i = 0; i < 48; i++) {
        if (bit_at(block->bytes, bit + i) != bit_at(end_mark, i))
            return false;
    }
    for (unsigned i = 0; i < 32; i++) {
        if (bit_at(block->bytes, bit + 48 + i) != (crc >> (31 - i) & 1u))
            return false;
    }
    return true;
}

/* The bit behind the block; 0 when this is not one block, which cannot be. */
static size_t block_end(const struct bzip2_block *block)
{
    for (size_t padding = 0; padding < 8; padding++) {
        size_t bits = block->length * 8 - padding;

        if (bits >= HEAD_BITS + END_BITS && end_begins(block, bits - END_BITS))
            return bits - END_BITS;
    }
    return 0;
}

struct bits {
    struct buffer *out;
    unsigned pending, count;   /* bits that do not fill a byte yet */
};

static void bits_add(struct bits *bits, unsigned value, unsigned count)
{
    bits->pending = bits->pending << count | value;
    bits->count += count;
    if (bits->count >= 8) {
        uint8_t byte = (uint8_t)(bits->pending >> (bits->count - 8));

        buffer_add(bits->out, &byte, 1);
        bits->count -= 8;
        bits->pending &= (1u << bits->count) - 1;
    }
}

static void bits_add_bytes(struct bits *bits, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bits_add(bits, bytes[i], 8);
}

void bzip2_blocks_join(const struct bzip2_block *list, size_t count, struct buffer *ret_stream)
{
    struct bits bits = {.out = ret_stream};
    uint32_t combined = 0;

    bits_add_bytes(&bits, (const uint8_t *)"BZh9", 4);
    for (size_t i = 0; i < count; i++) {
        size_t end = block_end(&list[i]);

        if (end == 0)
            ret_stream->failed = true;
        else
            bits_add_bytes(&bits, list[i].bytes + HEAD_BITS / 8, end / 8 - HEAD_BITS / 8);
        for (size_t bit = end / 8 * 8; bit < end; bit++)
            bits_add(&bits, bit_at(list[i].bytes, bit), 1);
        combined = (combined << 1 | combined >> 31) ^ (end ? block_crc(&list[i]) : 0);
    }
    bits_add_bytes(&bits, end_mark, sizeof end_mark);
    for (int shift = 24; shift >= 0; shift -= 8)
        bits_add(&bits, combined >> shift & 0xFFu, 8);
    if (bits.count > 0)
        bits_add(&bits, 0, 8 - bits.count);
}

void bzip2_blocks_free(struct bzip2_block *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].bytes);
    free(list);
}
