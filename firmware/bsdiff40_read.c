/* BSDIFF40 as Debian's bsdiff writes it: its three bzip2 streams stand behind each other and are read side by side, so the patch is collected in
 * a temporary file first. Memory: three bzip2 decompressors of 4 MiB and their buffers. */
#include <bzlib.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/bsdiff_apply.h"
#include "firmware/file_io.h"
#include "firmware/patch_inside.h"

#define MAGIC "BSDIFF40"
#define HEADER_BYTES 32
#define READ_BYTES 65536
#define PATCH_EXTRA_BYTES (16 * 1024 * 1024)   /* what a patch may be larger than twice its result */

struct stream {
    int64_t at, end;         /* of the compressed bytes in the file */
    bz_stream bzip2;
    bool open, over;
    uint8_t *bytes;          /* owned: READ_BYTES */
};

struct reader {
    struct patch_job job;
    int fd;                  /* the patch, collected */
    int64_t patch_bytes;
    struct stream streams[BSDIFF_STREAMS];
};

static void reader_free(void *state)
{
    struct reader *reader = state;

    if (!reader)
        return;
    for (unsigned i = 0; i < BSDIFF_STREAMS; i++) {
        if (reader->streams[i].open)
            (void)BZ2_bzDecompressEnd(&reader->streams[i].bzip2);
        free(reader->streams[i].bytes);
    }
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}

static enum error_code reader_begin(const struct patch_job *job, void **ret_state, struct problem *ret_problem)
{
    struct reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    reader->job = *job;
    reader->fd = patch_temporary_file();
    if (reader->fd < 0) {
        reader_free(reader);
        return package_refuse(ret_problem, E_INSTALL, "patch", "no temporary file: %s", strerror(errno));
    }
    *ret_state = reader;
    return E_NONE;
}

static enum error_code reader_feed(void *state, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    struct reader *reader = state;
    int64_t limit = (patch_output_at(reader->job.output) + patch_output_left(reader->job.output)) * 2 + PATCH_EXTRA_BYTES;

    reader->patch_bytes += (int64_t)length;
    if (reader->patch_bytes > limit)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "larger than any patch to this image: over %lld bytes", (long long)limit);
    return patch_write(reader->fd, bytes, length, ret_problem);
}

static int64_t number_read(const uint8_t *at)
{
    uint64_t bits;

    memcpy(&bits, at, sizeof bits);
    bits = le64toh(bits);
    return bits >> 63 ? -1 : (int64_t)bits;
}

static enum error_code header_read(struct reader *reader, struct problem *ret_problem)
{
    int64_t out_bytes = patch_output_at(reader->job.output) + patch_output_left(reader->job.output), room = reader->patch_bytes - HEADER_BYTES;
    int64_t control_bytes, diff_bytes;
    uint8_t header[HEADER_BYTES];
    size_t got = 0;

    if (!file_read_at(reader->fd, header, sizeof header, 0, &got) || got != sizeof header || memcmp(header, MAGIC, 8) != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "not a BSDIFF40 patch");
    control_bytes = number_read(header + 8);
    diff_bytes = number_read(header + 16);
    if (control_bytes < 0 || diff_bytes < 0 || control_bytes > room || diff_bytes > room - control_bytes)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "its header names streams that it does not hold");
    if (number_read(header + 24) != out_bytes)
        return package_refuse(ret_problem, E_SHA256, "patch", "makes an image of %lld bytes, announced are %lld", (long long)number_read(header + 24),
                              (long long)out_bytes);
    reader->streams[BSDIFF_CONTROL].at = HEADER_BYTES;
    reader->streams[BSDIFF_CONTROL].end = reader->streams[BSDIFF_DIFF].at = HEADER_BYTES + control_bytes;
    reader->streams[BSDIFF_DIFF].end = reader->streams[BSDIFF_EXTRA].at = HEADER_BYTES + control_bytes + diff_bytes;
    reader->streams[BSDIFF_EXTRA].end = reader->patch_bytes;
    return E_NONE;
}

static bool streams_open(struct reader *reader)
{
    for (unsigned i = 0; i < BSDIFF_STREAMS; i++) {
        reader->streams[i].bytes = malloc(READ_BYTES);
        reader->streams[i].open = reader->streams[i].bytes && BZ2_bzDecompressInit(&reader->streams[i].bzip2, 0, 0) == BZ_OK;
        if (!reader->streams[i].open)
            return false;
    }
    return true;
}

static bool stream_refill(const struct reader *reader, struct stream *stream)
{
    size_t wanted = stream->end - stream->at < READ_BYTES ? (size_t)(stream->end - stream->at) : READ_BYTES, got = 0;

    if (stream->bzip2.avail_in > 0 || wanted == 0)
        return true;
    if (!file_read_at(reader->fd, stream->bytes, wanted, stream->at, &got) || got != wanted)
        return false;
    stream->at += (int64_t)got;
    stream->bzip2.next_in = (char *)stream->bytes;
    stream->bzip2.avail_in = (unsigned)got;
    return true;
}

/* Everything is there: 0 bytes means that the stream is over. */
static enum error_code pull(void *arg, enum bsdiff_stream number, uint8_t *bytes, size_t length, size_t *ret_got, struct problem *ret_problem)
{
    struct reader *reader = arg;
    struct stream *stream = &reader->streams[number];

    stream->bzip2.next_out = (char *)bytes;
    stream->bzip2.avail_out = (unsigned)length;
    while (!stream->over && stream->bzip2.avail_out == length) {
        int status;

        if (!stream_refill(reader, stream))
            return package_refuse(ret_problem, E_INSTALL, "patch", "the temporary file cannot be read");
        if (stream->bzip2.avail_in == 0)
            break;
        status = BZ2_bzDecompress(&stream->bzip2);
        if (status == BZ_MEM_ERROR)
            return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
        if (status != BZ_OK && status != BZ_STREAM_END)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a bzip2 stream is damaged");
        stream->over = status == BZ_STREAM_END;
    }
    *ret_got = length - stream->bzip2.avail_out;
    return E_NONE;
}

/* Nothing may be missing behind what was used, and nothing left over. The control stream may end with entries that make nothing. */
static enum error_code streams_over(struct reader *reader, struct problem *ret_problem)
{
    for (enum bsdiff_stream i = BSDIFF_DIFF; i < BSDIFF_STREAMS; i++) {
        uint8_t byte;
        size_t got = 0;
        enum error_code code = pull(reader, i, &byte, 1, &got, ret_problem);

        if (code)
            return code;
        if (got > 0 || !reader->streams[i].over)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a stream is %s", got > 0 ? "longer than its entries" : "cut short");
    }
    return E_NONE;
}

static enum error_code reader_end(void *state, struct problem *ret_problem)
{
    struct reader *reader = state;
    enum bsdiff_stream needs = BSDIFF_CONTROL;
    enum error_code code = header_read(reader, ret_problem);
    struct bsdiff_apply *apply = NULL;

    if (code)
        return code;
    if (streams_open(reader))
        apply = bsdiff_apply_new(reader->job.base_fd, reader->job.base_bytes, reader->job.output, &(struct bsdiff_source){pull, reader, false});
    if (!apply)
        return package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    code = bsdiff_apply_run(apply, &needs, ret_problem);
    if (!code && patch_output_left(reader->job.output) > 0)
        code = package_refuse(ret_problem, E_SHA256, "patch", "its streams end before the image is complete");
    if (!code)
        code = streams_over(reader, ret_problem);
    bsdiff_apply_free(apply);
    return code;
}

const struct patch_reader bsdiff40_reader = {reader_begin, reader_feed, reader_end, reader_free};
