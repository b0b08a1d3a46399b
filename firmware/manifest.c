/* The manifest as JSON: read strictly, written so that the same manifest always gives the same bytes. */
#include "firmware/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/document.h"

#define INTEGER_MAX ((int64_t)1 << 53)
#define CHUNK_BYTES_USUAL 65536

static const char *const compression_names[COMPRESSION_COUNT] = {[COMPRESSION_NONE] = "none", [COMPRESSION_ZSTD] = "zstd"};

const char *compression_name(enum compression compression)
{
    return compression_names[compression];
}

bool compression_from_name(const char *name, enum compression *ret)
{
    for (unsigned i = 0; i < COMPRESSION_COUNT; i++)
        if (strcmp(compression_names[i], name) == 0) {
            *ret = (enum compression)i;
            return true;
        }
    return false;
}

static void hw_revs_read(struct document *document, struct manifest *manifest)
{
    struct json_array array = document_array(document, "hw_revs");
    struct json_member item;
    struct problem problem;

    while (json_array_next(&array, &item)) {
        char *rev = manifest->hw_revs[manifest->hw_rev_count];

        if (manifest->hw_rev_count == HW_REVS_MAX) {
            document_fail(document, "hw_revs", "more than %d", HW_REVS_MAX);
            return;
        }
        if (json_member_text(&item, "hw_revs", rev, ID_SIZE, &problem) || !text_is_word(rev, strlen(rev))) {
            document_fail(document, "hw_revs", "item %u is not a word of at most %d characters", manifest->hw_rev_count, ID_SIZE - 1);
            return;
        }
        manifest->hw_rev_count++;
    }
}

static void compression_read(struct document *document, struct component *component)
{
    char name[16];

    document_text(document, "compression", name, sizeof name);
    if (!*document->code && !compression_from_name(name, &component->compression))
        document_fail(document, "compression", "must be none or zstd");
}

/* Names and parts are unique: nothing is written twice. */
static void names_check(struct document *document, const struct manifest *manifest, const struct component *component)
{
    for (const struct component *other = manifest->components; other < component; other++) {
        if (strcmp(other->name, component->name) == 0)
            document_fail(document, "name", "'%s' is given twice", component->name);
        if (strcmp(other->part, component->part) == 0)
            document_fail(document, "part", "'%s' is given twice", component->part);
    }
}

static void component_read(struct document *document, struct manifest *manifest, struct component *component)
{
    document_id(document, "name", component->name);
    document_id(document, "part", component->part);
    document_i64(document, "size", true, 0, IMAGE_BYTES_MAX, &component->size_bytes);
    document_sha256(document, "sha256", component->sha256);
    compression_read(document, component);
    document_i64(document, "stored_size", true, 0, IMAGE_BYTES_MAX, &component->stored_bytes);
    if (component->compression == COMPRESSION_NONE && component->stored_bytes != component->size_bytes)
        document_fail(document, "stored_size", "is not size, though nothing is compressed");
    if (component->compression == COMPRESSION_ZSTD && component->stored_bytes == 0)
        document_fail(document, "stored_size", "0 bytes are no zstd frame");
    document_chunks(document, component->stored_bytes, manifest->chunk_bytes, &manifest->chunks, &manifest->chunk_count, &component->first_chunk,
                    &component->chunk_count);
    names_check(document, manifest, component);
}

static void components_read(struct document *document, struct manifest *manifest)
{
    struct json_array array = document_array(document, "components");
    struct json_member item;
    struct document inner;
    char prefix[32];
    int64_t sum = 0;

    while (!*document->code && json_array_next(&array, &item)) {
        if (manifest->component_count == PACKAGE_COMPONENTS_MAX) {
            document_fail(document, "components", "more than %d", PACKAGE_COMPONENTS_MAX);
            return;
        }
        (void)snprintf(prefix, sizeof prefix, "components[%u].", manifest->component_count);
        document_enter(&inner, document, &item, prefix);
        component_read(&inner, manifest, &manifest->components[manifest->component_count]);
        sum += manifest->components[manifest->component_count++].size_bytes;
    }
    if (manifest->component_count == 0)
        document_fail(document, "components", "at least one is needed");
    if (sum != manifest->size_bytes)
        document_fail(document, "size", "%lld; the components make it %lld", (long long)manifest->size_bytes, (long long)sum);
}

