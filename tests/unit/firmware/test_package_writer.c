/* The writer: what it writes is read back byte by byte, misuse and full disks leave nothing behind, names appear only when all is there. */
#include "package_fixture.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/package_file.h"

static struct bytes package;

static int begin(void **state)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    fixture_begin(state);
    package = fixture_package(*state);
    return 0;
}

static int end(void **state)
{
    bytes_done(&package);
    return fixture_end(state);
}

static unsigned files_in(const char *folder)
{
    DIR *stream = opendir(folder);
    unsigned count = 0;

    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream));)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void write_bytes(const char *path, const struct bytes *bytes)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes->bytes, 1, bytes->length, file), bytes->length);
    assert_int_equal(fclose(file), 0);
}

static void check_same(const char *path, const struct bytes *wanted)
{
    uint8_t *bytes = malloc(wanted->length + 1);
    FILE *file = fopen(path, "rb");

    assert_true(file && bytes);
    assert_int_equal(fread(bytes, 1, wanted->length + 1, file), wanted->length);
    assert_memory_equal(bytes, wanted->bytes, wanted->length);
    fclose(file);
    free(bytes);
}

static void a_copy_is_the_same(void **state)
{
    const char *from = fixture_path(*state, "from.dfw"), *to = fixture_path(*state, "to.dfw");
    struct package_writer *writer;
    struct package_file file;
    struct problem problem;
    struct stat status;
    mode_t mask = umask(022);

    write_bytes(from, &package);
    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, "open");
    assert_int_equal(file.size_bytes, package.length);
    assert_int_equal(file.part_offset[0], PACKAGE_HEADER_BYTES + file.head.header.metadata_bytes + SECTION_HEADER_BYTES);
    assert_int_equal(file.part_offset[1], file.part_offset[0] + file.head.manifest.components[0].stored_bytes + SECTION_HEADER_BYTES);
    assert_int_equal(file.part_offset[2], -1);
    writer = package_writer_new(to, 0);
    assert_non_null(writer);
    package_writer_copy_metadata(writer, &file, 0);
    package_writer_copy_payloads(writer, &file);
    assert_int_equal(access(to, F_OK), -1); /* not before it is whole */
    CHECK_CODE(package_writer_finish(writer, &problem), E_NONE, problem, "finish");
    package_writer_free(writer);
    check_same(to, &package);
    assert_int_equal(stat(to, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    writer = package_writer_new(from, 0); /* over itself, without its signature */
    package_writer_copy_metadata(writer, &file, 1u << SECTION_SIGNATURE);
    package_writer_copy_payloads(writer, &file);
    CHECK_CODE(package_writer_finish(writer, &problem), E_NONE, problem, "finish");
    package_writer_free(writer);
    package_file_close(&file);
    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, "open");
    assert_int_equal(file.head.signature_count, 0);
    assert_int_equal(file.head.header.metadata_sections, 1);
    package_file_close(&file);
    (void)umask(mask);
}

/* Each misuse is said at finish, and nothing is left in the folder. */
static void misuse_sticks(void **state)
{
    static const char *const rows[] = {"too few bytes", "too many bytes", "another component", "metadata behind a payload", "too much metadata", "before the last one ended"};
    static const uint8_t big[PACKAGE_METADATA_MAX];
    const struct fixture *fixture = *state;
    unsigned files = files_in(fixture->folder);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct package_writer *writer = package_writer_new(fixture_path(fixture, "bad.dfw"), 0);
        struct problem problem = {0};

        assert_non_null(writer);
        if (i == 4)
            package_writer_section(writer, SECTION_MANIFEST, big, sizeof big);
        package_writer_begin_payload(writer, i == 2, 5);
        package_writer_payload(writer, "12345", i == 0 || i == 5 ? 4 : 5);
        if (i == 1)
            package_writer_payload(writer, "6", 1);
        if (i == 3)
            package_writer_section(writer, SECTION_MANIFEST, "{}", 2);
        if (i == 5)
            package_writer_begin_payload(writer, 1, 1);
        CHECK_CODE(package_writer_finish(writer, &problem), i == 4 ? E_INCOMPATIBLE : E_INTERNAL, problem, rows[i]);
        CHECK_ROW(problem.where[0] && problem.what[0], rows[i]);
        package_writer_free(writer);
        assert_int_equal(files_in(fixture->folder), files);
    }
    package_writer_free(NULL);
}

static void full_disks_and_missing_folders(void **state)
{
    const struct fixture *fixture = *state;
    unsigned files = files_in(fixture->folder);
    struct rlimit kept, small;
    struct package_writer *writer;
    struct problem problem;
    char block[8192] = {0};

    writer = package_writer_new(fixture_path(fixture, "no/such/folder.dfw"), 0);
    package_writer_section(writer, SECTION_MANIFEST, "{}", 2);
    CHECK_CODE(package_writer_finish(writer, &problem), E_INSTALL, problem, "no folder");
    package_writer_free(writer);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    small = kept;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    writer = package_writer_new(fixture_path(fixture, "full.dfw"), 0);
    package_writer_begin_payload(writer, 0, sizeof block);
    package_writer_payload(writer, block, sizeof block);
    CHECK_CODE(package_writer_finish(writer, &problem), E_NO_SPACE, problem, "full");
    package_writer_free(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    assert_int_equal(files_in(fixture->folder), files);
}

/* What is on disk is checked as what comes from a pipe. */
static void files_that_are_no_packages(void **state)
{
    static const struct {
        const char *row;
        long keep;                     /* bytes of the package; negative: all, and that many more */
        size_t flip;                   /* 0: none */
        enum error_code code;
    } rows[] = {
        {"whole", LONG_MAX, 0, E_NONE},
        {"one byte more", -1, 0, E_CRC},
        {"cut in the payload", 1500, 0, E_CRC},
        {"cut in the metadata", 100, 0, E_CRC},
        {"a damaged manifest", LONG_MAX, 100, E_CRC},
        {"another magic", LONG_MAX, 1, E_INCOMPATIBLE},
    };
    const char *path = fixture_path(*state, "some.dfw");
    struct package_file file;
    struct problem problem;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes bytes = {calloc(1, package.length + 1), rows[i].keep < 0 ? package.length + 1 : (size_t)rows[i].keep < package.length ? (size_t)rows[i].keep : package.length};
        enum error_code code;

        assert_non_null(bytes.bytes);
        memcpy(bytes.bytes, package.bytes, bytes.length < package.length ? bytes.length : package.length);
        if (rows[i].flip)
            bytes.bytes[rows[i].flip] ^= 4;
        write_bytes(path, &bytes);
        code = package_file_open(path, &file, &problem);
        CHECK_CODE(code, rows[i].code, problem, rows[i].row);
        if (!code)
            package_file_close(&file);
        bytes_done(&bytes);
    }
    assert_int_not_equal(package_file_open(fixture_path(*state, "not-there.dfw"), &file, &problem), E_NONE);
    assert_int_not_equal(package_file_open("/dev/zero", &file, &problem), E_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_same),
        cmocka_unit_test(misuse_sticks),
        cmocka_unit_test(full_disks_and_missing_folders),
        cmocka_unit_test(files_that_are_no_packages),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
