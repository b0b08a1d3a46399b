/* A chunk is collected as a whole, opened, and must have the signed digest before a byte of it goes on. */
#include "firmware/package_payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *component_name(const struct package_payload *payload)
{
    return payload->head->manifest.components[payload->component].name;
}

/* The largest chunk of any component, with its tag. */
static size_t chunk_room(const struct package_head *head)
{
    int64_t room = 0;

    for (unsigned i = 0; i < head->manifest.component_count; i++) {
        struct package_part part = package_head_part(head, i);
        int64_t needed = part.stored_bytes < part.chunk_bytes ? part.stored_bytes : part.chunk_bytes;

        if (needed > room)
            room = needed;
    }
    return (size_t)room + CHUNK_TAG_BYTES;
}

enum error_code package_payload_init(struct package_payload *payload, const struct package_head *head, struct chunk_cipher *cipher,
                                     const struct package_sink *sink, struct problem *ret_problem)
{
    *payload = (struct package_payload){.head = head, .sink = sink, .cipher = cipher};
    payload->chunk = malloc(chunk_room(head));
    payload->chunk_digest = sha256_new();
    payload->image_digest = sha256_new();
    if (payload->chunk && payload->chunk_digest && payload->image_digest)
        return E_NONE;
    return package_refuse(ret_problem, E_INTERNAL, "payload", "no memory for a chunk");
}

void package_payload_done(struct package_payload *payload)
{
    chunk_cipher_free(payload->cipher);
    decompress_free(payload->decompress);
    sha256_free(payload->chunk_digest);
    sha256_free(payload->image_digest);
    free(payload->chunk);
    *payload = (struct package_payload){0};
}

enum error_code package_payload_begin(struct package_payload *payload, unsigned component, struct problem *ret_problem)
{
    const struct component *full = &payload->head->manifest.components[component];

    payload->component = component;
    payload->part = package_head_part(payload->head, component);
    payload->is_compressed = payload->part.algorithm == DELTA_FULL && full->compression == COMPRESSION_ZSTD;
    payload->chunk_index = 0;
    payload->chunk_length = 0;
    payload->passed_bytes = 0;
    if (payload->is_compressed) {
        if (!payload->decompress)
            payload->decompress = decompress_new();
        if (!payload->decompress)
            return package_refuse(ret_problem, E_INTERNAL, full->name, "no memory to decompress");
        decompress_begin(payload->decompress, full->size_bytes);
    }
    return payload->sink->begin ? payload->sink->begin(payload->sink->arg, component, ret_problem) : E_NONE;
}

bool package_payload_is_complete(const struct package_payload *payload)
{
    return payload->chunk_index == payload->part.chunk_count;
}

static enum error_code pass_on(void *arg, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct package_payload *payload = arg;

    if (payload->part.algorithm == DELTA_FULL)
        sha256_add(payload->image_digest, bytes, length);
    payload->passed_bytes += (int64_t)length;
    return payload->sink->data ? payload->sink->data(payload->sink->arg, payload->component, bytes, length, ret_problem) : E_NONE;
}

/* Length of the chunk being collected, without its tag. */
static size_t chunk_plain_length(const struct package_payload *payload)
{
    int64_t left = payload->part.stored_bytes - payload->chunk_index * payload->part.chunk_bytes;

    return (size_t)(left < payload->part.chunk_bytes ? left : payload->part.chunk_bytes);
}

/* A chunk is complete. */
static enum error_code chunk_prove(struct package_payload *payload, size_t length, struct problem *ret_problem)
{
    uint8_t digest[SHA256_BYTES];

    if (payload->cipher && !chunk_open(payload->cipher, payload->component, payload->chunk_index, payload->chunk, length))
        return package_refuse(ret_problem, E_DECRYPT, component_name(payload), "chunk %u is not authentic", payload->chunk_index);
    sha256_add(payload->chunk_digest, payload->chunk, length);
    if (!sha256_digest(payload->chunk_digest, digest))
        return package_refuse(ret_problem, E_INTERNAL, component_name(payload), "chunk %u cannot be digested", payload->chunk_index);
    if (memcmp(digest, payload->part.chunks[payload->chunk_index], SHA256_BYTES) != 0)
        return package_refuse(ret_problem, E_SHA256, component_name(payload), "chunk %u has another digest than the signed one", payload->chunk_index);
    return E_NONE;
}

enum error_code package_payload_feed(struct package_payload *payload, const uint8_t *bytes, size_t length, size_t *ret_taken, struct problem *ret_problem)
{
    size_t plain = chunk_plain_length(payload), missing = plain + (payload->cipher ? CHUNK_TAG_BYTES : 0) - payload->chunk_length;
    enum error_code code;

    *ret_taken = length < missing ? length : missing;
    memcpy(payload->chunk + payload->chunk_length, bytes, *ret_taken);
    payload->chunk_length += *ret_taken;
    if (*ret_taken < missing)
        return E_NONE;
    code = chunk_prove(payload, plain, ret_problem);
    if (code)
        return code;
    payload->chunk_index++;
    payload->chunk_length = 0;
    if (payload->is_compressed)
        return decompress_feed(payload->decompress, payload->chunk, plain, pass_on, payload, ret_problem);
    return pass_on(payload, payload->chunk, plain, ret_problem);
}

/* An image must have its signed digest; a patch was proved chunk by chunk. */
static enum error_code image_prove(struct package_payload *payload, struct problem *ret_problem)
{
    const struct component *full = &payload->head->manifest.components[payload->component];
    uint8_t digest[SHA256_BYTES];

    if (payload->part.algorithm != DELTA_FULL)
        return E_NONE;
    if (!sha256_digest(payload->image_digest, digest))
        return package_refuse(ret_problem, E_INTERNAL, full->name, "the image cannot be digested");
    if (payload->passed_bytes != full->size_bytes || memcmp(digest, full->sha256, SHA256_BYTES) != 0)
        return package_refuse(ret_problem, E_SHA256, full->name, "the image has another digest than the signed one");
    return E_NONE;
}

enum error_code package_payload_end(struct package_payload *payload, struct problem *ret_problem)
{
    enum error_code code = payload->is_compressed ? decompress_end(payload->decompress, ret_problem) : E_NONE;

    if (!code)
        code = image_prove(payload, ret_problem);
    if (!code && payload->sink->end)
        code = payload->sink->end(payload->sink->arg, payload->component, ret_problem);
    return code;
}
