/* One way of reading both signed documents, so that a digest or a version is judged alike in either. Nothing here builds a tree:
 * 2048 digests as cJSON nodes would take three times the memory of the document. */
#include "firmware/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/semver.h"
#include "common/text.h"

/* 2048 digests, 16 components and what a later version may add. */
static const struct json_limits document_limits = {PACKAGE_DOCUMENT_MAX, 5, 4096, 512};

void document_fail(struct document *document, const char *name, const char *format, ...)
{
    char where[sizeof document->problem->where], what[sizeof document->problem->what];
    va_list arguments;

    if (*document->code)
        return;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(where, sizeof where, "%s%s", document->prefix, name);
    *document->code = package_refuse(document->problem, E_INCOMPATIBLE, where, "%s", what);
}

/* What common/ found wrong, with our place in front of its own. */
static void fail_with(struct document *document, const struct problem *problem)
{
    document_fail(document, problem->where, "%s", problem->what);
    if (problem->error == DROVER_MEMORY)
        *document->code = E_INTERNAL;
}

static void object_read(struct document *document, const char *bytes, size_t length)
{
    struct problem problem;

    document->flat.count = 0;
    document->flat.next = 0;
    if (!*document->code && json_document_read(bytes, length, &document_limits, &document->flat, &problem))
        fail_with(document, &problem);
}

void document_begin(struct document *document, const char *bytes, size_t length, const char *kind, enum error_code *code, struct problem *problem)
{
    const struct json_member *first = &document->flat.members[0];
    int64_t schema;

    document->prefix = "";
    document->code = code;
    document->problem = problem;
    object_read(document, bytes, length);
    if (!*code && (document->flat.count == 0 || first->name.length != 4 || memcmp(first->name.bytes, "kind", 4) != 0 || first->kind != JSON_STRING
                   || first->value.length != strlen(kind) || memcmp(first->value.bytes, kind, strlen(kind)) != 0))
        document_fail(document, "kind", "must come first and be \"%s\"", kind);
    document_i64(document, "schema", true, DOCUMENT_SCHEMA, DOCUMENT_SCHEMA, &schema);
}

void document_enter(struct document *ret_inner, const struct document *outer, const struct json_member *object, const char *prefix)
{
    ret_inner->prefix = prefix;
    ret_inner->code = outer->code;
    ret_inner->problem = outer->problem;
    ret_inner->flat.count = 0;
    ret_inner->flat.next = 0;
    if (object->kind != JSON_OBJECT)
        document_fail(ret_inner, "", "must be an object");
    else
        object_read(ret_inner, object->value.bytes, object->value.length);
}

/* NULL when there is nothing to read: it is missing, or something was wrong before. */
static const struct json_member *find(struct document *document, const char *name, bool required)
{
    const struct json_member *member = *document->code ? NULL : json_flat_find(&document->flat, name);

    if (!member && required)
        document_fail(document, name, "is required");
    return member;
}

static bool text_read(struct document *document, const char *name, bool required, char *ret, size_t size)
{
    const struct json_member *member = find(document, name, required);
    struct problem problem;

    ret[0] = '\0';
    if (!member)
        return false;
    if (json_member_text(member, name, ret, size, &problem) == DROVER_OK)
        return true;
    fail_with(document, &problem);
    return false;
}

void document_text(struct document *document, const char *name, char *ret, size_t size)
{
    (void)text_read(document, name, true, ret, size);
}

void document_id(struct document *document, const char *name, char *ret)
{
    if (text_read(document, name, true, ret, ID_SIZE) && !text_is_id(ret, strlen(ret)))
        document_fail(document, name, "is not an id (letters, digits and . _ - only)");
}

void document_version(struct document *document, const char *name, bool required, char *ret)
{
    char text[VERSION_SIZE + 1]; /* a leading v is taken and dropped */
    struct problem problem;

    ret[0] = '\0';
    if (text_read(document, name, required, text, sizeof text) && semver_read(text, strlen(text), ret, &problem))
        document_fail(document, name, "%s", problem.what);
}

