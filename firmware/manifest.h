/* The signed manifest of a release, meta.json: what it is, for whom, and the digest of everything in it. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/semver.h"
#include "common/text.h"
#include "firmware/format.h"

#define MANIFEST_KIND "drover-package"
#define HW_REVS_MAX 32

enum compression { COMPRESSION_NONE, COMPRESSION_ZSTD, COMPRESSION_COUNT };
const char *compression_name(enum compression compression);
bool compression_from_name(const char *name, enum compression *ret);

struct component {
    char name[ID_SIZE];               /* bootloader, kernel, rootfs, app, ... */
    char part[ID_SIZE];               /* the part of the slot it is written to */
    int64_t size_bytes;               /* of the image as it is flashed */
    uint8_t sha256[SHA256_BYTES];
    enum compression compression;
    int64_t stored_bytes;             /* in the full package, before encryption */
    uint32_t first_chunk;             /* in manifest.chunks */
    uint32_t chunk_count;             /* of stored_bytes; the last one may be short */
};

struct manifest {
    char version[VERSION_SIZE];
    char model[ID_SIZE];              /* "device_model" */
    unsigned hw_rev_count;            /* 0: every hardware revision */
    char hw_revs[HW_REVS_MAX][ID_SIZE];
    char min_version[VERSION_SIZE];   /* the device must run at least this; "": any */
    int64_t build_time_ms;            /* "build_time" */
    int64_t expires_ms;               /* "expires_at"; 0: never */
    int64_t release_counter;          /* rises with every release of the model; a lower one is a downgrade */
    int64_t size_bytes;               /* "size": of all images */
    int64_t chunk_bytes;              /* "chunk_size" */
    unsigned component_count;
    struct component components[PACKAGE_COMPONENTS_MAX];
    uint32_t chunk_count;
    uint8_t (*chunks)[SHA256_BYTES];  /* owned; digest of each chunk as stored in the full package */
};

/* Strict: kind, schema, limits, sums and counts that must agree, unknown members ignored, duplicates refused. E_INCOMPATIBLE says
 * where. On success the manifest is freed with manifest_done. */
MUST_USE enum error_code manifest_read(const char *bytes, size_t length, struct manifest *ret_manifest, struct problem *ret_problem);
/* The same manifest always gives the same bytes. */
void manifest_write(const struct manifest *manifest, struct buffer *buffer);
void manifest_done(struct manifest *manifest);
/* NULL when there is none of that name. */
const struct component *manifest_component(const struct manifest *manifest, const char *name);
/* The smallest chunk size of at least 64 KiB with which the stored bytes of all components fit into PACKAGE_CHUNKS_MAX chunks. */
int64_t manifest_chunk_bytes(const int64_t *stored_bytes, unsigned count);
