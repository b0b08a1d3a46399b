/* The SHA-256 of beginnings and of chunks of one package, computed as far as somebody asks, once.
 *
 * A package is cut into at most DEPOT_CHUNKS_MAX chunks. At each boundary the running digest is kept, so that the digest of the first n bytes costs
 * at most one chunk of hashing, whatever n is, once the boundary before it was reached. Not thread-safe: it belongs to the hasher (depot_hasher.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sha256.h"

#define DEPOT_CHUNKS_MAX 256
#define DEPOT_CHUNK_BYTES_MIN 65536

/* The smallest power of two, and at least DEPOT_CHUNK_BYTES_MIN, with which the package has at most DEPOT_CHUNKS_MAX chunks. Part of the protocol:
 * devices compute it as well. */
int64_t depot_chunk_bytes(int64_t size_bytes);
unsigned depot_chunk_count(int64_t size_bytes);

struct depot_digests {
    int64_t size_bytes, chunk_bytes;
    unsigned chunk_count;
    unsigned reached;                                  /* states[0 .. reached] are there */
    struct sha256 *states[DEPOT_CHUNKS_MAX + 1];       /* [k]: of the first k chunks; owned */
    bool known[DEPOT_CHUNKS_MAX];
    uint8_t chunks[DEPOT_CHUNKS_MAX][SHA256_BYTES];    /* where known */
};

void depot_digests_init(struct depot_digests *digests, int64_t size_bytes);
void depot_digests_done(struct depot_digests *digests);

/* Where the bytes are, and how long they may be hashed. */
struct depot_hashing {
    int fd;                            /* of the package */
    uint8_t *block;                    /* DEPOT_BLOCK_BYTES to work with */
    bool (*may_go_on)(void *arg);      /* asked before each block */
    void *arg;
    int64_t hashed_bytes;              /* counts up */
};
#define DEPOT_BLOCK_BYTES (256 << 10)

/* The digest of the first `bytes` bytes (0 .. size_bytes). DROVER_TIMEOUT: it may not go on; what was reached is kept. DROVER_IO, _MEMORY. */
MUST_USE enum drover_error depot_digests_beginning(struct depot_digests *digests, struct depot_hashing *hashing, int64_t bytes, uint8_t ret[SHA256_BYTES]);
/* The digest of a chunk; the last one may be short. Same errors. */
MUST_USE enum drover_error depot_digests_chunk(struct depot_digests *digests, struct depot_hashing *hashing, unsigned chunk, uint8_t ret[SHA256_BYTES]);
