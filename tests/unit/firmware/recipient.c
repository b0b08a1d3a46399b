/* Content keys wrapped and unwrapped by every method; whatever a wrapping is bound to, changed, closes it. */
#include "tests/unit/common/check.h"

#include <unistd.h>

#include "common/text.h"
#include "firmware/recipient.h"

static const uint8_t content_key[CONTENT_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const uint8_t model_keys[2][CONTENT_KEY_BYTES] = {{0x11}, {0x22}};
static const uint8_t manifest[SHA256_BYTES] = {0xaa}, other_manifest[SHA256_BYTES] = {0xab};

enum { RSA, EC, X, OTHER_EC, SIGNS, KEY_COUNT };
static struct private_key *keys[KEY_COUNT];
static struct public_key *publics[KEY_COUNT];

static int keys_make(void **state)
{
    static const enum key_type types[KEY_COUNT] = {KEY_RSA_2048, KEY_EC_P256, KEY_X25519, KEY_EC_P256, KEY_ED25519};

    (void)state;
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (private_key_generate(types[i], &keys[i], NULL))
            return -1;
        publics[i] = private_key_public(keys[i]);
    }
    return 0;
}

static int keys_free(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        private_key_free(keys[i]);
        public_key_free(publics[i]);
    }
    return 0;
}

/* A recipient of each method, in the order of enum recipient_method. */
static void wrap_all(struct recipient recipients[4])
{
    assert_int_equal(recipient_wrap_model(content_key, model_keys[0], manifest, &recipients[0], NULL), DROVER_OK);
    assert_int_equal(recipient_wrap_public(content_key, publics[EC], manifest, &recipients[1], NULL), DROVER_OK);
    assert_int_equal(recipient_wrap_public(content_key, publics[X], manifest, &recipients[2], NULL), DROVER_OK);
    assert_int_equal(recipient_wrap_public(content_key, publics[RSA], manifest, &recipients[3], NULL), DROVER_OK);
}

static const struct recipient_keys all_keys = {.model_keys = model_keys, .model_key_count = 1,
                                               .private_keys = (const struct private_key *const *)keys, .private_key_count = KEY_COUNT};

static enum error_code unwrap(const struct recipient *recipients, unsigned count, const struct recipient_keys *with, const uint8_t *for_manifest)
{
    struct problem problem = {0};
    uint8_t key[CONTENT_KEY_BYTES] = {0};
    enum error_code code = recipient_unwrap(recipients, count, with, for_manifest, key, &problem);

    if (code)
        assert_true(problem.where[0] && problem.what[0]);
    else
        assert_memory_equal(key, content_key, sizeof key);
    return code;
}

static void every_method_gives_the_key_back(void **state)
{
    static const char *const names[] = {"aes-kw", "ecdh-p256", "x25519", "rsa-oaep"};
    struct recipient recipients[4];

    assert_null(*state);
    wrap_all(recipients);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(recipients[i].method, i + 1);
        assert_string_equal(recipient_method_name(recipients[i].method), names[i]);
        assert_int_equal(unwrap(&recipients[i], 1, &all_keys, manifest), E_NONE);
    }
    assert_string_equal(recipient_method_name(5), "unknown");
    assert_int_equal(unwrap(recipients, 4, &all_keys, manifest), E_NONE);
}

static void one_key_among_many_recipients_is_enough(void **state)
{
    struct recipient recipients[4];

    assert_null(*state);
    wrap_all(recipients);
    for (unsigned i = 0; i < 3; i++) {
        const struct private_key *only = keys[i];
        struct recipient_keys one = {.private_keys = &only, .private_key_count = 1};

        assert_int_equal(unwrap(recipients, 4, &one, manifest), E_NONE);
    }
}

static void two_wrappings_for_one_device_share_nothing(void **state)
{
    struct recipient one, two;

    assert_null(*state); /* each has a key pair of its own */
    assert_int_equal(recipient_wrap_public(content_key, publics[X], manifest, &one, NULL), DROVER_OK);
    assert_int_equal(recipient_wrap_public(content_key, publics[X], manifest, &two, NULL), DROVER_OK);
    assert_memory_not_equal(one.ephemeral, two.ephemeral, 32);
    assert_memory_not_equal(one.wrapped, two.wrapped, 40);
}

