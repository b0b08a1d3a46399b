/* From images to packages: the same inputs give the same bytes, nothing is stored larger than it is, wrong plans are refused, images that
 * change meanwhile are noticed, and Debian's zstd reads what is inside. */
#include "package_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/package_file.h"

static void the_same_inputs_give_the_same_bytes(void **state)
{
    struct package_plan plan = fixture_plan(*state, "one.dfw");
    struct bytes one, two;

    fixture_image(*state, "app.img", 9 << 20, 5, true); /* more than two jobs of the compressor */
    fixture_image(*state, "data.img", 100000, 6, false);
    one = fixture_create(&plan);
    plan = fixture_plan(*state, "two.dfw");
    two = fixture_create(&plan);
    assert_int_equal(one.length, two.length);
    assert_memory_equal(one.bytes, two.bytes, one.length);
    bytes_done(&one);
    bytes_done(&two);
}

static void every_kind_of_image(void **state)
{
    static const struct {
        const char *row;
        size_t length;
        bool compresses;
        enum compression asked, stored;
    } rows[] = {
        {"empty", 0, true, COMPRESSION_ZSTD, COMPRESSION_NONE},
        {"one byte", 1, true, COMPRESSION_ZSTD, COMPRESSION_NONE},
        {"noise", 100000, false, COMPRESSION_ZSTD, COMPRESSION_NONE},
        {"text", 100000, true, COMPRESSION_ZSTD, COMPRESSION_ZSTD},
        {"text as it is", 100000, true, COMPRESSION_NONE, COMPRESSION_NONE},
        {"one whole chunk", CHUNK_BYTES_MIN, false, COMPRESSION_NONE, COMPRESSION_NONE},
        {"one byte more", CHUNK_BYTES_MIN + 1, false, COMPRESSION_NONE, COMPRESSION_NONE},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct package_plan plan = fixture_plan(*state, "kinds.dfw");
        struct package_policy policy = fixture_policy(*state);
        struct fixture_sink sink;
        struct problem problem;
        struct bytes plain, made;
        struct package_file file;

        fixture_image(*state, "app.img", rows[i].length, 9, rows[i].compresses);
        fixture_image(*state, "data.img", 10, 9, false);
        plan.manifest.components[0].compression = rows[i].asked;
        plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
        plain = fixture_create(&plan);
        made = fixture_signed(&plain, ((struct fixture *)*state)->key, NULL, 0);
        CHECK_CODE(fixture_read(&made, 100, &policy, NULL, &sink, &problem), E_NONE, problem, rows[i].row);
        CHECK_ROW(sink.bytes[0] == (int64_t)rows[i].length && sink.bytes[1] == 10, rows[i].row);
        CHECK_CODE(package_file_open(plan.path, &file, &problem), E_NONE, problem, rows[i].row);
        CHECK_ROW(file.head.manifest.components[0].compression == rows[i].stored, rows[i].row);
        CHECK_ROW(file.head.manifest.components[0].stored_bytes <= (int64_t)rows[i].length, rows[i].row);
        package_file_close(&file);
        bytes_done(&plain);
        bytes_done(&made);
    }
}

/* The frame is one the zstd program takes, and its image is ours. */
static void debians_zstd_reads_the_frame(void **state)
{
    struct package_plan plan = fixture_plan(*state, "frame.dfw");
    const char *frame = fixture_path(*state, "frame.zst"), *image = fixture_path(*state, "app.img");
    struct package_file file;
    struct problem problem;
    struct bytes made;
    char command[700];
    FILE *out;

    fixture_image(*state, "app.img", 300000, 10, true);
    fixture_image(*state, "data.img", 10, 9, false);
    made = fixture_create(&plan);
    CHECK_CODE(package_file_open(plan.path, &file, &problem), E_NONE, problem, "open");
    out = fopen(frame, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(made.bytes + file.part_offset[0], 1, (size_t)file.head.manifest.components[0].stored_bytes, out), file.head.manifest.components[0].stored_bytes);
    fclose(out);
    (void)snprintf(command, sizeof command, "zstd -q -d -c '%s' | cmp - '%s'", frame, image);
    assert_int_equal(system(command), 0);
    package_file_close(&file);
    bytes_done(&made);
}

