/* Attack 15 (../shared/FIELD.md): the power is cut at any step of an apply. Whatever the cut left on disk, feeding the patch again from its start
 * ends with the right bytes, and nothing that cannot be proved is kept. */
#include "patch_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/sha256.h"

#define MARK_BYTES (4 * 1024 * 1024)   /* between marks, as in patch_output.c */

static struct image old, new, patches[PATCH_FORMAT_COUNT];
static uint8_t old_sha256[SHA256_BYTES], new_sha256[SHA256_BYTES];
static char journal[] = "/tmp/drover-journal-XXXXXX/journal";

static int begin(void **state)
{
    uint64_t random = 29;

    (void)state;
    *strrchr(journal, '/') = '\0';
    assert_non_null(mkdtemp(journal));
    journal[strlen(journal)] = '/';
    old = image_random(&random, 9500000, 0);
    new = image_random(&random, 10000000, 0);
    for (size_t at = 0; at < old.length; at += 500000) /* what is new lies everywhere, so that every cut finds another state */
        memcpy(new.bytes + at + at / 20, old.bytes + at, old.length - at < 450000 ? old.length - at : 450000);
    patches[PATCH_BSDIFF40] = patch_of(&old, &new, PATCH_BSDIFF40, 2);
    patches[PATCH_BSDIFF] = patch_of(&old, &new, PATCH_BSDIFF, 2);
    patches[PATCH_ZSTD] = patch_of(&old, &new, PATCH_ZSTD, 2);
    return sha256_of(old.bytes, old.length, old_sha256) && sha256_of(new.bytes, new.length, new_sha256) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(journal);
    *strrchr(journal, '/') = '\0';
    assert_int_equal(rmdir(journal), 0); /* nothing else was left there */
    image_done(&old);
    image_done(&new);
    for (enum patch_format format = 0; format < PATCH_FORMAT_COUNT; format++)
        image_done(&patches[format]);
    return 0;
}

static struct applying applying_of(enum patch_format format, int out_fd)
{
    return (struct applying){.base = &old, .patch = &patches[format], .format = format, .out_bytes = (int64_t)new.length, .base_sha256 = old_sha256,
                             .out_sha256 = new_sha256, .journal_path = journal, .out_fd = out_fd, .step = 65536};
}

/* An apply that ends after so many bytes of the patch. */
static void cut_power(enum patch_format format, int out_fd, size_t after)
{
    struct applying applying = applying_of(format, out_fd);
    struct problem problem = {0};

    applying.stop_after = after;
    assert_int_equal(apply_run(&applying, &problem), E_NONE);
}

static void go_on(struct applying *applying, const char *row)
{
    struct problem problem = {0};
    enum error_code code = apply_run(applying, &problem);
    struct image made;

    if (code)
        fail_msg("row '%s': %s %s: %s", row, error_code_name(code), problem.where, problem.what);
    made = file_load(applying->out_fd);
    CHECK_ROW(made.length == new.length && memcmp(made.bytes, new.bytes, new.length) == 0, row);
    CHECK_ROW(access(journal, F_OK) != 0, row); /* it has done its work */
    image_done(&made);
}

static void attack_15_cut_anywhere_and_go_on(void **state)
{
    uint64_t random = 31;
    unsigned kept = 0;

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        enum patch_format format = i % 3 == 2 ? PATCH_ZSTD : PATCH_BSDIFF;
        int fd = file_of("", 0);
        struct applying applying = applying_of(format, fd);

        for (unsigned cuts = 1 + i % 3; cuts > 0; cuts--) /* also while going on */
            cut_power(format, fd, patches[format].length / (1 + i % 2) - random_below(&random, patches[format].length / 2));
        go_on(&applying, "cut");
        kept += applying.found > 0;
        close(fd);
    }
    assert_true(kept >= 2); /* some were far enough for a mark */
}

static int open_read_only(int fd)
{
    char path[64];
    int again;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(again >= 0);
    return again;
}

