/* Encrypting and decrypting whole packages: what comes back, what stays as it was, who can read. */
#include "encrypted_fixture.h"

#include <dirent.h>
#include <unistd.h>

#include "firmware/package_delta.h"

static enum error_code file_encrypt(const char *from, const struct package_encryption *to, const struct recipient_keys *keys, const char *path,
                                    const struct package_progress *progress)
{
    struct package_file file;
    struct problem problem = {0};
    enum error_code code;

    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, from);
    code = package_encrypt(&file, to, keys, path, progress, &problem);
    assert_true(!code || (problem.where[0] && problem.what[0]));
    package_file_close(&file);
    return code;
}

static enum error_code file_decrypt(const char *from, const struct recipient_keys *keys, const char *path)
{
    struct package_file file;
    struct problem problem = {0};
    enum error_code code;

    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, from);
    code = package_decrypt(&file, keys, path, NULL, &problem);
    assert_true(!code || (problem.where[0] && problem.what[0]));
    package_file_close(&file);
    return code;
}

static void check_same(const char *one, const char *two)
{
    struct bytes a = encrypted_bytes(one), b = encrypted_bytes(two);

    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    bytes_done(&a);
    bytes_done(&b);
}

static enum error_code file_read(const struct fixture *fixture, const char *path, const struct recipient_keys *keys)
{
    struct package_policy policy = fixture_policy(fixture);
    struct bytes package = encrypted_bytes(path);
    struct fixture_sink sink;
    struct problem problem;
    enum error_code code = fixture_read(&package, 1000, &policy, keys, &sink, &problem);

    assert_int_equal(code == E_NONE, sink.bytes[0] == APP_BYTES && sink.bytes[1] == DATA_BYTES);
    bytes_done(&package);
    return code;
}

static void decrypting_gives_the_same_file(void **state)
{
    const struct fixture *fixture = *state;
    char plain[256], sealed[256], back[256];
    struct recipient_keys keys = fixture_model(0);

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 1));
    (void)strcpy(sealed, fixture_path(fixture, "sealed.dfw"));
    (void)strcpy(back, fixture_path(fixture, "back.dfw"));
    encrypted_make(plain, sealed, NULL);
    assert_int_equal(file_decrypt(sealed, &keys, back), E_NONE);
    check_same(plain, back);
    assert_int_equal(file_decrypt(sealed, &keys, sealed), E_NONE); /* over itself */
    check_same(plain, sealed);
}

static void compressed_packages_come_back_too(void **state)
{
    const struct fixture *fixture = *state;
    struct bytes package = fixture_package(fixture);
    char plain[256], sealed[256];
    struct recipient_keys keys = fixture_model(0);

    (void)strcpy(plain, fixture_path(fixture, "zstd.dfw"));
    (void)strcpy(sealed, fixture_path(fixture, "zstd-sealed.dfw"));
    encrypted_write(plain, &package);
    bytes_done(&package);
    encrypted_make(plain, sealed, NULL);
    assert_int_equal(file_decrypt(sealed, &keys, sealed), E_NONE);
    check_same(plain, sealed);
}

static void documents_and_signatures_stay_and_the_payload_does_not(void **state)
{
    const struct fixture *fixture = *state;
    char plain[256], sealed[256];
    struct package_file before, after;
    struct bytes sealed_bytes, plain_bytes;
    struct problem problem;

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 2));
    (void)strcpy(sealed, fixture_path(fixture, "sealed.dfw"));
    encrypted_make(plain, sealed, NULL);
    CHECK_CODE(package_file_open(plain, &before, &problem), E_NONE, problem, plain);
    CHECK_CODE(package_file_open(sealed, &after, &problem), E_NONE, problem, sealed);
    assert_memory_equal(before.head.manifest_sha256, after.head.manifest_sha256, SHA256_BYTES);
    assert_int_equal(after.head.manifest_length, before.head.manifest_length);
    assert_int_equal(after.head.signature_count, 1);
    assert_memory_equal(after.head.signatures[0].bytes, before.head.signatures[0].bytes, before.head.signatures[0].length);
    assert_int_equal(after.head.header.flags, PACKAGE_ENCRYPTED);
    plain_bytes = encrypted_bytes(plain);
    sealed_bytes = encrypted_bytes(sealed);
    for (size_t at = 0; at < APP_BYTES; at += 64) /* nothing of the image stands in it */
        assert_null(memmem(sealed_bytes.bytes, sealed_bytes.length, plain_bytes.bytes + before.part_offset[0] + at, APP_BYTES - at < 64 ? APP_BYTES - at : 64));
    bytes_done(&plain_bytes);
    bytes_done(&sealed_bytes);
    package_file_close(&before);
    package_file_close(&after);
}

