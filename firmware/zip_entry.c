/* The bytes of one entry, copied or inflated in steps, counted against its announced size and held against its CRC32 at the end. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "firmware/zip_bytes.h"
#include "firmware/zip_read.h"

#define HEADER_MAGIC 0x04034b50
#define HEADER_BYTES 30
#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define FLAGS_ENCRYPTED (1 | 1 << 6 | 1 << 13)   /* the entry, strongly, the directory's values masked */
#define STEP_BYTES 65536

static enum error_code refuse(struct problem *ret_problem, enum error_code code, const struct zip_entry *entry, const char *what)
{
    return package_refuse(ret_problem, code, "zip", "%.40s: %s", entry->name, what);
}

static enum error_code entry_check(const struct zip_entry *entry, struct problem *ret_problem)
{
    if (entry->flags & FLAGS_ENCRYPTED)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "encrypted by the ZIP; only packages themselves may be");
    if (entry->unix_type != 0 && entry->unix_type != S_IFREG)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "a symbolic link or a special file");
    if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "compressed by a method other than deflate");
    if (entry->method == METHOD_STORED && entry->stored_bytes != entry->size_bytes)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "its two sizes contradict each other");
    return E_NONE;
}

/* The entry's own header must tell of the same entry as the directory; its bytes begin behind it and end before the directory. */
static enum error_code data_find(const struct zip_directory *directory, const struct zip_entry *entry, int64_t *ret_offset, struct problem *ret_problem)
{
    uint8_t header[HEADER_BYTES];
    char name[ZIP_NAME_SIZE];
    size_t name_bytes = strlen(entry->name);
    int64_t offset = entry->header_offset + HEADER_BYTES;
    enum error_code code = zip_bytes_at(directory->fd, header, sizeof header, entry->header_offset, ret_problem);

    if (!code)
        code = zip_bytes_at(directory->fd, name, name_bytes, offset, ret_problem);
    if (code)
        return code;
    if (zip_get(header, 4) != HEADER_MAGIC || zip_get(header + 6, 2) != entry->flags || zip_get(header + 8, 2) != entry->method
        || zip_get(header + 26, 2) != name_bytes || memcmp(name, entry->name, name_bytes) != 0)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "its header and the directory contradict each other");
    offset += (int64_t)(name_bytes + zip_get(header + 28, 2));
    if (offset > directory->offset || entry->stored_bytes > directory->offset - offset)
        return refuse(ret_problem, E_INCOMPATIBLE, entry, "it reaches into the directory");
    *ret_offset = offset;
    return E_NONE;
}

/* An entry on its way out. */
struct copy {
    const struct zip_entry *entry;
    int fd;
    int64_t offset;       /* of the next stored byte */
    int64_t left;         /* stored bytes */
    int64_t given;        /* bytes that went out */
    uint32_t crc32;
    zip_write *write;
    void *arg;
    uint8_t in[STEP_BYTES];
    uint8_t out[STEP_BYTES];
};

static enum error_code give(struct copy *copy, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    if ((int64_t)length > copy->entry->size_bytes - copy->given)
        return refuse(ret_problem, E_INCOMPATIBLE, copy->entry, "inflates to more than its announced size");
    copy->given += (int64_t)length;
    copy->crc32 = (uint32_t)crc32(copy->crc32, bytes, (uInt)length);
    return copy->write(copy->arg, bytes, length, ret_problem);
}

static enum error_code step_read(struct copy *copy, size_t *ret_length, struct problem *ret_problem)
{
    size_t length = copy->left < STEP_BYTES ? (size_t)copy->left : STEP_BYTES;
    enum error_code code = zip_bytes_at(copy->fd, copy->in, length, copy->offset, ret_problem);

    copy->offset += (int64_t)length;
    copy->left -= (int64_t)length;
    *ret_length = length;
    return code;
}

static enum error_code stored_copy(struct copy *copy, struct problem *ret_problem)
{
    enum error_code code = E_NONE;
    size_t length;

    while (!code && copy->left > 0) {
        code = step_read(copy, &length, ret_problem);
        if (!code)
            code = give(copy, copy->in, length, ret_problem);
    }
    return code;
}

/* Everything that the bytes in stream->next_in make; *ended at the end of the deflated data. */
static enum error_code step_inflate(struct copy *copy, z_stream *stream, bool *ended, struct problem *ret_problem)
{
    enum error_code code = E_NONE;

    do {
        int result;

        stream->next_out = copy->out;
        stream->avail_out = STEP_BYTES;
        result = inflate(stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return refuse(ret_problem, E_CRC, copy->entry, "its deflated bytes are damaged");
        *ended = result == Z_STREAM_END;
        code = give(copy, copy->out, STEP_BYTES - stream->avail_out, ret_problem);
    } while (!code && !*ended && stream->avail_out == 0);
    return code;
}

static enum error_code deflated_copy(struct copy *copy, struct problem *ret_problem)
{
    z_stream stream = {0};
    enum error_code code = E_NONE;
    bool ended = false;

    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return package_refuse(ret_problem, E_INTERNAL, "zip", "out of memory");
    while (!code && !ended && copy->left > 0) {
        size_t length;

        code = step_read(copy, &length, ret_problem);
        stream.next_in = copy->in;
        stream.avail_in = (uInt)length;
        if (!code)
            code = step_inflate(copy, &stream, &ended, ret_problem);
    }
    if (!code && (!ended || stream.avail_in > 0 || copy->left > 0))
        code = refuse(ret_problem, E_CRC, copy->entry, "its deflated bytes end too early or too late");
    (void)inflateEnd(&stream);
    return code;
}

enum error_code zip_entry_read(const struct zip_directory *directory, const struct zip_entry *entry, zip_write *write, void *arg, struct problem *ret_problem)
{
    struct copy *copy;
    int64_t offset;
    enum error_code code = entry_check(entry, ret_problem);

    if (!code)
        code = data_find(directory, entry, &offset, ret_problem);
    if (code)
        return code;
    copy = malloc(sizeof *copy);
    if (!copy)
        return package_refuse(ret_problem, E_INTERNAL, "zip", "out of memory");
    copy->entry = entry;
    copy->fd = directory->fd;
    copy->offset = offset;
    copy->left = entry->stored_bytes;
    copy->given = 0;
    copy->crc32 = 0;
    copy->write = write;
    copy->arg = arg;
    code = entry->method == METHOD_STORED ? stored_copy(copy, ret_problem) : deflated_copy(copy, ret_problem);
    if (!code && copy->given != entry->size_bytes)
        code = refuse(ret_problem, E_CRC, entry, "shorter than its announced size");
    if (!code && copy->crc32 != entry->crc32)
        code = refuse(ret_problem, E_CRC, entry, "its CRC32 is wrong");
    free(copy);
    return code;
}
