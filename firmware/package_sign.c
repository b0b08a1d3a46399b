/* The package is written anew with its signatures renewed: documents from memory, so that what is written is what was signed; payloads copied. */
#include "firmware/package_sign.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/package_writer.h"
#include "firmware/trust_json.h"

/* Sections that are written here; the others (recipients, and what only a newer Drover knows) are copied. */
#define WRITTEN (1u << SECTION_MANIFEST | 1u << SECTION_SIGNATURE | 1u << SECTION_DELTA | 1u << SECTION_DELTA_SIGNATURE | 1u << SECTION_TRUST)

struct document {
    enum section_type type, signature_type;
    const char *bytes;
    size_t length;
    unsigned count;
    struct signature signatures[PACKAGE_SIGNATURES_MAX];
};

static enum error_code document_put(struct document *document, const struct signature *signature, struct problem *ret_problem)
{
    unsigned at = 0;

    while (at < document->count && memcmp(document->signatures[at].key_id, signature->key_id, KEY_ID_BYTES) != 0)
        at++;
    if (at == PACKAGE_SIGNATURES_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "signatures", "at most %d of a document", PACKAGE_SIGNATURES_MAX);
    document->signatures[at] = *signature;
    document->count += at == document->count;
    return E_NONE;
}

static enum error_code document_sign(struct document *document, const struct package_signing *signing, struct problem *ret_problem)
{
    enum error_code code = E_NONE;

    for (unsigned i = 0; i < signing->count && !code; i++) {
        struct signature signature;
        enum drover_error error = signature_make(signing->keys[i], signing->algorithms ? signing->algorithms[i] : 0, document->bytes, document->length,
                                                 &signature, ret_problem);

        if (error)
            return error == DROVER_MEMORY ? E_INTERNAL : E_SIGNATURE;
        code = document_put(document, &signature, ret_problem);
    }
    return code;
}

static void document_begin(struct document *document, enum section_type type, enum section_type signature_type, const char *bytes, size_t length,
                           const struct signature *signatures, unsigned count)
{
    document->type = type;
    document->signature_type = signature_type;
    document->bytes = bytes;
    document->length = length;
    document->count = count;
    if (count > 0)
        memcpy(document->signatures, signatures, count * sizeof *signatures);
}

static void document_write(const struct document *document, struct package_writer *writer)
{
    package_writer_section(writer, document->type, document->bytes, document->length);
    for (unsigned i = 0; i < document->count; i++)
        package_writer_signature(writer, document->signature_type, &document->signatures[i]);
}

static enum error_code check(const struct package_head *head, const struct package_signing *signing, struct problem *ret_problem)
{
    struct trust trust;
    enum drover_error error;

    if (signing->delta_only && !head->has_delta)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "delta", "not a delta package: it has no delta description to sign");
    if (!signing->trust)
        return E_NONE;
    error = trust_read_signed(signing->trust, signing->trust_length, &trust, ret_problem);
    if (error)
        return error == DROVER_MEMORY ? E_INTERNAL : E_INCOMPATIBLE;
    trust_done(&trust);
    return E_NONE;
}

static enum error_code write(const struct package_file *file, const struct package_signing *signing, const struct document *manifest,
                             const struct document *delta, const char *path, struct problem *ret_problem)
{
    const struct package_head *head = &file->head;
    struct package_writer *writer = package_writer_new(path, head->header.flags);
    enum error_code code;

    if (!writer)
        return package_refuse(ret_problem, E_INTERNAL, "package", "no memory to write it");
    document_write(manifest, writer);
    if (head->has_delta)
        document_write(delta, writer);
    if (signing->trust)
        package_writer_section(writer, SECTION_TRUST, signing->trust, signing->trust_length);
    else if (head->trust_bytes)
        package_writer_section(writer, SECTION_TRUST, head->trust_bytes, head->trust_length);
    package_writer_copy_metadata(writer, file, WRITTEN);
    package_writer_copy_payloads(writer, file);
    code = package_writer_finish(writer, ret_problem);
    package_writer_free(writer);
    return code;
}

enum error_code package_sign(const struct package_file *file, const struct package_signing *signing, const char *path, struct problem *ret_problem)
{
    const struct package_head *head = &file->head;
    struct document *documents = calloc(2, sizeof *documents);
    enum error_code code;

    if (!documents)
        return package_refuse(ret_problem, E_INTERNAL, "package", "no memory to sign it");
    document_begin(&documents[0], SECTION_MANIFEST, SECTION_SIGNATURE, head->manifest_bytes, head->manifest_length, head->signatures, head->signature_count);
    document_begin(&documents[1], SECTION_DELTA, SECTION_DELTA_SIGNATURE, head->delta_bytes, head->delta_length, head->delta_signatures, head->delta_signature_count);
    code = check(head, signing, ret_problem);
    if (!code && !signing->delta_only)
        code = document_sign(&documents[0], signing, ret_problem);
    if (!code && head->has_delta)
        code = document_sign(&documents[1], signing, ret_problem);
    if (!code)
        code = write(file, signing, &documents[0], &documents[1], path, ret_problem);
    free(documents);
    return code;
}
