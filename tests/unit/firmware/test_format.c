/* The fixed bytes: what a header looks like, and which code each wrong field of it has. */
#include "../common/check.h"

#include <zlib.h>

#include "firmware/format.h"
#include "proto/error_code.h"

static const struct package_header header = {.flags = PACKAGE_DELTA, .package_bytes = 64 + 0x123 + 0x4567 + 4, .metadata_bytes = 0x123, .metadata_crc32 = 0xCAFEF00D,
                                             .payload_bytes = 0x4567, .metadata_sections = 2, .payload_sections = 3};

static void mend(uint8_t *bytes)
{
    uint32_t sum = (uint32_t)crc32(0, bytes, 60);

    for (unsigned i = 0; i < 4; i++)
        bytes[60 + i] = (uint8_t)(sum >> 8 * i);
}

static void bytes_stand_where_the_format_says(void **state)
{
    static const uint8_t wanted[60] = {0x89, 'D', 'F', 'W', 0x0D, 0x0A, 0x1A, 0x0A, 1, 0, 64, 0, 1, 0, 0, 0, 0xCE, 0x46, 0, 0, 0, 0, 0, 0, 0x23, 0x01, 0, 0,
                                       0x0D, 0xF0, 0xFE, 0xCA, 0x63, 0x01, 0, 0, 0, 0, 0, 0, 0x67, 0x45, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0};
    uint8_t bytes[PACKAGE_HEADER_BYTES], rewritten[PACKAGE_HEADER_BYTES];
    struct package_header again;
    struct problem problem;

    (void)state;
    package_header_write(&header, bytes);
    assert_memory_equal(bytes, wanted, sizeof wanted);
    assert_int_equal(package_header_read(bytes, &again, &problem), E_NONE);
    package_header_write(&again, rewritten);
    assert_memory_equal(rewritten, bytes, sizeof bytes);
}

static void wrong_fields_have_their_codes(void **state)
{
    static const struct {
        const char *row;
        size_t at;
        uint8_t byte;
        bool mended;
        enum error_code code;
        const char *where;
    } rows[] = {
        {"magic", 0, 0x09, true, E_INCOMPATIBLE, "magic"},
        {"line ends were mended", 4, 0x0A, true, E_INCOMPATIBLE, "magic"},
        {"checksum", 20, 1, false, E_CRC, "header"},
        {"version 2", 8, 2, true, E_INCOMPATIBLE, "header"},
        {"header of another size", 10, 65, true, E_INCOMPATIBLE, "header"},
        {"unknown flag", 12, 4, true, E_INCOMPATIBLE, "flags"},
        {"unknown high flag", 15, 0x80, true, E_INCOMPATIBLE, "flags"},
        {"package size", 16, 0xCF, true, E_INCOMPATIBLE, "header"},
        {"metadata too long", 27, 1, true, E_INCOMPATIBLE, "metadata"},
        {"metadata size", 24, 0x22, true, E_INCOMPATIBLE, "header"},
        {"payload offset", 32, 0x62, true, E_INCOMPATIBLE, "header"},
        {"payload size", 40, 0x66, true, E_INCOMPATIBLE, "header"},
        {"endless payload", 47, 0xFF, true, E_INCOMPATIBLE, "header"},
        {"17 payloads", 50, 17, true, E_INCOMPATIBLE, "header"},
        {"reserved", 52, 1, true, E_INCOMPATIBLE, "header"},
        {"reserved too", 59, 1, true, E_INCOMPATIBLE, "header"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[PACKAGE_HEADER_BYTES];
        struct package_header again = {.flags = 77};
        struct problem problem = {0};

        package_header_write(&header, bytes);
        bytes[rows[i].at] = rows[i].byte;
        if (rows[i].mended)
            mend(bytes);
        CHECK_ROW(package_header_read(bytes, &again, &problem) == rows[i].code, rows[i].row);
        CHECK_ROW(strcmp(problem.where, rows[i].where) == 0, rows[i].row);
        CHECK_ROW(again.flags == 77, rows[i].row); /* untouched */
    }
}

static void sections_and_trailers(void **state)
{
    static const uint8_t wanted[SECTION_HEADER_BYTES] = {16, 0, 1, 0, 5, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1}, sum[] = {4, 3, 2, 1};
    struct section section = {SECTION_PAYLOAD, SECTION_CRITICAL, 5, 0x0102030405060708}, again;
    uint8_t bytes[SECTION_HEADER_BYTES];

    (void)state;
    section_write(&section, bytes);
    assert_memory_equal(bytes, wanted, sizeof wanted);
    section_read(bytes, &again);
    assert_memory_equal(&again, &section, sizeof section);
    package_trailer_write(0x01020304, bytes);
    assert_memory_equal(bytes, sum, sizeof sum);
    assert_int_equal(package_trailer_read(bytes), 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stand_where_the_format_says),
        cmocka_unit_test(wrong_fields_have_their_codes),
        cmocka_unit_test(sections_and_trailers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
