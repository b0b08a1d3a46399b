/* Makes and applies patches with the package library, for the benchmark and the tests that need a process to measure or to kill.
 *   delta_tool make bsdiff40|bsdiff|zstd OLD NEW PATCH [THREADS]
 *   delta_tool apply OLD PATCH OUT BYTES [JOURNAL SHA256 [PIECE]]
 * Prints bytes on success; a refusal is "CODE where: what" on stderr and exit 1. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/patch.h"

#define PIECE_BYTES 65536
#define PIECE_MAX (1024 * 1024)

static const char *const format_names[PATCH_FORMAT_COUNT] = {"bsdiff40", "bsdiff", "zstd"};

struct image {
    int fd;
    int64_t length;
    const void *bytes;
};

static int usage(void)
{
    fputs("use: delta_tool make bsdiff40|bsdiff|zstd OLD NEW PATCH [THREADS]\n"
          "     delta_tool apply OLD PATCH OUT BYTES [JOURNAL SHA256 [PIECE]]\n", stderr);
    return 2;
}

static int refused(enum error_code code, const struct problem *problem)
{
    fprintf(stderr, "%s %s: %s\n", error_code_name(code), problem->where, problem->what);
    return 1;
}

static bool image_open(const char *path, struct image *ret_image)
{
    struct stat status;

    ret_image->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (ret_image->fd < 0 || fstat(ret_image->fd, &status) != 0) {
        perror(path);
        return false;
    }
    ret_image->length = status.st_size;
    ret_image->bytes = "";
    if (status.st_size > 0)
        ret_image->bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, ret_image->fd, 0);
    return ret_image->bytes != MAP_FAILED;
}

static int make(char **arguments, int count)
{
    struct patch_make_options options = {.threads = count > 4 ? (unsigned)strtoul(arguments[4], NULL, 10) : 0};
    struct problem problem = {0};
    struct image old, new;
    int64_t bytes = 0;
    enum error_code code;
    int fd;

    while (strcmp(arguments[0], format_names[options.format]) != 0) {
        if (++options.format == PATCH_FORMAT_COUNT)
            return usage();
    }
    if (!image_open(arguments[1], &old) || !image_open(arguments[2], &new))
        return 2;
    fd = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(arguments[3]);
        return 2;
    }
    code = patch_make(old.bytes, (size_t)old.length, new.bytes, (size_t)new.length, &options, fd, &bytes, &problem);
    if (code)
        return refused(code, &problem);
    printf("%lld\n", (long long)bytes);
    return 0;
}

static enum error_code feed_all(struct patch_apply *apply, int fd, size_t piece, struct problem *ret_problem)
{
    static uint8_t bytes[PIECE_MAX];
    ssize_t got;

    while ((got = read(fd, bytes, piece)) > 0) {
        enum error_code code = patch_apply_feed(apply, bytes, (size_t)got, ret_problem);

        if (code)
            return code;
    }
    return patch_apply_end(apply, ret_problem);
}

static int apply(char **arguments, int count)
{
    struct patch_target target = {.out_bytes = strtoll(arguments[3], NULL, 10), .journal_path = count > 4 ? arguments[4] : NULL};
    size_t piece = count > 6 ? strtoul(arguments[6], NULL, 10) : PIECE_BYTES;
    uint8_t out_sha256[SHA256_BYTES], head[16];
    struct patch_apply *patch_apply = NULL;
    struct problem problem = {0};
    enum patch_format format;
    struct image base, patch;
    enum error_code code;
    const char *why;

    if (piece == 0 || piece > PIECE_MAX || (count > 5 && !text_unhex(out_sha256, sizeof out_sha256, arguments[5])))
        return usage();
    if (!image_open(arguments[0], &base) || !image_open(arguments[1], &patch))
        return 2;
    if (pread(patch.fd, head, sizeof head, 0) < 8 || !patch_format_detect(head, sizeof head, &format)) {
        fputs("not a patch\n", stderr);
        return 1;
    }
    target.base_fd = base.fd;
    target.base_bytes = base.length;
    target.out_sha256 = count > 5 ? out_sha256 : NULL;
    target.out_fd = open(arguments[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (target.out_fd < 0) {
        perror(arguments[2]);
        return 2;
    }
    code = patch_apply_new(format, &target, &patch_apply, &problem);
    if (code)
        return refused(code, &problem);
    printf("%lld\n", (long long)patch_apply_found(patch_apply, &why));
    code = feed_all(patch_apply, patch.fd, piece, &problem);
    patch_apply_free(patch_apply);
    return code ? refused(code, &problem) : 0;
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "make") == 0)
        return make(argv + 2, argc - 2);
    if (argc >= 6 && strcmp(argv[1], "apply") == 0)
        return apply(argv + 2, argc - 2);
    return usage();
}
