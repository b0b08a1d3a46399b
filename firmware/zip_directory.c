/* The end of a ZIP and its central directory: every number is held against the file's size before it is used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/file_io.h"
#include "firmware/zip_bytes.h"
#include "firmware/zip_read.h"

#define END_MAGIC 0x06054b50
#define END_BYTES 22
#define END_COMMENT_MAX 65535
#define LOCATOR_MAGIC 0x07064b50
#define LOCATOR_BYTES 20
#define END64_MAGIC 0x06064b50
#define END64_BYTES 56
#define ENTRY_MAGIC 0x02014b50
#define ENTRY_BYTES 46
#define EXTRA_ZIP64 1

static enum error_code malformed(struct problem *ret_problem, const char *what)
{
    return package_refuse(ret_problem, E_INCOMPATIBLE, "zip", "%s", what);
}

enum error_code zip_bytes_at(int fd, void *bytes, size_t length, int64_t offset, struct problem *ret_problem)
{
    size_t got;

    if (!file_read_at(fd, bytes, length, offset, &got))
        return package_refuse(ret_problem, E_INTERNAL, "zip", "reading: %s", strerror(errno));
    return got == length ? E_NONE : package_refuse(ret_problem, E_CRC, "zip", "cut short");
}

/* What the end records say. */
struct end {
    int64_t offset;         /* of the first end record: the directory lies before it */
    uint64_t entries;
    uint64_t directory_bytes;
    uint64_t directory_offset;
};

/* The last place whose comment reaches exactly to the end of the file; NULL: none. */
static const uint8_t *end_find(const uint8_t *tail, size_t length)
{
    for (size_t left = END_BYTES; left <= length; left++) {
        const uint8_t *at = tail + length - left;

        if (zip_get(at, 4) == END_MAGIC && zip_get(at + 20, 2) == left - END_BYTES)
            return at;
    }
    return NULL;
}

/* ZIP64: the real numbers stand in a second record, to which a locator right before the end points. */
static enum error_code end64_read(int fd, struct end *end, struct problem *ret_problem)
{
    uint8_t locator[LOCATOR_BYTES], record[END64_BYTES];
    uint64_t offset;
    enum error_code code;

    if (end->offset < LOCATOR_BYTES + END64_BYTES)
        return malformed(ret_problem, "its ZIP64 record is missing");
    code = zip_bytes_at(fd, locator, sizeof locator, end->offset - LOCATOR_BYTES, ret_problem);
    if (code)
        return code;
    offset = zip_get(locator + 8, 8);
    if (zip_get(locator, 4) != LOCATOR_MAGIC || offset > (uint64_t)(end->offset - LOCATOR_BYTES - END64_BYTES))
        return malformed(ret_problem, "its ZIP64 record is missing");
    code = zip_bytes_at(fd, record, sizeof record, (int64_t)offset, ret_problem);
    if (code)
        return code;
    if (zip_get(record, 4) != END64_MAGIC || zip_get(record + 16, 8) != 0 || zip_get(record + 24, 8) != zip_get(record + 32, 8))
        return malformed(ret_problem, "its ZIP64 record is damaged, or one of several parts");
    *end = (struct end){(int64_t)offset, zip_get(record + 32, 8), zip_get(record + 40, 8), zip_get(record + 48, 8)};
    return E_NONE;
}

static enum error_code end_of_tail(int fd, int64_t file_bytes, const uint8_t *tail, size_t length, struct end *ret_end, struct problem *ret_problem)
{
    const uint8_t *at = end_find(tail, length);
    struct end end;

    if (!at)
        return package_refuse(ret_problem, E_CRC, "zip", "its directory is missing: cut short");
    end = (struct end){file_bytes - (int64_t)(tail + length - at), zip_get(at + 10, 2), zip_get(at + 12, 4), zip_get(at + 16, 4)};
    if (zip_get(at + 4, 4) != 0 || zip_get(at + 8, 2) != end.entries)
        return malformed(ret_problem, "one of several parts");
    if (end.entries == 0xffff || end.directory_bytes == 0xffffffff || end.directory_offset == 0xffffffff) {
        enum error_code code = end64_read(fd, &end, ret_problem);

        if (code)
            return code;
    }
    *ret_end = end;
    return E_NONE;
}

static enum error_code end_read(int fd, int64_t file_bytes, struct end *ret_end, struct problem *ret_problem)
{
    size_t length = file_bytes < END_BYTES + END_COMMENT_MAX ? (size_t)file_bytes : END_BYTES + END_COMMENT_MAX;
    uint8_t *tail = malloc(length + 1);
    enum error_code code;

    if (!tail)
        return package_refuse(ret_problem, E_INTERNAL, "zip", "out of memory");
    code = zip_bytes_at(fd, tail, length, file_bytes - (int64_t)length, ret_problem);
    if (!code)
        code = end_of_tail(fd, file_bytes, tail, length, ret_end, ret_problem);
    free(tail);
    return code;
}

static enum error_code end_check(const struct end *end, struct problem *ret_problem)
{
    if (end->entries > ZIP_ENTRIES_MAX || end->directory_bytes > ZIP_DIRECTORY_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "zip", "more than %d entries, or a directory over %d bytes", ZIP_ENTRIES_MAX, ZIP_DIRECTORY_MAX);
    if (end->directory_offset > (uint64_t)end->offset || end->directory_bytes > (uint64_t)end->offset - end->directory_offset)
        return malformed(ret_problem, "its directory lies outside");
    return E_NONE;
}