static void the_same_package_twice_has_no_byte_of_payload_in_common(void **state)
{
    const struct fixture *fixture = *state;
    char plain[256], one[256], two[256];
    struct bytes a, b;
    size_t at, same = 0;

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 3));
    (void)strcpy(one, fixture_path(fixture, "one.dfw"));
    (void)strcpy(two, fixture_path(fixture, "two.dfw"));
    encrypted_make(plain, one, NULL);
    encrypted_make(plain, two, NULL);
    a = encrypted_bytes(one);
    b = encrypted_bytes(two);
    at = encrypted_part(one, 0);
    for (size_t i = 0; i < APP_BYTES; i++)
        same += a.bytes[at + i] == b.bytes[at + i];
    assert_true(same < APP_BYTES / 128); /* by chance one byte in 256 */
    bytes_done(&a);
    bytes_done(&b);
}

static void a_reader_proves_and_decrypts_on_a_pipe(void **state)
{
    const struct fixture *fixture = *state;
    char plain[256], sealed[256];
    struct recipient_keys keys = fixture_model(0);

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 4));
    (void)strcpy(sealed, fixture_path(fixture, "sealed.dfw"));
    encrypted_make(plain, sealed, NULL);
    assert_int_equal(file_read(fixture, sealed, &keys), E_NONE);
}

static void every_kind_of_device_key_opens(void **state)
{
    static const enum key_type types[] = {KEY_EC_P256, KEY_X25519, KEY_RSA_2048};
    const struct fixture *fixture = *state;
    char plain[256], sealed[256];

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 5));
    (void)strcpy(sealed, fixture_path(fixture, "sealed.dfw"));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct private_key *key = NULL;
        struct public_key *half;
        struct problem problem;
        struct recipient_keys keys = {.private_keys = (const struct private_key *const *)&key, .private_key_count = 1};

        assert_int_equal(private_key_generate(types[i], &key, &problem), DROVER_OK);
        half = private_key_public(key);
        encrypted_make(plain, sealed, half);
        CHECK_ROW(file_read(fixture, sealed, &keys) == E_NONE, key_type_name(types[i]));
        public_key_free(half);
        private_key_free(key);
    }
}

/* 1.0.0 -> 1.1.0 with two images that differ by a few bytes. */
static void delta_make(const struct fixture *fixture, const char *path)
{
    char from[256], to[256];
    struct package_delta_options options = {.threads = 1, .min_saving_pct = -1};
    struct package_plan plan = fixture_plan(fixture, "from.dfw");
    struct package_delta_result result;
    struct package_file old, new;
    struct problem problem;
    struct bytes base;

    (void)strcpy(from, fixture_path(fixture, "from.dfw"));
    fixture_image(fixture, "app.img", APP_BYTES, 40, false);
    fixture_image(fixture, "data.img", DATA_BYTES, 41, false);
    (void)strcpy(plan.manifest.version, "1.0.0");
    base = fixture_create(&plan);
    bytes_done(&base);
    (void)strcpy(to, encrypted_plain(fixture, "to.dfw", 42));
    CHECK_CODE(package_file_open(from, &old, &problem), E_NONE, problem, from);
    CHECK_CODE(package_file_open(to, &new, &problem), E_NONE, problem, to);
    CHECK_CODE(package_delta(&old, &new, &options, path, &result, &problem), E_NONE, problem, path);
    assert_true(result.kept);
    package_file_close(&old);
    package_file_close(&new);
}

