/* Compression on all cores whose bytes depend on the image and the level alone: the image is cut into jobs of a fixed size, and the
 * stream is never ended in the first call, which is when libzstd would look at the number of threads. */
#include "firmware/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "firmware/decompress.h"
#include "firmware/file_io.h"

#define BLOCK_BYTES (256 * 1024)
#define JOB_BYTES (4 * 1024 * 1024)
#define WORKERS_MAX 16

struct run {
    int in_fd, out_fd;
    int64_t size_bytes;                          /* as announced */
    bool (*read_bytes)(void *arg, int64_t bytes);
    void *arg;
    struct sha256 *sha256;
    char *in, *out;                              /* BLOCK_BYTES each */
    ZSTD_CCtx *context;                          /* NULL: a copy */
    struct compress_result result;
};

static enum error_code write_failed(struct problem *ret_problem)
{
    return package_refuse(ret_problem, errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_INSTALL, "temporary file", "cannot be written: %s", strerror(errno));
}

/* The next block of the image; *ret_got 0 at its end. */
static enum error_code block_read(struct run *run, size_t *ret_got, struct problem *ret_problem)
{
    if (!file_read(run->in_fd, run->in, BLOCK_BYTES, ret_got))
        return package_refuse(ret_problem, E_INSTALL, "image", "cannot be read: %s", strerror(errno));
    run->result.size_bytes += (int64_t)*ret_got;
    if (run->result.size_bytes > run->size_bytes || (*ret_got == 0 && run->result.size_bytes < run->size_bytes))
        return package_refuse(ret_problem, E_INSTALL, "image", "changes while it is read");
    sha256_add(run->sha256, run->in, *ret_got);
    if (run->read_bytes && !run->read_bytes(run->arg, (int64_t)*ret_got))
        return package_refuse(ret_problem, E_CANCELLED, "image", "cancelled");
    return E_NONE;
}

static enum error_code store(struct run *run, const char *bytes, size_t length, struct problem *ret_problem)
{
    run->result.stored_bytes += (int64_t)length;
    return file_write(run->out_fd, bytes, length) ? E_NONE : write_failed(ret_problem);
}

/* One block into the frame; how: ZSTD_e_end finishes it. */
static enum error_code block_compress(struct run *run, size_t length, ZSTD_EndDirective how, struct problem *ret_problem)
{
    ZSTD_inBuffer from = {run->in, length, 0};
    size_t left;

    do {
        ZSTD_outBuffer to = {run->out, BLOCK_BYTES, 0};
        enum error_code code;

        left = ZSTD_compressStream2(run->context, &to, &from, how);
        if (ZSTD_isError(left))
            return package_refuse(ret_problem, E_INTERNAL, "zstd", "%s", ZSTD_getErrorName(left));
        code = store(run, run->out, to.pos, ret_problem);
        if (code)
            return code;
    } while (how == ZSTD_e_end ? left > 0 : from.pos < from.size);
    return E_NONE;
}

static bool context_new(struct run *run, int level)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    run->context = ZSTD_createCCtx();
    if (!run->context || ZSTD_isError(ZSTD_CCtx_setParameter(run->context, ZSTD_c_compressionLevel, level))
        || ZSTD_isError(ZSTD_CCtx_setParameter(run->context, ZSTD_c_windowLog, IMAGE_WINDOW_LOG))
        || ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(run->context, (unsigned long long)run->size_bytes)))
        return false;
    /* a libzstd without threads refuses these two and does without */
    if (!ZSTD_isError(ZSTD_CCtx_setParameter(run->context, ZSTD_c_nbWorkers, cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (int)cores)))
        (void)ZSTD_CCtx_setParameter(run->context, ZSTD_c_jobSize, JOB_BYTES);
    return true;
}

static enum error_code run_all(struct run *run, struct problem *ret_problem)
{
    enum error_code code;
    size_t got;

    for (;;) {
        code = block_read(run, &got, ret_problem);
        if (code || got == 0)
            break;
        code = run->context ? block_compress(run, got, ZSTD_e_continue, ret_problem) : store(run, run->in, got, ret_problem);
        if (code)
            break;
    }
    if (!code && run->context)
        code = block_compress(run, 0, ZSTD_e_end, ret_problem);
    if (!code && !sha256_digest(run->sha256, run->result.sha256))
        code = package_refuse(ret_problem, E_INTERNAL, "image", "cannot be digested");
    return code;
}

static enum error_code run_new(struct run *run, bool compressed, int level, struct compress_result *ret_result, struct problem *ret_problem)
{
    enum error_code code;

    run->sha256 = sha256_new();
    run->in = malloc(BLOCK_BYTES);
    run->out = malloc(BLOCK_BYTES);
    if (!run->sha256 || !run->in || !run->out || (compressed && !context_new(run, level)))
        code = package_refuse(ret_problem, E_INTERNAL, "image", "no memory to compress");
    else
        code = run_all(run, ret_problem);
    ZSTD_freeCCtx(run->context);
    sha256_free(run->sha256);
    free(run->in);
    free(run->out);
    if (!code)
        *ret_result = run->result;
    return code;
}

enum error_code compress_image(int in_fd, int64_t size_bytes, int level, int out_fd, bool (*read_bytes)(void *arg, int64_t bytes), void *arg,
                               struct compress_result *ret_result, struct problem *ret_problem)
{
    struct run run = {.in_fd = in_fd, .out_fd = out_fd, .size_bytes = size_bytes, .read_bytes = read_bytes, .arg = arg};

    return run_new(&run, true, level, ret_result, ret_problem);
}

enum error_code copy_image(int in_fd, int64_t size_bytes, int out_fd, bool (*read_bytes)(void *arg, int64_t bytes), void *arg,
                           struct compress_result *ret_result, struct problem *ret_problem)
{
    struct run run = {.in_fd = in_fd, .out_fd = out_fd, .size_bytes = size_bytes, .read_bytes = read_bytes, .arg = arg};

    return run_new(&run, false, 0, ret_result, ret_problem);
}
