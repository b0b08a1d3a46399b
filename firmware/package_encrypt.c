/* From a package to the same package in another wrapping. Documents and signatures are copied byte by byte; of the payload, one chunk is in
 * memory at a time, and each must have its signed digest on the way. */
#include "firmware/package_encrypt.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/chunk_cipher.h"
#include "firmware/file_io.h"
#include "firmware/package_writer.h"

#define SKIP_RECIPIENTS (1u << SECTION_RECIPIENT)

/* The list of recipients that a package gets. */
struct recipient_list {
    struct recipient *recipients;   /* owned; room for PACKAGE_RECIPIENTS_MAX */
    unsigned count;
};

static enum error_code list_begin(struct recipient_list *list, const struct package_head *head, struct problem *ret_problem)
{
    list->recipients = calloc(PACKAGE_RECIPIENTS_MAX, sizeof *list->recipients);
    if (!list->recipients)
        return package_refuse(ret_problem, E_INTERNAL, "recipients", "out of memory");
    list->count = head->recipient_count;
    if (list->count > 0)
        memcpy(list->recipients, head->recipients, list->count * sizeof *list->recipients);
    return E_NONE;
}

/* A key that is there already is wrapped for anew, in its place. */
static enum error_code list_add(struct recipient_list *list, const struct recipient *recipient, struct problem *ret_problem)
{
    unsigned i = 0;

    while (i < list->count && memcmp(list->recipients[i].key_id, recipient->key_id, KEY_ID_BYTES) != 0)
        i++;
    if (i == PACKAGE_RECIPIENTS_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "recipients", "at most %d in a package", PACKAGE_RECIPIENTS_MAX);
    list->recipients[i] = *recipient;
    list->count += i == list->count;
    return E_NONE;
}

static enum error_code list_fill(struct recipient_list *list, const struct package_encryption *to, const uint8_t content_key[CONTENT_KEY_BYTES],
                                 const uint8_t manifest_sha256[SHA256_BYTES], struct problem *ret_problem)
{
    struct recipient recipient;
    enum drover_error error = DROVER_OK;
    enum error_code code = E_NONE;

    for (unsigned i = 0; !code && i < to->model_key_count; i++) {
        error = recipient_wrap_model(content_key, to->model_keys[i], manifest_sha256, &recipient, ret_problem);
        code = error ? E_INTERNAL : list_add(list, &recipient, ret_problem);
    }
    for (unsigned i = 0; !code && i < to->public_key_count; i++) {
        error = recipient_wrap_public(content_key, to->public_keys[i], manifest_sha256, &recipient, ret_problem);
        code = error ? E_INCOMPATIBLE : list_add(list, &recipient, ret_problem);
    }
    return code;
}

static void list_write(const struct recipient_list *list, struct package_writer *writer)
{
    uint8_t bytes[RECIPIENT_SECTION_MAX];

    for (unsigned i = 0; i < list->count; i++)
        package_writer_section(writer, SECTION_RECIPIENT, bytes, recipient_section_write(&list->recipients[i], bytes));
}

/* The payload on its way from one package to the other. */
struct passage {
    const struct package_file *file;
    struct package_writer *writer;
    struct chunk_cipher *open;    /* owned; NULL: the file is not encrypted */
    struct chunk_cipher *seal;    /* owned; NULL: the new one will not be */
    uint8_t *chunk;               /* owned; room for the largest one and its tag */
    const struct package_progress *progress;
    int64_t done_bytes;
    int64_t total_bytes;
};

static void passage_done(struct passage *passage)
{
    chunk_cipher_free(passage->open);
    chunk_cipher_free(passage->seal);
    free(passage->chunk);
}

static enum error_code passage_begin(struct passage *passage, struct problem *ret_problem)
{
    const struct package_head *head = &passage->file->head;
    int64_t room = 0;

