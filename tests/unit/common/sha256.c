/* Known answers of FIPS 180-4, streaming, and files. */
#include "check.h"

#include <errno.h>
#include <unistd.h>

#include "common/sha256.h"
#include "common/text.h"

static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_million_a[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void known_answers(void **state)
{
    struct sha256 *sha256 = sha256_new();
    char hex[SHA256_HEX_SIZE], block[1000];
    uint8_t digest[SHA256_BYTES], again[SHA256_BYTES];

    (void)state;
    assert_non_null(sha256);
    sha256_hex(sha256, hex);
    assert_string_equal(hex, of_nothing);
    sha256_add(sha256, "a", 1);
    sha256_add(sha256, "", 0);
    sha256_add(sha256, "bc", 2);
    sha256_hex(sha256, hex);
    assert_string_equal(hex, of_abc);
    memset(block, 'a', sizeof block);
    for (unsigned i = 0; i < 1000; i++) /* it started afresh by itself */
        sha256_add(sha256, block, sizeof block);
    sha256_hex(sha256, hex);
    assert_string_equal(hex, of_million_a);
    sha256_add(sha256, "abc", 3);
    assert_true(sha256_digest(sha256, digest));
    text_hex(hex, digest, sizeof digest);
    assert_string_equal(hex, of_abc);
    assert_true(sha256_of("abc", 3, again));
    assert_memory_equal(digest, again, sizeof digest);
    sha256_free(sha256);
    sha256_free(NULL);
}

static void files(void **state)
{
    char path[] = "/tmp/drover-sha256-XXXXXX", hex[SHA256_HEX_SIZE] = "kept", block[1000];
    int fd = mkstemp(path);
    long long bytes = -1;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(sha256_file(path, hex, &bytes), DROVER_OK);
    assert_string_equal(hex, of_nothing);
    assert_int_equal(bytes, 0);
    memset(block, 'a', sizeof block);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    assert_int_equal(sha256_file(path, hex, &bytes), DROVER_OK);
    assert_string_equal(hex, of_million_a);
    assert_int_equal(bytes, 1000000);
    close(fd);
    unlink(path);
    assert_int_equal(sha256_file(path, hex, NULL), DROVER_IO);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(sha256_file("/tmp", hex, NULL), DROVER_IO);
    assert_int_equal(errno, EISDIR);
    assert_string_equal(hex, of_million_a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers), cmocka_unit_test(files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
