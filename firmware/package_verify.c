/* A whole file or pipe through a reader. A file's CRC is known before anything in it is believed; a pipe's only at its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "firmware/file_io.h"
#include "firmware/package_reader.h"

#define BLOCK_BYTES 16384

struct verify {
    int fd;
    const struct package_progress *progress;
    int64_t done, total;              /* total -1: not known */
    uint8_t block[BLOCK_BYTES];
};

/* The next block; *ret_got 0 at the end. */
static enum error_code block_read(struct verify *verify, size_t *ret_got, struct problem *ret_problem)
{
    if (!file_read(verify->fd, verify->block, BLOCK_BYTES, ret_got))
        return package_refuse(ret_problem, E_INSTALL, "package", "cannot be read: %s", strerror(errno));
    verify->done += (int64_t)*ret_got;
    if (verify->progress && verify->progress->show && !verify->progress->show(verify->progress->arg, verify->done, verify->total))
        return package_refuse(ret_problem, E_CANCELLED, "package", "cancelled");
    return E_NONE;
}

/* The running CRC leaves out the last four bytes, which are kept in tail (shifted through it) to be compared at the end. */
struct crc_tail {
    uint32_t crc32;
    uint8_t tail[PACKAGE_TRAILER_BYTES];
    size_t tail_length;
};

static void crc_add(struct crc_tail *sum, const uint8_t *bytes, size_t length)
{
    uint8_t joined[PACKAGE_TRAILER_BYTES + BLOCK_BYTES];
    size_t all = sum->tail_length + length, keep = all < PACKAGE_TRAILER_BYTES ? all : PACKAGE_TRAILER_BYTES;

    memcpy(joined, sum->tail, sum->tail_length);
    memcpy(joined + sum->tail_length, bytes, length);
    sum->crc32 = (uint32_t)crc32(sum->crc32, joined, (uInt)(all - keep));
    memcpy(sum->tail, joined + all - keep, keep);
    sum->tail_length = keep;
}

static enum error_code crc_of_rest(struct verify *verify, const struct package_header *header, struct crc_tail *sum, uint64_t length, struct problem *ret_problem)
{
    enum error_code code;
    size_t got;

    for (;;) {
        code = block_read(verify, &got, ret_problem);
        if (code || got == 0)
            break;
        crc_add(sum, verify->block, got);
        length += got;
    }
    if (code)
        return code;
    if (length != header->package_bytes)
        return package_refuse(ret_problem, E_CRC, "package", "%llu bytes; the header says %llu", (unsigned long long)length, (unsigned long long)header->package_bytes);
    if (package_trailer_read(sum->tail) != sum->crc32)
        return package_refuse(ret_problem, E_CRC, "trailer", "the CRC32 of everything is wrong");
    return E_NONE;
}

/* Magic, header, length and CRC of a file, which is back at `start` afterwards. */
static enum error_code crc_check(struct verify *verify, off_t start, struct problem *ret_problem)
{
    uint8_t bytes[PACKAGE_HEADER_BYTES];
    struct package_header header;
    struct crc_tail sum = {0};
    enum error_code code;
    size_t got;

    if (!file_read_at(verify->fd, bytes, sizeof bytes, start, &got))
        return package_refuse(ret_problem, E_INSTALL, "package", "cannot be read: %s", strerror(errno));
    if (got < sizeof bytes)
        return package_refuse(ret_problem, E_CRC, "package", "cut short");
    code = package_header_read(bytes, &header, ret_problem);
    if (!code)
        code = crc_of_rest(verify, &header, &sum, 0, ret_problem);
    if (!code && lseek(verify->fd, start, SEEK_SET) != start)
        code = package_refuse(ret_problem, E_INSTALL, "package", "cannot be read: %s", strerror(errno));
    return code;
}

static enum error_code feed_all(struct verify *verify, struct package_reader *reader, struct problem *ret_problem)
{
    enum error_code code;
    size_t got;

    for (;;) {
        code = block_read(verify, &got, ret_problem);
        if (code)
            return code;
        if (got == 0)
            return package_reader_end(reader, ret_problem);
        code = package_reader_feed(reader, verify->block, got, ret_problem);
        if (code)
            return code;
    }
}

enum error_code package_verify(int fd, const struct package_policy *policy, const struct recipient_keys *keys, const struct package_sink *sink,
                               const struct package_progress *progress, struct problem *ret_problem)
{
    struct package_reader *reader = package_reader_new(policy, keys, sink);
    struct verify *verify = malloc(sizeof *verify);
    off_t start = lseek(fd, 0, SEEK_CUR);
    enum error_code code = E_NONE;
    struct stat status;

    if (!reader || !verify) {
        package_reader_free(reader);
        free(verify);
        return package_refuse(ret_problem, E_INTERNAL, "package", "no memory to read it");
    }
    verify->fd = fd;
    verify->progress = progress;
    verify->done = 0;
    verify->total = start >= 0 && fstat(fd, &status) == 0 ? 2 * (status.st_size - start) : -1; /* a file is read twice */
    if (start >= 0)
        code = crc_check(verify, start, ret_problem);
    if (!code)
        code = feed_all(verify, reader, ret_problem);
    package_reader_free(reader);
    free(verify);
    return code;
}
