/* Makes a patch in one of the formats and writes it to a file descriptor. */
#include "firmware/bsdiff_make.h"
#include "firmware/patch_inside.h"

static enum error_code bsdiff_make(const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, const struct patch_make_options *options,
                                   unsigned threads, struct parallel_report *report, struct buffer *patch, struct problem *ret_problem)
{
    struct bsdiff_difference difference = {0};
    enum error_code code = bsdiff_difference_make(old, old_bytes, new, new_bytes, threads, report, &difference, ret_problem);

    if (code)
        return code;
    code = options->format == PATCH_BSDIFF40 ? bsdiff40_write(&difference, threads, report, patch, ret_problem)
                                             : bsdiff_container_write(&difference, old_bytes, threads, report, patch, ret_problem);
    bsdiff_difference_done(&difference);
    return code;
}

enum error_code patch_make(const void *old, size_t old_bytes, const void *new, size_t new_bytes, const struct patch_make_options *options, int fd,
                           int64_t *ret_bytes, struct problem *ret_problem)
{
    unsigned threads = options->threads ? options->threads : parallel_cores();
    struct parallel_report report;
    struct buffer patch;
    enum error_code code;

    if (options->format == PATCH_ZSTD)
        return patch_zstd_make(old, old_bytes, new, new_bytes, options->progress, fd, ret_bytes, ret_problem);
    buffer_init(&patch, 0);
    parallel_report_init(&report, options->progress, (int64_t)old_bytes + 2 * (int64_t)new_bytes); /* sort, scan, compress */
    code = bsdiff_make(old, old_bytes, new, new_bytes, options, threads, &report, &patch, ret_problem);
    parallel_report_done(&report);
    if (!code)
        code = patch_write(fd, patch.bytes, patch.length, ret_problem);
    if (!code)
        *ret_bytes = (int64_t)patch.length;
    buffer_done(&patch);
    return code;
}

/* bsdiff: the index while the images are scanned, then three streams of the new image's size, what they are compressed to, and zstd's tables for a
 * few pieces at once. zstd: its tables at
 * level 19, which stop growing at 96 MiB, a sixteenth of the window for long distances, and its copy of what it reads. Both: the images. */
int64_t patch_make_memory_bytes(enum patch_format format, int64_t old_bytes, int64_t new_bytes)
{
    int64_t images = old_bytes + new_bytes, index, streams;

    if (format == PATCH_ZSTD)
        return images + images / 8 + new_bytes + (int64_t)96 * 1024 * 1024;
    index = bsdiff_index_bytes((size_t)old_bytes);
    streams = 2 * new_bytes;
    return images + (index > streams ? index : streams) + (int64_t)64 * 1024 * 1024;
}
