/* A package is written from front to back in one go; only the header is put in at the end, when its numbers are known. The CRC of
 * everything is then combined from the header's and the rest's, so that nothing is read again. */
#include "firmware/package_writer.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "firmware/file_io.h"

#define COPY_BYTES 65536

struct package_writer {
    char path[PATH_MAX];
    char temporary[PATH_MAX];        /* "": none to remove */
    int fd;
    struct package_header header;
    uint32_t crc32;                  /* of everything behind the header */
    uint64_t length;                 /* of the same */
    uint64_t payload_left;           /* of the section being written */
    enum error_code code;            /* the first failure */
    struct problem problem;
};

static void fail(struct package_writer *writer, enum error_code code, const char *where, const char *format, ...) PRINTF_LIKE(4, 5);

static void fail(struct package_writer *writer, enum error_code code, const char *where, const char *format, ...)
{
    char what[sizeof writer->problem.what];
    va_list arguments;

    if (writer->code)
        return;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    writer->code = package_refuse(&writer->problem, code, where, "%s", what);
}

static void fail_errno(struct package_writer *writer, const char *doing)
{
    fail(writer, errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? E_NO_SPACE : E_INSTALL, "package", "%s: %s", doing, strerror(errno));
}

struct package_writer *package_writer_new(const char *path, uint32_t flags)
{
    static const uint8_t nothing[PACKAGE_HEADER_BYTES];
    struct package_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return NULL;
    writer->fd = -1;
    writer->header.flags = flags;
    if ((size_t)snprintf(writer->path, sizeof writer->path, "%s", path) >= sizeof writer->path) {
        fail(writer, E_INSTALL, "package", "its name is too long");
        return writer;
    }
    writer->fd = file_beside(path, writer->temporary, sizeof writer->temporary);
    if (writer->fd < 0)
        fail_errno(writer, "cannot be made");
    else if (!file_write(writer->fd, nothing, sizeof nothing))
        fail_errno(writer, "cannot be written");
    return writer;
}

void package_writer_free(struct package_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temporary[0])
        (void)unlink(writer->temporary);
    free(writer);
}

static void append(struct package_writer *writer, const void *bytes, size_t length)
{
    if (writer->code)
        return;
    if (!file_write(writer->fd, bytes, length)) {
        fail_errno(writer, "cannot be written");
        return;
    }
    writer->length += length;
    writer->crc32 = (uint32_t)crc32_z(writer->crc32, bytes, length);
}

static void append_section(struct package_writer *writer, uint16_t type, uint16_t flags, uint32_t index, uint64_t length)
{
    struct section section = {type, flags, index, length};
    uint8_t bytes[SECTION_HEADER_BYTES];

    section_write(&section, bytes);
    append(writer, bytes, sizeof bytes);
}

void package_writer_section(struct package_writer *writer, enum section_type type, const void *bytes, size_t length)
{
    if (writer->header.payload_sections > 0)
        fail(writer, E_INTERNAL, "section", "metadata behind a payload");
    append_section(writer, (uint16_t)type, SECTION_CRITICAL, 0, length);
    append(writer, bytes, length);
    if (!writer->code && (writer->length > PACKAGE_METADATA_MAX || writer->header.metadata_sections == UINT16_MAX))
        fail(writer, E_INCOMPATIBLE, "metadata", "over %d bytes", PACKAGE_METADATA_MAX);
    writer->header.metadata_sections++;
}

void package_writer_signature(struct package_writer *writer, enum section_type type, const struct signature *signature)
{
    uint8_t bytes[SIGNATURE_SECTION_MAX];

    package_writer_section(writer, type, bytes, signature_section_write(signature, bytes));
}

/* Everything so far was metadata: its length and CRC are known now. */
static void metadata_end(struct package_writer *writer)
{
    writer->header.metadata_bytes = (uint32_t)writer->length;
    writer->header.metadata_crc32 = writer->crc32;
}

void package_writer_begin_payload(struct package_writer *writer, unsigned component, int64_t length)
{
    if (writer->header.payload_sections == 0)
        metadata_end(writer);
    if (writer->payload_left > 0 || component != writer->header.payload_sections || component >= PACKAGE_COMPONENTS_MAX || length < 0)
        fail(writer, E_INTERNAL, "payload", "component %u does not follow", component);
    append_section(writer, SECTION_PAYLOAD, SECTION_CRITICAL, component, (uint64_t)length);
    writer->header.payload_sections++;
    writer->payload_left = (uint64_t)length;
}