/* Feeds as much of the patch as makes fewer than so many bytes: found by trying, on an output of its own. */
static size_t patch_needed_for(int64_t bytes)
{
    size_t fed = patches[PATCH_BSDIFF].length;

    for (;; fed /= 2) {
        struct applying applying = applying_of(PATCH_BSDIFF, file_of("", 0));
        struct problem problem = {0};
        struct image made;
        bool few;

        applying.journal_path = NULL;
        applying.stop_after = fed;
        assert_int_equal(apply_run(&applying, &problem), E_NONE);
        made = file_load(applying.out_fd);
        few = (int64_t)made.length < bytes;
        image_done(&made);
        close(applying.out_fd);
        if (few)
            return fed;
    }
}

static void only_what_is_missing_is_written(void **state)
{
    int fd = file_of("", 0);
    struct applying applying = applying_of(PATCH_BSDIFF, fd);
    struct problem problem = {0};

    (void)state;
    cut_power(PATCH_BSDIFF, fd, patches[PATCH_BSDIFF].length);
    go_on(&applying, "all of it fed, no end");
    assert_true(applying.found >= MARK_BYTES);
    cut_power(PATCH_BSDIFF, fd, patches[PATCH_BSDIFF].length);
    applying.out_fd = open_read_only(fd); /* whoever writes in front of the mark fails at its first byte */
    applying.stop_after = patch_needed_for(applying.found);
    assert_int_equal(apply_run(&applying, &problem), E_NONE);
    close(applying.out_fd);
    close(fd);
}

/* What a cut can leave behind, or a bad disk. `spoil` gets the output and the journal after a cut far into the patch. */
static void output_cut_short(int fd)
{
    assert_int_equal(ftruncate(fd, MARK_BYTES - 1), 0);
}

static void output_empty(int fd)
{
    assert_int_equal(ftruncate(fd, 0), 0);
}

static void torn_behind_the_mark(int fd)
{
    struct image made = file_load(fd);

    memset(made.bytes + made.length - 1000, 0x5A, 1000);
    assert_int_equal(pwrite(fd, made.bytes, made.length, 0), (ssize_t)made.length);
    image_done(&made);
}

static void torn_before_the_mark(int fd)
{
    assert_int_equal(pwrite(fd, "torn", 4, 12345), 4);
}

