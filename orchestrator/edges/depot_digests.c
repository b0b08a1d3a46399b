/* See depot_digests.h. */
#include "orchestrator/edges/depot_digests.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int64_t depot_chunk_bytes(int64_t size_bytes)
{
    int64_t bytes = DEPOT_CHUNK_BYTES_MIN;
    while ((size_bytes - 1) / bytes >= DEPOT_CHUNKS_MAX)
        bytes *= 2;
    return bytes;
}

unsigned depot_chunk_count(int64_t size_bytes)
{
    int64_t bytes = depot_chunk_bytes(size_bytes);
    return (unsigned)((size_bytes + bytes - 1) / bytes);
}

void depot_digests_init(struct depot_digests *digests, int64_t size_bytes)
{
    *digests = (struct depot_digests){.size_bytes = size_bytes, .chunk_bytes = depot_chunk_bytes(size_bytes), .chunk_count = depot_chunk_count(size_bytes)};
}

void depot_digests_done(struct depot_digests *digests)
{
    for (unsigned i = 0; i <= DEPOT_CHUNKS_MAX; i++)
        sha256_free(digests->states[i]);
    *digests = (struct depot_digests){0};
}

/* Adds bytes [from, to) of the file. */
static enum drover_error bytes_add(struct depot_hashing *hashing, struct sha256 *digest, int64_t from, int64_t to)
{
    while (from < to) {
        size_t wanted = to - from < DEPOT_BLOCK_BYTES ? (size_t)(to - from) : DEPOT_BLOCK_BYTES;
        if (!hashing->may_go_on(hashing->arg))
            return DROVER_TIMEOUT;
        ssize_t got = pread(hashing->fd, hashing->block, wanted, from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return DROVER_IO;   /* artifacts never shrink: the disk is broken */
        sha256_add(digest, hashing->block, (size_t)got);
        hashing->hashed_bytes += got;
        from += got;
    }
    return DROVER_OK;
}

static enum drover_error digest_take(struct sha256 *digest, enum drover_error error, uint8_t ret[SHA256_BYTES])
{
    if (error == DROVER_OK && !sha256_digest(digest, ret))
        error = DROVER_MEMORY;
    sha256_free(digest);
    return error;
}

/* states[boundary] is there afterwards. */
static enum drover_error boundary_reach(struct depot_digests *digests, struct depot_hashing *hashing, unsigned boundary)
{
    if (digests->states[0] == NULL)
        digests->states[0] = sha256_new();
    if (digests->states[0] == NULL)
        return DROVER_MEMORY;
    while (digests->reached < boundary) {
        int64_t from = digests->reached * digests->chunk_bytes, to = from + digests->chunk_bytes;
        struct sha256 *next = sha256_copy(digests->states[digests->reached]);
        enum drover_error error = next != NULL ? bytes_add(hashing, next, from, to) : DROVER_MEMORY;
        if (error != DROVER_OK) {
            sha256_free(next);
            return error;
        }
        digests->states[++digests->reached] = next;
    }
    return DROVER_OK;
}

enum drover_error depot_digests_beginning(struct depot_digests *digests, struct depot_hashing *hashing, int64_t bytes, uint8_t ret[SHA256_BYTES])
{
    unsigned boundary = (unsigned)(bytes / digests->chunk_bytes);
    enum drover_error error = boundary_reach(digests, hashing, boundary);
    if (error != DROVER_OK)
        return error;
    struct sha256 *digest = sha256_copy(digests->states[boundary]);
    if (digest == NULL)
        return DROVER_MEMORY;
    return digest_take(digest, bytes_add(hashing, digest, boundary * digests->chunk_bytes, bytes), ret);
}

enum drover_error depot_digests_chunk(struct depot_digests *digests, struct depot_hashing *hashing, unsigned chunk, uint8_t ret[SHA256_BYTES])
{
    if (!digests->known[chunk]) {
        int64_t from = chunk * digests->chunk_bytes, to = from + digests->chunk_bytes;
        struct sha256 *digest = sha256_new();
        if (digest == NULL)
            return DROVER_MEMORY;
        enum drover_error error = bytes_add(hashing, digest, from, to < digests->size_bytes ? to : digests->size_bytes);
        error = digest_take(digest, error, digests->chunks[chunk]);
        if (error != DROVER_OK)
            return error;
        digests->known[chunk] = true;
    }
    memcpy(ret, digests->chunks[chunk], SHA256_BYTES);
    return DROVER_OK;
}
