/* See package_chunks.h. Nothing is listed: a chunk's place follows from the sizes of the components before it. */
#include "firmware/package_chunks.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/chunk_cipher.h"
#include "firmware/file_io.h"
#include "firmware/package_metadata.h"

#define BLOCK_BYTES (64 * 1024)

struct package_chunks {
    const struct package_head *head;
    unsigned count;                                  /* chunks that are stored; may be 0 */
    unsigned first[PACKAGE_COMPONENTS_MAX + 1];      /* number of a component's first chunk */
    int64_t part_offset[PACKAGE_COMPONENTS_MAX];     /* of the value of its payload section */
    struct chunk_cipher *cipher;                     /* NULL: not encrypted */
    struct sha256 *sha256;
    uint8_t *block;
    size_t block_bytes;                              /* of an encrypted chunk it holds all */
};

static void places_find(struct package_chunks *chunks)
{
    int64_t offset = PACKAGE_HEADER_BYTES + (int64_t)chunks->head->header.metadata_bytes;

    for (unsigned i = 0; i < chunks->head->manifest.component_count; i++) {
        struct package_part part = package_head_part(chunks->head, i);

        chunks->part_offset[i] = offset + SECTION_HEADER_BYTES;
        offset = chunks->part_offset[i] + part.section_bytes;
        chunks->first[i] = chunks->count;
        chunks->count += part.chunk_count;
    }
    chunks->first[chunks->head->manifest.component_count] = chunks->count;
}

static enum error_code cipher_make(struct package_chunks *chunks, const struct recipient_keys *keys, struct problem *ret_problem)
{
    const struct package_head *head = chunks->head;
    uint8_t key[CONTENT_KEY_BYTES];
    enum error_code code;

    if (!(head->header.flags & PACKAGE_ENCRYPTED))
        return E_NONE;
    code = recipient_unwrap(head->recipients, head->recipient_count, keys, head->manifest_sha256, key, ret_problem);
    if (!code) {
        chunks->cipher = chunk_cipher_new(key, head->manifest_sha256, head->has_delta ? head->delta_sha256 : NULL);
        code = chunks->cipher ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "recipients", "no memory for a cipher");
    }
    OPENSSL_cleanse(key, sizeof key);
    return code;
}

static size_t block_room(const struct package_chunks *chunks)
{
    size_t room = BLOCK_BYTES;

    for (unsigned i = 0; chunks->cipher && i < chunks->head->manifest.component_count; i++) {
        struct package_part part = package_head_part(chunks->head, i);
        int64_t largest = part.stored_bytes < part.chunk_bytes ? part.stored_bytes : part.chunk_bytes;

        if ((size_t)largest + CHUNK_TAG_BYTES > room)
            room = (size_t)largest + CHUNK_TAG_BYTES;
    }
    return room;
}

enum error_code package_chunks_new(const struct package_head *head, const struct recipient_keys *keys, struct package_chunks **ret_chunks,
                                   struct problem *ret_problem)
{
    struct package_chunks *chunks = calloc(1, sizeof *chunks);
    enum error_code code;

    if (!chunks)
        return package_refuse(ret_problem, E_INTERNAL, "payload", "no memory for its chunks");
    chunks->head = head;
    places_find(chunks);
    code = cipher_make(chunks, keys, ret_problem);
    if (!code) {
        chunks->block_bytes = block_room(chunks);
        chunks->block = malloc(chunks->block_bytes);
        chunks->sha256 = sha256_new();
        if (!chunks->block || !chunks->sha256)
            code = package_refuse(ret_problem, E_INTERNAL, "payload", "no memory for a chunk");
    }
    if (code)
        package_chunks_free(chunks);
    else
        *ret_chunks = chunks;
    return code;
}

void package_chunks_free(struct package_chunks *chunks)
{
    if (!chunks)
        return;
    if (chunks->cipher && chunks->block)
        OPENSSL_cleanse(chunks->block, chunks->block_bytes);
    chunk_cipher_free(chunks->cipher);
    sha256_free(chunks->sha256);
    free(chunks->block);
    free(chunks);
}

unsigned package_chunks_count(const struct package_chunks *chunks)
{
    return chunks->count ? chunks->count : 1;
}

static struct package_chunk stored_at(const struct package_chunks *chunks, unsigned number)
{
    struct package_chunk chunk = {0};
    struct package_part part;
    int64_t tag = chunks->cipher ? CHUNK_TAG_BYTES : 0, left;

