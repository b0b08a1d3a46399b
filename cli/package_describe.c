/* A package as one JSON object: everything its metadata say, and where each part lies in the file. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/package_print.h"
#include "common/text.h"

bool fd_sha256(int fd, char *ret_hex)
{
    char part[65536];
    struct sha256 *sha256 = sha256_new();
    off_t offset = 0;
    ssize_t got = sha256 ? 0 : -1;

    while (sha256 && ((got = pread(fd, part, sizeof part, offset)) > 0 || (got < 0 && errno == EINTR)))
        if (got > 0) {
            sha256_add(sha256, part, (size_t)got);
            offset += got;
        }
    if (got == 0)
        sha256_hex(sha256, ret_hex);
    sha256_free(sha256);
    return got == 0;
}

static void add_digest(struct cJSON *object, const char *name, const uint8_t digest[SHA256_BYTES])
{
    char hex[SHA256_HEX_SIZE];

    text_hex(hex, digest, SHA256_BYTES);
    cJSON_AddStringToObject(object, name, hex);
}

static void add_number(struct cJSON *object, const char *name, int64_t value)
{
    cJSON_AddNumberToObject(object, name, (double)value);
}

static struct cJSON *add_item(struct cJSON *array)
{
    struct cJSON *item = cJSON_CreateObject();

    cJSON_AddItemToArray(array, item);
    return item;
}

static void add_facts(struct cJSON *object, const struct package_file *file)
{
    const struct package_head *head = &file->head;
    const struct manifest *manifest = &head->manifest;
    struct cJSON *hw_revs;

    cJSON_AddStringToObject(object, "model", manifest->model);
    cJSON_AddStringToObject(object, "version", manifest->version);
    cJSON_AddStringToObject(object, "kind", head->has_delta ? "delta" : "full");
    if (head->has_delta)
        cJSON_AddStringToObject(object, "base_version", head->delta.base_version);
    cJSON_AddBoolToObject(object, "encrypted", (head->header.flags & PACKAGE_ENCRYPTED) != 0);
    add_number(object, "size", file->size_bytes);
    add_digest(object, "manifest_sha256", head->manifest_sha256);
    if (head->has_delta)
        add_digest(object, "delta_sha256", head->delta_sha256);
    hw_revs = cJSON_AddArrayToObject(object, "hw_revs");
    for (unsigned i = 0; i < manifest->hw_rev_count; i++)
        cJSON_AddItemToArray(hw_revs, cJSON_CreateString(manifest->hw_revs[i]));
    cJSON_AddStringToObject(object, "min_version", manifest->min_version);
    add_number(object, "release_counter", manifest->release_counter);
    add_number(object, "build_time_ms", manifest->build_time_ms);
    add_number(object, "expires_ms", manifest->expires_ms);
    add_number(object, "chunk_bytes", manifest->chunk_bytes);
    add_number(object, "trust_bytes", (int64_t)head->trust_length);
}

static void add_components(struct cJSON *object, const struct package_head *head)
{
    struct cJSON *components = cJSON_AddArrayToObject(object, "components");

    for (unsigned i = 0; i < head->manifest.component_count; i++) {
        const struct component *component = &head->manifest.components[i];
        struct package_part part = package_head_part(head, i);
        struct cJSON *item = add_item(components);

        cJSON_AddStringToObject(item, "name", component->name);
        cJSON_AddStringToObject(item, "part", component->part);
        add_number(item, "size", component->size_bytes);
        add_digest(item, "sha256", component->sha256);
        cJSON_AddStringToObject(item, "compression", compression_name(component->compression));
        cJSON_AddStringToObject(item, "as", delta_algorithm_name(part.algorithm));
        add_number(item, "stored", part.stored_bytes);
        add_number(item, "chunks", part.chunk_count);
        if (part.algorithm != DELTA_FULL) {
            add_number(item, "base_size", head->delta.components[i].base_bytes);
            add_digest(item, "base_sha256", head->delta.components[i].base_sha256);
        }
    }
}

static void add_signatures(struct cJSON *array, const char *document, const struct signature *signatures, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct cJSON *item = add_item(array);

        cJSON_AddStringToObject(item, "document", document);
        cJSON_AddStringToObject(item, "algorithm", signature_algorithm_name(signatures[i].algorithm));
        add_number(item, "bytes", signatures[i].length);
        add_digest(item, "key_id", signatures[i].key_id);
    }
}

static void add_recipients(struct cJSON *object, const struct package_head *head)
{
    struct cJSON *recipients = cJSON_AddArrayToObject(object, "recipients");

    for (unsigned i = 0; i < head->recipient_count; i++) {
        struct cJSON *item = add_item(recipients);

        cJSON_AddStringToObject(item, "method", recipient_method_name(head->recipients[i].method));
        add_digest(item, "key_id", head->recipients[i].key_id);
    }
}

static void add_range(struct cJSON *layout, int64_t offset, int64_t bytes, const char *what, const char *name)
{
    char text[ID_SIZE + 32];
    struct cJSON *item = add_item(layout);

    (void)snprintf(text, sizeof text, "%s%s%s", what, name[0] ? " " : "", name);
    cJSON_AddStringToObject(item, "what", text);
    add_number(item, "offset", offset);
    add_number(item, "size", bytes);
}

static const char *section_name(const struct section *section)
{
    static const struct {
        enum section_type type;
        const char *name;
    } rows[] = {
        {SECTION_MANIFEST, "manifest"}, {SECTION_SIGNATURE, "signature"},   {SECTION_DELTA, "delta description"}, {SECTION_DELTA_SIGNATURE, "delta signature"},
        {SECTION_TRUST, "trust"},       {SECTION_RECIPIENT, "recipient"},   {SECTION_PAYLOAD, "payload"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == section->type)
            return rows[i].name;
    return "other";
}

/* The sections as they stand in the file, whatever a later version put there. False: the file became shorter. */
static bool add_layout(struct cJSON *object, const struct package_file *file)
{
    const struct package_header *header = &file->head.header;
    struct cJSON *layout = cJSON_AddArrayToObject(object, "layout");
    int64_t offset = PACKAGE_HEADER_BYTES;

    add_range(layout, 0, PACKAGE_HEADER_BYTES, "header", "");
    for (unsigned i = 0; i < (unsigned)header->metadata_sections + header->payload_sections; i++) {
        uint8_t bytes[SECTION_HEADER_BYTES];
        struct section section;
        bool is_payload = i >= header->metadata_sections;

        if (pread(file->fd, bytes, sizeof bytes, offset) != (ssize_t)sizeof bytes)
            return false;
        section_read(bytes, &section);
        if (section.length > (uint64_t)file->size_bytes || (is_payload && section.index >= file->head.manifest.component_count))
            return false;
        add_range(layout, offset, SECTION_HEADER_BYTES + (int64_t)section.length, section_name(&section),
                  is_payload ? file->head.manifest.components[section.index].name : "");
        offset += SECTION_HEADER_BYTES + (int64_t)section.length;
    }
    add_range(layout, offset, PACKAGE_TRAILER_BYTES, "checksum", "");
    return true;
}

