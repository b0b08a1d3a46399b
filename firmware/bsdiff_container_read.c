/* Our container from a pipe: a record is collected (at most 1 MiB), and the apply runs until it needs the next one. Memory, at most: a record and
 * a decompressor a stream, 4 MiB each. */
#include <bzlib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "firmware/bsdiff_apply.h"
#include "firmware/bsdiff_container.h"
#include "firmware/little_endian.h"
#include "firmware/patch_inside.h"

/* The record of a stream that is being used up. */
struct piece {
    struct bsdiff_record record;
    uint8_t *stored;                 /* owned */
    size_t used;                     /* of stored */
    size_t raw_left;
    bz_stream bzip2;
    bool bzip2_open;
    ZSTD_DCtx *zstd;                 /* kept between records */
};

struct reader {
    struct patch_job job;
    struct bsdiff_apply *apply;
    uint8_t head[BSDIFF_HEADER_BYTES];   /* of the container, then of each record */
    size_t head_bytes;
    bool began;                      /* the container's header was read */
    struct piece pieces[BSDIFF_STREAMS];
    struct piece *filling;           /* the record whose bytes are coming in; NULL: a head is */
    size_t filled;
    enum bsdiff_stream needs;
};

static enum error_code malformed(struct problem *ret_problem, const char *what)
{
    return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "%s", what);
}

static void piece_drop(struct piece *piece)
{
    if (piece->bzip2_open)
        (void)BZ2_bzDecompressEnd(&piece->bzip2);
    piece->bzip2_open = false;
    free(piece->stored);
    piece->stored = NULL;
    piece->raw_left = 0;
}

static enum error_code pull_stored(struct piece *piece, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem)
{
    (void)ret_problem;
    memcpy(bytes, piece->stored + piece->used, length);
    piece->used += length;
    *ret_got = length;
    return E_NONE;
}

static enum error_code pull_bzip2(struct piece *piece, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem)
{
    int status;

    piece->bzip2.next_out = (char *)bytes;
    piece->bzip2.avail_out = (unsigned)length;
    status = BZ2_bzDecompress(&piece->bzip2);
    *ret_got = length - piece->bzip2.avail_out;
    if (status == BZ_MEM_ERROR)
        return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    if ((status != BZ_OK && status != BZ_STREAM_END) || *ret_got == 0)
        return malformed(ret_problem, "a bzip2 record is damaged or shorter than it says");
    return E_NONE;
}

static enum error_code pull_zstd(struct piece *piece, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem)
{
    ZSTD_inBuffer in = {piece->stored, piece->record.stored_bytes, piece->used};
    ZSTD_outBuffer out = {bytes, length, 0};
    size_t status = ZSTD_decompressStream(piece->zstd, &out, &in);

    piece->used = in.pos;
    *ret_got = out.pos;
    if (ZSTD_isError(status))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a zstd record: %s", ZSTD_getErrorName(status));
    return out.pos > 0 ? E_NONE : malformed(ret_problem, "a zstd record is shorter than it says");
}

static enum error_code (*const pull_method[BSDIFF_METHOD_COUNT])(struct piece *, uint8_t *, size_t, size_t *, struct problem *) = {
    [BSDIFF_STORED] = pull_stored, [BSDIFF_BZIP2] = pull_bzip2, [BSDIFF_ZSTD] = pull_zstd};

static enum error_code pull(void *arg, enum bsdiff_stream stream, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem)
{
    struct reader *reader = arg;
    struct piece *piece = &reader->pieces[stream];
    enum error_code code;

    *ret_got = 0;
    if (piece->raw_left == 0)
        return E_NONE;
    code = pull_method[piece->record.method](piece, bytes, length < piece->raw_left ? length : piece->raw_left, ret_got, ret_problem);
    piece->raw_left -= *ret_got;
    if (!code && piece->raw_left == 0)
        piece_drop(piece);
    return code;
}

static void reader_free(void *state)
{
    struct reader *reader = state;

    if (!reader)
        return;
    for (unsigned i = 0; i < BSDIFF_STREAMS; i++) {
        piece_drop(&reader->pieces[i]);
        ZSTD_freeDCtx(reader->pieces[i].zstd);
    }
    bsdiff_apply_free(reader->apply);
    free(reader);
}

static enum error_code reader_begin(const struct patch_job *job, void **ret_state, struct problem *ret_problem)
{
    struct reader *reader = calloc(1, sizeof *reader);

    if (reader) {
        reader->job = *job;
        reader->apply = bsdiff_apply_new(job->base_fd, job->base_bytes, job->output, &(struct bsdiff_source){pull, reader, true});
    }
    if (!reader || !reader->apply) {
        reader_free(reader);
        return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    }
    *ret_state = reader;
    return E_NONE;
}

static enum error_code container_began(struct reader *reader, struct problem *ret_problem)
{
    int64_t out_bytes = patch_output_at(reader->job.output) + patch_output_left(reader->job.output);

