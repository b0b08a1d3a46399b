/* A head from bytes in memory, and what must hold between its documents and its header before anything is proved: after this no
 * length in the rest of the package is a surprise. */
#include "firmware/package_head.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/chunk_cipher.h"
#include "firmware/package_metadata.h"

enum error_code package_head_read(const uint8_t *bytes, size_t length, struct package_head *ret_head, struct problem *ret_problem)
{
    struct package_metadata metadata;
    struct package_header header;
    enum error_code code;

    if (length < PACKAGE_HEADER_BYTES)
        return package_refuse(ret_problem, E_CRC, "header", "cut short");
    code = package_header_read(bytes, &header, ret_problem);
    if (code)
        return code;
    if (length - PACKAGE_HEADER_BYTES != header.metadata_bytes)
        return package_refuse(ret_problem, E_CRC, "metadata", "cut short, or something follows it");
    package_metadata_init(&metadata, &header);
    package_metadata_feed(&metadata, bytes + PACKAGE_HEADER_BYTES, header.metadata_bytes);
    code = package_metadata_end(&metadata, ret_head, ret_problem);
    package_metadata_done(&metadata);
    return code;
}

void package_head_done(struct package_head *head)
{
    manifest_done(&head->manifest);
    delta_doc_done(&head->delta);
    free(head->manifest_bytes);
    free(head->signatures);
    free(head->delta_bytes);
    free(head->delta_signatures);
    free(head->trust_bytes);
    free(head->recipients);
    *head = (struct package_head){0};
}

struct package_part package_head_part(const struct package_head *head, unsigned component)
{
    const struct component *full = &head->manifest.components[component];
    const struct delta_component *patch = &head->delta.components[component];
    struct package_part part = {.algorithm = DELTA_FULL, .stored_bytes = full->stored_bytes, .chunk_bytes = head->manifest.chunk_bytes, .chunk_count = full->chunk_count};

    if (head->manifest.chunks)
        part.chunks = (const uint8_t (*)[SHA256_BYTES])(head->manifest.chunks + full->first_chunk);
    if (head->has_delta)
        part = (struct package_part){
            .algorithm = patch->algorithm, .stored_bytes = patch->stored_bytes, .chunk_bytes = head->delta.chunk_bytes, .chunk_count = patch->chunk_count,
            .chunks = (const uint8_t (*)[SHA256_BYTES])(head->delta.chunks ? head->delta.chunks + patch->first_chunk : NULL)};
    part.section_bytes = part.stored_bytes + (head->header.flags & PACKAGE_ENCRYPTED ? (int64_t)part.chunk_count * CHUNK_TAG_BYTES : 0);
    return part;
}

struct section package_payload_section(const struct package_head *head, unsigned component)
{
    return (struct section){SECTION_PAYLOAD, SECTION_CRITICAL, component, (uint64_t)package_head_part(head, component).section_bytes};
}

enum error_code package_payload_check(const struct package_head *head, unsigned component, const uint8_t bytes[SECTION_HEADER_BYTES], struct problem *ret_problem)
{
    struct section wanted = package_payload_section(head, component);
    uint8_t wanted_bytes[SECTION_HEADER_BYTES];

    section_write(&wanted, wanted_bytes);
    if (memcmp(bytes, wanted_bytes, sizeof wanted_bytes) == 0)
        return E_NONE;
    return package_refuse(ret_problem, E_INCOMPATIBLE, head->manifest.components[component].name, "its payload section is not what the documents say");
}

/* Names and order as in the manifest; what is stored in full is what the manifest describes. */
static enum error_code delta_agrees(const struct package_head *head, struct problem *ret_problem)
{
    const struct manifest *manifest = &head->manifest;
    const struct delta_doc *delta = &head->delta;

    if (memcmp(delta->manifest_sha256, head->manifest_sha256, SHA256_BYTES) != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "delta", "it belongs to another manifest");
    if (delta->component_count != manifest->component_count)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "delta", "%u components; the manifest has %u", delta->component_count, manifest->component_count);
    for (unsigned i = 0; i < manifest->component_count; i++) {
        const struct component *full = &manifest->components[i];
        const struct delta_component *patch = &delta->components[i];

        if (strcmp(full->name, patch->name) != 0)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "delta", "component %u is '%s'; in the manifest it is '%s'", i, patch->name, full->name);
        if (patch->algorithm == DELTA_FULL && patch->stored_bytes != full->stored_bytes)
            return package_refuse(ret_problem, E_INCOMPATIBLE, patch->name, "stored in full, but not with the size of the manifest");
        if (patch->algorithm == DELTA_COPY && (patch->base_bytes != full->size_bytes || memcmp(patch->base_sha256, full->sha256, SHA256_BYTES) != 0))
            return package_refuse(ret_problem, E_INCOMPATIBLE, patch->name, "copied, but its base is another image");
    }
    return E_NONE;
}

static enum error_code payload_agrees(const struct package_head *head, struct problem *ret_problem)
{
    uint64_t sum = 0;

    if (head->header.payload_sections != head->manifest.component_count)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "header", "%u payload sections; the manifest has %u components", head->header.payload_sections,
                              head->manifest.component_count);
    for (unsigned i = 0; i < head->manifest.component_count; i++)
        sum += SECTION_HEADER_BYTES + package_payload_section(head, i).length;
    if (sum != head->header.payload_bytes)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "header", "%llu payload bytes; the documents make it %llu",
                              (unsigned long long)head->header.payload_bytes, (unsigned long long)sum);
    return E_NONE;
}

enum error_code package_head_documents(struct package_head *head, struct problem *ret_problem)
{
    enum error_code code = manifest_read(head->manifest_bytes, head->manifest_length, &head->manifest, ret_problem);

    if (!code && !sha256_of(head->manifest_bytes, head->manifest_length, head->manifest_sha256))
        code = package_refuse(ret_problem, E_INTERNAL, "manifest", "no memory to digest it");
    if (!code && head->delta_bytes) {
        head->has_delta = true;
        code = delta_doc_read(head->delta_bytes, head->delta_length, &head->delta, ret_problem);
        if (!code && !sha256_of(head->delta_bytes, head->delta_length, head->delta_sha256))
            code = package_refuse(ret_problem, E_INTERNAL, "delta", "no memory to digest it");
        if (!code)
            code = delta_agrees(head, ret_problem);
    }
    return code ? code : payload_agrees(head, ret_problem);
}
