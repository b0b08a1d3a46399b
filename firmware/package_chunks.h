/* The payload of a package as a list of chunks, each provable by itself, for whoever collects a package out of order: where a chunk lies, what
 * travels with it, and whether the bytes in a file are it. The head must have been checked before anything here means something. */
#pragma once

#include "firmware/package_head.h"
#include "firmware/recipient.h"

/* The bytes [begin, end) of the package: the section headers in front of the chunk, the chunk at `offset`, and with the last chunk whatever
 * follows up to the end of the package. All of them together are everything behind the metadata, without a gap. */
struct package_chunk {
    unsigned component;
    uint32_t index;                /* in its component */
    int64_t begin, offset, end;
    int64_t plain_bytes;           /* as signed */
    int64_t bytes;                 /* as it lies in the package: 16 more when encrypted; 0: nothing is stored, only headers */
};

struct package_chunks;
/* The head outlives it; keys are only used here. E_DECRYPT: encrypted, and none of the keys opens it. Freed with package_chunks_free (NULL is fine). */
MUST_USE enum error_code package_chunks_new(const struct package_head *head, const struct recipient_keys *keys, struct package_chunks **ret_chunks,
                                            struct problem *ret_problem);
void package_chunks_free(struct package_chunks *chunks);

/* At least 1: a package that stores nothing (a delta of copies) has one empty chunk. */
unsigned package_chunks_count(const struct package_chunks *chunks);
/* number is below the count. */
struct package_chunk package_chunks_at(const struct package_chunks *chunks, unsigned number);
/* fd holds the package's bytes at the package's offsets. Reads at most one chunk into memory, 64 KiB of it when not encrypted. E_NONE: what
 * lies at [begin, end) is right, but for the four bytes of the trailer. E_SHA256: other bytes (or not there yet); E_DECRYPT: not authentic;
 * E_INCOMPATIBLE: wrong section header; E_INSTALL: cannot be read; E_INTERNAL: memory. */
MUST_USE enum error_code package_chunks_prove(struct package_chunks *chunks, unsigned number, int fd, struct problem *ret_problem);