static void a_wrapping_carried_to_another_package_is_refused(void **state)
{
    struct recipient recipients[4];

    assert_null(*state);
    wrap_all(recipients);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(unwrap(&recipients[i], 1, &all_keys, other_manifest), E_DECRYPT);
}

static void a_wrong_key_and_a_missing_recipient_are_refused(void **state)
{
    struct recipient_keys none = {0}, other_model = {.model_keys = model_keys + 1, .model_key_count = 1};
    const struct private_key *stranger = keys[OTHER_EC];
    struct recipient_keys other_device = {.private_keys = &stranger, .private_key_count = 1};
    struct recipient recipients[4];

    assert_null(*state);
    wrap_all(recipients);
    assert_int_equal(unwrap(recipients, 4, NULL, manifest), E_DECRYPT);
    assert_int_equal(unwrap(recipients, 4, &none, manifest), E_DECRYPT);
    assert_int_equal(unwrap(recipients, 4, &other_model, manifest), E_DECRYPT);
    assert_int_equal(unwrap(recipients, 4, &other_device, manifest), E_DECRYPT);
    assert_int_equal(unwrap(recipients, 0, &all_keys, manifest), E_DECRYPT);
}

static void a_recipient_in_another_ones_name_is_refused(void **state)
{
    struct recipient recipients[4], stolen;

    assert_null(*state);
    wrap_all(recipients);
    stolen = recipients[1]; /* for the other device's id: the wrong scalar, and the id is in the binding */
    memcpy(stolen.key_id, private_key_id(keys[OTHER_EC]), KEY_ID_BYTES);
    assert_int_equal(unwrap(&stolen, 1, &all_keys, manifest), E_DECRYPT);
    stolen = recipients[0];
    model_key_id(model_keys[1], stolen.key_id);
    assert_int_equal(unwrap(&stolen, 1, &(struct recipient_keys){.model_keys = model_keys + 1, .model_key_count = 1}, manifest), E_DECRYPT);
}

static void every_changed_bit_is_refused(void **state)
{
    struct recipient recipients[4];

    assert_null(*state);
    wrap_all(recipients);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned bit = 0; bit < 8u * recipients[i].wrapped_bytes; bit++) {
            struct recipient changed = recipients[i];

            changed.wrapped[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(unwrap(&changed, 1, &all_keys, manifest), E_DECRYPT);
        }
        for (unsigned bit = 0; bit < 8u * recipients[i].ephemeral_bytes; bit += 3) {
            struct recipient changed = recipients[i];

            changed.ephemeral[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(unwrap(&changed, 1, &all_keys, manifest), E_DECRYPT);
        }
    }
    for (unsigned byte = 0; byte < recipients[3].wrapped_bytes; byte += 17) {
        struct recipient changed = recipients[3];

        changed.wrapped[byte] ^= 0x40;
        assert_int_equal(unwrap(&changed, 1, &all_keys, manifest), E_DECRYPT);
    }
}

static void keys_that_only_sign_receive_nothing(void **state)
{
    struct problem problem;
    struct recipient recipient;

    assert_null(*state);
    CHECK_PROBLEM(recipient_wrap_public(content_key, publics[SIGNS], manifest, &recipient, &problem), problem, DROVER_MISMATCH, "recipient", "ed25519");
}

