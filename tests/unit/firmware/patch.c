/* Patches made and applied, for each format: random images with random edits, the sizes at the ends of the range, pieces of every size, slots
 * inside a larger device, and work that somebody stops. */
#include "patch_fixture.h"

#include <unistd.h>

#include "common/sha256.h"

static const char *const names[PATCH_FORMAT_COUNT] = {"bsdiff40", "bsdiff", "zstd"};

static void comes_back(const struct image *old, const struct image *new, enum patch_format format, unsigned threads, size_t step, const char *row)
{
    struct image patch = patch_of(old, new, format, threads), made;
    uint8_t base_sha256[SHA256_BYTES], out_sha256[SHA256_BYTES];
    struct applying applying = {.base = old, .patch = &patch, .format = format, .out_bytes = (int64_t)new->length, .base_sha256 = base_sha256,
                                .out_sha256 = out_sha256, .out_fd = file_of("", 0), .step = step};
    struct problem problem = {0};
    enum error_code code;

    assert_true(sha256_of(old->bytes, old->length, base_sha256));
    assert_true(sha256_of(new->bytes, new->length, out_sha256));
    code = apply_run(&applying, &problem);
    if (code)
        fail_msg("%s, %s: %s %s: %s", row, names[format], error_code_name(code), problem.where, problem.what);
    made = file_load(applying.out_fd);
    if (made.length != new->length || memcmp(made.bytes, new->bytes, made.length) != 0)
        fail_msg("%s, %s: other bytes", row, names[format]);
    close(applying.out_fd);
    image_done(&made);
    image_done(&patch);
}

static void random_edits_come_back(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct image old = image_random(&random, random_below(&random, 40000), i % 3);
        struct image new = image_edited(&random, &old, (unsigned)random_below(&random, 12));
        char row[32];

        (void)snprintf(row, sizeof row, "pair %u", i);
        for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++)
            comes_back(&old, &new, format, 1 + i % 3, random_below(&random, 2) ? 1 + random_below(&random, 300) : 0, row);
        image_done(&old);
        image_done(&new);
    }
}

static void ends_of_the_range(void **state)
{
    static const struct {
        const char *row;
        size_t old_length, new_length;
    } rows[] = {{"both empty", 0, 0}, {"from nothing", 0, 5000}, {"to nothing", 5000, 0}, {"one byte each", 1, 1}, {"nine bytes", 9, 9},
                {"a byte becomes many", 1, 100000}, {"many become a byte", 100000, 1}, {"same length", 4096, 4096}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
            uint64_t random = 7;
            struct image old = image_random(&random, rows[i].old_length, 1), new;

            random = 7; /* the new one begins like the old one */
            new = image_random(&random, rows[i].new_length, 1);
            comes_back(&old, &new, format, 2, 1, rows[i].row);
            image_done(&old);
            image_done(&new);
        }
    }
}

/* Over 1 MiB several threads scan segments and sort parts; the seams must cost next to nothing. */
static void seams_cost_nothing(void **state)
{
    uint64_t random = 11;
    struct image old = image_random(&random, 3000000, 1), new = image_edited(&random, &old, 40);

    (void)state;
    for (enum patch_format format = PATCH_BSDIFF40; format <= PATCH_BSDIFF; format++) {
        struct image alone = patch_of(&old, &new, format, 1), many = patch_of(&old, &new, format, 4);

        if (many.length > alone.length + alone.length / 50 + 64)
            fail_msg("%s: %zu bytes by four threads, %zu by one", names[format], many.length, alone.length);
        image_done(&alone);
        image_done(&many);
        comes_back(&old, &new, format, 4, 0, "segments");
    }
    image_done(&old);
    image_done(&new);
}

/* More than one bzip2 block in every stream: the joined stream must still be one. */
static void many_blocks(void **state)
{
    uint64_t random = 13;
    struct image old = image_random(&random, 2500000, 0), fresh = image_random(&random, 2500000, 0), new;

    (void)state;
    new = image_random(&random, 5000000, 2);
    memcpy(new.bytes, fresh.bytes, fresh.length);
    memcpy(new.bytes + fresh.length, old.bytes, old.length);
    for (size_t at = fresh.length; at < new.length; at += 3)
        new.bytes[at] = (uint8_t)random_below(&random, 256); /* differences that do not compress */
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++)
        comes_back(&old, &new, format, 3, 100000, "many blocks");
    image_done(&old);
    image_done(&fresh);
    image_done(&new);
}

