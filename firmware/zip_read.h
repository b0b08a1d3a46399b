/* Reading a ZIP (PKWARE APPNOTE 6.3: entries stored or deflated, ZIP64) within fixed limits. libzip, which writes our bundles, is not used to
 * read them: it makes room for as many entries as the file claims before it looks at one (measured: 700 MiB for a sparse file of 1 GiB). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "firmware/format.h"

#define ZIP_ENTRIES_MAX 64
#define ZIP_DIRECTORY_MAX (64 * 1024)   /* bytes of the central directory */
#define ZIP_NAME_SIZE 256

struct zip_entry {
    char name[ZIP_NAME_SIZE];     /* never a path of ours; no NUL inside */
    uint16_t flags;
    uint16_t method;
    uint16_t unix_type;           /* S_IFMT bits of the mode; 0: not said */
    uint32_t crc32;
    int64_t stored_bytes;
    int64_t size_bytes;
    int64_t header_offset;
};

struct zip_directory {
    int fd;                       /* not owned */
    int64_t offset;               /* of the central directory: entries end before it */
    unsigned count;
    struct zip_entry *entries;    /* owned */
};

/* E_CRC: no end of a ZIP in it (cut short); E_INCOMPATIBLE: malformed, over a limit, in several parts. Freed with zip_directory_done. */
MUST_USE enum error_code zip_directory_read(int fd, int64_t file_bytes, struct zip_directory *ret_directory, struct problem *ret_problem);
void zip_directory_done(struct zip_directory *directory);

/* The entry's bytes, some at a time. E_NONE to go on. */
typedef enum error_code zip_write(void *arg, const void *bytes, size_t length, struct problem *ret_problem);
/* Gives out never more than size_bytes, and succeeds only when that many came and the CRC32 is right. Encrypted entries, other methods and
 * what is not a regular file are E_INCOMPATIBLE. */
MUST_USE enum error_code zip_entry_read(const struct zip_directory *directory, const struct zip_entry *entry, zip_write *write, void *arg,
                                        struct problem *ret_problem);
