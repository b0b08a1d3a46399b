/* The delta description as JSON, read as strictly as the manifest and written deterministically. */
#include "firmware/delta_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/document.h"

static const char *const algorithm_names[DELTA_ALGORITHM_COUNT] = {
    [DELTA_FULL] = "full", [DELTA_COPY] = "copy", [DELTA_BSDIFF] = "bsdiff", [DELTA_ZSTD] = "zstd"};

const char *delta_algorithm_name(enum delta_algorithm algorithm)
{
    return algorithm_names[algorithm];
}

bool delta_algorithm_from_name(const char *name, enum delta_algorithm *ret)
{
    for (unsigned i = 0; i < DELTA_ALGORITHM_COUNT; i++)
        if (strcmp(algorithm_names[i], name) == 0) {
            *ret = (enum delta_algorithm)i;
            return true;
        }
    return false;
}

static void algorithm_read(struct document *document, struct delta_component *component)
{
    char name[16];

    document_text(document, "algorithm", name, sizeof name);
    if (!*document->code && !delta_algorithm_from_name(name, &component->algorithm))
        document_fail(document, "algorithm", "must be full, copy, bsdiff or zstd");
}

/* A component made from nothing has no base; one that is copied stores nothing; a patch is never empty. */
static void component_read(struct document *document, struct delta_doc *doc, struct delta_component *component)
{
    bool needs_base;

    document_id(document, "name", component->name);
    algorithm_read(document, component);
    needs_base = component->algorithm != DELTA_FULL;
    document_i64(document, "base_size", needs_base, 0, needs_base ? IMAGE_BYTES_MAX : 0, &component->base_bytes);
    if (needs_base)
        document_sha256(document, "base_sha256", component->base_sha256);
    document_i64(document, "stored_size", true, 0, component->algorithm == DELTA_COPY ? 0 : IMAGE_BYTES_MAX, &component->stored_bytes);
    if (needs_base && component->algorithm != DELTA_COPY && component->stored_bytes == 0)
        document_fail(document, "stored_size", "a patch of 0 bytes");
    document_chunks(document, component->stored_bytes, doc->chunk_bytes, &doc->chunks, &doc->chunk_count, &component->first_chunk, &component->chunk_count);
}

static void components_read(struct document *document, struct delta_doc *doc)
{
    struct json_array array = document_array(document, "components");
    struct json_member item;
    struct document inner;
    char prefix[32];

    while (!*document->code && json_array_next(&array, &item)) {
        if (doc->component_count == PACKAGE_COMPONENTS_MAX) {
            document_fail(document, "components", "more than %d", PACKAGE_COMPONENTS_MAX);
            return;
        }
        (void)snprintf(prefix, sizeof prefix, "components[%u].", doc->component_count);
        document_enter(&inner, document, &item, prefix);
        component_read(&inner, doc, &doc->components[doc->component_count++]);
    }
    if (doc->component_count == 0)
        document_fail(document, "components", "at least one is needed");
}

enum error_code delta_doc_read(const char *bytes, size_t length, struct delta_doc *ret_doc, struct problem *ret_problem)
{
    struct delta_doc doc = {0};
    enum error_code code = E_NONE;
    struct document document;

    document_begin(&document, bytes, length, DELTA_DOC_KIND, &code, ret_problem);
    document_sha256(&document, "manifest_sha256", doc.manifest_sha256);
    document_version(&document, "base_version", true, doc.base_version);
    document_chunk_bytes(&document, &doc.chunk_bytes);
    components_read(&document, &doc);
    if (code)
        delta_doc_done(&doc);
    else
        *ret_doc = doc;
    return code;
}

static void component_write(struct json_writer *writer, const struct delta_doc *doc, const struct delta_component *component)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "name", component->name);
    json_put_text(writer, "algorithm", delta_algorithm_name(component->algorithm));
    if (component->algorithm != DELTA_FULL) {
        json_put_i64(writer, "base_size", component->base_bytes);
        document_put_sha256(writer, "base_sha256", component->base_sha256);
    }
    json_put_i64(writer, "stored_size", component->stored_bytes);
    document_put_chunks(writer, (const uint8_t (*)[SHA256_BYTES])(doc->chunks ? doc->chunks + component->first_chunk : NULL), component->chunk_count);
    json_close_object(writer);
}

void delta_doc_write(const struct delta_doc *doc, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    json_put_text(&writer, "kind", DELTA_DOC_KIND);
    json_put_i64(&writer, "schema", DOCUMENT_SCHEMA);
    document_put_sha256(&writer, "manifest_sha256", doc->manifest_sha256);
    json_put_text(&writer, "base_version", doc->base_version);
    json_put_i64(&writer, "chunk_size", doc->chunk_bytes);
    json_open_array(&writer, "components");
    for (unsigned i = 0; i < doc->component_count; i++)
        component_write(&writer, doc, &doc->components[i]);
    json_close_array(&writer);
    json_end(&writer);
}

void delta_doc_done(struct delta_doc *doc)
{
    free(doc->chunks);
    *doc = (struct delta_doc){0};
}