static void a_section_gives_the_recipient_back(void **state)
{
    struct recipient recipients[4], got;
    uint8_t bytes[RECIPIENT_SECTION_MAX], again[RECIPIENT_SECTION_MAX];

    assert_null(*state);
    wrap_all(recipients);
    for (unsigned i = 0; i < 4; i++) {
        size_t length = recipient_section_write(&recipients[i], bytes);

        assert_int_equal(recipient_section_read(bytes, length, &got, NULL), E_NONE);
        assert_int_equal(recipient_section_write(&got, again), length);
        assert_memory_equal(again, bytes, length);
        assert_int_equal(unwrap(&got, 1, &all_keys, manifest), E_NONE);
        for (size_t shorter = 0; shorter < length; shorter++)
            assert_int_equal(recipient_section_read(bytes, shorter, &got, NULL), E_INCOMPATIBLE);
        assert_int_equal(recipient_section_read(bytes, length + 1, &got, NULL), E_INCOMPATIBLE);
        bytes[2] = 1; /* reserved */
        assert_int_equal(recipient_section_read(bytes, length, &got, NULL), E_INCOMPATIBLE);
    }
}

static void lengths_must_fit_the_method_but_not_for_methods_to_come(void **state)
{
    struct recipient recipient, got;
    uint8_t bytes[RECIPIENT_SECTION_MAX];
    size_t length;

    assert_null(*state);
    assert_int_equal(recipient_wrap_public(content_key, publics[X], manifest, &recipient, NULL), DROVER_OK);
    recipient.ephemeral_bytes = 31;
    length = recipient_section_write(&recipient, bytes);
    assert_int_equal(recipient_section_read(bytes, length, &got, NULL), E_INCOMPATIBLE);
    assert_int_equal(unwrap(&recipient, 1, &all_keys, manifest), E_DECRYPT);
    bytes[0] = 77;
    assert_int_equal(recipient_section_read(bytes, length, &got, NULL), E_NONE);
    assert_int_equal(unwrap(&got, 1, &all_keys, manifest), E_DECRYPT);
}

static void model_key_file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

#define DIGITS64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void a_model_key_file_is_64_digits_and_a_line_feed(void **state)
{
    static const struct {
        const char *text;
        enum drover_error wanted;
    } rows[] = {
        {DIGITS64 "\n", DROVER_OK},         {DIGITS64, DROVER_SYNTAX},       {DIGITS64 "\r\n", DROVER_SYNTAX}, {DIGITS64 "\n\n", DROVER_SYNTAX},
        {DIGITS64 "0\n", DROVER_SYNTAX},    {"", DROVER_SYNTAX},             {"\n", DROVER_SYNTAX},            {"x" DIGITS64, DROVER_SYNTAX},
        {"0x" DIGITS64 "\n", DROVER_SYNTAX}, {" " DIGITS64, DROVER_SYNTAX},
    };
    char path[] = "/tmp/drover-model-key.XXXXXX";
    int fd = mkstemp(path);
    uint8_t key[CONTENT_KEY_BYTES];
    struct problem problem;

    assert_null(*state);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        model_key_file_write(path, rows[i].text);
        CHECK_PROBLEM(model_key_read_file(path, key, &problem), problem, rows[i].wanted, "model key", rows[i].text);
        CHECK_ROW(rows[i].wanted == DROVER_OK || !strstr(problem.what, "22334455"), rows[i].text); /* what was read is not shown */
    }
    assert_int_equal(key[1], 0x11);
    assert_int_equal(key[31], 0xff);
    unlink(path);
    CHECK_PROBLEM(model_key_read_file(path, key, &problem), problem, DROVER_NOT_FOUND, "model key", path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_gives_the_key_back),
        cmocka_unit_test(one_key_among_many_recipients_is_enough),
        cmocka_unit_test(two_wrappings_for_one_device_share_nothing),
        cmocka_unit_test(a_wrapping_carried_to_another_package_is_refused),
        cmocka_unit_test(a_wrong_key_and_a_missing_recipient_are_refused),
        cmocka_unit_test(a_recipient_in_another_ones_name_is_refused),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(keys_that_only_sign_receive_nothing),
        cmocka_unit_test(a_section_gives_the_recipient_back),
        cmocka_unit_test(lengths_must_fit_the_method_but_not_for_methods_to_come),
        cmocka_unit_test(a_model_key_file_is_64_digits_and_a_line_feed),
    };

    return cmocka_run_group_tests(tests, keys_make, keys_free);
}