static void into_a_slot(void **state)
{
    static const uint8_t around = 0xEE;
    uint64_t random = 17;
    struct image old = image_random(&random, 20000, 1), new = image_edited(&random, &old, 5), device = image_random(&random, 200000, 0);

    (void)state;
    memset(device.bytes, around, device.length);
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        struct image patch = patch_of(&old, &new, format, 2), made;
        struct applying applying = {.base = &old, .patch = &patch, .format = format, .out_bytes = (int64_t)new.length, .out_offset = 70001,
                                    .out_fd = file_of(device.bytes, device.length)};
        struct problem problem = {0};

        assert_int_equal(apply_run(&applying, &problem), E_NONE);
        made = file_load(applying.out_fd);
        assert_int_equal(made.length, device.length);
        assert_memory_equal(made.bytes + 70001, new.bytes, new.length);
        memset(made.bytes + 70001, around, new.length);
        assert_memory_equal(made.bytes, device.bytes, device.length); /* not a byte beside it */
        close(applying.out_fd);
        image_done(&made);
        image_done(&patch);
    }
    image_done(&old);
    image_done(&new);
    image_done(&device);
}

struct watcher {
    int64_t last, total, stop_at;
};

static bool watch(void *arg, int64_t done, int64_t total)
{
    struct watcher *watcher = arg;

    assert_true(done <= total);
    watcher->last = done;
    watcher->total = total;
    return done < watcher->stop_at;
}

static void progress_is_shown_and_may_stop_it(void **state)
{
    uint64_t random = 19;
    struct image old = image_random(&random, 1500000, 1), new = image_edited(&random, &old, 20);

    (void)state;
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        struct watcher watcher = {.stop_at = INT64_MAX};
        struct package_progress progress = {watch, &watcher};
        struct patch_make_options options = {format, 1, &progress};
        struct problem problem = {0};
        int64_t bytes = -1;
        int fd = file_of("", 0);

        assert_int_equal(patch_make(old.bytes, old.length, new.bytes, new.length, &options, fd, &bytes, &problem), E_NONE);
        assert_true(watcher.last > watcher.total / 2);
        watcher.stop_at = watcher.total / 4;
        bytes = -1;
        assert_int_equal(patch_make(old.bytes, old.length, new.bytes, new.length, &options, fd, &bytes, &problem), E_CANCELLED);
        assert_int_equal(bytes, -1);
        close(fd);
    }
    image_done(&old);
    image_done(&new);
}

static void formats_are_told_apart(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int format;   /* -1: none */
    } rows[] = {{"BSDIFF40", 8, PATCH_BSDIFF40}, {"BSDIFF41", 8, -1}, {"BSDIFF4", 7, -1}, {"DROVBSD\x01", 8, PATCH_BSDIFF}, {"DROVBSD\x02", 8, -1},
                {"\x28\xB5\x2F\xFD", 4, PATCH_ZSTD}, {"\x28\xB5\x2F", 3, -1}, {"\x50\x2A\x4D\x18", 4, -1}, {"", 0, -1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum patch_format format = PATCH_FORMAT_COUNT;

        assert_int_equal(patch_format_detect(rows[i].bytes, rows[i].length, &format), rows[i].format >= 0);
        assert_int_equal(format, rows[i].format >= 0 ? rows[i].format : PATCH_FORMAT_COUNT);
    }
}

static void images_over_2_gib_are_refused_in_words(void **state)
{
    struct patch_make_options options = {.format = PATCH_BSDIFF40};
    struct problem problem = {0};
    int64_t bytes;

    (void)state;
    assert_int_equal(patch_make("", (size_t)1 << 31, "", 0, &options, -1, &bytes, &problem), E_INCOMPATIBLE);
    assert_string_equal(problem.where, "old image");
    assert_non_null(strstr(problem.what, "2 GiB"));
    assert_int_equal(patch_make("", 0, "", (size_t)1 << 31, &options, -1, &bytes, &problem), E_INCOMPATIBLE);
    assert_string_equal(problem.where, "new image");
    options.format = PATCH_ZSTD;
    assert_int_equal(patch_make("", (size_t)1 << 30, "", ((size_t)1 << 30) + 1, &options, -1, &bytes, &problem), E_INCOMPATIBLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_edits_come_back), cmocka_unit_test(ends_of_the_range), cmocka_unit_test(seams_cost_nothing),
        cmocka_unit_test(many_blocks), cmocka_unit_test(into_a_slot), cmocka_unit_test(progress_is_shown_and_may_stop_it),
        cmocka_unit_test(formats_are_told_apart), cmocka_unit_test(images_over_2_gib_are_refused_in_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
