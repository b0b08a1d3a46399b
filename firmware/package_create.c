/* Images become a package in three passes that hold no more than a block each: every image is compressed into an unnamed file beside
 * the package, then cut into chunks whose digests fill the manifest, then copied behind it. An image is read once, so that what is
 * packed is what was digested even when somebody changes the file meanwhile. */
#include "firmware/package_create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/compress.h"
#include "firmware/document.h"
#include "firmware/file_io.h"

#define ZSTD_LEVEL_USUAL 19
#define BLOCK_BYTES 16384

struct create {
    struct package_plan *plan;
    struct manifest manifest;                    /* being filled in */
    int image_fd[PACKAGE_COMPONENTS_MAX];
    int stored_fd[PACKAGE_COMPONENTS_MAX];       /* as it will stand in the package, from offset 0 */
    const struct package_progress *progress;
    int64_t done, total;
    struct problem *problem;
};

static bool progress_add(void *arg, int64_t bytes)
{
    struct create *create = arg;

    create->done += bytes;
    return !create->progress || !create->progress->show || create->progress->show(create->progress->arg, create->done, create->total);
}

static enum error_code image_open(struct create *create, unsigned i)
{
    struct component *component = &create->manifest.components[i];
    const char *path = create->plan->images[i];
    struct stat status;

    create->image_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
    if (create->image_fd[i] < 0 || fstat(create->image_fd[i], &status) != 0)
        return package_refuse(create->problem, E_INSTALL, component->name, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return package_refuse(create->problem, E_INSTALL, component->name, "%s is not a file", path);
    if (status.st_size > IMAGE_BYTES_MAX)
        return package_refuse(create->problem, E_INSTALL, component->name, "%s is larger than 1 TiB", path);
    component->size_bytes = status.st_size;
    create->total += 2 * status.st_size;         /* once read, once written */
    return E_NONE;
}

/* The image as it is, where the frame had been. */
static enum error_code image_copy(struct create *create, unsigned i, struct compress_result *ret_result)
{
    if (ftruncate(create->stored_fd[i], 0) != 0 || lseek(create->stored_fd[i], 0, SEEK_SET) != 0 || lseek(create->image_fd[i], 0, SEEK_SET) != 0)
        return package_refuse(create->problem, E_INSTALL, create->manifest.components[i].name, "%s", strerror(errno));
    return copy_image(create->image_fd[i], create->manifest.components[i].size_bytes, create->stored_fd[i], progress_add, create, ret_result, create->problem);
}

static enum error_code image_store(struct create *create, unsigned i)
{
    struct component *component = &create->manifest.components[i];
    int level = create->plan->zstd_level ? create->plan->zstd_level : ZSTD_LEVEL_USUAL;
    struct compress_result result = {0};
    enum error_code code = E_NONE;

    create->stored_fd[i] = file_beside_unnamed(create->plan->path);
    if (create->stored_fd[i] < 0)
        return package_refuse(create->problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, component->name, "no temporary file: %s", strerror(errno));
    if (component->compression == COMPRESSION_ZSTD) {
        code = compress_image(create->image_fd[i], component->size_bytes, level, create->stored_fd[i], progress_add, create, &result, create->problem);
        if (!code && result.stored_bytes >= component->size_bytes) {
            component->compression = COMPRESSION_NONE;
            create->done -= component->size_bytes;   /* it is read once more */
        }
    }
    if (!code && component->compression == COMPRESSION_NONE)
        code = image_copy(create, i, &result);
    close(create->image_fd[i]);
    create->image_fd[i] = -1;
    component->stored_bytes = result.stored_bytes;
    memcpy(component->sha256, result.sha256, SHA256_BYTES);
    return code;
}

/* The digests of one component's chunks. */
static enum error_code chunks_digest(struct create *create, unsigned i, struct sha256 *sha256)
{
    const struct component *component = &create->manifest.components[i];
    char block[BLOCK_BYTES];
    int64_t offset = 0;
    size_t got;

    for (uint32_t chunk = 0; chunk < component->chunk_count; chunk++) {
        int64_t end = (int64_t)(chunk + 1) * create->manifest.chunk_bytes;

        for (end = end < component->stored_bytes ? end : component->stored_bytes; offset < end; offset += (int64_t)got) {
            size_t piece = end - offset < (int64_t)sizeof block ? (size_t)(end - offset) : sizeof block;

            if (!file_read_at(create->stored_fd[i], block, piece, offset, &got) || got < piece)
                return package_refuse(create->problem, E_INSTALL, component->name, "its temporary file cannot be read");
            sha256_add(sha256, block, got);
        }
        if (!sha256_digest(sha256, create->manifest.chunks[component->first_chunk + chunk]))
            return package_refuse(create->problem, E_INTERNAL, component->name, "cannot be digested");
    }
    return E_NONE;
}

/* Where each component's chunks lie in the manifest. */
static enum error_code chunks_place(struct create *create)
{
    struct manifest *manifest = &create->manifest;
    int64_t stored[PACKAGE_COMPONENTS_MAX], total = 0;