static void journal_write(const void *bytes, size_t length)
{
    int fd = open(journal, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

static struct image journal_load(void)
{
    int fd = open(journal, O_RDONLY | O_CLOEXEC);
    struct image image;

    assert_true(fd >= 0);
    image = file_load(fd);
    close(fd);
    return image;
}

static void journal_cut_short(int fd)
{
    struct image image = journal_load();

    (void)fd;
    journal_write(image.bytes, image.length / 2);
    image_done(&image);
}

static void journal_empty(int fd)
{
    (void)fd;
    journal_write("", 0);
}

static void journal_flipped(int fd)
{
    struct image image = journal_load();

    (void)fd;
    image.bytes[41] ^= 1; /* the mark */
    journal_write(image.bytes, image.length);
    image_done(&image);
}

static void journal_gone(int fd)
{
    (void)fd;
    assert_int_equal(unlink(journal), 0);
}

static void journal_half_renamed(int fd)
{
    char beside[sizeof journal + 8];

    (void)fd;
    (void)snprintf(beside, sizeof beside, "%s.new", journal);
    assert_int_equal(rename(journal, beside), 0);
}

static void attack_15_what_a_cut_leaves_behind(void **state)
{
    static const struct {
        const char *row;
        void (*spoil)(int fd);
        bool kept;           /* the bytes up to the mark are still proved */
        const char *why;
    } rows[] = {
        {"output cut short", output_cut_short, false, "not what the journal says"}, {"output empty", output_empty, false, "not what the journal says"},
        {"torn behind the mark", torn_behind_the_mark, true, NULL}, {"torn before the mark", torn_before_the_mark, false, "not what the journal says"},
        {"journal cut short", journal_cut_short, false, "damaged"}, {"journal empty", journal_empty, false, "damaged"},
        {"journal flipped", journal_flipped, false, "damaged"}, {"journal gone", journal_gone, false, "there is no journal"},
        {"journal half renamed", journal_half_renamed, false, "there is no journal"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = file_of("", 0);
        struct applying applying = applying_of(PATCH_BSDIFF, fd);

        cut_power(PATCH_BSDIFF, fd, patches[PATCH_BSDIFF].length);
        rows[i].spoil(fd);
        go_on(&applying, rows[i].row);
        CHECK_ROW((applying.found >= MARK_BYTES) == rows[i].kept, rows[i].row);
        CHECK_ROW(rows[i].why ? applying.why && strstr(applying.why, rows[i].why) : !applying.why, rows[i].row);
        close(fd);
    }
}

static void journal_of_another_target_is_ignored(void **state)
{
    struct image other = {malloc(new.length), new.length}, patch;
    uint8_t other_sha256[SHA256_BYTES];
    int fd = file_of("", 0);
    struct applying applying = applying_of(PATCH_BSDIFF, fd);
    struct problem problem = {0};

    (void)state;
    memcpy(other.bytes, new.bytes, new.length);
    other.bytes[new.length - 1] ^= 1;
    assert_true(sha256_of(other.bytes, other.length, other_sha256));
    patch = patch_of(&old, &other, PATCH_BSDIFF, 2);
    applying.patch = &patch;
    applying.out_sha256 = other_sha256;
    applying.stop_after = patch.length;
    assert_int_equal(apply_run(&applying, &problem), E_NONE); /* the other target, cut */
    applying = applying_of(PATCH_BSDIFF, fd);
    go_on(&applying, "another target's journal");
    assert_int_equal(applying.found, 0);
    assert_string_equal(applying.why, "the journal is of another target");
    close(fd);
    image_done(&other);
    image_done(&patch);
}

/* A patch that is not the one of the first run makes other bytes behind the mark: never accepted, and the next run begins afresh. */
static void a_result_that_is_wrong_leaves_no_journal(void **state)
{
    struct image wrong = {malloc(new.length), new.length}, patch;
    int fd = file_of("", 0);
    struct applying applying = applying_of(PATCH_BSDIFF, fd);
    struct problem problem = {0};

    (void)state;
    memcpy(wrong.bytes, new.bytes, new.length);
    wrong.bytes[new.length - 1] ^= 1;
    for (enum patch_format format = PATCH_BSDIFF; format < PATCH_FORMAT_COUNT; format++) {
        patch = patch_of(&old, &wrong, format, 2);
        applying = applying_of(format, fd);
        applying.patch = &patch;
        assert_int_equal(apply_run(&applying, &problem), E_SHA256);
        assert_int_not_equal(access(journal, F_OK), 0);
        image_done(&patch);
        applying = applying_of(format, fd);
        go_on(&applying, "the honest patch");
    }
    close(fd);
    image_done(&wrong);
}

static void a_journal_that_cannot_be_written_stops_it(void **state)
{
    int fd = file_of("", 0);
    struct applying applying = applying_of(PATCH_BSDIFF, fd);
    struct problem problem = {0};

    (void)state;
    applying.journal_path = "/nonexistent/journal";
    assert_int_equal(apply_run(&applying, &problem), E_INSTALL);
    assert_string_equal(problem.where, "journal");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attack_15_cut_anywhere_and_go_on), cmocka_unit_test(only_what_is_missing_is_written),
        cmocka_unit_test(attack_15_what_a_cut_leaves_behind), cmocka_unit_test(journal_of_another_target_is_ignored),
        cmocka_unit_test(a_result_that_is_wrong_leaves_no_journal), cmocka_unit_test(a_journal_that_cannot_be_written_stops_it)};

    return cmocka_run_group_tests(tests, begin, end);
}