    for (unsigned i = 0; i < head->manifest.component_count; i++) {
        struct package_part part = package_head_part(head, i);
        int64_t largest = part.stored_bytes < part.chunk_bytes ? part.stored_bytes : part.chunk_bytes;

        room = largest > room ? largest : room;
        passage->total_bytes += part.stored_bytes;
    }
    passage->chunk = malloc((size_t)room + CHUNK_TAG_BYTES);
    return passage->chunk ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "payload", "no memory for a chunk of %" PRId64 " bytes", room);
}

static enum error_code chunk_read(const struct passage *passage, int64_t offset, size_t length, const char *name, struct problem *ret_problem)
{
    size_t got = 0;

    if (!file_read_at(passage->file->fd, passage->chunk, length, offset, &got))
        return package_refuse(ret_problem, E_INTERNAL, name, "reading: %s", strerror(errno));
    return got == length ? E_NONE : package_refuse(ret_problem, E_CRC, name, "cut short");
}

static enum error_code chunk_pass(struct passage *passage, unsigned component, uint32_t index, const struct package_part *part, size_t length,
                                  struct problem *ret_problem)
{
    const char *name = passage->file->head.manifest.components[component].name;
    uint8_t digest[SHA256_BYTES];

    if (passage->open && !chunk_open(passage->open, component, index, passage->chunk, length))
        return package_refuse(ret_problem, E_DECRYPT, name, "chunk %u is not authentic", index);
    if (!sha256_of(passage->chunk, length, digest))
        return package_refuse(ret_problem, E_INTERNAL, name, "chunk %u cannot be digested", index);
    if (memcmp(digest, part->chunks[index], SHA256_BYTES) != 0)
        return package_refuse(ret_problem, E_SHA256, name, "chunk %u has another digest than the signed one", index);
    if (passage->seal && !chunk_seal(passage->seal, component, index, passage->chunk, length))
        return package_refuse(ret_problem, E_INTERNAL, name, "chunk %u cannot be encrypted", index);
    package_writer_payload(passage->writer, passage->chunk, length + (passage->seal ? CHUNK_TAG_BYTES : 0));
    return E_NONE;
}

static enum error_code progress_show(struct passage *passage, size_t more, struct problem *ret_problem)
{
    passage->done_bytes += (int64_t)more;
    if (!passage->progress || !passage->progress->show || passage->progress->show(passage->progress->arg, passage->done_bytes, passage->total_bytes))
        return E_NONE;
    return package_refuse(ret_problem, E_CANCELLED, "payload", "stopped");
}

static enum error_code component_pass(struct passage *passage, unsigned component, struct problem *ret_problem)
{
    struct package_part part = package_head_part(&passage->file->head, component);
    int64_t offset = passage->file->part_offset[component], left = part.stored_bytes;
    size_t tag = passage->open ? CHUNK_TAG_BYTES : 0;
    enum error_code code = E_NONE;

    package_writer_begin_payload(passage->writer, component, part.stored_bytes + (passage->seal ? (int64_t)part.chunk_count * CHUNK_TAG_BYTES : 0));
    for (uint32_t i = 0; !code && i < part.chunk_count; i++) {
        size_t length = (size_t)(left < part.chunk_bytes ? left : part.chunk_bytes);

        code = chunk_read(passage, offset, length + tag, passage->file->head.manifest.components[component].name, ret_problem);
        if (!code)
            code = chunk_pass(passage, component, i, &part, length, ret_problem);
        if (!code)
            code = progress_show(passage, length, ret_problem);
        offset += (int64_t)(length + tag);
        left -= (int64_t)length;
    }
    return code;
}

static enum error_code components_pass(struct passage *passage, struct problem *ret_problem)
{
    enum error_code code = passage_begin(passage, ret_problem);

    for (unsigned i = 0; !code && i < passage->file->head.manifest.component_count; i++)
        code = component_pass(passage, i, ret_problem);
    return code;
}