    while (number >= chunks->first[chunk.component + 1])
        chunk.component++;
    part = package_head_part(chunks->head, chunk.component);
    chunk.index = number - chunks->first[chunk.component];
    left = part.stored_bytes - chunk.index * part.chunk_bytes;
    chunk.plain_bytes = left < part.chunk_bytes ? left : part.chunk_bytes;
    chunk.bytes = chunk.plain_bytes + tag;
    chunk.offset = chunks->part_offset[chunk.component] + chunk.index * (part.chunk_bytes + tag);
    return chunk;
}

struct package_chunk package_chunks_at(const struct package_chunks *chunks, unsigned number)
{
    int64_t payload = PACKAGE_HEADER_BYTES + (int64_t)chunks->head->header.metadata_bytes, package = (int64_t)chunks->head->header.package_bytes;
    struct package_chunk chunk, before;

    if (chunks->count == 0)
        return (struct package_chunk){.begin = payload, .offset = package - PACKAGE_TRAILER_BYTES, .end = package};
    chunk = stored_at(chunks, number);
    chunk.begin = payload;
    if (number > 0) {
        before = stored_at(chunks, number - 1);
        chunk.begin = before.offset + before.bytes;
    }
    chunk.end = number + 1 == chunks->count ? package : chunk.offset + chunk.bytes;
    return chunk;
}

static enum error_code block_read(struct package_chunks *chunks, int fd, int64_t offset, size_t length, struct problem *ret_problem)
{
    size_t got;

    if (!file_read_at(fd, chunks->block, length, offset, &got))
        return package_refuse(ret_problem, E_INSTALL, "package", "cannot be read: %s", strerror(errno));
    if (got < length)
        return package_refuse(ret_problem, E_SHA256, "package", "it ends before byte %lld", (long long)offset + (long long)length);
    return E_NONE;
}

/* Every section header that lies in the bytes of this chunk. */
static enum error_code headers_prove(struct package_chunks *chunks, const struct package_chunk *chunk, int fd, struct problem *ret_problem)
{
    enum error_code code = E_NONE;

    for (unsigned i = 0; !code && i < chunks->head->manifest.component_count; i++) {
        int64_t offset = chunks->part_offset[i] - SECTION_HEADER_BYTES;

        if (offset < chunk->begin || offset >= chunk->end)
            continue;
        code = block_read(chunks, fd, offset, SECTION_HEADER_BYTES, ret_problem);
        if (!code)
            code = package_payload_check(chunks->head, i, chunks->block, ret_problem);
    }
    return code;
}

static enum error_code plain_digest(struct package_chunks *chunks, const struct package_chunk *chunk, int fd, struct problem *ret_problem)
{
    enum error_code code = E_NONE;
    int64_t at = 0;

    while (!code && at < chunk->bytes) {
        int64_t left = chunk->bytes - at;
        size_t length = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;

        code = block_read(chunks, fd, chunk->offset + at, length, ret_problem);
        if (!code)
            sha256_add(chunks->sha256, chunks->block, length);
        at += (int64_t)length;
    }
    return code;
}

static enum error_code sealed_digest(struct package_chunks *chunks, const struct package_chunk *chunk, const char *name, int fd, struct problem *ret_problem)
{
    enum error_code code = block_read(chunks, fd, chunk->offset, (size_t)chunk->bytes, ret_problem);

    if (code)
        return code;
    if (!chunk_open(chunks->cipher, chunk->component, chunk->index, chunks->block, (size_t)chunk->plain_bytes))
        return package_refuse(ret_problem, E_DECRYPT, name, "chunk %u is not authentic", chunk->index);
    sha256_add(chunks->sha256, chunks->block, (size_t)chunk->plain_bytes);
    return E_NONE;
}

enum error_code package_chunks_prove(struct package_chunks *chunks, unsigned number, int fd, struct problem *ret_problem)
{
    struct package_chunk chunk = package_chunks_at(chunks, number);
    const char *name = chunks->head->manifest.components[chunk.component].name;
    enum error_code code = headers_prove(chunks, &chunk, fd, ret_problem);
    uint8_t digest[SHA256_BYTES];

    if (code || chunk.bytes == 0)
        return code;
    code = chunks->cipher ? sealed_digest(chunks, &chunk, name, fd, ret_problem) : plain_digest(chunks, &chunk, fd, ret_problem);
    if (!sha256_digest(chunks->sha256, digest) && !code) /* also starts it afresh */
        code = package_refuse(ret_problem, E_INTERNAL, name, "chunk %u cannot be digested", chunk.index);
    if (!code && memcmp(digest, package_head_part(chunks->head, chunk.component).chunks[chunk.index], SHA256_BYTES) != 0)
        code = package_refuse(ret_problem, E_SHA256, name, "chunk %u has another digest than the signed one", chunk.index);
    return code;
}