static void wrong_plans_are_refused(void **state)
{
    static const char *const rows[] = {"no components", "no such image", "a folder", "a name that is a path", "no version", "chunks that are too small", "no folder for it",
                                       "two of the same name"};
    static const enum error_code wanted[] = {E_INCOMPATIBLE, E_INSTALL, E_INSTALL, E_INCOMPATIBLE, E_INCOMPATIBLE, E_INCOMPATIBLE, E_INSTALL, E_INCOMPATIBLE};

    fixture_image(*state, "app.img", 9 << 20, 11, false);
    fixture_image(*state, "data.img", 10, 9, false);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct package_plan plan = fixture_plan(*state, "wrong.dfw");
        struct problem problem = {0};

        if (i == 0)
            plan.manifest.component_count = 0;
        if (i == 1)
            plan.images[1] = fixture_path(*state, "not-there.img");
        if (i == 2)
            plan.images[1] = "/tmp";
        if (i == 3)
            (void)text_copy(plan.manifest.components[0].part, ID_SIZE, "../a");
        if (i == 4)
            plan.manifest.version[0] = '\0';
        if (i == 5)
            plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
        if (i == 6)
            plan.path = fixture_path(*state, "no/such/folder.dfw");
        if (i == 7)
            (void)text_copy(plan.manifest.components[1].name, ID_SIZE, "app");
        CHECK_CODE(package_create(&plan, NULL, &problem), wanted[i], problem, rows[i]);
        CHECK_ROW(problem.where[0] && problem.what[0], rows[i]);
        CHECK_ROW(access(plan.path, F_OK) != 0, rows[i]);
    }
}

/* Grows or cuts the image at the first sign of progress. */
struct meddler {
    const char *path;
    int64_t length;
    unsigned calls;
    bool cancel;
};

static bool meddle(void *arg, int64_t done, int64_t total)
{
    struct meddler *meddler = arg;

    assert_true(done <= total);
    if (meddler->calls++ == 0 && meddler->path)
        assert_int_equal(truncate(meddler->path, meddler->length), 0);
    return !meddler->cancel;
}

static void images_that_change_meanwhile(void **state)
{
    static const int64_t lengths[] = {(4 << 20) - 1, (4 << 20) + 1, 0};

    for (unsigned compressed = 0; compressed < 2; compressed++)
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            struct package_plan plan = fixture_plan(*state, "changing.dfw");
            struct meddler meddler = {.path = plan.images[0], .length = lengths[i]};
            struct package_progress progress = {meddle, &meddler};
            struct problem problem;

            plan.manifest.components[0].compression = compressed ? COMPRESSION_ZSTD : COMPRESSION_NONE;
            fixture_image(*state, "app.img", 4 << 20, 12, true);
            fixture_image(*state, "data.img", 10, 9, false);
            CHECK_CODE(package_create(&plan, &progress, &problem), E_INSTALL, problem, "changed");
            assert_string_equal(problem.what, "changes while it is read");
        }
}

static void cancelling_leaves_nothing(void **state)
{
    struct package_plan plan = fixture_plan(*state, "cancelled.dfw");
    struct meddler meddler = {.cancel = true};
    struct package_progress progress = {meddle, &meddler};
    struct problem problem;
    DIR *folder;

    fixture_image(*state, "app.img", 1 << 20, 12, true);
    CHECK_CODE(package_create(&plan, &progress, &problem), E_CANCELLED, problem, "cancelled");
    folder = opendir(((struct fixture *)*state)->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        assert_null(strstr(entry->d_name, "cancelled"));
    closedir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_inputs_give_the_same_bytes), cmocka_unit_test(every_kind_of_image),         cmocka_unit_test(debians_zstd_reads_the_frame),
        cmocka_unit_test(wrong_plans_are_refused),             cmocka_unit_test(images_that_change_meanwhile), cmocka_unit_test(cancelling_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
