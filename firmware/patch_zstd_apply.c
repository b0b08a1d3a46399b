/* Applies a zstd frame whose prefix is the base. The decoder's window is the base and all that it has written, so both are mapped files: the base
 * read-only, the output shared. The kernel may drop those pages at any time; the heap stays under 1 MiB. A frame may not want a larger window
 * than the two sizes need, nor make one byte more than the output holds. */
#define ZSTD_STATIC_LINKING_ONLY       /* ZSTD_d_stableOutBuffer: decode into the mapping, without a window of zstd's own */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "firmware/file_io.h"
#include "firmware/patch_inside.h"

#define HEADER_BYTES ZSTD_FRAMEHEADERSIZE_MAX
#define WINDOW_SMALL (8 * 1024 * 1024)     /* asked for by small frames too */

struct reader {
    struct patch_job job;
    ZSTD_DCtx *context;
    void *base;
    size_t base_bytes;
    uint8_t header[HEADER_BYTES];      /* collected until it says how large the window is */
    size_t header_bytes;
    bool began, over;
    ZSTD_outBuffer out;                /* the mapping */
};

static void reader_free(void *state)
{
    struct reader *reader = state;

    if (!reader)
        return;
    ZSTD_freeDCtx(reader->context);
    if (reader->base)
        (void)munmap(reader->base, reader->base_bytes);
    free(reader);
}

/* The base was read to its end for the digest; a file that has become shorter since would end the process with SIGBUS. */
static enum error_code base_map(struct reader *reader, struct problem *ret_problem)
{
    struct stat status;

    if (fstat(reader->job.base_fd, &status) != 0 || (S_ISREG(status.st_mode) && status.st_size < reader->job.base_bytes))
        return package_refuse(ret_problem, E_DELTA_BASE, "base", "has become shorter");
    reader->base_bytes = (size_t)reader->job.base_bytes;
    if (reader->base_bytes == 0)
        return E_NONE;
    reader->base = file_map(reader->job.base_fd, 0, reader->job.base_bytes, PROT_READ, MAP_PRIVATE);
    if (reader->base != MAP_FAILED)
        return E_NONE;
    reader->base = NULL;
    return package_refuse(ret_problem, E_DELTA_BASE, "base", "cannot be mapped: %s", strerror(errno));
}

int patch_zstd_window_log_max(void)
{
    ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);

    return bounds.upperBound < PATCH_ZSTD_WINDOW_LOG_MAX ? bounds.upperBound : PATCH_ZSTD_WINDOW_LOG_MAX;
}

static enum error_code context_open(struct reader *reader, struct problem *ret_problem)
{
    reader->context = ZSTD_createDCtx();
    if (reader->context && !ZSTD_isError(ZSTD_DCtx_setParameter(reader->context, ZSTD_d_windowLogMax, patch_zstd_window_log_max()))
        && !ZSTD_isError(ZSTD_DCtx_setParameter(reader->context, ZSTD_d_stableOutBuffer, 1))
        && !ZSTD_isError(ZSTD_DCtx_refPrefix(reader->context, reader->base, reader->base_bytes)))
        return E_NONE;
    return package_refuse(ret_problem, E_INTERNAL, "zstd", "out of memory");
}

static enum error_code reader_begin(const struct patch_job *job, void **ret_state, struct problem *ret_problem)
{
    struct reader *reader = calloc(1, sizeof *reader);
    uint8_t *mapping = NULL;
    enum error_code code;

    if (!reader)
        return package_refuse(ret_problem, E_INTERNAL, "zstd", "out of memory");
    reader->job = *job;
    code = base_map(reader, ret_problem);
    if (!code)
        code = context_open(reader, ret_problem);
    if (!code)
        code = patch_output_map(job->output, &mapping, ret_problem);
    if (code) {
        reader_free(reader);
        return code;
    }
    reader->out = (ZSTD_outBuffer){mapping, (size_t)patch_output_left(job->output), 0};
    *ret_state = reader;
    return E_NONE;
}

static enum error_code refused(size_t status, struct problem *ret_problem)
{
    enum error_code code = ZSTD_getErrorCode(status) == ZSTD_error_memory_allocation ? E_INTERNAL
        : ZSTD_getErrorCode(status) == ZSTD_error_dstSize_tooSmall                   ? E_SHA256
                                                                                     : E_INCOMPATIBLE;

    return package_refuse(ret_problem, code, "zstd", "%s",
                          code == E_SHA256 ? "the patch makes more bytes than announced" : ZSTD_getErrorName(status));
}

/* What a window can be good for: the next power of two above both images, and twice that, as zstd's own command asks for. */
static uint64_t window_limit(const struct reader *reader)
{
    uint64_t limit = WINDOW_SMALL;

    while (limit < (uint64_t)reader->base_bytes + reader->out.size)
        limit *= 2;
    return limit * 2;
}

static enum error_code frame_begin(struct reader *reader, struct problem *ret_problem)
{
    ZSTD_frameHeader header;
    size_t missing = ZSTD_getFrameHeader(&header, reader->header, reader->header_bytes);

    if (ZSTD_isError(missing))
        return refused(missing, ret_problem);
    if (missing > 0)
        return E_NONE;
    if (header.frameType != ZSTD_frame || header.dictID != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "not a frame made with --patch-from");
    if (header.windowSize > window_limit(reader))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "wants a window of %llu bytes; both images need %llu", header.windowSize,
                              (unsigned long long)window_limit(reader));
    if (header.frameContentSize != ZSTD_CONTENTSIZE_UNKNOWN && header.frameContentSize != reader->out.size)
        return package_refuse(ret_problem, E_SHA256, "zstd", "makes an image of %llu bytes, announced are %zu", header.frameContentSize, reader->out.size);
    reader->began = true;
    return E_NONE;
}

static enum error_code decode(struct reader *reader, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    ZSTD_inBuffer in = {bytes, length, 0};

    while (in.pos < in.size) {
        size_t before = reader->out.pos, taken = in.pos, status;
        enum error_code code;

        if (reader->over)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "bytes behind the frame's end");
        status = ZSTD_decompressStream(reader->context, &reader->out, &in);
        if (ZSTD_isError(status))
            return refused(status, ret_problem);
        reader->over = status == 0;
        code = patch_output_took(reader->job.output, (uint8_t *)reader->out.dst + before, reader->out.pos - before, ret_problem);
        if (code)
            return code;
        if (in.pos == taken && reader->out.pos == before)
            return package_refuse(ret_problem, E_SHA256, "zstd", "the patch makes more bytes than announced");
    }
    return E_NONE;
}

static enum error_code reader_feed(void *state, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    struct reader *reader = state;

    while (!reader->began && length > 0) {
        enum error_code code;

        reader->header[reader->header_bytes++] = *bytes++;
        length--;
        code = frame_begin(reader, ret_problem);
        if (!code && reader->began)
            code = decode(reader, reader->header, reader->header_bytes, ret_problem);
        if (code)
            return code;
    }
    return decode(reader, bytes, length, ret_problem);
}

static enum error_code reader_end(void *state, struct problem *ret_problem)
{
    struct reader *reader = state;

    return reader->over ? E_NONE : package_refuse(ret_problem, E_SHA256, "zstd", "the patch ends too early");
}

const struct patch_reader patch_zstd_reader = {reader_begin, reader_feed, reader_end, reader_free};
