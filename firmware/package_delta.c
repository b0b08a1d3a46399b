/* Two full packages in, the delta package between them out: plain copies where they are encrypted, images, patches, description, file. */
#include "firmware/package_delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/delta_parts.h"
#include "firmware/file_io.h"
#include "firmware/package_encrypt.h"
#include "firmware/package_writer.h"

#define SAVING_PCT_USUAL 20
#define BLOCK_BYTES 65536

/* A package without its encryption: itself, or a copy that is gone when it is closed. */
struct plain {
    const struct package_file *file;
    struct package_file copy;
    bool is_copy;
};

static enum error_code plain_copy(const struct package_file *file, const struct package_delta_options *options, const char *path, struct plain *ret_plain,
                                  struct problem *ret_problem)
{
    char name[4096];
    enum error_code code;
    int fd = file_beside(path, name, sizeof name);

    if (fd < 0)
        return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "delta", "no temporary file: %s", strerror(errno));
    close(fd);
    code = package_decrypt(file, options->keys, name, NULL, ret_problem);
    if (!code)
        code = package_file_open(name, &ret_plain->copy, ret_problem);
    (void)unlink(name);
    if (code)
        return code;
    ret_plain->file = &ret_plain->copy;
    ret_plain->is_copy = true;
    return E_NONE;
}

static enum error_code plain_open(const struct package_file *file, const struct package_delta_options *options, const char *path, struct plain *ret_plain,
                                  struct problem *ret_problem)
{
    ret_plain->file = file;
    ret_plain->is_copy = false;
    if (!(file->head.header.flags & PACKAGE_ENCRYPTED))
        return E_NONE;
    if (!options->keys)
        return package_refuse(ret_problem, E_DECRYPT, "package", "it is encrypted and there are no keys");
    return plain_copy(file, options, path, ret_plain, ret_problem);
}

static void plain_close(struct plain *plain)
{
    if (plain->is_copy)
        package_file_close(&plain->copy);
}

static enum error_code pair_check(const struct package_file *from, const struct package_file *to, struct problem *ret_problem)
{
    if (from->head.has_delta || to->head.has_delta)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "package", "a delta is made from one full package to another");
    if (strcmp(from->head.manifest.model, to->head.manifest.model) != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "device_model", "'%s' and '%s'", from->head.manifest.model, to->head.manifest.model);
    return E_NONE;
}

/* Where the bytes of a part come from: its patch, or what the full package stores. */
static int part_source(const struct delta_making *making, unsigned i, int64_t *ret_offset)
{
    *ret_offset = making->parts[i].fd >= 0 ? 0 : making->to->part_offset[i];
    return making->parts[i].fd >= 0 ? making->parts[i].fd : making->to->fd;
}

static enum error_code chunk_digest(struct sha256 *sha256, int fd, int64_t offset, int64_t length, uint8_t *ret_digest, struct problem *ret_problem)
{
    uint8_t block[BLOCK_BYTES];

    for (int64_t at = 0; at < length;) {
        size_t wanted = length - at < BLOCK_BYTES ? (size_t)(length - at) : BLOCK_BYTES, got = 0;

        if (!file_read_at(fd, block, wanted, offset + at, &got) || got != wanted)
            return package_refuse(ret_problem, E_INSTALL, "delta", "a part cannot be read again");
        sha256_add(sha256, block, got);
        at += (int64_t)got;
    }
    return sha256_digest(sha256, ret_digest) ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "delta", "cannot be digested");
}

static enum error_code chunks_digest(const struct delta_making *making, struct delta_doc *doc, unsigned i, struct sha256 *sha256, struct problem *ret_problem)
{
    const struct delta_component *component = &doc->components[i];
    enum error_code code = E_NONE;
    int64_t begin;
    int fd = part_source(making, i, &begin);

    for (uint32_t chunk = 0; !code && chunk < component->chunk_count; chunk++) {
        int64_t offset = (int64_t)chunk * doc->chunk_bytes, left = component->stored_bytes - offset;

        code = chunk_digest(sha256, fd, begin + offset, left < doc->chunk_bytes ? left : doc->chunk_bytes, doc->chunks[component->first_chunk + chunk], ret_problem);
    }
    return code;
}

static void component_describe(const struct delta_making *making, struct delta_doc *doc, unsigned i)
{
    const struct delta_part *part = &making->parts[i];
    struct delta_component *component = &doc->components[i];

    memcpy(component->name, making->to->head.manifest.components[i].name, sizeof component->name);
    component->algorithm = part->result.algorithm;
    component->stored_bytes = part->stored_bytes;
    component->first_chunk = doc->chunk_count;
    component->chunk_count = (uint32_t)((part->stored_bytes + doc->chunk_bytes - 1) / doc->chunk_bytes);
    doc->chunk_count += component->chunk_count;
    if (component->algorithm != DELTA_FULL) {
        component->base_bytes = making->from->head.manifest.components[part->base].size_bytes;
        memcpy(component->base_sha256, making->from->head.manifest.components[part->base].sha256, SHA256_BYTES);
    }
}

static enum error_code describe(const struct delta_making *making, struct delta_doc *doc, struct problem *ret_problem)
{
    const struct package_head *head = &making->to->head;
    struct sha256 *sha256 = sha256_new();
    int64_t stored[PACKAGE_COMPONENTS_MAX];
    enum error_code code = E_NONE;

