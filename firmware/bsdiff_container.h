/* The bytes of our container for bsdiff's three streams (PATCH_BSDIFF; docs/package-format.md). Little-endian:
 *   header 24: magic 8, bytes of the old image u64, bytes of the new image u64
 *   records:   stream u8, method u8, 0 u16, stored bytes u32, raw bytes u32, then the stored bytes
 * Every record is compressed on its own. They stand in the order in which the apply runs out of a stream, so that it never has to look ahead:
 * whoever needs a byte of a stream and has none left takes the next record, which must be of that stream.
 * The control stream is a row of three numbers an entry, LEB128: diff bytes, extra bytes, and the seek in the old image (zigzag). */
#pragma once

#include "firmware/bsdiff_make.h"

#define BSDIFF_MAGIC "DROVBSD\x01"
#define BSDIFF_HEADER_BYTES 24
#define BSDIFF_RECORD_BYTES 12
#define BSDIFF_STORED_MAX (1024 * 1024)          /* of a record */
#define BSDIFF_RAW_MAX (64 * 1024 * 1024)
#define BSDIFF_WINDOW_LOG 20                     /* of zstd in a record */
#define BSDIFF_NUMBER_MAX 10                     /* bytes of a number in LEB128 */

enum bsdiff_method { BSDIFF_STORED, BSDIFF_BZIP2, BSDIFF_ZSTD, BSDIFF_METHOD_COUNT };

struct bsdiff_record {
    uint8_t stream;
    uint8_t method;
    uint32_t stored_bytes;
    uint32_t raw_bytes;
};
