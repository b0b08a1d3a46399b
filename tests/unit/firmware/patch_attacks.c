/* Attacks on the apply (../shared/FIELD.md numbers): 4, a delta on the wrong base; 5, a delta that grows beyond its target, and bombs. Never a
 * byte too many, never one before the base was proved. */
#include "patch_fixture.h"

#include <bzlib.h>
#include <endian.h>
#include <unistd.h>
#include <zstd.h>

#include "common/sha256.h"

static const char *const names[PATCH_FORMAT_COUNT] = {"bsdiff40", "bsdiff", "zstd"};

static struct image old, new, patches[PATCH_FORMAT_COUNT];
static uint8_t old_sha256[SHA256_BYTES], new_sha256[SHA256_BYTES];

static int begin(void **state)
{
    uint64_t random = 23;

    (void)state;
    old = image_random(&random, 6000, 1);
    new = image_edited(&random, &old, 6);
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++)
        patches[format] = patch_of(&old, &new, format, 2);
    return sha256_of(old.bytes, old.length, old_sha256) && sha256_of(new.bytes, new.length, new_sha256) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    image_done(&old);
    image_done(&new);
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++)
        image_done(&patches[format]);
    return 0;
}

/* Applies some bytes as a patch to `old`, the output at most `limit` bytes; checks that no byte is written past it. */
static enum error_code try_patch(enum patch_format format, const struct image *patch, size_t limit, struct problem *ret_problem)
{
    struct applying applying = {.base = &old, .patch = patch, .format = format, .out_bytes = (int64_t)limit, .base_sha256 = old_sha256,
                                .out_sha256 = new_sha256, .out_fd = file_of("", 0), .step = 100};
    enum error_code code = apply_run(&applying, ret_problem);
    struct image made = file_load(applying.out_fd);

    if (made.length > limit)
        fail_msg("%s: %zu bytes written, %zu allowed", names[format], made.length, limit);
    if (!code && (made.length != new.length || memcmp(made.bytes, new.bytes, new.length) != 0))
        fail_msg("%s: accepted, but other bytes", names[format]);
    image_done(&made);
    close(applying.out_fd);
    return code;
}

static void check_refused(enum error_code got, enum error_code wanted, const struct problem *problem, const char *row)
{
    if (got != wanted)
        fail_msg("row '%s': %s, not %s (%s: %s)", row, got ? error_code_name(got) : "E_NONE", error_code_name(wanted), problem->where, problem->what);
    if (got && (!problem->where[0] || !problem->what[0]))
        fail_msg("row '%s': no words", row);
}

static void attack_04_delta_on_the_wrong_base(void **state)
{
    struct image other = {malloc(old.length), old.length};

    (void)state;
    memcpy(other.bytes, old.bytes, old.length);
    other.bytes[old.length - 1] ^= 1;
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        struct applying applying = {.base = &other, .patch = &patches[format], .format = format, .out_bytes = (int64_t)new.length,
                                    .base_sha256 = old_sha256, .out_sha256 = new_sha256, .out_fd = file_of("", 0)};
        struct problem problem = {0};
        struct image made;

        check_refused(apply_run(&applying, &problem), E_DELTA_BASE, &problem, names[format]);
        made = file_load(applying.out_fd);
        assert_int_equal(made.length, 0); /* not a byte */
        image_done(&made);
        applying.base = &old; /* the next honest one succeeds */
        assert_int_equal(apply_run(&applying, &problem), E_NONE);
        close(applying.out_fd);
    }
    image_done(&other);
}

static void attack_04_base_of_another_size(void **state)
{
    struct patch_target target = {.base_fd = file_of(old.bytes, old.length - 1), .base_bytes = (int64_t)old.length, .out_fd = file_of("", 0),
                                  .out_bytes = (int64_t)new.length};
    struct patch_apply *apply = NULL;
    struct problem problem = {0};

    (void)state;
    check_refused(patch_apply_new(PATCH_BSDIFF, &target, &apply, &problem), E_DELTA_BASE, &problem, "shorter");
    close(target.base_fd);
    target.base_fd = -1;
    check_refused(patch_apply_new(PATCH_BSDIFF, &target, &apply, &problem), E_DELTA_BASE, &problem, "none");
    assert_null(apply);
    close(target.out_fd);
}

