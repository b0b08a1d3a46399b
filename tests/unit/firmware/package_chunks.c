/* The chunks of a package as places: they cover it without a gap, and each is proved by itself, in any order. */
#include "encrypted_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "firmware/package_chunks.h"
#include "firmware/package_delta.h"

struct opened {
    struct package_file file;
    struct package_chunks *chunks;
};

static void open_path(const char *path, const struct recipient_keys *keys, struct opened *opened)
{
    struct problem problem;

    CHECK_CODE(package_file_open(path, &opened->file, &problem), E_NONE, problem, path);
    CHECK_CODE(package_chunks_new(&opened->file.head, keys, &opened->chunks, &problem), E_NONE, problem, path);
}

static void done(struct opened *opened)
{
    package_chunks_free(opened->chunks);
    package_file_close(&opened->file);
}

static void check_covered_and_right(const char *path, const struct recipient_keys *keys, unsigned count)
{
    struct opened opened;
    struct problem problem;
    int64_t end;

    open_path(path, keys, &opened);
    end = PACKAGE_HEADER_BYTES + (int64_t)opened.file.head.header.metadata_bytes;
    assert_int_equal(package_chunks_count(opened.chunks), count);
    for (unsigned i = 0; i < count; i++) {
        struct package_chunk chunk = package_chunks_at(opened.chunks, i);

        assert_int_equal(chunk.begin, end);
        assert_true(chunk.begin <= chunk.offset && chunk.offset + chunk.bytes <= chunk.end);
        end = chunk.end;
    }
    assert_int_equal(end, opened.file.size_bytes);
    for (unsigned i = count; i-- > 0;)
        CHECK_CODE(package_chunks_prove(opened.chunks, i, opened.file.fd, &problem), E_NONE, problem, path);
    done(&opened);
}

/* One bit at `at` is turned: of all chunks, `number` alone is refused with this code. */
static void check_damage(const char *path, const struct recipient_keys *keys, int64_t at, unsigned number, enum error_code code)
{
    int fd = open(path, O_RDWR);
    struct opened opened;
    struct problem problem;
    uint8_t byte;

    open_path(path, keys, &opened);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    for (unsigned i = 0; i < package_chunks_count(opened.chunks); i++)
        CHECK_CODE(package_chunks_prove(opened.chunks, i, fd, &problem), i == number ? code : E_NONE, problem, "damaged");
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    done(&opened);
}

static void plain_chunks(void **state)
{
    const char *path = encrypted_plain(*state, "plain.dfw", 1);
    struct package_chunk second, fifth, last;
    struct opened opened;

    open_path(path, NULL, &opened);
    second = package_chunks_at(opened.chunks, 1);
    fifth = package_chunks_at(opened.chunks, 4);
    last = package_chunks_at(opened.chunks, 5);
    assert_int_equal(second.component, 0);
    assert_int_equal(second.index, 1);
    assert_int_equal(second.bytes, CHUNK_BYTES_MIN);
    assert_int_equal(second.begin, second.offset);
    assert_int_equal(fifth.component, 1);
    assert_int_equal(fifth.index, 0);
    assert_int_equal(fifth.offset - fifth.begin, SECTION_HEADER_BYTES);
    assert_int_equal(last.end - last.offset - last.bytes, PACKAGE_TRAILER_BYTES);
    done(&opened);
    check_covered_and_right(path, NULL, 6);
    check_damage(path, NULL, second.offset + 100, 1, E_SHA256);
    check_damage(path, NULL, fifth.begin + 8, 4, E_INCOMPATIBLE);
    check_damage(path, NULL, last.offset + last.bytes - 1, 5, E_SHA256);
}

static void sealed_chunks(void **state)
{
    const char *path = fixture_path(*state, "sealed.dfw");
    struct recipient_keys keys = fixture_model(0), other = fixture_model(1);
    struct package_chunks *chunks = NULL;
    struct opened opened;
    struct problem problem;
    struct package_chunk third;

    encrypted_make(encrypted_plain(*state, "plain.dfw", 2), path, NULL);
    check_covered_and_right(path, &keys, 6);
    open_path(path, &keys, &opened);
    third = package_chunks_at(opened.chunks, 2);
    assert_int_equal(third.bytes, third.plain_bytes + CHUNK_TAG_BYTES);
    CHECK_CODE(package_chunks_new(&opened.file.head, NULL, &chunks, &problem), E_DECRYPT, problem, "no keys");
    CHECK_CODE(package_chunks_new(&opened.file.head, &other, &chunks, &problem), E_DECRYPT, problem, "another key");
    assert_null(chunks);
    done(&opened);
    check_damage(path, &keys, third.offset + 7, 2, E_DECRYPT);
    check_damage(path, &keys, third.offset + third.bytes - 1, 2, E_DECRYPT); /* the tag */
}

static void missing_bytes(void **state)
{
    const char *path = encrypted_plain(*state, "plain.dfw", 3);
    struct package_chunk third;
    struct opened opened;
    struct problem problem;

    open_path(path, NULL, &opened);
    third = package_chunks_at(opened.chunks, 2);
    assert_int_equal(truncate(path, third.end - 1), 0);
    CHECK_CODE(package_chunks_prove(opened.chunks, 1, opened.file.fd, &problem), E_NONE, problem, "before the end");
    CHECK_CODE(package_chunks_prove(opened.chunks, 2, opened.file.fd, &problem), E_SHA256, problem, "cut");
    CHECK_CODE(package_chunks_prove(opened.chunks, 5, opened.file.fd, &problem), E_SHA256, problem, "behind the end");
    CHECK_CODE(package_chunks_prove(opened.chunks, 1, opened.file.fd, &problem), E_NONE, problem, "a failure leaves nothing behind");
    done(&opened);
}

/* A delta of a release against one with the same images: nothing is stored. */
static void a_package_that_stores_nothing(void **state)
{
    const char *path = encrypted_plain(*state, "plain.dfw", 4), *delta = fixture_path(*state, "delta.dfw");
    struct package_delta_options options = {.min_saving_pct = -1, .threads = 1};
    struct package_delta_result result;
    struct package_file file;
    struct opened opened;
    struct problem problem;

    CHECK_CODE(package_file_open(path, &file, &problem), E_NONE, problem, path);
    CHECK_CODE(package_delta(&file, &file, &options, delta, &result, &problem), E_NONE, problem, delta);
    package_file_close(&file);
    open_path(delta, NULL, &opened);
    assert_int_equal(package_chunks_at(opened.chunks, 0).bytes, 0);
    done(&opened);
    check_covered_and_right(delta, NULL, 1);
    open_path(delta, NULL, &opened);
    check_damage(delta, NULL, package_chunks_at(opened.chunks, 0).begin, 0, E_INCOMPATIBLE);
    done(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_chunks),
        cmocka_unit_test(sealed_chunks),
        cmocka_unit_test(missing_bytes),
        cmocka_unit_test(a_package_that_stores_nothing),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