void document_i64(struct document *document, const char *name, bool required, int64_t min, int64_t max, int64_t *ret)
{
    const struct json_member *member = find(document, name, required);
    struct problem problem;

    if (member && json_member_i64(member, name, min, max, ret, &problem))
        fail_with(document, &problem);
}

static bool digest_read(const struct json_member *member, uint8_t ret[SHA256_BYTES])
{
    char hex[SHA256_HEX_SIZE];

    return member->kind == JSON_STRING && text_is_hex(member->value.bytes, member->value.length, 2 * SHA256_BYTES)
        && text_copy_n(hex, sizeof hex, member->value.bytes, member->value.length) && text_unhex(ret, SHA256_BYTES, hex);
}

void document_sha256(struct document *document, const char *name, uint8_t ret[SHA256_BYTES])
{
    const struct json_member *member = find(document, name, true);

    if (member && !digest_read(member, ret))
        document_fail(document, name, "must be a SHA-256: 64 lower-case hex digits");
}

void document_chunk_bytes(struct document *document, int64_t *ret)
{
    *ret = CHUNK_BYTES_MIN;
    document_i64(document, "chunk_size", true, CHUNK_BYTES_MIN, CHUNK_BYTES_MAX, ret);
    if (*ret & (*ret - 1))
        document_fail(document, "chunk_size", "must be a power of two");
}

struct json_array document_array(struct document *document, const char *name)
{
    const struct json_member *member = find(document, name, true);
    struct json_array array = {0};
    struct problem problem;

    if (member && json_array_begin(member, name, &array, &problem))
        fail_with(document, &problem);
    return array;
}

/* Room for count more; false: too many, or no memory. */
static bool chunks_grow(struct document *document, int64_t count, uint8_t (**chunks)[SHA256_BYTES], uint32_t total)
{
    void *more;

    if (count > PACKAGE_CHUNKS_MAX - (int64_t)total) {
        document_fail(document, "chunks", "more than %d in the document", PACKAGE_CHUNKS_MAX);
        return false;
    }
    if (count == 0)
        return true;
    more = realloc(*chunks, (total + (size_t)count) * sizeof **chunks);
    if (!more) {
        document_fail(document, "chunks", "no memory to read them");
        *document->code = E_INTERNAL;
        return false;
    }
    *chunks = more;
    return true;
}

void document_chunks(struct document *document, int64_t stored_bytes, int64_t chunk_bytes, uint8_t (**chunks)[SHA256_BYTES], uint32_t *total,
                     uint32_t *ret_first, uint32_t *ret_count)
{
    struct json_array array = document_array(document, "chunks");
    int64_t count = *document->code ? 0 : (stored_bytes + chunk_bytes - 1) / chunk_bytes, got = 0;
    struct json_member item;

    *ret_first = *total;
    *ret_count = 0;
    if (*document->code || !chunks_grow(document, count, chunks, *total))
        return;
    for (; json_array_next(&array, &item); got++)
        if (got < count && !digest_read(&item, (*chunks)[*total + got])) {
            document_fail(document, "chunks", "item %lld must be a SHA-256: 64 lower-case hex digits", (long long)got);
            return;
        }
    if (got != count)
        document_fail(document, "chunks", "%lld digests; the sizes make it %lld", (long long)got, (long long)count);
    *total += (uint32_t)count;
    *ret_count = (uint32_t)count;
}

void document_put_sha256(struct json_writer *writer, const char *name, const uint8_t sha256[SHA256_BYTES])
{
    char hex[SHA256_HEX_SIZE];

    text_hex(hex, sha256, SHA256_BYTES);
    json_put_text(writer, name, hex);
}

void document_put_chunks(struct json_writer *writer, const uint8_t (*chunks)[SHA256_BYTES], uint32_t count)
{
    json_open_array(writer, "chunks");
    for (uint32_t i = 0; i < count; i++)
        document_put_sha256(writer, NULL, chunks[i]);
    json_close_array(writer);
}