static void attack_05_delta_grows_beyond_its_target(void **state)
{
    static const size_t less[] = {1, 2, 100, 5000};

    (void)state;
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        for (size_t i = 0; i < COUNT_OF(less); i++) {
            struct problem problem = {0};

            check_refused(try_patch(format, &patches[format], new.length - less[i], &problem), E_SHA256, &problem, names[format]);
        }
    }
}

static void cut_at_every_length(void **state)
{
    (void)state;
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        for (size_t length = 0; length < patches[format].length; length++) {
            struct image cut = {patches[format].bytes, length};
            struct problem problem = {0};
            enum error_code code = try_patch(format, &cut, new.length, &problem);

            if (code != E_SHA256 && code != E_INCOMPATIBLE)
                fail_msg("%s cut at %zu: %s", names[format], length, code ? error_code_name(code) : "accepted");
        }
    }
}

/* What survives a flip must be the right image all the same (bits that mean nothing). */
static void every_byte_flipped(void **state)
{
    (void)state;
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++) {
        struct image flipped = {malloc(patches[format].length), patches[format].length};
        size_t accepted = 0;

        memcpy(flipped.bytes, patches[format].bytes, flipped.length);
        for (size_t at = 0; at < flipped.length; at++) {
            struct problem problem = {0};

            flipped.bytes[at] ^= 0x41;
            accepted += try_patch(format, &flipped, new.length, &problem) == E_NONE;
            flipped.bytes[at] ^= 0x41;
        }
        if (accepted > 8)
            fail_msg("%s: %zu flipped bytes made no difference", names[format], accepted);
        image_done(&flipped);
    }
}

static void bytes_behind_the_end(void **state)
{
    (void)state;
    for (enum patch_format format = PATCH_BSDIFF; format < PATCH_FORMAT_COUNT; format++) {
        struct image longer = {calloc(1, patches[format].length + 40), patches[format].length + 40};
        struct problem problem = {0};

        memcpy(longer.bytes, patches[format].bytes, patches[format].length);
        check_refused(try_patch(format, &longer, new.length, &problem), E_INCOMPATIBLE, &problem, names[format]);
        image_done(&longer);
    }
}

static void put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static size_t bzip2_add(struct image *patch, const void *raw, size_t length)
{
    unsigned room = (unsigned)(length + length / 50 + 1000);

    patch->bytes = realloc(patch->bytes, patch->length + room);
    assert_non_null(patch->bytes);
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)patch->bytes + patch->length, &room, (char *)(uintptr_t)raw, (unsigned)length, 9, 0, 0), BZ_OK);
    patch->length += room;
    return room;
}

/* A BSDIFF40 patch of these control numbers, its diff and extra streams zeros. */
static struct image bsdiff40_of(const int64_t *numbers, size_t count, size_t new_bytes)
{
    static const uint8_t zeros[70000];
    struct image patch = {calloc(1, 32), 32};
    uint8_t *control = calloc(count + 1, 8);
    size_t control_bytes, diff_bytes;

    for (size_t i = 0; i < count; i++)
        put64(control + 8 * i, numbers[i] < 0 ? (uint64_t)-(uint64_t)numbers[i] | UINT64_C(1) << 63 : (uint64_t)numbers[i]);
    control_bytes = bzip2_add(&patch, control, 8 * count);
    diff_bytes = bzip2_add(&patch, zeros, sizeof zeros);
    (void)bzip2_add(&patch, zeros, sizeof zeros);
    put64(patch.bytes + 8, control_bytes);
    put64(patch.bytes + 16, diff_bytes);
    memcpy(patch.bytes, "BSDIFF40", 8);
    put64(patch.bytes + 24, new_bytes);
    free(control);
    return patch;
}

