/* Cuts the three streams into records, compresses them side by side, and writes them in the order the apply asks for them. */
#include "firmware/bsdiff_container.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "firmware/bzip2_blocks.h"

#define ZSTD_LEVEL 19

struct piece {
    struct bsdiff_record record;
    struct bzip2_block block;     /* its bytes are those of the record, by whichever method */
};

struct container {
    struct buffer control;
    struct piece *pieces;         /* owned: control, diff, extra */
    size_t count, first[BSDIFF_STREAMS + 1];
    atomic_bool failed;
    struct parallel_report *report;
};

/* LEB128 (DWARF): seven bits a byte, the lowest first. */
static size_t number_add(struct buffer *buffer, uint64_t value)
{
    size_t length = 0;

    do {
        uint8_t byte = (uint8_t)(value & 0x7F) | (value > 0x7F ? 0x80 : 0);

        buffer_add(buffer, &byte, 1);
        value >>= 7;
        length++;
    } while (value);
    return length;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static size_t entry_add(struct buffer *control, const struct bsdiff_entries *entries, size_t i)
{
    size_t length = number_add(control, (uint64_t)entries->list[i].diff_bytes);

    length += number_add(control, (uint64_t)entries->list[i].extra_bytes);
    return length + number_add(control, zigzag(bsdiff_entries_seek(entries, i)));
}

static bool stream_cut(struct container *container, enum bsdiff_stream stream, const void *bytes, size_t length)
{
    struct bzip2_block *blocks = NULL;
    size_t count = 0;
    bool good = bzip2_blocks_cut(bytes, length, &blocks, &count);
    struct piece *more = good ? realloc(container->pieces, (container->count + count + 1) * sizeof *more) : NULL;

    container->first[stream] = container->count;
    if (more) {
        container->pieces = more;
        for (size_t i = 0; i < count; i++)
            more[container->count++] = (struct piece){.record = {.stream = (uint8_t)stream, .raw_bytes = (uint32_t)blocks[i].raw_bytes}, .block = blocks[i]};
    }
    container->first[stream + 1] = container->count;
    free(blocks);
    return more;
}

static void piece_store(struct piece *piece, enum bsdiff_method method, uint8_t *bytes, size_t length)
{
    free(piece->block.bytes);
    piece->block.bytes = bytes;
    piece->block.length = length;
    piece->record.method = (uint8_t)method;
    piece->record.stored_bytes = (uint32_t)length;
}

/* Keeps what zstd makes of it when that is smaller. */
static bool piece_try_zstd(struct piece *piece)
{
    size_t size = ZSTD_compressBound(piece->block.raw_bytes), length;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    uint8_t *bytes = malloc(size);

    if (!context || !bytes) {
        ZSTD_freeCCtx(context);
        free(bytes);
        return false;
    }
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, BSDIFF_WINDOW_LOG);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    length = ZSTD_compress2(context, bytes, size, piece->block.raw, piece->block.raw_bytes);
    ZSTD_freeCCtx(context);
    if (!ZSTD_isError(length) && length < piece->record.stored_bytes)
        piece_store(piece, BSDIFF_ZSTD, bytes, length);
    else
        free(bytes);
    return true;
}

static bool piece_keep_raw(struct piece *piece)
{
    uint8_t *bytes = malloc(piece->block.raw_bytes);

    if (!bytes)
        return false;
    memcpy(bytes, piece->block.raw, piece->block.raw_bytes);
    piece_store(piece, BSDIFF_STORED, bytes, piece->block.raw_bytes);
    return true;
}

/* Differences are mostly zeros with patterns that bzip2 packs better and much faster; new bytes and numbers are often zstd's. */
static void piece_compress(void *arg, unsigned number)
{
    struct container *container = arg;
    struct piece *piece = &container->pieces[number];
    bool good;

    if (atomic_load(&container->failed) || atomic_load(&container->report->stopped))
        return;
    good = bzip2_block_compress(&piece->block);
    piece->record.method = BSDIFF_BZIP2;
    piece->record.stored_bytes = (uint32_t)piece->block.length;
    if (good && piece->record.stream != BSDIFF_DIFF)
        good = piece_try_zstd(piece);
    if (good && piece->record.stored_bytes >= piece->record.raw_bytes)
        good = piece_keep_raw(piece);
    if (!good)
        atomic_store(&container->failed, true);
    (void)parallel_report_add(container->report, (int64_t)piece->block.raw_bytes);
}

