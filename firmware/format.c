/* Header and section headers: fixed offsets, little-endian, checked before anything behind them is believed. */
#include "firmware/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "firmware/little_endian.h"

#define HEADER_VERSION 1
#define FLAGS_KNOWN (PACKAGE_DELTA | PACKAGE_ENCRYPTED)
static const uint8_t magic[8] = {0x89, 'D', 'F', 'W', '\r', '\n', 0x1A, '\n'};
static const uint8_t zip_magic[4] = {'P', 'K', 3, 4};

enum error_code package_refuse(struct problem *ret_problem, enum error_code code, const char *where, const char *format, ...)
{
    char what[sizeof ret_problem->what];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)problem_set(ret_problem, DROVER_REFUSED, where, "%s", what);
    return code;
}

void package_header_write(const struct package_header *header, uint8_t ret_bytes[PACKAGE_HEADER_BYTES])
{
    memset(ret_bytes, 0, PACKAGE_HEADER_BYTES);
    memcpy(ret_bytes, magic, sizeof magic);
    put16(ret_bytes + 8, HEADER_VERSION);
    put16(ret_bytes + 10, PACKAGE_HEADER_BYTES);
    put32(ret_bytes + 12, header->flags);
    put64(ret_bytes + 16, header->package_bytes);
    put32(ret_bytes + 24, header->metadata_bytes);
    put32(ret_bytes + 28, header->metadata_crc32);
    put64(ret_bytes + 32, PACKAGE_HEADER_BYTES + (uint64_t)header->metadata_bytes);
    put64(ret_bytes + 40, header->payload_bytes);
    put16(ret_bytes + 48, header->metadata_sections);
    put16(ret_bytes + 50, header->payload_sections);
    put32(ret_bytes + 60, (uint32_t)crc32(0, ret_bytes, 60));
}

enum error_code package_header_read(const uint8_t bytes[PACKAGE_HEADER_BYTES], struct package_header *ret_header, struct problem *ret_problem)
{
    struct package_header header = {
        .flags = get32(bytes + 12), .package_bytes = get64(bytes + 16), .metadata_bytes = get32(bytes + 24), .metadata_crc32 = get32(bytes + 28),
        .payload_bytes = get64(bytes + 40), .metadata_sections = get16(bytes + 48), .payload_sections = get16(bytes + 50)};
    uint64_t ends = PACKAGE_HEADER_BYTES + (uint64_t)header.metadata_bytes;

    if (memcmp(bytes, zip_magic, sizeof zip_magic) == 0) /* of files the package in it was taken before: bundle.h */
        return package_refuse(ret_problem, E_INCOMPATIBLE, "package", "a ZIP cannot be read from a pipe; give its file name");
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "magic", "not a Drover package");
    if (get32(bytes + 60) != (uint32_t)crc32(0, bytes, 60))
        return package_refuse(ret_problem, E_CRC, "header", "its CRC32 is wrong");
    if (get16(bytes + 8) != HEADER_VERSION || get16(bytes + 10) != PACKAGE_HEADER_BYTES)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "header", "version %u; this program reads version %d", get16(bytes + 8), HEADER_VERSION);
    if (header.flags & ~(uint32_t)FLAGS_KNOWN)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "flags", "unknown ones: 0x%x", header.flags & ~(uint32_t)FLAGS_KNOWN);
    if (header.metadata_bytes > PACKAGE_METADATA_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "metadata", "%u bytes; at most %d", header.metadata_bytes, PACKAGE_METADATA_MAX);
    if (header.payload_sections > PACKAGE_COMPONENTS_MAX || get64(bytes + 32) != ends || get64(bytes + 52) != 0
        || header.payload_bytes > INT64_MAX / 2 || header.package_bytes != ends + header.payload_bytes + PACKAGE_TRAILER_BYTES)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "header", "its sizes contradict each other");
    *ret_header = header;
    return E_NONE;
}

void section_write(const struct section *section, uint8_t ret_bytes[SECTION_HEADER_BYTES])
{
    put16(ret_bytes, section->type);
    put16(ret_bytes + 2, section->flags);
    put32(ret_bytes + 4, section->index);
    put64(ret_bytes + 8, section->length);
}

void section_read(const uint8_t bytes[SECTION_HEADER_BYTES], struct section *ret_section)
{
    *ret_section = (struct section){get16(bytes), get16(bytes + 2), get32(bytes + 4), get64(bytes + 8)};
}

void package_trailer_write(uint32_t sum, uint8_t ret_bytes[PACKAGE_TRAILER_BYTES])
{
    put32(ret_bytes, sum);
}

uint32_t package_trailer_read(const uint8_t bytes[PACKAGE_TRAILER_BYTES])
{
    return get32(bytes);
}