    for (unsigned i = 0; i < manifest->component_count; i++)
        stored[i] = manifest->components[i].stored_bytes;
    if (manifest->chunk_bytes == 0)
        manifest->chunk_bytes = manifest_chunk_bytes(stored, manifest->component_count);
    for (unsigned i = 0; i < manifest->component_count; i++) {
        int64_t count = (stored[i] + manifest->chunk_bytes - 1) / manifest->chunk_bytes;

        manifest->components[i].first_chunk = (uint32_t)total;
        manifest->components[i].chunk_count = (uint32_t)count;
        total += count;
        if (total > PACKAGE_CHUNKS_MAX)
            return package_refuse(create->problem, E_INCOMPATIBLE, "chunk_size", "%lld makes more than %d chunks", (long long)manifest->chunk_bytes, PACKAGE_CHUNKS_MAX);
    }
    manifest->chunk_count = (uint32_t)total;
    manifest->chunks = calloc((size_t)total + 1, sizeof *manifest->chunks);
    return manifest->chunks ? E_NONE : package_refuse(create->problem, E_INTERNAL, "manifest", "no memory for it");
}

static enum error_code digest_all(struct create *create)
{
    enum error_code code = chunks_place(create);
    struct sha256 *sha256 = sha256_new();

    if (!code && !sha256)
        code = package_refuse(create->problem, E_INTERNAL, "manifest", "no memory for it");
    create->manifest.size_bytes = 0;
    for (unsigned i = 0; !code && i < create->manifest.component_count; i++) {
        code = chunks_digest(create, i, sha256);
        create->manifest.size_bytes += create->manifest.components[i].size_bytes;
    }
    sha256_free(sha256);
    return code;
}

/* What is written must be what a reader takes: the plan came from outside. */
static enum error_code manifest_text(struct create *create, struct buffer *text)
{
    struct manifest again;
    enum error_code code;

    manifest_write(&create->manifest, text);
    if (text->failed)
        return package_refuse(create->problem, E_INTERNAL, "manifest", "no memory for it");
    code = manifest_read(text->bytes, text->length, &again, create->problem);
    if (!code)
        manifest_done(&again);
    return code;
}

static enum error_code package_write(struct create *create, const struct buffer *text)
{
    struct package_writer *writer = package_writer_new(create->plan->path, 0);
    enum error_code code = E_NONE;

    if (!writer)
        return package_refuse(create->problem, E_INTERNAL, "package", "no memory to write it");
    package_writer_section(writer, SECTION_MANIFEST, text->bytes, text->length);
    for (unsigned i = 0; !code && i < create->manifest.component_count; i++) {
        package_writer_begin_payload(writer, i, create->manifest.components[i].stored_bytes);
        package_writer_payload_fd(writer, create->stored_fd[i], 0, create->manifest.components[i].stored_bytes);
        if (!progress_add(create, create->manifest.components[i].size_bytes))
            code = package_refuse(create->problem, E_CANCELLED, "package", "cancelled");
    }
    if (!code)
        code = package_writer_finish(writer, create->problem);
    package_writer_free(writer);
    return code;
}

static enum error_code create_all(struct create *create)
{
    struct buffer text;
    enum error_code code = E_NONE;

    for (unsigned i = 0; !code && i < create->manifest.component_count; i++)
        code = image_open(create, i);
    for (unsigned i = 0; !code && i < create->manifest.component_count; i++)
        code = image_store(create, i);
    if (!code)
        code = digest_all(create);
    buffer_init(&text, 0);
    if (!code)
        code = manifest_text(create, &text);
    if (!code)
        code = package_write(create, &text);
    buffer_done(&text);
    return code;
}

enum error_code package_create(struct package_plan *plan, const struct package_progress *progress, struct problem *ret_problem)
{
    struct create create = {.plan = plan, .manifest = plan->manifest, .progress = progress, .problem = ret_problem};
    enum error_code code;

    if (create.manifest.component_count == 0 || create.manifest.component_count > PACKAGE_COMPONENTS_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "components", "1 to %d are needed", PACKAGE_COMPONENTS_MAX);
    create.manifest.chunks = NULL;
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        create.image_fd[i] = create.stored_fd[i] = -1;
    code = create_all(&create);
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++) {
        if (create.image_fd[i] >= 0)
            close(create.image_fd[i]);
        if (create.stored_fd[i] >= 0)
            close(create.stored_fd[i]);
    }
    if (code)
        manifest_done(&create.manifest);
    else
        plan->manifest = create.manifest;
    return code;
}