static void deltas_are_encrypted_under_their_own_description(void **state)
{
    const struct fixture *fixture = *state;
    struct recipient_keys keys = fixture_model(0);
    uint8_t content_key[CONTENT_KEY_BYTES];
    char delta[256], sealed[256], back[256];
    struct package_file file;
    struct problem problem;
    struct chunk_cipher *of_full, *of_delta;
    struct bytes bytes, copy;
    struct package_part part;
    size_t length;

    (void)strcpy(delta, fixture_path(fixture, "delta.dfw"));
    (void)strcpy(sealed, fixture_path(fixture, "delta-sealed.dfw"));
    (void)strcpy(back, fixture_path(fixture, "delta-back.dfw"));
    delta_make(fixture, delta);
    encrypted_make(delta, sealed, NULL);
    assert_int_equal(file_decrypt(sealed, &keys, back), E_NONE);
    check_same(delta, back);
    CHECK_CODE(package_file_open(sealed, &file, &problem), E_NONE, problem, sealed);
    assert_int_equal(file.head.header.flags, PACKAGE_DELTA | PACKAGE_ENCRYPTED);
    assert_int_equal(recipient_unwrap(file.head.recipients, 1, &keys, file.head.manifest_sha256, content_key, &problem), E_NONE);
    of_full = chunk_cipher_new(content_key, file.head.manifest_sha256, NULL);
    of_delta = chunk_cipher_new(content_key, file.head.manifest_sha256, file.head.delta_sha256);
    bytes = encrypted_bytes(sealed);
    copy = bytes_copy(&bytes);
    part = package_head_part(&file.head, 0);
    length = (size_t)(part.stored_bytes < part.chunk_bytes ? part.stored_bytes : part.chunk_bytes);
    assert_true(length > 0);
    assert_false(chunk_open(of_full, 0, 0, bytes.bytes + file.part_offset[0], length));
    assert_true(chunk_open(of_delta, 0, 0, copy.bytes + file.part_offset[0], length));
    chunk_cipher_free(of_full);
    chunk_cipher_free(of_delta);
    bytes_done(&bytes);
    bytes_done(&copy);
    package_file_close(&file);
}

static void recipients_are_added_and_the_payload_kept(void **state)
{
    const struct fixture *fixture = *state;
    struct package_encryption more = {.model_keys = fixture_model_keys + 1, .model_key_count = 1};
    struct recipient_keys first = fixture_model(0), second = fixture_model(1);
    char plain[256], one[256], two[256];
    struct bytes a, b;
    size_t length;

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 6));
    (void)strcpy(one, fixture_path(fixture, "first.dfw"));
    (void)strcpy(two, fixture_path(fixture, "second.dfw"));
    encrypted_make(plain, one, NULL);
    assert_int_equal(file_encrypt(one, &more, &second, two, NULL), E_DECRYPT); /* who cannot open it adds nobody */
    assert_int_equal(file_encrypt(one, &more, NULL, two, NULL), E_DECRYPT);
    assert_int_equal(access(two, F_OK), -1);
    assert_int_equal(file_encrypt(one, &more, &first, two, NULL), E_NONE);
    assert_int_equal(file_read(fixture, one, &second), E_DECRYPT);
    assert_int_equal(file_read(fixture, two, &first), E_NONE);
    assert_int_equal(file_read(fixture, two, &second), E_NONE);
    a = encrypted_bytes(one);
    b = encrypted_bytes(two);
    length = a.length - PACKAGE_TRAILER_BYTES - encrypted_part(one, 0);
    assert_memory_equal(a.bytes + encrypted_part(one, 0), b.bytes + encrypted_part(two, 0), length);
    bytes_done(&a);
    bytes_done(&b);
    assert_int_equal(file_encrypt(two, &more, &second, one, NULL), E_NONE); /* a key that is there is not there twice */
    a = encrypted_bytes(one);
    b = encrypted_bytes(two);
    assert_int_equal(a.length, b.length);
    bytes_done(&a);
    bytes_done(&b);
}