    if (memcmp(reader->head, BSDIFF_MAGIC, sizeof BSDIFF_MAGIC - 1) != 0)
        return malformed(ret_problem, "not a patch of this format");
    if (get64(reader->head + 8) != (uint64_t)reader->job.base_bytes)
        return package_refuse(ret_problem, E_DELTA_BASE, "patch", "made from a base of %llu bytes, this one has %lld",
                              (unsigned long long)get64(reader->head + 8), (long long)reader->job.base_bytes);
    if (get64(reader->head + 16) != (uint64_t)out_bytes)
        return package_refuse(ret_problem, E_SHA256, "patch", "makes an image of %llu bytes, announced are %lld",
                              (unsigned long long)get64(reader->head + 16), (long long)out_bytes);
    reader->began = true;
    return bsdiff_apply_run(reader->apply, &reader->needs, ret_problem);
}

static enum error_code method_open(struct piece *piece, struct problem *ret_problem)
{
    if (piece->record.method == BSDIFF_BZIP2) {
        memset(&piece->bzip2, 0, sizeof piece->bzip2);
        piece->bzip2_open = BZ2_bzDecompressInit(&piece->bzip2, 0, 0) == BZ_OK;
        piece->bzip2.next_in = (char *)piece->stored;
        piece->bzip2.avail_in = piece->record.stored_bytes;
        return piece->bzip2_open ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    }
    if (piece->record.method == BSDIFF_ZSTD) {
        if (!piece->zstd)
            piece->zstd = ZSTD_createDCtx();
        if (!piece->zstd || ZSTD_isError(ZSTD_DCtx_reset(piece->zstd, ZSTD_reset_session_only))
            || ZSTD_isError(ZSTD_DCtx_setParameter(piece->zstd, ZSTD_d_windowLogMax, BSDIFF_WINDOW_LOG)))
            return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    }
    return E_NONE;
}

static enum error_code record_began(struct reader *reader, struct problem *ret_problem)
{
    struct bsdiff_record record = {reader->head[0], reader->head[1], get32(reader->head + 4), get32(reader->head + 8)};

    if (patch_output_left(reader->job.output) == 0)
        return malformed(ret_problem, "bytes behind its end");
    if (record.stream >= BSDIFF_STREAMS || record.method >= BSDIFF_METHOD_COUNT || reader->head[2] || reader->head[3])
        return malformed(ret_problem, "a record of an unknown stream or method");
    if (record.stored_bytes == 0 || record.stored_bytes > BSDIFF_STORED_MAX || record.raw_bytes == 0 || record.raw_bytes > BSDIFF_RAW_MAX
        || (record.method == BSDIFF_STORED && record.stored_bytes != record.raw_bytes))
        return malformed(ret_problem, "a record's sizes are out of range");
    if (record.stream != reader->needs)
        return malformed(ret_problem, "a record that is not needed yet");
    reader->filling = &reader->pieces[record.stream];
    reader->filling->record = record;
    reader->filling->used = 0;
    reader->filling->stored = malloc(record.stored_bytes);
    reader->filled = 0;
    return reader->filling->stored ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
}

static enum error_code record_filled(struct reader *reader, struct problem *ret_problem)
{
    struct piece *piece = reader->filling;
    enum error_code code = method_open(piece, ret_problem);

    reader->filling = NULL;
    reader->head_bytes = 0;
    if (code)
        return code;
    piece->raw_left = piece->record.raw_bytes;
    return bsdiff_apply_run(reader->apply, &reader->needs, ret_problem);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Takes some of the bytes; *ret_taken says how many. */
static enum error_code reader_take(struct reader *reader, const uint8_t *bytes, size_t length, size_t *ret_taken, struct problem *ret_problem)
{
    size_t head_wanted = reader->began ? BSDIFF_RECORD_BYTES : BSDIFF_HEADER_BYTES;

    if (reader->filling) {
        *ret_taken = least(length, reader->filling->record.stored_bytes - reader->filled);
        memcpy(reader->filling->stored + reader->filled, bytes, *ret_taken);
        reader->filled += *ret_taken;
        return reader->filled == reader->filling->record.stored_bytes ? record_filled(reader, ret_problem) : E_NONE;
    }
    *ret_taken = least(length, head_wanted - reader->head_bytes);
    memcpy(reader->head + reader->head_bytes, bytes, *ret_taken);
    reader->head_bytes += *ret_taken;
    if (reader->head_bytes < head_wanted)
        return E_NONE;
    if (reader->began)
        return record_began(reader, ret_problem);
    reader->head_bytes = 0;
    return container_began(reader, ret_problem);
}

static enum error_code reader_feed(void *state, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    while (length > 0) {
        size_t taken = 0;
        enum error_code code = reader_take(state, bytes, length, &taken, ret_problem);

        if (code)
            return code;
        bytes += taken;
        length -= taken;
    }
    return E_NONE;
}

static enum error_code reader_end(void *state, struct problem *ret_problem)
{
    struct reader *reader = state;

    if (!reader->began || reader->filling || reader->head_bytes > 0 || patch_output_left(reader->job.output) > 0)
        return package_refuse(ret_problem, E_SHA256, "patch", "it ends too early");
    for (unsigned i = 0; i < BSDIFF_STREAMS; i++) {
        if (reader->pieces[i].raw_left > 0)
            return malformed(ret_problem, "bytes that nothing asked for");
    }
    return E_NONE;
}

const struct patch_reader bsdiff_container_reader = {reader_begin, reader_feed, reader_end, reader_free};