/* CVE-2014-9862: negative lengths; CVE-2020-14315: sums that overflow. */
static void control_numbers_out_of_bounds(void **state)
{
    static const struct {
        const char *row;
        int64_t numbers[6];
        enum error_code wanted;
    } rows[] = {
        {"negative diff", {-1, 100, 0}, E_INCOMPATIBLE},
        {"negative extra", {0, -1, 0}, E_INCOMPATIBLE},
        {"smallest diff", {INT64_MIN + 1, 0, 0}, E_INCOMPATIBLE},
        {"largest diff", {INT64_MAX, 0, 0}, E_SHA256},
        {"largest extra", {0, INT64_MAX, 0}, E_SHA256},
        {"their sum overflows", {10, INT64_MAX - 5, 0}, E_SHA256},
        {"a byte too many", {50, 51, 0}, E_SHA256},
        {"before the base", {0, 1, -1, 50, 0, 0}, E_INCOMPATIBLE},
        {"behind the base", {0, 1, 5990, 50, 0, 0}, E_INCOMPATIBLE},
        {"far behind the base", {0, 1, INT64_MAX, 50, 0, 0}, E_INCOMPATIBLE},
        {"a seek that overflows", {1, 1, INT64_MAX, 50, 0, 0}, E_INCOMPATIBLE},
        {"far before the base", {1, 1, INT64_MIN + 1, 50, 0, 0}, E_INCOMPATIBLE},
        {"too few entries", {50, 0, 0, 49, 0, 0}, E_SHA256},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image patch = bsdiff40_of(rows[i].numbers, rows[i].numbers[3] ? 6 : 3, 100);
        struct problem problem = {0};

        check_refused(try_patch(PATCH_BSDIFF40, &patch, 100, &problem), rows[i].wanted, &problem, rows[i].row);
        image_done(&patch);
    }
}

static void attack_05_entries_that_make_nothing(void **state)
{
    size_t count = 3000000; /* 24 MB of zeros in a few bytes of bzip2 */
    int64_t *numbers = calloc(count, sizeof *numbers);
    struct image patch = bsdiff40_of(numbers, count, 100);
    struct problem problem = {0};

    (void)state;
    assert_true(patch.length < 2000);
    check_refused(try_patch(PATCH_BSDIFF40, &patch, 100, &problem), E_INCOMPATIBLE, &problem, "empty entries");
    assert_non_null(strstr(problem.what, "make nothing"));
    free(numbers);
    image_done(&patch);
}

static void headers_that_lie(void **state)
{
    static const struct {
        const char *row;
        unsigned at;
        uint64_t value;
        enum error_code wanted;
    } rows[] = {{"control behind the end", 8, 1 << 30, E_INCOMPATIBLE}, {"control negative", 8, UINT64_C(1) << 63 | 5, E_INCOMPATIBLE},
                {"diff behind the end", 16, INT64_MAX, E_INCOMPATIBLE}, {"new size", 24, 99, E_SHA256}, {"new size negative", 24, UINT64_MAX, E_SHA256}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static const int64_t numbers[3] = {100, 0, 0};
        struct image patch = bsdiff40_of(numbers, 3, 100);
        struct problem problem = {0};

        put64(patch.bytes + rows[i].at, rows[i].value);
        check_refused(try_patch(PATCH_BSDIFF40, &patch, 100, &problem), rows[i].wanted, &problem, rows[i].row);
        image_done(&patch);
    }
}

/* The container: each row spoils one field of the first record (offset 24) or of the header. */
static void container_fields_that_lie(void **state)
{
    static const struct {
        const char *row;
        unsigned at;
        uint32_t value;
        enum error_code wanted;
    } rows[] = {{"magic", 0, 0, E_INCOMPATIBLE}, {"base's size", 8, 5999, E_DELTA_BASE}, {"new size", 16, 1, E_SHA256},
                {"stream not needed", 24, 0x0001, E_INCOMPATIBLE}, {"unknown stream", 24, 0x0003, E_INCOMPATIBLE},
                {"unknown method", 24, 0x0300, E_INCOMPATIBLE}, {"reserved", 24, 0x10000, E_INCOMPATIBLE}, {"stored 0", 28, 0, E_INCOMPATIBLE},
                {"stored over 1 MiB", 28, 1024 * 1024 + 1, E_INCOMPATIBLE}, {"stored 4 GiB", 28, UINT32_MAX, E_INCOMPATIBLE},
                {"raw 0", 32, 0, E_INCOMPATIBLE}, {"raw over 64 MiB", 32, 64 * 1024 * 1024 + 1, E_INCOMPATIBLE}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct image patch = {malloc(patches[PATCH_BSDIFF].length), patches[PATCH_BSDIFF].length};
        struct problem problem = {0};
        uint32_t value = htole32(rows[i].value);

        memcpy(patch.bytes, patches[PATCH_BSDIFF].bytes, patch.length);
        memcpy(patch.bytes + rows[i].at, &value, sizeof value);
        check_refused(try_patch(PATCH_BSDIFF, &patch, new.length, &problem), rows[i].wanted, &problem, rows[i].row);
        image_done(&patch);
    }
}

