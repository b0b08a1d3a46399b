/* drover package extract: images, documents and signatures as plain files, for a look with other tools. */
#include "cli/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/image_folder.h"
#include "cli/package_print.h"
#include "cli/package_source.h"
#include "cli/work.h"
#include "common/text.h"
#include "firmware/package_reader.h"

struct extraction {
    struct image_folder folder;
    const struct package_head *head;   /* after proved */
};

static enum error_code head_proved(void *arg, const struct package_head *head, struct problem *ret_problem)
{
    struct extraction *extraction = arg;

    extraction->head = head;
    extraction->folder.code = image_names_check(extraction->folder.cli, &head->manifest);
    return extraction->folder.code ? package_refuse(ret_problem, E_CANCELLED, "options", "refused") : E_NONE;
}

/* A patch is a file too, for bspatch's and zstd's like; a component that is only copied has no bytes here. */
static enum error_code image_begins(void *arg, unsigned component, struct problem *ret_problem)
{
    static const char *const suffixes[DELTA_ALGORITHM_COUNT] = {
        [DELTA_FULL] = ".img", [DELTA_BSDIFF] = ".bsdiff", [DELTA_ZSTD] = ".zst"};
    struct extraction *extraction = arg;
    const char *name = extraction->head->manifest.components[component].name;
    const char *suffix = suffixes[package_head_part(extraction->head, component).algorithm];

    if (!suffix || !image_is_wanted(extraction->folder.cli, name))
        return E_NONE;
    if (image_begin(&extraction->folder, component, name, suffix))
        return package_refuse(ret_problem, E_CANCELLED, name, "refused");
    return E_NONE;
}

static enum error_code image_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct extraction *extraction = arg;
    int fd = extraction->folder.files[component].fd;

    while (fd >= 0 && length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, extraction->head->manifest.components[component].name, "%s", strerror(errno));
        bytes = (const char *)bytes + written;
        length -= (size_t)written;
    }
    return E_NONE;
}

static enum cli_exit signatures_write(struct image_folder *folder, const char *document, const struct signature *signatures, unsigned count)
{
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && i < count; i++) {
        char name[64], id[KEY_ID_HEX_SIZE];

        text_hex(id, signatures[i].key_id, KEY_ID_BYTES);
        (void)snprintf(name, sizeof name, "%s.%.16s.sig", document, id);
        code = image_document_write(folder, name, signatures[i].bytes, signatures[i].length);
    }
    return code;
}

static enum cli_exit documents_write(struct image_folder *folder, const struct package_head *head)
{
    enum cli_exit code = image_document_write(folder, "meta.json", head->manifest_bytes, head->manifest_length);

    if (!code)
        code = signatures_write(folder, "meta.json", head->signatures, head->signature_count);
    if (!code && head->has_delta)
        code = image_document_write(folder, "delta.json", head->delta_bytes, head->delta_length);
    if (!code)
        code = signatures_write(folder, "delta.json", head->delta_signatures, head->delta_signature_count);
    if (!code && head->trust_bytes)
        code = image_document_write(folder, "trust.jws", head->trust_bytes, head->trust_length);
    return code;
}

/* The head alone: the rest of the file or pipe is not looked at. */
static enum cli_exit documents_extract(struct cli *cli, struct package_source *source, const struct package_policy *policy, struct image_folder *folder)
{
    struct source_head head = {0};
    struct problem problem = {0};
    struct trust newer;
    bool is_new = false;
    enum error_code error = source_head_read(source, &head, &problem);
    enum cli_exit code;

    if (!error)
        error = package_head_check(&head.head, policy, &newer, &is_new, &problem);
    if (is_new)
        trust_done(&newer);
    code = work_refused(cli, source->name, error, &problem);
    if (!code)
        code = documents_write(folder, &head.head);
    source_head_done(&head);
    return code;
}

static enum cli_exit images_extract(struct cli *cli, struct package_source *source, const struct package_policy *policy, struct extraction *extraction)
{
    const struct package_sink sink = {.proved = head_proved, .begin = image_begins, .data = image_data, .arg = extraction};
    struct problem problem = {0};
    struct decrypt_keys keys;
    struct work work;
    enum error_code error;
    enum cli_exit code;

    work_begin(&work, cli, "extracting");
    code = decrypt_keys_open(cli, &keys);
    if (!code) {
        error = package_verify(source->fd, policy, decrypt_keys_use(&keys), &sink, &work.progress, &problem);
        code = extraction->folder.code ? extraction->folder.code : work_refused(cli, source->name, error, &problem);
    }
    decrypt_keys_close(&keys);
    if (!code)
        code = images_commit(&extraction->folder);
    return code;
}

enum cli_exit cmd_package_extract(struct cli *cli)
{
    struct package_policy policy = {0};
    struct package_source source;
    struct extraction extraction = {0};
    struct trust trust;
    enum cli_exit code = package_source_open(cli, cli_argument(cli, 0), &source);

    if (code)
        return code;
    code = trust_open_noted(cli, &trust, &policy);
    if (!code)
        code = image_folder_init(&extraction.folder, cli, cli_argument(cli, 1), false);
    if (!code) {
        code = cli_given(cli, OPT_DOCUMENTS) ? documents_extract(cli, &source, &policy, &extraction.folder)
                                             : images_extract(cli, &source, &policy, &extraction);
        image_folder_done(&extraction.folder);
    }
    trust_done(&trust);
    package_source_close(&source);
    return code;
}
