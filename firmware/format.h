/* The fixed bytes of a package (.dfw): header, section headers, limits. The format stands byte by byte in docs/package-format.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sha256.h"
#include "proto/error_code.h"

#define PACKAGE_HEADER_BYTES 64
#define PACKAGE_TRAILER_BYTES 4
#define PACKAGE_METADATA_MAX (512 * 1024)
#define PACKAGE_COMPONENTS_MAX 16
#define PACKAGE_CHUNKS_MAX 2048            /* in one document */
#define PACKAGE_SIGNATURES_MAX 16          /* of one document */
#define PACKAGE_RECIPIENTS_MAX 256
#define PACKAGE_DOCUMENT_MAX (192 * 1024)  /* a manifest, a delta description */
#define PACKAGE_TRUST_MAX (96 * 1024)      /* a trust document */
#define CHUNK_BYTES_MIN 4096
#define CHUNK_BYTES_MAX (64 * 1024 * 1024)

enum package_flag { PACKAGE_DELTA = 1, PACKAGE_ENCRYPTED = 2 };

struct package_header {
    uint32_t flags;
    uint64_t package_bytes;      /* all of it, trailer included */
    uint32_t metadata_bytes;     /* sections from offset 64 on */
    uint32_t metadata_crc32;
    uint64_t payload_bytes;      /* section headers included; begins at 64 + metadata_bytes */
    uint16_t metadata_sections;
    uint16_t payload_sections;
};

void package_header_write(const struct package_header *header, uint8_t ret_bytes[PACKAGE_HEADER_BYTES]);
/* Checks magic, version, CRC, flags and that the sizes agree with each other: E_INCOMPATIBLE or E_CRC. */
MUST_USE enum error_code package_header_read(const uint8_t bytes[PACKAGE_HEADER_BYTES], struct package_header *ret_header, struct problem *ret_problem);

enum section_type {
    SECTION_MANIFEST = 1,
    SECTION_SIGNATURE = 2,         /* of the manifest */
    SECTION_DELTA = 3,
    SECTION_DELTA_SIGNATURE = 4,
    SECTION_TRUST = 5,
    SECTION_RECIPIENT = 6,
    SECTION_PAYLOAD = 16,
};
#define SECTION_HEADER_BYTES 16
#define SECTION_CRITICAL 1         /* flag: a reader that does not know the type must refuse the package */

struct section {
    uint16_t type;
    uint16_t flags;
    uint32_t index;                /* of a payload: its component; otherwise 0 */
    uint64_t length;
};
void section_write(const struct section *section, uint8_t ret_bytes[SECTION_HEADER_BYTES]);
void section_read(const uint8_t bytes[SECTION_HEADER_BYTES], struct section *ret_section);

/* The last bytes of a package: the CRC32 of everything before them. */
void package_trailer_write(uint32_t sum, uint8_t ret_bytes[PACKAGE_TRAILER_BYTES]);
uint32_t package_trailer_read(const uint8_t bytes[PACKAGE_TRAILER_BYTES]);

/* Fills *ret_problem and returns code, so that a reader can `return package_refuse(...)`. */
enum error_code package_refuse(struct problem *ret_problem, enum error_code code, const char *where, const char *format, ...) PRINTF_LIKE(4, 5);

/* Progress of long work. done counts up to total (bytes); false stops the work, which then ends in E_CANCELLED. */
struct package_progress {
    bool (*show)(void *arg, int64_t done, int64_t total);   /* NULL: nobody looks */
    void *arg;
};