static bool add_documents(struct cJSON *object, const struct package_file *file)
{
    const struct package_head *head = &file->head;
    char sha256[SHA256_HEX_SIZE];

    if (!fd_sha256(file->fd, sha256))
        return false;
    cJSON_AddStringToObject(object, "sha256", sha256);
    cJSON_AddItemToObject(object, "manifest", cJSON_ParseWithLength(head->manifest_bytes, head->manifest_length));
    if (head->has_delta)
        cJSON_AddItemToObject(object, "delta", cJSON_ParseWithLength(head->delta_bytes, head->delta_length));
    return true;
}

struct cJSON *package_describe(struct cli *cli, const char *path, const struct package_file *file, bool complete)
{
    struct cJSON *object = cJSON_CreateObject(), *signatures;
    bool is_whole;

    cJSON_AddStringToObject(object, "package", path);
    add_facts(object, file);
    add_components(object, &file->head);
    signatures = cJSON_AddArrayToObject(object, "signatures");
    add_signatures(signatures, "manifest", file->head.signatures, file->head.signature_count);
    add_signatures(signatures, "delta", file->head.delta_signatures, file->head.delta_signature_count);
    add_recipients(object, &file->head);
    is_whole = add_layout(object, file) && (!complete || add_documents(object, file));
    cJSON_AddBoolToObject(object, "proved", false);
    if (is_whole)
        return object;
    cJSON_Delete(object);
    cli_fail(cli, CLI_FAILED, "%s: cannot be read: %s", path, errno ? strerror(errno) : "its sections do not fit");
    return NULL;
}
