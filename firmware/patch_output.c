/* Writes with pwrite, so that a slot inside a larger device works as well as a file. */
#include "firmware/patch_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "firmware/file_io.h"

#define MARK_BYTES (4 * 1024 * 1024)   /* between two marks in the journal */
#define READ_BYTES 65536

struct patch_output {
    struct patch_output_target to;
    uint8_t base_sha256[SHA256_BYTES], out_sha256[SHA256_BYTES];
    char *journal_path;                /* owned; NULL: none */
    struct sha256 *sha256;             /* of the bytes so far */
    int64_t at;
    int64_t found;                     /* the mark this run began with */
    int64_t marked;                    /* the last one written */
    const char *why;
    void *mapping;
    size_t mapping_bytes;
};

static enum error_code write_failed(struct problem *ret_problem)
{
    return package_refuse(ret_problem, errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_INSTALL, "output", "cannot be written: %s", strerror(errno));
}

static void digest_restart(struct patch_output *output)
{
    uint8_t dropped[SHA256_BYTES];
    bool good = sha256_digest(output->sha256, dropped);

    (void)good; /* a failure sticks and is said at the end */
}

static bool prefix_add(struct patch_output *output, int64_t length)
{
    uint8_t *block = malloc(READ_BYTES);
    bool good = block;

    for (int64_t at = 0; good && at < length;) {
        size_t wanted = length - at < READ_BYTES ? (size_t)(length - at) : READ_BYTES, got = 0;

        good = file_read_at(output->to.fd, block, wanted, output->to.target.out_offset + at, &got) && got == wanted;
        sha256_add(output->sha256, block, got);
        at += (int64_t)got;
    }
    free(block);
    return good;
}

/* What is on disk counts only when it still has the digest that was noted when it was synced. */
static void go_on_from_journal(struct patch_output *output)
{
    uint8_t digest[SHA256_BYTES];
    struct patch_journal journal;

    if (!patch_journal_read(output->journal_path, &output->to.target, &journal, &output->why))
        return;
    if (prefix_add(output, journal.mark) && sha256_peek(output->sha256, digest) && memcmp(digest, journal.prefix_sha256, sizeof digest) == 0) {
        output->found = output->marked = journal.mark;
        return;
    }
    output->why = "what is on disk is not what the journal says";
    digest_restart(output);
}

enum error_code patch_output_new(const struct patch_output_target *target, struct patch_output **ret_output, struct problem *ret_problem)
{
    struct patch_output *output = calloc(1, sizeof *output);
    bool journaled = target->journal_path && target->journal_path[0] && target->target.out_sha256;

    if (!output || !(output->sha256 = sha256_new()) || (journaled && !(output->journal_path = strdup(target->journal_path)))) {
        patch_output_free(output);
        return package_refuse(ret_problem, E_INTERNAL, "output", "out of memory");
    }
    output->to = *target;
    if (target->target.base_sha256)
        output->to.target.base_sha256 = memcpy(output->base_sha256, target->target.base_sha256, SHA256_BYTES);
    if (target->target.out_sha256)
        output->to.target.out_sha256 = memcpy(output->out_sha256, target->target.out_sha256, SHA256_BYTES);
    output->why = "there is no journal";
    if (journaled)
        go_on_from_journal(output);
    *ret_output = output;
    return E_NONE;
}

void patch_output_free(struct patch_output *output)
{
    if (!output)
        return;
    if (output->mapping)
        (void)munmap(output->mapping, output->mapping_bytes);
    sha256_free(output->sha256);
    free(output->journal_path);
    free(output);
}

int64_t patch_output_at(const struct patch_output *output)
{
    return output->at;
}

int64_t patch_output_left(const struct patch_output *output)
{
    return output->to.target.out_bytes - output->at;
}

int64_t patch_output_mark(const struct patch_output *output)
{
    return output->found;
}

const char *patch_output_why(const struct patch_output *output)
{
    return output->why;
}

static enum error_code set_mark(struct patch_output *output, struct problem *ret_problem)
{
    struct patch_journal journal = {.mark = output->at};

    if (fdatasync(output->to.fd) != 0 && errno != EINVAL) /* a pipe or a terminal has nothing to sync */
        return write_failed(ret_problem);
    if (!sha256_peek(output->sha256, journal.prefix_sha256))
        return package_refuse(ret_problem, E_INTERNAL, "output", "its digest failed");
    output->marked = output->at;
    return patch_journal_write(output->journal_path, &output->to.target, &journal, ret_problem);
}

