/* Any bytes as a manifest and as a delta description: refused with a reason, or read, written and read again to the same text. */
#include "fuzz.h"

#include "firmware/delta_doc.h"
#include "firmware/manifest.h"

static void manifest_try(const char *bytes, size_t length)
{
    struct manifest manifest, again;
    struct problem problem = {0};
    struct buffer first, second;
    int64_t sum = 0;

    if (manifest_read(bytes, length, &manifest, &problem) != E_NONE) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return;
    }
    MUST(manifest.component_count >= 1 && manifest.component_count <= PACKAGE_COMPONENTS_MAX && manifest.chunk_count <= PACKAGE_CHUNKS_MAX);
    for (unsigned i = 0; i < manifest.component_count; i++) {
        MUST(text_is_id(manifest.components[i].name, strlen(manifest.components[i].name)));
        MUST(text_is_id(manifest.components[i].part, strlen(manifest.components[i].part)));
        MUST(manifest.components[i].first_chunk + manifest.components[i].chunk_count <= manifest.chunk_count);
        sum += manifest.components[i].size_bytes;
    }
    MUST(sum == manifest.size_bytes);
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    manifest_write(&manifest, &first);
    MUST(manifest_read(first.bytes, first.length, &again, &problem) == E_NONE);
    manifest_write(&again, &second);
    MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buffer_done(&first);
    buffer_done(&second);
    manifest_done(&manifest);
    manifest_done(&again);
}

static void delta_doc_try(const char *bytes, size_t length)
{
    struct delta_doc doc, again;
    struct problem problem = {0};
    struct buffer first, second;

    if (delta_doc_read(bytes, length, &doc, &problem) != E_NONE) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return;
    }
    MUST(doc.component_count >= 1 && doc.component_count <= PACKAGE_COMPONENTS_MAX && doc.chunk_count <= PACKAGE_CHUNKS_MAX);
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    delta_doc_write(&doc, &first);
    MUST(delta_doc_read(first.bytes, first.length, &again, &problem) == E_NONE);
    delta_doc_write(&again, &second);
    MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buffer_done(&first);
    buffer_done(&second);
    delta_doc_done(&doc);
    delta_doc_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    manifest_try((const char *)bytes, length);
    delta_doc_try((const char *)bytes, length);
    return 0;
}
