/* Every byte of a small package and 10,000 random ones of a large package, damaged: none is accepted, none crashes, and the code is of
 * the right class. Once as a transfer would damage them, once by somebody who makes the checksums right again. */
#include "package_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/hash.h"

#define RANDOM_FLIPS 10000

static struct bytes package;
static size_t payload_at;     /* the first payload section */

static int begin(void **state)
{
    size_t length;
    struct section section;

    fixture_begin(state);
    package = fixture_package(*state);
    (void)fixture_manifest(&package, &length);
    payload_at = PACKAGE_HEADER_BYTES + SECTION_HEADER_BYTES + length;
    section_read(package.bytes + payload_at, &section);
    assert_int_equal(section.type, SECTION_SIGNATURE);
    payload_at += SECTION_HEADER_BYTES + (size_t)section.length;
    return 0;
}

static int end(void **state)
{
    bytes_done(&package);
    return fixture_end(state);
}

/* After each refusal the honest package is taken. */
static void honest_is_accepted(const struct package_policy *policy)
{
    struct fixture_sink sink;
    struct problem problem;

    CHECK_CODE(fixture_read(&package, 0, policy, NULL, &sink, &problem), E_NONE, problem, "the honest one");
}

static bool one_of(enum error_code code, const enum error_code *codes)
{
    for (; *codes; codes++)
        if (*codes == code)
            return true;
    return false;
}

static void check_class(enum error_code code, const enum error_code *codes, const struct problem *problem, size_t at, unsigned bit)
{
    if (code == E_NONE)
        fail_msg("byte %zu, bit %u: accepted", at, bit);
    if (!one_of(code, codes))
        fail_msg("byte %zu, bit %u: %s (%s: %s)", at, bit, error_code_name(code), problem->where, problem->what);
    assert_true(problem->where[0] && problem->what[0]);
}

/* What a damaged transfer is called, by where it is damaged. */
static const enum error_code *transfer_codes(size_t at)
{
    static const enum error_code magic[] = {E_INCOMPATIBLE, 0}, checksum[] = {E_CRC, 0}, payload[] = {E_SHA256, E_INCOMPATIBLE, 0};

    return at < 8 ? magic : at < payload_at || at >= package.length - PACKAGE_TRAILER_BYTES ? checksum : payload;
}

static void every_bit_of_a_transfer(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct bytes bad = bytes_copy(&package);
    struct fixture_sink sink;
    struct problem problem;

    for (size_t at = 0; at < bad.length; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bad.bytes[at] ^= (uint8_t)(1u << bit);
            check_class(fixture_read(&bad, 0, &policy, NULL, &sink, &problem), transfer_codes(at), &problem, at, bit);
            assert_true(at >= payload_at || sink.proved == 0);
            bad.bytes[at] ^= (uint8_t)(1u << bit);
        }
    honest_is_accepted(&policy);
    bytes_done(&bad);
}

/* In a file the CRC of everything comes right behind the magic. */
static void every_byte_of_a_file(void **state)
{
    static const enum error_code magic[] = {E_INCOMPATIBLE, 0}, checksum[] = {E_CRC, 0};
    struct package_policy policy = fixture_policy(*state);
    struct package_sink nobody = {0};
    struct problem problem;
    int fd = memfd_create("package", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, package.bytes, package.length, 0), package.length);
    for (size_t at = 0; at < package.length; at++) {
        uint8_t byte = package.bytes[at] ^ 0xFF;

        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        check_class(package_verify(fd, &policy, NULL, &nobody, NULL, &problem), at < 8 ? magic : checksum, &problem, at, 8);
        assert_int_equal(pwrite(fd, package.bytes + at, 1, (off_t)at), 1);
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    CHECK_CODE(package_verify(fd, &policy, NULL, &nobody, NULL, &problem), E_NONE, problem, "the honest one");
    close(fd);
}

/* What is called what when the checksums are right: only signature, structure and digests are left to refuse it. */
static const enum error_code *forged_codes(size_t at)
{
    static const enum error_code header[] = {E_INCOMPATIBLE, 0}, documents[] = {E_INCOMPATIBLE, E_SIGNATURE, 0}, payload[] = {E_SHA256, E_INCOMPATIBLE, 0};

    return at < PACKAGE_HEADER_BYTES ? header : at < payload_at ? documents : payload;
}

static void every_bit_with_right_checksums(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct fixture_sink sink;
    struct problem problem;
    unsigned tried = 0;

    for (size_t at = 0; at < package.length; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct bytes bad = bytes_copy(&package);

            bad.bytes[at] ^= (uint8_t)(1u << bit);
            fixture_mend_crcs(&bad);
            if (memcmp(bad.bytes, package.bytes, bad.length) != 0) { /* a checksum that was mended is no attack */
                check_class(fixture_read(&bad, 0, &policy, NULL, &sink, &problem), forged_codes(at), &problem, at, bit);
                tried++;
            }
            bytes_done(&bad);
        }
    assert_int_equal(tried, 8 * (package.length - 12));
    honest_is_accepted(&policy);
}

/* As fixture_read, with a sink that does nothing. */
static enum error_code read_quickly(const struct bytes *bytes, const struct package_policy *policy, struct problem *problem)
{
    struct package_sink nobody = {0};
    struct package_reader *reader = package_reader_new(policy, NULL, &nobody);
    enum error_code code;

    assert_non_null(reader);
    code = package_reader_feed(reader, bytes->bytes, bytes->length, problem);
    if (!code)
        code = package_reader_end(reader, problem);
    package_reader_free(reader);
    return code;
}

static void random_bytes_of_a_large_one(void **state)
{
    static const enum error_code any[] = {E_CRC, E_SHA256, E_INCOMPATIBLE, 0};
    struct package_policy policy = fixture_policy(*state);
    struct package_plan plan = fixture_plan(*state, "large.dfw");
    struct problem problem;
    struct bytes plain, large;

    fixture_image(*state, "app.img", 1 << 20, 3, true);
    fixture_image(*state, "data.img", 1 << 19, 4, false);
    plain = fixture_create(&plan);
    large = fixture_signed(&plain, ((struct fixture *)*state)->key, NULL, 0);
    assert_true(large.length > 1 << 19);
    for (uint64_t i = 0; i < RANDOM_FLIPS; i++) {
        uint64_t dice = hash_mix(i);
        size_t at = (size_t)(dice % large.length);
        uint8_t flip = (uint8_t)(1 + (dice >> 40) % 255);

        large.bytes[at] ^= flip;
        check_class(read_quickly(&large, &policy, &problem), any, &problem, at, 8);
        large.bytes[at] ^= flip;
    }
    CHECK_CODE(read_quickly(&large, &policy, &problem), E_NONE, problem, "the honest one");
    bytes_done(&plain);
    bytes_done(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_a_transfer),
        cmocka_unit_test(every_byte_of_a_file),
        cmocka_unit_test(every_bit_with_right_checksums),
        cmocka_unit_test(random_bytes_of_a_large_one),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