/* How many of the next bytes are on disk already. */
static size_t known_bytes(const struct patch_output *output, size_t length)
{
    int64_t known = output->found - output->at;

    return known <= 0 ? 0 : known < (int64_t)length ? (size_t)known : length;
}

static enum error_code took(struct patch_output *output, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    sha256_add(output->sha256, bytes, length);
    output->at += (int64_t)length;
    return output->journal_path && output->at - output->marked >= MARK_BYTES ? set_mark(output, ret_problem) : E_NONE;
}

static enum error_code grows_too_far(const struct patch_output *output, struct problem *ret_problem)
{
    return package_refuse(ret_problem, E_SHA256, "output", "would grow past its %lld bytes", (long long)output->to.target.out_bytes);
}

enum error_code patch_output_add(struct patch_output *output, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    size_t known = known_bytes(output, length);

    if ((uint64_t)length > (uint64_t)patch_output_left(output))
        return grows_too_far(output, ret_problem);
    output->at += (int64_t)known;
    bytes += known;
    length -= known;
    if (length == 0)
        return E_NONE;
    if (!file_write_at(output->to.fd, bytes, length, output->to.target.out_offset + output->at))
        return write_failed(ret_problem);
    return took(output, bytes, length, ret_problem);
}

void patch_output_skip_found(struct patch_output *output)
{
    output->at = output->found;
}

enum error_code patch_output_took(struct patch_output *output, const uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    if ((uint64_t)length > (uint64_t)patch_output_left(output))
        return grows_too_far(output, ret_problem);
    return took(output, bytes, length, ret_problem);
}

/* Regular files get their blocks now; a device has its size. */
static bool has_room(int fd, int64_t offset, int64_t bytes)
{
    int error = bytes > 0 ? posix_fallocate(fd, offset, bytes) : 0;

    errno = error;
    if (error == ENODEV && lseek(fd, 0, SEEK_END) < offset + bytes)
        errno = ENOSPC;
    return error == 0 || (error == ENODEV && errno != ENOSPC);
}

/* Whoever writes through the mapping writes everything again, so nothing that was found counts: the digest must be of what is there in the end. */
static void forget_found(struct patch_output *output)
{
    if (output->found > 0)
        output->why = "zstd needs what it wrote before, and writes it again";
    output->found = output->marked = 0;
    digest_restart(output);
}

enum error_code patch_output_map(struct patch_output *output, uint8_t **ret_bytes, struct problem *ret_problem)
{
    int64_t page = sysconf(_SC_PAGESIZE), offset = output->to.target.out_offset, bytes = output->to.target.out_bytes;
    int64_t begin = offset - offset % page;

    if (!has_room(output->to.fd, offset, bytes))
        return write_failed(ret_problem);
    forget_found(output);
    bytes = offset - begin + (bytes ? bytes : 1);
    output->mapping_bytes = (size_t)bytes;
    output->mapping = file_map(output->to.fd, begin, bytes, PROT_READ | PROT_WRITE, MAP_SHARED);
    if (output->mapping == MAP_FAILED) {
        output->mapping = NULL;
        return package_refuse(ret_problem, E_INSTALL, "output", "cannot be mapped (it must be open for reading and writing): %s", strerror(errno));
    }
    *ret_bytes = (uint8_t *)output->mapping + (offset - begin);
    return E_NONE;
}

static void forget(struct patch_output *output)
{
    if (output->journal_path)
        patch_journal_remove(output->journal_path);
}

enum error_code patch_output_end(struct patch_output *output, bool keep_journal, struct problem *ret_problem)
{
    uint8_t digest[SHA256_BYTES];
    enum error_code code = E_NONE;

    if (patch_output_left(output) > 0)
        return package_refuse(ret_problem, E_SHA256, "output", "ends after %lld of %lld bytes", (long long)output->at, (long long)output->to.target.out_bytes);
    if (!sha256_peek(output->sha256, digest))
        return package_refuse(ret_problem, E_INTERNAL, "output", "its digest failed");
    if (output->to.target.out_sha256 && memcmp(digest, output->to.target.out_sha256, sizeof digest) != 0) {
        forget(output);
        return package_refuse(ret_problem, E_SHA256, "output", "the result does not have the announced SHA-256");
    }
    if (keep_journal && output->journal_path)
        code = output->marked < output->at || output->at == 0 ? set_mark(output, ret_problem) : E_NONE;
    else if (fsync(output->to.fd) != 0 && errno != EINVAL)
        return write_failed(ret_problem);
    if (!keep_journal)
        forget(output);
    return code;
}