void package_writer_payload(struct package_writer *writer, const void *bytes, size_t length)
{
    if (length > writer->payload_left)
        fail(writer, E_INTERNAL, "payload", "%zu bytes more than announced", length - (size_t)writer->payload_left);
    if (writer->code)
        return;
    append(writer, bytes, length);
    writer->payload_left -= length;
}

/* Copies length bytes of fd; a file that ends before is a failure. */
static void copy(struct package_writer *writer, int fd, int64_t offset, int64_t length, void (*to)(struct package_writer *, const void *, size_t))
{
    char *block = writer->code ? NULL : malloc(COPY_BYTES);
    size_t got;

    if (!writer->code && !block)
        fail(writer, E_INTERNAL, "package", "no memory to copy");
    while (!writer->code && length > 0) {
        size_t piece = length < COPY_BYTES ? (size_t)length : COPY_BYTES;

        if (!file_read_at(fd, block, piece, offset, &got))
            fail_errno(writer, "what is copied cannot be read");
        else if (got < piece)
            fail(writer, E_CRC, "package", "what is copied ends too early");
        else
            to(writer, block, piece);
        offset += (int64_t)piece;
        length -= (int64_t)piece;
    }
    free(block);
}

void package_writer_payload_fd(struct package_writer *writer, int fd, int64_t offset, int64_t length)
{
    copy(writer, fd, offset, length, package_writer_payload);
}

void package_writer_copy_metadata(struct package_writer *writer, const struct package_file *file, uint32_t skip)
{
    int64_t offset = PACKAGE_HEADER_BYTES, end = PACKAGE_HEADER_BYTES + (int64_t)file->head.header.metadata_bytes;
    uint8_t bytes[SECTION_HEADER_BYTES];
    struct section section;
    size_t got;

    while (!writer->code && offset < end) {
        if (!file_read_at(file->fd, bytes, sizeof bytes, offset, &got) || got < sizeof bytes) {
            fail(writer, E_CRC, "package", "what is copied ends too early");
            return;
        }
        section_read(bytes, &section);
        if (section.length > (uint64_t)(end - offset)) {
            fail(writer, E_INCOMPATIBLE, "section", "is longer than the metadata");
            return;
        }
        offset += SECTION_HEADER_BYTES;
        if (section.type >= 32 || !(skip & 1u << section.type)) {
            append(writer, bytes, sizeof bytes);
            copy(writer, file->fd, offset, (int64_t)section.length, append);
            writer->header.metadata_sections++;
        }
        offset += (int64_t)section.length;
    }
}

void package_writer_copy_payloads(struct package_writer *writer, const struct package_file *file)
{
    for (unsigned i = 0; i < file->head.manifest.component_count; i++) {
        int64_t length = package_head_part(&file->head, i).section_bytes;

        package_writer_begin_payload(writer, i, length);
        package_writer_payload_fd(writer, file->fd, file->part_offset[i], length);
    }
}

/* The header over the zeros that hold its place, and the CRC of everything behind it all. */
static void header_and_trailer(struct package_writer *writer)
{
    uint8_t header[PACKAGE_HEADER_BYTES], trailer[PACKAGE_TRAILER_BYTES];
    uint32_t whole;

    writer->header.payload_bytes = writer->length - writer->header.metadata_bytes;
    writer->header.package_bytes = PACKAGE_HEADER_BYTES + writer->length + PACKAGE_TRAILER_BYTES;
    package_header_write(&writer->header, header);
    whole = (uint32_t)crc32_combine(crc32(0, header, sizeof header), writer->crc32, (z_off_t)writer->length);
    package_trailer_write(whole, trailer);
    if (!file_write(writer->fd, trailer, sizeof trailer) || !file_write_at(writer->fd, header, sizeof header, 0))
        fail_errno(writer, "cannot be written");
}

enum error_code package_writer_finish(struct package_writer *writer, struct problem *ret_problem)
{
    if (writer->header.payload_sections == 0)
        metadata_end(writer);
    if (writer->payload_left > 0)
        fail(writer, E_INTERNAL, "payload", "%llu bytes less than announced", (unsigned long long)writer->payload_left);
    if (!writer->code)
        header_and_trailer(writer);
    if (!writer->code && fsync(writer->fd) != 0)
        fail_errno(writer, "cannot be written");
    if (!writer->code && rename(writer->temporary, writer->path) != 0)
        fail_errno(writer, "cannot be put in its place");
    if (!writer->code) {
        writer->temporary[0] = '\0';
        if (!file_sync_folder(writer->path))
            fail_errno(writer, "its folder cannot be written");
    }
    if (writer->code && ret_problem)
        *ret_problem = writer->problem;
    return writer->code;
}
