/* Encrypted packages made by the product itself, for tests that then take them apart. */
#include "encrypted_fixture.h"

#include <sys/stat.h>

const uint8_t fixture_model_keys[2][CONTENT_KEY_BYTES] = {{0x4d, 0x31}, {0x4d, 0x32}};

struct recipient_keys fixture_model(unsigned which)
{
    return (struct recipient_keys){.model_keys = fixture_model_keys + which, .model_key_count = 1};
}

struct bytes encrypted_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct bytes bytes = {0};
    struct stat status;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    bytes.length = (size_t)status.st_size;
    bytes.bytes = malloc(bytes.length + 1);
    assert_non_null(bytes.bytes);
    assert_int_equal(fread(bytes.bytes, 1, bytes.length, file), bytes.length);
    fclose(file);
    return bytes;
}

void encrypted_write(const char *path, const struct bytes *package)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(package->bytes, 1, package->length, file), package->length);
    assert_int_equal(fclose(file), 0);
}

const char *encrypted_plain(const struct fixture *fixture, const char *name, uint64_t seed)
{
    struct package_plan plan = fixture_plan(fixture, "unsigned.dfw");
    const char *path = fixture_path(fixture, name);
    struct bytes plain, made;

    fixture_image(fixture, "app.img", APP_BYTES, seed, false);
    fixture_image(fixture, "data.img", DATA_BYTES, seed + 1000, false);
    plan.manifest.components[0].compression = COMPRESSION_NONE;
    plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
    plain = fixture_create(&plan);
    made = fixture_signed(&plain, fixture->key, NULL, 0);
    encrypted_write(path, &made);
    bytes_done(&plain);
    bytes_done(&made);
    return path;
}

void encrypted_make(const char *from, const char *to, const struct public_key *key)
{
    struct package_encryption encryption = {.model_keys = fixture_model_keys, .model_key_count = 1, .public_keys = &key, .public_key_count = key ? 1 : 0};
    struct package_file file;
    struct problem problem;

    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, from);
    CHECK_CODE(package_encrypt(&file, &encryption, NULL, to, NULL, &problem), E_NONE, problem, to);
    package_file_close(&file);
}

size_t encrypted_part(const char *path, unsigned component)
{
    struct package_file file;
    struct problem problem;
    size_t at;

    CHECK_CODE(package_file_open(path, &file, &problem), E_NONE, problem, path);
    at = (size_t)file.part_offset[component];
    package_file_close(&file);
    return at;
}
