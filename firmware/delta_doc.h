/* The description of a delta, delta.json: which base it fits and how each image is made from it. Bound to one manifest by its digest. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/semver.h"
#include "common/text.h"
#include "firmware/format.h"

#define DELTA_DOC_KIND "drover-delta"

enum delta_algorithm {
    DELTA_FULL,     /* stored as in the full package: nothing was saved */
    DELTA_COPY,     /* the base's image is the new one; nothing is stored */
    DELTA_BSDIFF,   /* the bsdiff algorithm in our streamable container (patch.h) */
    DELTA_ZSTD,     /* a zstd frame with the base's image as prefix, what `zstd --patch-from` reads */
    DELTA_ALGORITHM_COUNT
};
const char *delta_algorithm_name(enum delta_algorithm algorithm);   /* "full", "copy", "bsdiff", "zstd" */
bool delta_algorithm_from_name(const char *name, enum delta_algorithm *ret);

struct delta_component {
    char name[ID_SIZE];                   /* as in the manifest, in its order */
    enum delta_algorithm algorithm;
    int64_t base_bytes;                   /* 0 for DELTA_FULL */
    uint8_t base_sha256[SHA256_BYTES];    /* of the base's image */
    int64_t stored_bytes;                 /* of the patch; for DELTA_FULL as in the manifest; 0 for DELTA_COPY */
    uint32_t first_chunk;
    uint32_t chunk_count;
};

struct delta_doc {
    uint8_t manifest_sha256[SHA256_BYTES];
    char base_version[VERSION_SIZE];
    int64_t chunk_bytes;
    unsigned component_count;
    struct delta_component components[PACKAGE_COMPONENTS_MAX];
    uint32_t chunk_count;
    uint8_t (*chunks)[SHA256_BYTES];      /* owned; of each chunk as stored in the delta package, before encryption */
};

MUST_USE enum error_code delta_doc_read(const char *bytes, size_t length, struct delta_doc *ret_doc, struct problem *ret_problem);
void delta_doc_write(const struct delta_doc *doc, struct buffer *buffer);
void delta_doc_done(struct delta_doc *doc);
