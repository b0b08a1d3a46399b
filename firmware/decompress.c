/* libzstd's streaming decoder with a bound on what it may hold (the window) and on what it may give (the signed size): a frame that
 * would grow for ever ends one byte behind the size. */
#include "firmware/decompress.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define OUT_BYTES 16384

struct decompress {
    ZSTD_DCtx *context;
    int64_t left;               /* of the image */
    bool frame_ended;
    char out[OUT_BYTES];
};

struct decompress *decompress_new(void)
{
    struct decompress *decompress = malloc(sizeof *decompress);

    if (!decompress)
        return NULL;
    decompress->context = ZSTD_createDCtx();
    if (!decompress->context || ZSTD_isError(ZSTD_DCtx_setParameter(decompress->context, ZSTD_d_windowLogMax, IMAGE_WINDOW_LOG))) {
        decompress_free(decompress);
        return NULL;
    }
    return decompress;
}

void decompress_free(struct decompress *decompress)
{
    if (!decompress)
        return;
    ZSTD_freeDCtx(decompress->context);
    free(decompress);
}

void decompress_begin(struct decompress *decompress, int64_t size_bytes)
{
    (void)ZSTD_DCtx_reset(decompress->context, ZSTD_reset_session_only); /* cannot fail: it only forgets */
    decompress->left = size_bytes;
    decompress->frame_ended = false;
}

static enum error_code frame_refused(size_t result, struct problem *ret_problem)
{
    enum error_code code = ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? E_INTERNAL : E_INCOMPATIBLE;

    return package_refuse(ret_problem, code, "zstd", "%s", ZSTD_getErrorName(result));
}

enum error_code decompress_feed(struct decompress *decompress, const void *bytes, size_t length, decompressed out, void *arg, struct problem *ret_problem)
{
    ZSTD_inBuffer from = {bytes, length, 0};
    bool full = true; /* the last round filled the buffer: the decoder may hold more */

    while (from.pos < from.size || full) {
        ZSTD_outBuffer to = {decompress->out, OUT_BYTES, 0};
        enum error_code code;
        size_t result;

        if (decompress->frame_ended && from.pos < from.size)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "bytes behind the frame");
        if (decompress->frame_ended)
            return E_NONE;
        result = ZSTD_decompressStream(decompress->context, &to, &from);
        if (ZSTD_isError(result))
            return frame_refused(result, ret_problem);
        if ((int64_t)to.pos > decompress->left)
            return package_refuse(ret_problem, E_SHA256, "zstd", "the image grows beyond its signed size");
        decompress->left -= (int64_t)to.pos;
        code = to.pos > 0 ? out(arg, decompress->out, to.pos, ret_problem) : E_NONE;
        if (code)
            return code;
        decompress->frame_ended = result == 0;
        full = to.pos == to.size;
    }
    return E_NONE;
}

enum error_code decompress_end(struct decompress *decompress, struct problem *ret_problem)
{
    if (!decompress->frame_ended)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "zstd", "the frame does not end");
    if (decompress->left > 0)
        return package_refuse(ret_problem, E_SHA256, "zstd", "the image is %lld bytes shorter than its signed size", (long long)decompress->left);
    return E_NONE;
}