static struct chunk_cipher *cipher_for(const struct package_head *head, const uint8_t content_key[CONTENT_KEY_BYTES])
{
    return chunk_cipher_new(content_key, head->manifest_sha256, head->has_delta ? head->delta_sha256 : NULL);
}

/* list NULL: none, the encryption comes off. The payload is copied as it is when it is encrypted and stays so. */
static enum error_code package_rewrite(const struct package_file *file, const struct recipient_list *list, const uint8_t content_key[CONTENT_KEY_BYTES],
                                       const char *path, const struct package_progress *progress, struct problem *ret_problem)
{
    uint32_t flags = file->head.header.flags & ~(uint32_t)PACKAGE_ENCRYPTED;
    bool was_encrypted = file->head.header.flags & PACKAGE_ENCRYPTED;
    struct passage passage = {.file = file, .progress = progress};
    enum error_code code = E_NONE;

    passage.writer = package_writer_new(path, flags | (list ? PACKAGE_ENCRYPTED : 0));
    passage.open = was_encrypted ? cipher_for(&file->head, content_key) : NULL;
    passage.seal = list && !was_encrypted ? cipher_for(&file->head, content_key) : NULL;
    if (!passage.writer || (was_encrypted && !passage.open) || (list && !was_encrypted && !passage.seal))
        code = package_refuse(ret_problem, E_INTERNAL, "package", "out of memory");
    if (!code) {
        package_writer_copy_metadata(passage.writer, file, SKIP_RECIPIENTS);
        if (list)
            list_write(list, passage.writer);
        if (list && was_encrypted)
            package_writer_copy_payloads(passage.writer, file);
        else
            code = components_pass(&passage, ret_problem);
    }
    if (!code)
        code = package_writer_finish(passage.writer, ret_problem);
    package_writer_free(passage.writer);
    passage_done(&passage);
    return code;
}

/* A fresh key, or the one that an encrypted package has already. */
static enum error_code content_key_get(const struct package_head *head, const struct recipient_keys *keys, uint8_t ret_key[CONTENT_KEY_BYTES],
                                       struct problem *ret_problem)
{
    if (head->header.flags & PACKAGE_ENCRYPTED)
        return recipient_unwrap(head->recipients, head->recipient_count, keys, head->manifest_sha256, ret_key, ret_problem);
    if (RAND_priv_bytes(ret_key, CONTENT_KEY_BYTES) != 1)
        return package_refuse(ret_problem, E_INTERNAL, "content key", "no random bytes");
    return E_NONE;
}

enum error_code package_encrypt(const struct package_file *file, const struct package_encryption *to, const struct recipient_keys *keys, const char *path,
                                const struct package_progress *progress, struct problem *ret_problem)
{
    struct recipient_list list = {0};
    uint8_t content_key[CONTENT_KEY_BYTES];
    enum error_code code;

    if (to->model_key_count + to->public_key_count == 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "recipients", "none given: nobody could read it");
    code = content_key_get(&file->head, keys, content_key, ret_problem);
    if (!code)
        code = list_begin(&list, &file->head, ret_problem);
    if (!code)
        code = list_fill(&list, to, content_key, file->head.manifest_sha256, ret_problem);
    if (!code)
        code = package_rewrite(file, &list, content_key, path, progress, ret_problem);
    OPENSSL_cleanse(content_key, sizeof content_key);
    free(list.recipients);
    return code;
}

enum error_code package_decrypt(const struct package_file *file, const struct recipient_keys *keys, const char *path,
                                const struct package_progress *progress, struct problem *ret_problem)
{
    uint8_t content_key[CONTENT_KEY_BYTES];
    enum error_code code;

    if (!(file->head.header.flags & PACKAGE_ENCRYPTED))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "package", "not encrypted");
    code = content_key_get(&file->head, keys, content_key, ret_problem);
    if (!code)
        code = package_rewrite(file, NULL, content_key, path, progress, ret_problem);
    OPENSSL_cleanse(content_key, sizeof content_key);
    return code;
}