static void record_write(struct buffer *patch, const struct piece *piece)
{
    uint32_t stored = htole32(piece->record.stored_bytes), raw = htole32(piece->record.raw_bytes);
    uint8_t head[BSDIFF_RECORD_BYTES] = {piece->record.stream, piece->record.method};

    memcpy(head + 4, &stored, sizeof stored);
    memcpy(head + 8, &raw, sizeof raw);
    buffer_add(patch, head, sizeof head);
    buffer_add(patch, piece->block.bytes, piece->block.length);
}

struct order {
    const struct container *container;
    struct buffer *patch;
    size_t next[BSDIFF_STREAMS];   /* piece */
    size_t left[BSDIFF_STREAMS];   /* raw bytes of the last one written that were not asked for yet */
};

static void ask(struct order *order, enum bsdiff_stream stream, size_t length)
{
    while (length > order->left[stream]) {
        length -= order->left[stream];
        order->left[stream] = order->container->pieces[order->next[stream]].record.raw_bytes;
        record_write(order->patch, &order->container->pieces[order->next[stream]++]);
    }
    order->left[stream] -= length;
}

static void container_write(const struct container *container, const struct bsdiff_difference *difference, size_t old_bytes, struct buffer *patch)
{
    struct order order = {.container = container, .patch = patch};
    uint64_t sizes[2] = {htole64(old_bytes), htole64(difference->new_bytes)};
    struct buffer again;

    for (unsigned i = 0; i < BSDIFF_STREAMS; i++)
        order.next[i] = container->first[i];
    buffer_add(patch, BSDIFF_MAGIC, sizeof BSDIFF_MAGIC - 1);
    buffer_add(patch, sizes, sizeof sizes);
    buffer_init(&again, 0);
    for (size_t i = 0; i < difference->entries.count; i++) {
        buffer_clear(&again);
        ask(&order, BSDIFF_CONTROL, entry_add(&again, &difference->entries, i));
        ask(&order, BSDIFF_DIFF, (size_t)difference->entries.list[i].diff_bytes);
        ask(&order, BSDIFF_EXTRA, (size_t)difference->entries.list[i].extra_bytes);
    }
    if (again.failed)
        patch->failed = true;
    buffer_done(&again);
}

static bool container_cut(struct container *container, const struct bsdiff_difference *difference)
{
    for (size_t i = 0; i < difference->entries.count; i++)
        (void)entry_add(&container->control, &difference->entries, i);
    return !container->control.failed && stream_cut(container, BSDIFF_CONTROL, container->control.bytes, container->control.length)
        && stream_cut(container, BSDIFF_DIFF, difference->diff, difference->diff_bytes)
        && stream_cut(container, BSDIFF_EXTRA, difference->extra, difference->extra_bytes);
}

enum error_code bsdiff_container_write(const struct bsdiff_difference *difference, size_t old_bytes, unsigned threads, struct parallel_report *report,
                                       struct buffer *patch, struct problem *ret_problem)
{
    struct container container = {.report = report};

    buffer_init(&container.control, 0);
    if (container_cut(&container, difference))
        parallel_run(threads, (unsigned)container.count, piece_compress, &container);
    else
        atomic_store(&container.failed, true);
    if (!atomic_load(&container.failed) && !atomic_load(&report->stopped))
        container_write(&container, difference, old_bytes, patch);
    for (size_t i = 0; i < container.count; i++)
        free(container.pieces[i].block.bytes);
    free(container.pieces);
    buffer_done(&container.control);
    if (atomic_load(&report->stopped))
        return package_refuse(ret_problem, E_CANCELLED, "bsdiff", "stopped");
    if (atomic_load(&container.failed) || patch->failed)
        return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory while compressing");
    return E_NONE;
}
