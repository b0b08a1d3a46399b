/* Walks the metadata sections as they come. What is wrong with them is kept until the CRC over all of them is known: a damaged
 * transfer is E_CRC, only a package that was made wrong is E_INCOMPATIBLE. */
#include "firmware/package_metadata.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What may stand in the metadata, in this order. A type that is not listed is skipped when its section is not critical. */
static const struct section_rule {
    uint16_t type;
    unsigned most;              /* sections of the type */
    uint64_t bytes_max;
    const char *name;
} rules[] = {
    {SECTION_MANIFEST, 1, PACKAGE_DOCUMENT_MAX, "manifest"},
    {SECTION_SIGNATURE, PACKAGE_SIGNATURES_MAX, SIGNATURE_SECTION_MAX, "signature"},
    {SECTION_DELTA, 1, PACKAGE_DOCUMENT_MAX, "delta"},
    {SECTION_DELTA_SIGNATURE, PACKAGE_SIGNATURES_MAX, SIGNATURE_SECTION_MAX, "delta signature"},
    {SECTION_TRUST, 1, PACKAGE_TRUST_MAX, "trust"},
    {SECTION_RECIPIENT, PACKAGE_RECIPIENTS_MAX, RECIPIENT_SECTION_MAX, "recipient"},
    {SECTION_PAYLOAD, 0, 0, "payload"},
};

static const struct section_rule *rule_find(uint16_t type)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].type == type)
            return &rules[i];
    return NULL;
}

/* Keeps the first problem. */
static void fail(struct package_metadata *metadata, enum error_code code, const char *where, const char *what)
{
    if (metadata->code == E_NONE)
        metadata->code = package_refuse(&metadata->problem, code, where, "%s", what);
}

void package_metadata_init(struct package_metadata *metadata, const struct package_header *header)
{
    *metadata = (struct package_metadata){.left = header->metadata_bytes};
    metadata->head.header = *header;
}

void package_metadata_done(struct package_metadata *metadata)
{
    free(metadata->value);
    package_head_done(&metadata->head);
    *metadata = (struct package_metadata){0};
}

static unsigned type_count(const struct package_head *head, uint16_t type)
{
    switch (type) {
    case SECTION_MANIFEST:        return head->manifest_bytes != NULL;
    case SECTION_SIGNATURE:       return head->signature_count;
    case SECTION_DELTA:           return head->delta_bytes != NULL;
    case SECTION_DELTA_SIGNATURE: return head->delta_signature_count;
    case SECTION_TRUST:           return head->trust_bytes != NULL;
    case SECTION_RECIPIENT:       return head->recipient_count;
    default:                      return 0;
    }
}

/* The header of a section is complete: may it stand here, and is its value wanted? */
static void section_begin(struct package_metadata *metadata)
{
    const struct section_rule *rule;
    struct section *section = &metadata->section;

    section_read(metadata->section_header, section);
    rule = rule_find(section->type);
    metadata->value_length = 0;
    if (metadata->code)
        return;
    if (section->length > metadata->left)
        fail(metadata, E_INCOMPATIBLE, rule ? rule->name : "section", "is longer than the metadata");
    else if (section->index != 0 || section->flags & ~SECTION_CRITICAL || (rule && !(section->flags & SECTION_CRITICAL)))
        fail(metadata, E_INCOMPATIBLE, rule ? rule->name : "section", "its flags or index are not what the format says");
    else if (metadata->last_type == 0 && section->type != SECTION_MANIFEST)
        fail(metadata, E_INCOMPATIBLE, rule ? rule->name : "section", "stands before the manifest, which comes first");
    else if (section->type < metadata->last_type)
        fail(metadata, E_INCOMPATIBLE, rule ? rule->name : "section", "is not in the order of the format");
    else if (!rule && section->flags & SECTION_CRITICAL)
        fail(metadata, E_INCOMPATIBLE, "section", "a critical one of a type this program does not know");
    else if (rule && type_count(&metadata->head, section->type) >= rule->most)
        fail(metadata, E_INCOMPATIBLE, rule->name, "too many of them");
    else if (rule && (section->length > rule->bytes_max || section->length == 0))
        fail(metadata, E_INCOMPATIBLE, rule->name, section->length ? "too long" : "empty");
    metadata->last_type = section->type;
    if (metadata->code || !rule)
        return;
    metadata->value = malloc(section->length + 1);
    if (!metadata->value)
        fail(metadata, E_INTERNAL, rule->name, "no memory to read it");
    else
        metadata->value[section->length] = '\0';
}

/* One more item at the end of an owned array; NULL: no memory. */
static void *array_grow(void **items, unsigned count, size_t size)
{
    char *more = realloc(*items, (count + 1) * size);

    if (!more)
        return NULL;
    *items = more;
    return more + count * size;
}

static void signature_add(struct package_metadata *metadata, struct signature **signatures, unsigned *count)
{
    struct signature *signature = array_grow((void **)signatures, *count, sizeof *signature);

    if (!signature)
        fail(metadata, E_INTERNAL, "signature", "no memory to read it");
    else
        metadata->code = signature_section_read((const uint8_t *)metadata->value, metadata->section.length, signature, &metadata->problem);
    *count += metadata->code == E_NONE;
}

