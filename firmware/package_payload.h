/* Inside firmware/ only: one payload section after another, chunk by chunk: decrypted, proved, decompressed, passed on. */
#pragma once

#include "common/sha256.h"
#include "firmware/chunk_cipher.h"
#include "firmware/decompress.h"
#include "firmware/package_reader.h"

struct package_payload {
    const struct package_head *head;        /* not owned */
    const struct package_sink *sink;        /* not owned */
    struct chunk_cipher *cipher;            /* owned; NULL: not encrypted */
    struct decompress *decompress;          /* made for the first component that needs it */
    struct sha256 *chunk_digest, *image_digest;
    uint8_t *chunk;                         /* room for the largest one and its tag */
    unsigned component;
    struct package_part part;               /* of component */
    bool is_compressed;                     /* its bytes are a zstd frame of the image */
    uint32_t chunk_index;                   /* of the chunk being collected */
    size_t chunk_length;                    /* what of it came */
    int64_t passed_bytes;                   /* of the image, or of the patch */
};

/* Takes the cipher (NULL is fine), also on failure. */
MUST_USE enum error_code package_payload_init(struct package_payload *payload, const struct package_head *head, struct chunk_cipher *cipher,
                                              const struct package_sink *sink, struct problem *ret_problem);
void package_payload_done(struct package_payload *payload);
MUST_USE enum error_code package_payload_begin(struct package_payload *payload, unsigned component, struct problem *ret_problem);
bool package_payload_is_complete(const struct package_payload *payload);
/* Takes at most one chunk's worth: *ret_taken bytes, at least one unless it fails. */
MUST_USE enum error_code package_payload_feed(struct package_payload *payload, const uint8_t *bytes, size_t length, size_t *ret_taken, struct problem *ret_problem);
MUST_USE enum error_code package_payload_end(struct package_payload *payload, struct problem *ret_problem);