static void attack_05_zstd_bomb(void **state)
{
    size_t raw_bytes = 300 * 1024 * 1024;
    uint8_t *raw = calloc(1, raw_bytes);
    struct image patch = {malloc(1024 * 1024), 1024 * 1024};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    struct problem problem = {0};

    (void)state;
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0); /* it does not say how large it is */
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 20);
    patch.length = ZSTD_compress2(context, patch.bytes, patch.length, raw, raw_bytes);
    assert_false(ZSTD_isError(patch.length));
    check_refused(try_patch(PATCH_ZSTD, &patch, new.length, &problem), E_SHA256, &problem, "bomb");
    ZSTD_freeCCtx(context);
    free(raw);
    image_done(&patch);
}

static void attack_05_zstd_window_larger_than_both_images(void **state)
{
    struct image patch = {malloc(100000), 100000};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_inBuffer in = {new.bytes, new.length, 0};
    ZSTD_outBuffer out = {patch.bytes, patch.length, 0};
    struct problem problem = {0};

    (void)state;
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27); /* 128 MiB for images of 6 KB */
    while (ZSTD_compressStream2(context, &out, &in, in.pos < in.size ? ZSTD_e_flush : ZSTD_e_end) != 0 || in.pos < in.size)
        assert_true(out.pos < out.size);
    patch.length = out.pos;
    check_refused(try_patch(PATCH_ZSTD, &patch, new.length, &problem), E_INCOMPATIBLE, &problem, "window");
    assert_non_null(strstr(problem.what, "window"));
    ZSTD_freeCCtx(context);
    image_done(&patch);
}

static void attack_05_bsdiff40_without_end(void **state)
{
    struct applying applying = {.base = &old, .format = PATCH_BSDIFF40, .out_bytes = (int64_t)new.length, .out_fd = file_of("", 0)};
    struct image patch = {calloc(1, 24 * 1024 * 1024), 24 * 1024 * 1024};
    struct problem problem = {0};

    (void)state;
    memcpy(patch.bytes, "BSDIFF40", 8);
    applying.patch = &patch;
    check_refused(apply_run(&applying, &problem), E_INCOMPATIBLE, &problem, "endless");
    assert_non_null(strstr(problem.what, "larger than any patch"));
    close(applying.out_fd);
    image_done(&patch);
}

/* What a bare patch says of its result is a stranger's number, up to the largest there is. (zstd reserves the room first.) */
static void announced_sizes_without_bounds(void **state)
{
    (void)state;
    for (enum patch_format format = PATCH_BSDIFF40; format <= PATCH_BSDIFF; format++) {
        struct applying applying = {.base = &old, .patch = &patches[format], .format = format, .out_bytes = INT64_MAX, .out_fd = file_of("", 0)};
        struct problem problem = {0};

        check_refused(apply_run(&applying, &problem), E_SHA256, &problem, names[format]);
        close(applying.out_fd);
    }
}

static void a_full_disk_says_so(void **state)
{
    FILE *full = fopen("/dev/full", "r+");
    struct applying applying = {.base = &old, .patch = &patches[PATCH_BSDIFF], .format = PATCH_BSDIFF, .out_bytes = (int64_t)new.length};
    struct problem problem = {0};

    (void)state;
    assert_non_null(full);
    applying.out_fd = fileno(full);
    check_refused(apply_run(&applying, &problem), E_NO_SPACE, &problem, "full");
    applying.out_fd = -1;
    check_refused(apply_run(&applying, &problem), E_INSTALL, &problem, "no file");
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attack_04_delta_on_the_wrong_base), cmocka_unit_test(attack_04_base_of_another_size),
        cmocka_unit_test(attack_05_delta_grows_beyond_its_target), cmocka_unit_test(cut_at_every_length), cmocka_unit_test(every_byte_flipped),
        cmocka_unit_test(bytes_behind_the_end), cmocka_unit_test(control_numbers_out_of_bounds), cmocka_unit_test(attack_05_entries_that_make_nothing),
        cmocka_unit_test(headers_that_lie), cmocka_unit_test(container_fields_that_lie), cmocka_unit_test(attack_05_zstd_bomb),
        cmocka_unit_test(attack_05_zstd_window_larger_than_both_images), cmocka_unit_test(attack_05_bsdiff40_without_end),
        cmocka_unit_test(announced_sizes_without_bounds), cmocka_unit_test(a_full_disk_says_so)};

    return cmocka_run_group_tests(tests, begin, end);
}