    for (unsigned i = 0; i < head->manifest.component_count; i++)
        stored[i] = making->parts[i].stored_bytes;
    memcpy(doc->manifest_sha256, head->manifest_sha256, SHA256_BYTES);
    memcpy(doc->base_version, making->from->head.manifest.version, sizeof doc->base_version);
    doc->component_count = head->manifest.component_count;
    doc->chunk_bytes = manifest_chunk_bytes(stored, doc->component_count);
    for (unsigned i = 0; i < doc->component_count; i++)
        component_describe(making, doc, i);
    doc->chunks = calloc((size_t)doc->chunk_count + 1, sizeof *doc->chunks);
    if (!sha256 || !doc->chunks)
        code = package_refuse(ret_problem, E_INTERNAL, "delta", "out of memory");
    for (unsigned i = 0; !code && i < doc->component_count; i++)
        code = chunks_digest(making, doc, i, sha256, ret_problem);
    sha256_free(sha256);
    return code;
}

/* The full package with other payloads and one section more. */
static int64_t delta_package_bytes(const struct delta_making *making, const struct buffer *text)
{
    int64_t bytes = making->to->size_bytes + SECTION_HEADER_BYTES + (int64_t)text->length;

    for (unsigned i = 0; i < making->new->count; i++)
        bytes += making->parts[i].stored_bytes - making->to->head.manifest.components[i].stored_bytes;
    return bytes;
}

static enum error_code delta_write(const struct delta_making *making, const struct buffer *text, struct problem *ret_problem)
{
    struct package_writer *writer = package_writer_new(making->path, PACKAGE_DELTA);
    const struct package_head *head = &making->to->head;
    enum error_code code;

    if (!writer)
        return package_refuse(ret_problem, E_INTERNAL, "delta", "out of memory");
    package_writer_section(writer, SECTION_MANIFEST, head->manifest_bytes, head->manifest_length);
    for (unsigned i = 0; i < head->signature_count; i++)
        package_writer_signature(writer, SECTION_SIGNATURE, &head->signatures[i]);
    package_writer_section(writer, SECTION_DELTA, text->bytes, text->length);
    if (head->trust_bytes)
        package_writer_section(writer, SECTION_TRUST, head->trust_bytes, head->trust_length);
    for (unsigned i = 0; i < head->manifest.component_count; i++) {
        int64_t offset;
        int fd = part_source(making, i, &offset);

        package_writer_begin_payload(writer, i, making->parts[i].stored_bytes);
        package_writer_payload_fd(writer, fd, offset, making->parts[i].stored_bytes);
    }
    code = package_writer_finish(writer, ret_problem);
    package_writer_free(writer);
    return code;
}

static enum error_code delta_keep(const struct delta_making *making, const struct buffer *text, struct package_delta_result *result, struct problem *ret_problem)
{
    int saving_pct = making->options->min_saving_pct ? making->options->min_saving_pct : SAVING_PCT_USUAL;

    for (unsigned i = 0; i < making->new->count; i++)
        result->parts[i] = making->parts[i].result;
    result->full_bytes = making->to->size_bytes;
    result->delta_bytes = delta_package_bytes(making, text);
    result->kept = saving_pct < 0 || result->delta_bytes <= result->full_bytes / 100 * (100 - saving_pct);
    return result->kept ? delta_write(making, text, ret_problem) : E_NONE;
}

static enum error_code delta_finish(const struct delta_making *making, struct package_delta_result *result, struct problem *ret_problem)
{
    struct delta_doc doc = {0};
    struct buffer text;
    enum error_code code = describe(making, &doc, ret_problem);

    buffer_init(&text, PACKAGE_DOCUMENT_MAX);
    if (!code) {
        delta_doc_write(&doc, &text);
        code = text.failed ? package_refuse(ret_problem, E_INTERNAL, "delta", "its description does not fit into %d bytes", PACKAGE_DOCUMENT_MAX)
                           : delta_keep(making, &text, result, ret_problem);
    }
    buffer_done(&text);
    delta_doc_done(&doc);
    return code;
}

static enum error_code delta_of_plain(const struct package_file *from, const struct package_file *to, const struct package_delta_options *options, const char *path,
                                      struct package_delta_result *result, struct problem *ret_problem)
{
    struct delta_images old = {0}, new = {0};
    struct delta_making making = {.from = from, .to = to, .old = &old, .new = &new, .options = options, .path = path};
    enum error_code code = delta_images_load(from, path, &old, ret_problem);

    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        making.parts[i].fd = -1;
    if (!code)
        code = delta_images_load(to, path, &new, ret_problem);
    if (!code)
        code = delta_parts_make(&making, ret_problem);
    if (!code)
        code = delta_finish(&making, result, ret_problem);
    delta_parts_done(&making);
    delta_images_done(&old);
    delta_images_done(&new);
    return code;
}

enum error_code package_delta(const struct package_file *from, const struct package_file *to, const struct package_delta_options *options, const char *path,
                              struct package_delta_result *ret_result, struct problem *ret_problem)
{
    struct package_delta_result result = {0};
    struct plain plain_from = {0}, plain_to = {0};
    enum error_code code = pair_check(from, to, ret_problem);

    if (!code)
        code = plain_open(from, options, path, &plain_from, ret_problem);
    if (!code)
        code = plain_open(to, options, path, &plain_to, ret_problem);
    if (!code)
        code = delta_of_plain(plain_from.file, plain_to.file, options, path, &result, ret_problem);
    plain_close(&plain_from);
    plain_close(&plain_to);
    if (!code)
        *ret_result = result;
    return code;
}