/* The value of the ZIP64 extra field; *ret_length 0: there is none. False: the fields do not add up. */
static bool extra_find(const uint8_t *extra, size_t left, const uint8_t **ret_value, size_t *ret_length)
{
    *ret_length = 0;
    while (left >= 4) {
        size_t length = (size_t)zip_get(extra + 2, 2);

        if (length > left - 4)
            return false;
        if (zip_get(extra, 2) == EXTRA_ZIP64) {
            *ret_value = extra + 4;
            *ret_length = length;
            return true;
        }
        extra += 4 + length;
        left -= 4 + length;
    }
    return true;
}

/* The numbers that did not fit 32 bits stand in an extra field, those of them that are needed, in this order. */
static bool zip64_numbers(struct zip_entry *entry, const uint8_t *extra, size_t extra_bytes)
{
    int64_t *const fields[] = {&entry->size_bytes, &entry->stored_bytes, &entry->header_offset};
    const uint8_t *value = extra;
    size_t length;

    if (!extra_find(extra, extra_bytes, &value, &length))
        return false;
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (*fields[i] != 0xffffffff)
            continue;
        if (length < 8)
            return false;
        *fields[i] = (int64_t)zip_get(value, 8);
        value += 8;
        length -= 8;
    }
    return true;
}

static bool within(const struct zip_entry *entry, int64_t directory_offset)
{
    return entry->size_bytes >= 0 && entry->stored_bytes >= 0 && entry->header_offset >= 0 && entry->header_offset <= directory_offset
           && entry->stored_bytes <= directory_offset - entry->header_offset;
}

/* One entry from the left bytes of the directory; 0: malformed, otherwise its length. */
static size_t entry_read(const uint8_t *at, size_t left, int64_t directory_offset, struct zip_entry *ret_entry)
{
    struct zip_entry entry = {0};
    size_t name_bytes, extra_bytes, length;

    if (left < ENTRY_BYTES || zip_get(at, 4) != ENTRY_MAGIC)
        return 0;
    name_bytes = (size_t)zip_get(at + 28, 2);
    extra_bytes = (size_t)zip_get(at + 30, 2);
    length = ENTRY_BYTES + name_bytes + extra_bytes + (size_t)zip_get(at + 32, 2);
    if (length > left || name_bytes >= sizeof entry.name || memchr(at + ENTRY_BYTES, '\0', name_bytes))
        return 0;
    memcpy(entry.name, at + ENTRY_BYTES, name_bytes);
    entry.flags = (uint16_t)zip_get(at + 8, 2);
    entry.method = (uint16_t)zip_get(at + 10, 2);
    entry.unix_type = (uint16_t)(zip_get(at + 40, 2) & 0170000);
    entry.crc32 = (uint32_t)zip_get(at + 16, 4);
    entry.stored_bytes = (int64_t)zip_get(at + 20, 4);
    entry.size_bytes = (int64_t)zip_get(at + 24, 4);
    entry.header_offset = (int64_t)zip_get(at + 42, 4);
    if (!zip64_numbers(&entry, at + ENTRY_BYTES + name_bytes, extra_bytes) || !within(&entry, directory_offset))
        return 0;
    *ret_entry = entry;
    return length;
}

static enum error_code entries_read(struct zip_directory *directory, const struct end *end, struct problem *ret_problem)
{
    uint8_t *bytes = malloc((size_t)end->directory_bytes + 1);
    const uint8_t *at = bytes;
    size_t left = (size_t)end->directory_bytes;
    enum error_code code = bytes ? zip_bytes_at(directory->fd, bytes, left, directory->offset, ret_problem)
                                 : package_refuse(ret_problem, E_INTERNAL, "zip", "out of memory");

    for (; !code && directory->count < end->entries; directory->count++) {
        size_t length = entry_read(at, left, directory->offset, &directory->entries[directory->count]);

        if (length == 0)
            code = package_refuse(ret_problem, E_INCOMPATIBLE, "zip", "entry %u of its directory is malformed", directory->count);
        at += length;
        left -= length;
    }
    free(bytes);
    return code;
}

enum error_code zip_directory_read(int fd, int64_t file_bytes, struct zip_directory *ret_directory, struct problem *ret_problem)
{
    struct zip_directory directory = {.fd = fd};
    struct end end = {0};
    enum error_code code = end_read(fd, file_bytes, &end, ret_problem);

    if (!code)
        code = end_check(&end, ret_problem);
    if (code)
        return code;
    directory.offset = (int64_t)end.directory_offset;
    directory.entries = calloc((size_t)end.entries + 1, sizeof *directory.entries);
    if (!directory.entries)
        return package_refuse(ret_problem, E_INTERNAL, "zip", "out of memory");
    code = entries_read(&directory, &end, ret_problem);
    if (code) {
        zip_directory_done(&directory);
        return code;
    }
    *ret_directory = directory;
    return E_NONE;
}

void zip_directory_done(struct zip_directory *directory)
{
    free(directory->entries);
    directory->entries = NULL;
    directory->count = 0;
}