enum error_code manifest_read(const char *bytes, size_t length, struct manifest *ret_manifest, struct problem *ret_problem)
{
    struct manifest manifest = {0};
    enum error_code code = E_NONE;
    struct document document;

    document_begin(&document, bytes, length, MANIFEST_KIND, &code, ret_problem);
    document_version(&document, "version", true, manifest.version);
    document_id(&document, "device_model", manifest.model);
    hw_revs_read(&document, &manifest);
    document_version(&document, "min_version", false, manifest.min_version);
    document_i64(&document, "build_time", true, 0, INTEGER_MAX, &manifest.build_time_ms);
    document_i64(&document, "expires_at", false, 1, INTEGER_MAX, &manifest.expires_ms);
    document_i64(&document, "release_counter", true, 0, INTEGER_MAX, &manifest.release_counter);
    document_i64(&document, "size", true, 0, PACKAGE_COMPONENTS_MAX * IMAGE_BYTES_MAX, &manifest.size_bytes);
    document_chunk_bytes(&document, &manifest.chunk_bytes);
    components_read(&document, &manifest);
    if (code)
        manifest_done(&manifest);
    else
        *ret_manifest = manifest;
    return code;
}

static void component_write(struct json_writer *writer, const struct manifest *manifest, const struct component *component)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "name", component->name);
    json_put_text(writer, "part", component->part);
    json_put_i64(writer, "size", component->size_bytes);
    document_put_sha256(writer, "sha256", component->sha256);
    json_put_text(writer, "compression", compression_name(component->compression));
    json_put_i64(writer, "stored_size", component->stored_bytes);
    document_put_chunks(writer, (const uint8_t (*)[SHA256_BYTES])(manifest->chunks ? manifest->chunks + component->first_chunk : NULL), component->chunk_count);
    json_close_object(writer);
}

void manifest_write(const struct manifest *manifest, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    json_put_text(&writer, "kind", MANIFEST_KIND);
    json_put_i64(&writer, "schema", DOCUMENT_SCHEMA);
    json_put_text(&writer, "version", manifest->version);
    json_put_text(&writer, "device_model", manifest->model);
    json_open_array(&writer, "hw_revs");
    for (unsigned i = 0; i < manifest->hw_rev_count; i++)
        json_put_text(&writer, NULL, manifest->hw_revs[i]);
    json_close_array(&writer);
    json_put_text(&writer, "min_version", manifest->min_version[0] ? manifest->min_version : NULL);
    json_put_i64(&writer, "build_time", manifest->build_time_ms);
    if (manifest->expires_ms)
        json_put_i64(&writer, "expires_at", manifest->expires_ms);
    json_put_i64(&writer, "release_counter", manifest->release_counter);
    json_put_i64(&writer, "size", manifest->size_bytes);
    json_put_i64(&writer, "chunk_size", manifest->chunk_bytes);
    json_open_array(&writer, "components");
    for (unsigned i = 0; i < manifest->component_count; i++)
        component_write(&writer, manifest, &manifest->components[i]);
    json_close_array(&writer);
    json_end(&writer);
}

void manifest_done(struct manifest *manifest)
{
    free(manifest->chunks);
    *manifest = (struct manifest){0};
}

const struct component *manifest_component(const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < manifest->component_count; i++)
        if (strcmp(manifest->components[i].name, name) == 0)
            return &manifest->components[i];
    return NULL;
}

int64_t manifest_chunk_bytes(const int64_t *stored_bytes, unsigned count)
{
    int64_t chunk_bytes = CHUNK_BYTES_USUAL, chunks;

    for (;; chunk_bytes *= 2) {
        chunks = 0;
        for (unsigned i = 0; i < count; i++)
            chunks += (stored_bytes[i] + chunk_bytes - 1) / chunk_bytes;
        if (chunks <= PACKAGE_CHUNKS_MAX || chunk_bytes == CHUNK_BYTES_MAX)
            return chunk_bytes;
    }
}
