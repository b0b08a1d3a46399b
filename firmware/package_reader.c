/* The reader is a state machine over the bytes of a package in their order. Each state collects what it needs as a whole (the header,
 * a section header, a chunk), judges it, and only then goes on. The first failure sticks. */
#include "firmware/package_reader.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "firmware/chunk_cipher.h"
#include "firmware/package_metadata.h"
#include "firmware/package_payload.h"

enum reader_state { READ_HEADER, READ_METADATA, READ_SECTION, READ_CHUNK, READ_TRAILER, READ_DONE };

struct package_reader {
    struct package_policy policy;
    const struct recipient_keys *keys;
    struct recipient_keys keys_copy;
    struct package_sink sink;
    enum reader_state state;
    uint32_t crc32;                         /* of everything before the trailer */
    uint8_t small[PACKAGE_HEADER_BYTES];    /* a header, a section header or the trailer, as far as it came */
    size_t small_length;
    struct package_metadata metadata;       /* until it is proved */
    struct package_head head;               /* afterwards */
    bool is_proved;
    struct trust trust;                     /* came with the package, when trust_new */
    bool trust_new;
    struct package_payload payload;
    unsigned component;                     /* whose section is next or being read */
    enum error_code code;                   /* the first failure */
    struct problem problem;
};

struct package_reader *package_reader_new(const struct package_policy *policy, const struct recipient_keys *keys, const struct package_sink *sink)
{
    struct package_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return NULL;
    reader->policy = *policy;
    reader->sink = *sink;
    if (keys) {
        reader->keys_copy = *keys;
        reader->keys = &reader->keys_copy;
    }
    return reader;
}

void package_reader_free(struct package_reader *reader)
{
    if (!reader)
        return;
    package_metadata_done(&reader->metadata);
    package_payload_done(&reader->payload);
    package_head_done(&reader->head);
    if (reader->trust_new)
        trust_done(&reader->trust);
    free(reader);
}

const struct package_head *package_reader_head(const struct package_reader *reader)
{
    return reader->is_proved ? &reader->head : NULL;
}

const struct trust *package_reader_trust(const struct package_reader *reader)
{
    return reader->trust_new ? &reader->trust : NULL;
}

/* The content key, when the package is encrypted and one of ours opens it. */
static enum error_code payload_open(struct package_reader *reader)
{
    const struct package_head *head = &reader->head;
    struct chunk_cipher *cipher = NULL;
    uint8_t key[CONTENT_KEY_BYTES];
    enum error_code code = E_NONE;

    if (head->header.flags & PACKAGE_ENCRYPTED) {
        if (!reader->keys)
            return package_refuse(&reader->problem, E_DECRYPT, "recipient", "the package is encrypted and there are no keys");
        code = recipient_unwrap(head->recipients, head->recipient_count, reader->keys, head->manifest_sha256, key, &reader->problem);
        if (code)
            return code;
        cipher = chunk_cipher_new(key, head->manifest_sha256, head->has_delta ? head->delta_sha256 : NULL);
        OPENSSL_cleanse(key, sizeof key);
        if (!cipher)
            return package_refuse(&reader->problem, E_INTERNAL, "recipient", "no memory to decrypt");
    }
    return package_payload_init(&reader->payload, head, cipher, &reader->sink, &reader->problem);
}

/* What was needed to prove the head is not needed to read the payload. */
static void head_slim(struct package_head *head)
{
    free(head->manifest_bytes);
    free(head->delta_bytes);
    free(head->trust_bytes);
    free(head->signatures);
    free(head->delta_signatures);
    free(head->recipients);
    head->manifest_bytes = head->delta_bytes = head->trust_bytes = NULL;
    head->signatures = head->delta_signatures = NULL;
    head->recipients = NULL;
    head->signature_count = head->delta_signature_count = head->recipient_count = 0;
    if (head->has_delta) { /* its chunks have digests of their own */
        free(head->manifest.chunks);
        head->manifest.chunks = NULL;
        head->manifest.chunk_count = 0;
    }
}

static enum error_code metadata_complete(struct package_reader *reader)
{
    enum error_code code = package_metadata_end(&reader->metadata, &reader->head, &reader->problem);

    if (!code)
        code = package_head_check(&reader->head, &reader->policy, &reader->trust, &reader->trust_new, &reader->problem);
    if (!code)
        code = payload_open(reader);
    if (code)
        return code;
    reader->is_proved = true;
    if (reader->sink.proved)
        code = reader->sink.proved(reader->sink.arg, &reader->head, &reader->problem);
    head_slim(&reader->head);
    reader->state = READ_SECTION;
    return code;
}

