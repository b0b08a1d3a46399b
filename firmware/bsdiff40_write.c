/* BSDIFF40: 8 bytes magic, three 64-bit numbers (bytes of the compressed control and diff streams, bytes of the new image), then one bzip2
 * stream each for control, diff and extra. Numbers are little-endian magnitudes with the sign in the highest bit. */
#include "firmware/bsdiff_make.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/bzip2_blocks.h"

#define CONTROL_BYTES 24
#define HEADER_BYTES 32

struct streams {
    uint8_t *control;                                /* owned */
    struct bzip2_block *blocks;                      /* owned: of all three, in this order */
    size_t first[BSDIFF_STREAMS + 1], count;
    atomic_bool failed;
    struct parallel_report *report;
};

static void number_write(uint8_t *at, int64_t value)
{
    uint64_t bits = htole64(value < 0 ? (uint64_t)-value | UINT64_C(1) << 63 : (uint64_t)value);

    memcpy(at, &bits, sizeof bits);
}

static bool streams_cut(struct streams *streams, const struct bsdiff_difference *difference)
{
    const struct bsdiff_entries *entries = &difference->entries;

    streams->control = malloc(entries->count * CONTROL_BYTES + 1);
    if (!streams->control)
        return false;
    for (size_t i = 0; i < entries->count; i++) {
        uint8_t *at = streams->control + i * CONTROL_BYTES;

        number_write(at, entries->list[i].diff_bytes);
        number_write(at + 8, entries->list[i].extra_bytes);
        number_write(at + 16, bsdiff_entries_seek(entries, i));
    }
    if (!bzip2_blocks_cut(streams->control, entries->count * CONTROL_BYTES, &streams->blocks, &streams->count))
        return false;
    streams->first[BSDIFF_DIFF] = streams->count;
    if (!bzip2_blocks_cut(difference->diff, difference->diff_bytes, &streams->blocks, &streams->count))
        return false;
    streams->first[BSDIFF_EXTRA] = streams->count;
    if (!bzip2_blocks_cut(difference->extra, difference->extra_bytes, &streams->blocks, &streams->count))
        return false;
    streams->first[BSDIFF_STREAMS] = streams->count;
    return true;
}

static void stream_compress(void *arg, unsigned number)
{
    struct streams *streams = arg;
    struct bzip2_block *block = &streams->blocks[number];

    if (atomic_load(&streams->failed) || atomic_load(&streams->report->stopped))
        return;
    if (!bzip2_block_compress(block))
        atomic_store(&streams->failed, true);
    (void)parallel_report_add(streams->report, (int64_t)block->raw_bytes);
}

static void streams_write(const struct streams *streams, size_t new_bytes, struct buffer *patch)
{
    uint8_t header[HEADER_BYTES] = "BSDIFF40";
    size_t header_at = patch->length, ends[BSDIFF_STREAMS];

    buffer_add(patch, header, sizeof header);
    for (unsigned i = 0; i < BSDIFF_STREAMS; i++) {
        bzip2_blocks_join(streams->blocks ? streams->blocks + streams->first[i] : NULL, streams->first[i + 1] - streams->first[i], patch);
        ends[i] = patch->length;
    }
    if (patch->failed)
        return;
    number_write(header + 8, (int64_t)(ends[BSDIFF_CONTROL] - header_at - HEADER_BYTES));
    number_write(header + 16, (int64_t)(ends[BSDIFF_DIFF] - ends[BSDIFF_CONTROL]));
    number_write(header + 24, (int64_t)new_bytes);
    memcpy(patch->bytes + header_at, header, sizeof header);
}

enum error_code bsdiff40_write(const struct bsdiff_difference *difference, unsigned threads, struct parallel_report *report, struct buffer *patch,
                               struct problem *ret_problem)
{
    struct streams streams = {.report = report};

    if (streams_cut(&streams, difference))
        parallel_run(threads, (unsigned)streams.count, stream_compress, &streams);
    else
        atomic_store(&streams.failed, true);
    if (!atomic_load(&streams.failed) && !atomic_load(&report->stopped))
        streams_write(&streams, difference->new_bytes, patch);
    bzip2_blocks_free(streams.blocks, streams.count);
    free(streams.control);
    if (atomic_load(&report->stopped))
        return package_refuse(ret_problem, E_CANCELLED, "bsdiff", "stopped");
    if (atomic_load(&streams.failed) || patch->failed)
        return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory while compressing");
    return E_NONE;
}