static void recipient_add(struct package_metadata *metadata)
{
    struct package_head *head = &metadata->head;
    struct recipient *recipient = array_grow((void **)&head->recipients, head->recipient_count, sizeof *recipient);

    if (!recipient)
        fail(metadata, E_INTERNAL, "recipient", "no memory to read it");
    else
        metadata->code = recipient_section_read((const uint8_t *)metadata->value, metadata->section.length, recipient, &metadata->problem);
    head->recipient_count += metadata->code == E_NONE;
}

static void value_take(struct package_metadata *metadata, char **ret_bytes, size_t *ret_length)
{
    *ret_bytes = metadata->value;
    *ret_length = metadata->section.length;
    metadata->value = NULL;
}

/* The value of a section we know is complete. */
static void section_end(struct package_metadata *metadata)
{
    struct package_head *head = &metadata->head;

    switch (metadata->section.type) {
    case SECTION_MANIFEST:        value_take(metadata, &head->manifest_bytes, &head->manifest_length); break;
    case SECTION_SIGNATURE:       signature_add(metadata, &head->signatures, &head->signature_count); break;
    case SECTION_DELTA:           value_take(metadata, &head->delta_bytes, &head->delta_length); break;
    case SECTION_DELTA_SIGNATURE: signature_add(metadata, &head->delta_signatures, &head->delta_signature_count); break;
    case SECTION_TRUST:           value_take(metadata, &head->trust_bytes, &head->trust_length); break;
    default:                      recipient_add(metadata);
    }
    free(metadata->value);
    metadata->value = NULL;
}

/* Returns how many bytes it took. */
static size_t header_feed(struct package_metadata *metadata, const uint8_t *bytes, size_t length)
{
    size_t missing = SECTION_HEADER_BYTES - metadata->section_header_length, taken = length < missing ? length : missing;

    metadata->sections += metadata->section_header_length == 0;
    memcpy(metadata->section_header + metadata->section_header_length, bytes, taken);
    metadata->section_header_length += taken;
    metadata->left -= taken;
    if (metadata->section_header_length == SECTION_HEADER_BYTES)
        section_begin(metadata);
    return taken;
}

static size_t value_feed(struct package_metadata *metadata, const uint8_t *bytes, size_t length)
{
    uint64_t missing = metadata->section.length - metadata->value_length;
    size_t taken = length < missing ? length : (size_t)missing;

    if (metadata->value)
        memcpy(metadata->value + metadata->value_length, bytes, taken);
    metadata->value_length += taken;
    metadata->left -= taken;
    return taken;
}

void package_metadata_feed(struct package_metadata *metadata, const uint8_t *bytes, size_t length)
{
    metadata->crc32 = (uint32_t)crc32_z(metadata->crc32, bytes, length);
    while (length > 0 && metadata->code == E_NONE) {
        size_t taken = metadata->section_header_length < SECTION_HEADER_BYTES ? header_feed(metadata, bytes, length) : value_feed(metadata, bytes, length);

        bytes += taken;
        length -= taken;
        if (metadata->code || metadata->section_header_length < SECTION_HEADER_BYTES || metadata->value_length < metadata->section.length)
            continue;
        if (metadata->value)
            section_end(metadata);
        metadata->section_header_length = 0;
    }
    metadata->left -= length; /* nothing more is read after a problem */
}

/* Present and absent sections must be what the header's flags say. */
static void sections_check(struct package_metadata *metadata)
{
    const struct package_head *head = &metadata->head;
    bool is_delta = head->header.flags & PACKAGE_DELTA, is_encrypted = head->header.flags & PACKAGE_ENCRYPTED;

    if (metadata->section_header_length > 0)
        fail(metadata, E_INCOMPATIBLE, "metadata", "its last section is cut short");
    else if (metadata->sections != head->header.metadata_sections)
        fail(metadata, E_INCOMPATIBLE, "metadata", "not as many sections as the header says");
    else if (!head->manifest_bytes)
        fail(metadata, E_INCOMPATIBLE, "manifest", "there is none");
    else if (is_delta != (head->delta_bytes != NULL) || (!is_delta && head->delta_signature_count > 0))
        fail(metadata, E_INCOMPATIBLE, "delta", is_delta ? "there is no description, though the header says so" : "a description, though the header says there is none");
    else if (is_encrypted != (head->recipient_count > 0))
        fail(metadata, E_INCOMPATIBLE, "recipient", is_encrypted ? "an encrypted package without recipients" : "recipients of a package that is not encrypted");
}

enum error_code package_metadata_end(struct package_metadata *metadata, struct package_head *ret_head, struct problem *ret_problem)
{
    if (metadata->crc32 != metadata->head.header.metadata_crc32)
        return package_refuse(ret_problem, E_CRC, "metadata", "its CRC32 is wrong");
    if (metadata->code == E_NONE)
        sections_check(metadata);
    if (metadata->code == E_NONE)
        metadata->code = package_head_documents(&metadata->head, &metadata->problem);
    if (metadata->code) {
        if (ret_problem)
            *ret_problem = metadata->problem;
        return metadata->code;
    }
    *ret_head = metadata->head;
    metadata->head = (struct package_head){0};
    return E_NONE;
}