static enum error_code header_complete(struct package_reader *reader)
{
    struct package_header header;
    enum error_code code = package_header_read(reader->small, &header, &reader->problem);

    if (code)
        return code;
    package_metadata_init(&reader->metadata, &header);
    reader->state = READ_METADATA;
    return header.metadata_bytes == 0 ? metadata_complete(reader) : E_NONE;
}

/* Its last chunk was passed on, or it has none. */
static enum error_code component_complete(struct package_reader *reader)
{
    enum error_code code = package_payload_end(&reader->payload, &reader->problem);

    reader->component++;
    reader->state = reader->component < reader->head.manifest.component_count ? READ_SECTION : READ_TRAILER;
    return code;
}

static enum error_code section_complete(struct package_reader *reader)
{
    enum error_code code = package_payload_check(&reader->head, reader->component, reader->small, &reader->problem);

    if (!code)
        code = package_payload_begin(&reader->payload, reader->component, &reader->problem);
    if (code)
        return code;
    reader->state = READ_CHUNK;
    return package_payload_is_complete(&reader->payload) ? component_complete(reader) : E_NONE;
}

static enum error_code trailer_complete(struct package_reader *reader)
{
    reader->state = READ_DONE;
    if (package_trailer_read(reader->small) != reader->crc32)
        return package_refuse(&reader->problem, E_CRC, "trailer", "the CRC32 of everything is wrong");
    return E_NONE;
}

/* The states that collect a few bytes: how many, and what then. */
static const struct {
    size_t bytes;
    enum error_code (*complete)(struct package_reader *reader);
} small_states[] = {
    [READ_HEADER] = {PACKAGE_HEADER_BYTES, header_complete},
    [READ_SECTION] = {SECTION_HEADER_BYTES, section_complete},
    [READ_TRAILER] = {PACKAGE_TRAILER_BYTES, trailer_complete},
};

/* Each of these takes some of the bytes and says how many. */
static size_t small_feed(struct package_reader *reader, const uint8_t *bytes, size_t length)
{
    size_t missing = small_states[reader->state].bytes - reader->small_length, taken = length < missing ? length : missing;

    if (reader->state != READ_TRAILER)
        reader->crc32 = (uint32_t)crc32_z(reader->crc32, bytes, taken);
    memcpy(reader->small + reader->small_length, bytes, taken);
    reader->small_length += taken;
    if (taken < missing)
        return taken;
    reader->small_length = 0;
    reader->code = small_states[reader->state].complete(reader);
    return taken;
}

static size_t metadata_feed(struct package_reader *reader, const uint8_t *bytes, size_t length)
{
    size_t taken = length < reader->metadata.left ? length : (size_t)reader->metadata.left;

    reader->crc32 = (uint32_t)crc32_z(reader->crc32, bytes, taken);
    package_metadata_feed(&reader->metadata, bytes, taken);
    if (reader->metadata.left == 0)
        reader->code = metadata_complete(reader);
    return taken;
}

static size_t chunk_feed(struct package_reader *reader, const uint8_t *bytes, size_t length)
{
    size_t taken;

    reader->code = package_payload_feed(&reader->payload, bytes, length, &taken, &reader->problem);
    reader->crc32 = (uint32_t)crc32_z(reader->crc32, bytes, taken);
    if (!reader->code && package_payload_is_complete(&reader->payload))
        reader->code = component_complete(reader);
    return taken;
}

static size_t some_feed(struct package_reader *reader, const uint8_t *bytes, size_t length)
{
    switch (reader->state) {
    case READ_METADATA:
        return metadata_feed(reader, bytes, length);
    case READ_CHUNK:
        return chunk_feed(reader, bytes, length);
    case READ_DONE:
        reader->code = package_refuse(&reader->problem, E_CRC, "package", "bytes behind its end");
        return 0;
    default:
        return small_feed(reader, bytes, length);
    }
}

static enum error_code verdict(const struct package_reader *reader, struct problem *ret_problem)
{
    if (reader->code && ret_problem)
        *ret_problem = reader->problem;
    return reader->code;
}

enum error_code package_reader_feed(struct package_reader *reader, const void *bytes, size_t length, struct problem *ret_problem)
{
    const uint8_t *at = bytes;

    while (length > 0 && reader->code == E_NONE) {
        size_t taken = some_feed(reader, at, length);

        at += taken;
        length -= taken;
    }
    return verdict(reader, ret_problem);
}

enum error_code package_reader_end(struct package_reader *reader, struct problem *ret_problem)
{
    if (reader->code == E_NONE && reader->state != READ_DONE)
        reader->code = package_refuse(&reader->problem, E_CRC, "package", "cut short");
    return verdict(reader, ret_problem);
}
