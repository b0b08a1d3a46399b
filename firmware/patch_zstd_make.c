/* A zstd frame with the old image as prefix (RFC 8878; zstd's --patch-from). Both images lie in one window; long-distance matching finds what
 * has moved. One thread: zstd cuts its work for several, and all but the first would hardly see the old image. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "firmware/parallel.h"
#include "firmware/patch_inside.h"

#define LEVEL 19
#define WINDOW_LOG_MIN 17
#define PIECE_BYTES (256 * 1024)

struct make {
    ZSTD_CCtx *context;
    uint8_t *out;                      /* owned */
    size_t out_size;
    int fd;
    int64_t written;
};

static int window_log(uint64_t bytes)
{
    int log = WINDOW_LOG_MIN, most = patch_zstd_window_log_max();

    while (log < most && (UINT64_C(1) << log) < bytes)
        log++;
    return log;
}

static bool context_set(ZSTD_CCtx *context, const uint8_t *old, size_t old_bytes, size_t new_bytes)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL))
        && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log((uint64_t)old_bytes + new_bytes)))
        && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1))
        && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0))
        && !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context, new_bytes)) && !ZSTD_isError(ZSTD_CCtx_refPrefix(context, old, old_bytes));
}

static enum error_code piece_write(struct make *make, const uint8_t *bytes, size_t length, bool last, struct problem *ret_problem)
{
    ZSTD_inBuffer in = {bytes, length, 0};
    size_t left;

    do {
        ZSTD_outBuffer out = {make->out, make->out_size, 0};
        enum error_code code;

        left = ZSTD_compressStream2(make->context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return package_refuse(ret_problem, E_INTERNAL, "zstd", "%s", ZSTD_getErrorName(left));
        code = patch_write(make->fd, make->out, out.pos, ret_problem);
        if (code)
            return code;
        make->written += (int64_t)out.pos;
    } while (last ? left > 0 : in.pos < in.size);
    return E_NONE;
}

static enum error_code frame_write(struct make *make, const uint8_t *new, size_t new_bytes, struct parallel_report *report, struct problem *ret_problem)
{
    size_t at = 0;

    do {
        size_t length = new_bytes - at < PIECE_BYTES ? new_bytes - at : PIECE_BYTES;
        enum error_code code = piece_write(make, new + at, length, at + length == new_bytes, ret_problem);

        if (code)
            return code;
        if (!parallel_report_add(report, (int64_t)length))
            return package_refuse(ret_problem, E_CANCELLED, "zstd", "stopped");
        at += length;
    } while (at < new_bytes);
    return E_NONE;
}

enum error_code patch_zstd_make(const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, const struct package_progress *progress, int fd,
                                int64_t *ret_bytes, struct problem *ret_problem)
{
    struct make make = {.context = ZSTD_createCCtx(), .out_size = ZSTD_CStreamOutSize(), .fd = fd};
    enum error_code code = E_NONE;
    struct parallel_report report;

    if ((uint64_t)old_bytes + new_bytes > UINT64_C(1) << PATCH_ZSTD_WINDOW_LOG_MAX)
        code = package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "both images together are over 2 GiB");
    make.out = malloc(make.out_size);
    if (!code && (!make.context || !make.out || !context_set(make.context, old, old_bytes, new_bytes)))
        code = package_refuse(ret_problem, E_INTERNAL, "zstd", "out of memory");
    parallel_report_init(&report, progress, (int64_t)new_bytes);
    if (!code)
        code = frame_write(&make, new, new_bytes, &report, ret_problem);
    parallel_report_done(&report);
    ZSTD_freeCCtx(make.context);
    free(make.out);
    if (!code)
        *ret_bytes = make.written;
    return code;
}