static void there_is_a_limit_to_recipients(void **state)
{
    const struct fixture *fixture = *state;
    static uint8_t many[PACKAGE_RECIPIENTS_MAX + 1][CONTENT_KEY_BYTES];
    struct package_encryption encryption = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])many, .model_key_count = PACKAGE_RECIPIENTS_MAX};
    struct recipient_keys last = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])many + PACKAGE_RECIPIENTS_MAX - 1, .model_key_count = 1};
    char plain[256], sealed[256];

    for (unsigned i = 0; i < COUNT_OF(many); i++)
        memcpy(many[i], &i, sizeof i);
    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 7));
    (void)strcpy(sealed, fixture_path(fixture, "crowd.dfw"));
    assert_int_equal(file_encrypt(plain, &encryption, NULL, sealed, NULL), E_NONE);
    assert_int_equal(file_read(fixture, sealed, &last), E_NONE);
    (void)unlink(sealed);
    encryption.model_key_count++;
    assert_int_equal(file_encrypt(plain, &encryption, NULL, sealed, NULL), E_INCOMPATIBLE);
    assert_int_equal(access(sealed, F_OK), -1);
}

static bool stop_at_second(void *arg, int64_t done, int64_t total)
{
    assert_int_equal(total, APP_BYTES + DATA_BYTES);
    assert_true(done > 0 && done <= total);
    return ++*(int *)arg < 2;
}

static unsigned files_in(const struct fixture *fixture)
{
    DIR *folder = opendir(fixture->folder);
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void what_fails_leaves_no_file(void **state)
{
    const struct fixture *fixture = *state;
    struct package_encryption nobody = {0}, to = {.model_keys = fixture_model_keys, .model_key_count = 1};
    struct recipient_keys keys = fixture_model(0);
    int shown = 0;
    struct package_progress progress = {stop_at_second, &shown};
    char plain[256], none[256];
    struct bytes package;
    unsigned files;

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 8));
    (void)strcpy(none, fixture_path(fixture, "none.dfw"));
    files = files_in(fixture);
    assert_int_equal(file_encrypt(plain, &nobody, NULL, none, NULL), E_INCOMPATIBLE);
    assert_int_equal(file_encrypt(plain, &to, NULL, none, &progress), E_CANCELLED);
    assert_int_equal(shown, 2);
    assert_int_equal(file_decrypt(plain, &keys, none), E_INCOMPATIBLE); /* it is not encrypted */
    package = encrypted_bytes(plain);
    package.bytes[encrypted_part(plain, 1)] ^= 1; /* a chunk that is not the signed one is not sealed */
    fixture_mend_crcs(&package);
    encrypted_write(plain, &package);
    bytes_done(&package);
    assert_int_equal(file_encrypt(plain, &to, NULL, none, NULL), E_SHA256);
    assert_int_equal(files_in(fixture), files);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(decrypting_gives_the_same_file),
        cmocka_unit_test(compressed_packages_come_back_too),
        cmocka_unit_test(documents_and_signatures_stay_and_the_payload_does_not),
        cmocka_unit_test(the_same_package_twice_has_no_byte_of_payload_in_common),
        cmocka_unit_test(a_reader_proves_and_decrypts_on_a_pipe),
        cmocka_unit_test(every_kind_of_device_key_opens),
        cmocka_unit_test(deltas_are_encrypted_under_their_own_description),
        cmocka_unit_test(recipients_are_added_and_the_payload_kept),
        cmocka_unit_test(there_is_a_limit_to_recipients),
        cmocka_unit_test(what_fails_leaves_no_file),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
