/* Applies a patch of any format: the base's digest first, then the patch as it comes, the result's digest last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/file_io.h"
#include "firmware/patch_inside.h"

#define READ_BYTES 65536

struct patch_apply {
    const struct patch_reader *reader;
    struct patch_output *output;
    void *state;                     /* of the reader */
    bool complete;                   /* all of it was found on disk: the patch is not looked at */
    enum error_code failed;
    struct problem problem;          /* of the failure */
};

static const struct patch_reader *const readers[PATCH_FORMAT_COUNT] = {
    [PATCH_BSDIFF40] = &bsdiff40_reader, [PATCH_BSDIFF] = &bsdiff_container_reader, [PATCH_ZSTD] = &patch_zstd_reader};

int patch_temporary_file(void)
{
    const char *folder = getenv("TMPDIR");
    char name[4096];
    int fd;

    if (!folder || !folder[0])
        folder = "/var/tmp";
    if ((size_t)snprintf(name, sizeof name, "%s/drover-patch-XXXXXX", folder) >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(name);
    return fd;
}

/* Here, not beside the makers: a device that only reads patches is not linked with those. */
enum error_code patch_write(int fd, const void *bytes, size_t length, struct problem *ret_problem)
{
    if (file_write(fd, bytes, length))
        return E_NONE;
    return package_refuse(ret_problem, errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_INSTALL, "patch", "cannot be written: %s", strerror(errno));
}

static enum error_code base_digest(const struct patch_target *target, uint8_t *ret_digest, struct problem *ret_problem)
{
    struct sha256 *sha256 = sha256_new();
    uint8_t *block = malloc(READ_BYTES);
    bool good = sha256 && block, whole = true;

    for (int64_t at = 0; good && whole && at < target->base_bytes;) {
        size_t wanted = target->base_bytes - at < READ_BYTES ? (size_t)(target->base_bytes - at) : READ_BYTES, got = 0;

        whole = file_read_at(target->base_fd, block, wanted, at, &got) && got == wanted;
        sha256_add(sha256, block, got);
        at += (int64_t)got;
    }
    good = good && sha256_digest(sha256, ret_digest);
    free(block);
    sha256_free(sha256);
    if (!good)
        return package_refuse(ret_problem, E_INTERNAL, "base", "out of memory");
    return whole ? E_NONE : package_refuse(ret_problem, E_DELTA_BASE, "base", "shorter than its %lld bytes, or unreadable", (long long)target->base_bytes);
}

/* The base may be larger than the image in it: a slot is. */
enum error_code patch_base_check(const struct patch_target *target, struct problem *ret_problem)
{
    int64_t end = lseek(target->base_fd, 0, SEEK_END);
    uint8_t digest[SHA256_BYTES];
    enum error_code code;

    if (target->base_fd < 0 || target->base_bytes < 0 || target->out_bytes < 0 || end < target->base_bytes)
        return package_refuse(ret_problem, E_DELTA_BASE, "base", "%lld bytes, wanted are %lld", (long long)end, (long long)target->base_bytes);
    if (!target->base_sha256)
        return E_NONE;
    code = base_digest(target, digest, ret_problem);
    if (!code && memcmp(digest, target->base_sha256, sizeof digest) != 0)
        code = package_refuse(ret_problem, E_DELTA_BASE, "base", "does not have the SHA-256 that the delta was made from");
    return code;
}

static enum error_code apply_open(struct patch_apply *apply, enum patch_format format, const struct patch_target *target, struct problem *ret_problem)
{
    struct patch_output_target to = {.fd = target->out_fd, .journal_path = target->journal_path,
                                     .target = {target->base_sha256, target->base_bytes, target->out_sha256, target->out_bytes, target->out_offset}};
    struct patch_job job = {.base_fd = target->base_fd, .base_bytes = target->base_bytes};
    enum error_code code = patch_output_new(&to, &apply->output, ret_problem);

    if (code)
        return code;
    job.output = apply->output;
    apply->reader = readers[format];
    apply->complete = patch_output_mark(apply->output) == target->out_bytes && target->out_bytes > 0;
    return apply->complete ? E_NONE : apply->reader->begin(&job, &apply->state, ret_problem);
}

enum error_code patch_apply_new(enum patch_format format, const struct patch_target *target, struct patch_apply **ret_apply, struct problem *ret_problem)
{
    struct patch_apply *apply;
    enum error_code code = patch_base_check(target, ret_problem);

    if (code)
        return code;
    apply = calloc(1, sizeof *apply);
    code = apply ? apply_open(apply, format, target, ret_problem) : package_refuse(ret_problem, E_INTERNAL, "patch", "out of memory");
    if (code) {
        patch_apply_free(apply);
        return code;
    }
    *ret_apply = apply;
    return E_NONE;
}

/* The first failure is the one that is said for ever after. */
static enum error_code sticky(struct patch_apply *apply, enum error_code code, struct problem *ret_problem)
{
    apply->failed = code;
    if (ret_problem)
        *ret_problem = apply->problem;
    return code;
}

enum error_code patch_apply_feed(struct patch_apply *apply, const void *bytes, size_t length, struct problem *ret_problem)
{
    enum error_code code = apply->failed;

    if (!code && !apply->complete)
        code = apply->reader->feed(apply->state, bytes, length, &apply->problem);
    return code ? sticky(apply, code, ret_problem) : E_NONE;
}

static enum error_code apply_end(struct patch_apply *apply, bool keep_journal, struct problem *ret_problem)
{
    enum error_code code = apply->failed;

    if (!code && apply->complete)
        patch_output_skip_found(apply->output);
    else if (!code)
        code = apply->reader->end(apply->state, &apply->problem);
    if (!code)
        code = patch_output_end(apply->output, keep_journal, &apply->problem);
    return code ? sticky(apply, code, ret_problem) : E_NONE;
}

enum error_code patch_apply_end(struct patch_apply *apply, struct problem *ret_problem)
{
    return apply_end(apply, false, ret_problem);
}

enum error_code patch_apply_end_kept(struct patch_apply *apply, struct problem *ret_problem)
{
    return apply_end(apply, true, ret_problem);
}

int64_t patch_apply_found(const struct patch_apply *apply, const char **ret_why)
{
    if (ret_why)
        *ret_why = patch_output_why(apply->output);
    return patch_output_mark(apply->output);
}

void patch_apply_free(struct patch_apply *apply)
{
    if (!apply)
        return;
    if (apply->reader)
        apply->reader->free(apply->state);
    patch_output_free(apply->output);
    free(apply);
}
