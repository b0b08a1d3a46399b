/* Images, edits and patches for tests. */
#include "patch_fixture.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"

void image_done(struct image *image)
{
    free(image->bytes);
    *image = (struct image){0};
}

uint64_t random_below(uint64_t *random, uint64_t limit)
{
    return limit ? hash_mix((*random)++) % limit : 0;
}

static struct image image_new(size_t length)
{
    struct image image = {malloc(length ? length : 1), length};

    assert_non_null(image.bytes);
    return image;
}

struct image image_random(uint64_t *random, size_t length, unsigned kind)
{
    struct image image = image_new(length);

    for (size_t at = 0; at < length;) {
        size_t run = kind == 2 ? 1 + random_below(random, 3000) : 1;
        uint8_t byte = (uint8_t)random_below(random, kind == 0 ? 256 : kind == 1 ? 20 : 3);

        if (kind == 1 && at > 64 && random_below(random, 8) == 0) { /* a word that was said before */
            size_t word = 4 + random_below(random, 60), from = random_below(random, at - 64);

            for (; word > 0 && at < length; word--)
                image.bytes[at++] = image.bytes[from++];
            continue;
        }
        for (; run > 0 && at < length; run--)
            image.bytes[at++] = byte;
    }
    return image;
}

static void splice(struct image *image, size_t at, size_t gone, const uint8_t *put, size_t put_length)
{
    struct image made = image_new(image->length - gone + put_length);

    memcpy(made.bytes, image->bytes, at);
    if (put_length > 0)
        memcpy(made.bytes + at, put, put_length);
    memcpy(made.bytes + at + put_length, image->bytes + at + gone, image->length - at - gone);
    image_done(image);
    *image = made;
}

static void edit(uint64_t *random, struct image *image)
{
    size_t at = random_below(random, image->length + 1), most = image->length / 4 + 16, left = image->length - at;
    size_t length = 1 + random_below(random, random_below(random, 2) ? most : 32);
    struct image piece;
    size_t from;

    switch (random_below(random, 5)) {
    case 0: /* insert */
        piece = image_random(random, length, (unsigned)random_below(random, 3));
        splice(image, at, 0, piece.bytes, piece.length);
        break;
    case 1: /* delete */
        splice(image, at, length < left ? length : left, NULL, 0);
        return;
    case 2: /* overwrite */
        piece = image_random(random, length < left ? length : left, 0);
        splice(image, at, piece.length, piece.bytes, piece.length);
        break;
    default: /* move (take it away first), or repeat */
        from = random_below(random, image->length + 1);
        length = length < image->length - from ? length : image->length - from;
        piece = image_new(length);
        memcpy(piece.bytes, image->bytes + from, length);
        if (random_below(random, 2))
            splice(image, from, length, NULL, 0);
        splice(image, random_below(random, image->length + 1), 0, piece.bytes, piece.length);
        break;
    }
    image_done(&piece);
}

struct image image_edited(uint64_t *random, const struct image *old, unsigned edits)
{
    struct image image = image_new(old->length);

    memcpy(image.bytes, old->bytes, old->length);
    for (unsigned i = 0; i < edits; i++)
        edit(random, &image);
    return image;
}

int file_of(const void *bytes, size_t length)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, 0), (ssize_t)length);
    return fd;
}

struct image file_load(int fd)
{
    struct stat status;
    struct image image;

    assert_int_equal(fstat(fd, &status), 0);
    image = image_new((size_t)status.st_size);
    assert_int_equal(pread(fd, image.bytes, image.length, 0), (ssize_t)image.length);
    return image;
}

struct image patch_of(const struct image *old, const struct image *new, enum patch_format format, unsigned threads)
{
    struct patch_make_options options = {.format = format, .threads = threads};
    int fd = file_of("", 0);
    struct problem problem = {0};
    int64_t bytes = -1;
    struct image patch;

    if (patch_make(old->bytes, old->length, new->bytes, new->length, &options, fd, &bytes, &problem))
        fail_msg("%s: %s", problem.where, problem.what);
    patch = file_load(fd);
    assert_int_equal(patch.length, bytes);
    close(fd);
    return patch;
}

static enum error_code feed(const struct applying *applying, struct patch_apply *apply, struct problem *ret_problem)
{
    size_t end = applying->stop_after ? applying->stop_after : applying->patch->length;
    enum error_code code = E_NONE;

    for (size_t at = 0; at < end && !code;) {
        size_t piece = applying->step && end - at > applying->step ? applying->step : end - at;
        uint8_t *exact = malloc(piece); /* a sanitizer sees one byte too far */

        assert_non_null(exact);
        memcpy(exact, applying->patch->bytes + at, piece);
        code = patch_apply_feed(apply, exact, piece, ret_problem);
        free(exact);
        at += piece;
    }
    if (!code && !applying->stop_after)
        code = patch_apply_end(apply, ret_problem);
    else if (code)
        assert_int_equal(patch_apply_end(apply, ret_problem), code); /* it sticks */
    return code;
}

enum error_code apply_run(struct applying *applying, struct problem *ret_problem)
{
    struct patch_target target = {.base_fd = file_of(applying->base->bytes, applying->base->length), .base_bytes = (int64_t)applying->base->length,
                                  .base_sha256 = applying->base_sha256, .out_fd = applying->out_fd, .out_offset = applying->out_offset,
                                  .out_bytes = applying->out_bytes, .out_sha256 = applying->out_sha256, .journal_path = applying->journal_path};
    struct patch_apply *apply = NULL;
    enum error_code code = patch_apply_new(applying->format, &target, &apply, ret_problem);

    if (!code) {
        applying->found = patch_apply_found(apply, &applying->why);
        code = feed(applying, apply, ret_problem);
    }
    patch_apply_free(apply);
    close(target.base_fd);
    return code;
}
