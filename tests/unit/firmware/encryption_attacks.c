/* Attacks on encrypted packages by somebody who can change every byte and mends all CRCs, so that the cipher is what refuses. Signatures
 * are not what is tested here and hold anyway: they are over the plain documents. No byte may reach the sink. */
#include "encrypted_fixture.h"

struct attacked {
    const struct fixture *fixture;
    struct bytes package;
    size_t app, data;      /* where the two payloads begin */
};

/* A fresh encrypted package; seed as for encrypted_plain. */
static struct attacked attacked_begin(void **state, uint64_t seed)
{
    struct attacked attacked = {.fixture = *state};
    char plain[256], sealed[256];

    (void)strcpy(plain, encrypted_plain(attacked.fixture, "plain.dfw", seed));
    (void)strcpy(sealed, fixture_path(attacked.fixture, "sealed.dfw"));
    encrypted_make(plain, sealed, NULL);
    attacked.package = encrypted_bytes(sealed);
    attacked.app = encrypted_part(sealed, 0);
    attacked.data = encrypted_part(sealed, 1);
    return attacked;
}

static void check_refused(struct attacked *attacked, unsigned key, enum error_code wanted, const char *row)
{
    struct package_policy policy = fixture_policy(attacked->fixture);
    struct recipient_keys keys = fixture_model(key);
    struct fixture_sink sink;
    struct problem problem = {0};

    fixture_mend_crcs(&attacked->package);
    CHECK_CODE(fixture_read(&attacked->package, 777, &policy, &keys, &sink, &problem), wanted, problem, row);
    CHECK_ROW(sink.bytes[0] == 0 && sink.bytes[1] == 0, row);
    CHECK_ROW(problem.where[0] && problem.what[0], row);
}

static void refused_at_the_end(struct attacked *attacked)
{
    check_refused(attacked, 0, E_DECRYPT, "attacked");
    bytes_done(&attacked->package);
}

static uint8_t *app_chunk(struct attacked *attacked, unsigned index)
{
    return attacked->package.bytes + attacked->app + (size_t)index * SEALED_CHUNK_BYTES;
}

static void chunk_dropped(void **state)
{
    struct attacked attacked = attacked_begin(state, 10);

    memmove(app_chunk(&attacked, 0), app_chunk(&attacked, 1), 2 * SEALED_CHUNK_BYTES); /* the third stands twice, so that the length holds */
    refused_at_the_end(&attacked);
}

static void chunk_dropped_and_the_section_shortened(void **state)
{
    struct attacked attacked = attacked_begin(state, 10);
    struct section section;
    uint8_t *header = attacked.package.bytes + attacked.app - SECTION_HEADER_BYTES;

    section_read(header, &section);
    section.length -= SEALED_CHUNK_BYTES;
    section_write(&section, header);
    memmove(app_chunk(&attacked, 0), app_chunk(&attacked, 1), attacked.package.length - attacked.app - SEALED_CHUNK_BYTES);
    attacked.package.length -= SEALED_CHUNK_BYTES;
    fixture_mend(&attacked.package);
    check_refused(&attacked, 0, E_INCOMPATIBLE, "shortened"); /* the signed documents say how long it is */
    bytes_done(&attacked.package);
}

static void chunk_repeated(void **state)
{
    struct attacked attacked = attacked_begin(state, 11);

    memcpy(app_chunk(&attacked, 0), app_chunk(&attacked, 1), SEALED_CHUNK_BYTES);
    refused_at_the_end(&attacked);
}

static void chunks_swapped(void **state)
{
    struct attacked attacked = attacked_begin(state, 12);
    uint8_t kept[SEALED_CHUNK_BYTES];

    memcpy(kept, app_chunk(&attacked, 0), sizeof kept);
    memcpy(app_chunk(&attacked, 0), app_chunk(&attacked, 1), sizeof kept);
    memcpy(app_chunk(&attacked, 1), kept, sizeof kept);
    refused_at_the_end(&attacked);
}

static void chunk_moved_to_another_component(void **state)
{
    struct attacked attacked = attacked_begin(state, 13);

    memcpy(app_chunk(&attacked, 0), attacked.package.bytes + attacked.data, SEALED_CHUNK_BYTES); /* same index, same length */
    refused_at_the_end(&attacked);
}

static void content_key_of(struct attacked *attacked, uint8_t ret_key[CONTENT_KEY_BYTES], uint8_t ret_manifest[SHA256_BYTES])
{
    struct recipient_keys keys = fixture_model(0);
    struct package_head head;
    struct problem problem;

    CHECK_CODE(package_head_read(attacked->package.bytes, attacked->app - SECTION_HEADER_BYTES, &head, &problem), E_NONE, problem, "head");
    CHECK_CODE(recipient_unwrap(head.recipients, head.recipient_count, &keys, head.manifest_sha256, ret_key, &problem), E_NONE, problem, "unwrap");
    memcpy(ret_manifest, head.manifest_sha256, SHA256_BYTES);
    package_head_done(&head);
}

/* A careless sender who uses one content key for two packages. */
static void chunk_of_another_package_with_the_same_content_key(void **state)
{
    struct attacked attacked = attacked_begin(state, 14);
    uint8_t key[CONTENT_KEY_BYTES], manifest[SHA256_BYTES], other[SHA256_BYTES] = {7};
    struct chunk_cipher *own, *foreign, *of_delta;
    uint8_t plain[SEALED_CHUNK_BYTES];

    content_key_of(&attacked, key, manifest);
    own = chunk_cipher_new(key, manifest, NULL);
    foreign = chunk_cipher_new(key, other, NULL);
    of_delta = chunk_cipher_new(key, manifest, other);
    memcpy(plain, app_chunk(&attacked, 0), sizeof plain);
    assert_true(chunk_open(own, 0, 0, plain, CHUNK_BYTES_MIN)); /* so the key is the right one */
    memcpy(app_chunk(&attacked, 0), plain, sizeof plain);
    assert_true(chunk_seal(foreign, 0, 0, app_chunk(&attacked, 0), CHUNK_BYTES_MIN));
    check_refused(&attacked, 0, E_DECRYPT, "of another manifest");
    memcpy(app_chunk(&attacked, 0), plain, sizeof plain);
    assert_true(chunk_seal(of_delta, 0, 0, app_chunk(&attacked, 0), CHUNK_BYTES_MIN));
    check_refused(&attacked, 0, E_DECRYPT, "of a delta to the same manifest");
    chunk_cipher_free(own);
    chunk_cipher_free(foreign);
    chunk_cipher_free(of_delta);
    bytes_done(&attacked.package);
}

/* Whoever has the content key (any recipient) can seal what they like: then the signed digest refuses. */
static void other_bytes_sealed_by_a_recipient(void **state)
{
    struct attacked attacked = attacked_begin(state, 15);
    uint8_t key[CONTENT_KEY_BYTES], manifest[SHA256_BYTES];
    struct chunk_cipher *cipher;

    content_key_of(&attacked, key, manifest);
    cipher = chunk_cipher_new(key, manifest, NULL);
    memset(app_chunk(&attacked, 0), 0x90, CHUNK_BYTES_MIN);
    assert_true(chunk_seal(cipher, 0, 0, app_chunk(&attacked, 0), CHUNK_BYTES_MIN));
    chunk_cipher_free(cipher);
    check_refused(&attacked, 0, E_SHA256, "sealed by a recipient");
    bytes_done(&attacked.package);
}

static void tag_cut(void **state)
{
    struct attacked attacked = attacked_begin(state, 16);

    for (unsigned kept = 0; kept < CHUNK_TAG_BYTES; kept++) { /* no shorter tag is taken */
        struct bytes whole = bytes_copy(&attacked.package);

        for (unsigned i = kept; i < CHUNK_TAG_BYTES; i++)
            app_chunk(&attacked, 0)[CHUNK_BYTES_MIN + i] ^= 0xFF;
        check_refused(&attacked, 0, E_DECRYPT, "only the first bytes of the tag are right");
        bytes_done(&attacked.package);
        attacked.package = whole;
    }
    bytes_done(&attacked.package);
}

static void every_bit_of_a_tag_counts(void **state)
{
    struct attacked attacked = attacked_begin(state, 17);

    for (unsigned bit = 0; bit < 8 * CHUNK_TAG_BYTES; bit++) {
        app_chunk(&attacked, 0)[CHUNK_BYTES_MIN + bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_refused(&attacked, 0, E_DECRYPT, "tag");
        app_chunk(&attacked, 0)[CHUNK_BYTES_MIN + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes_done(&attacked.package);
}

static void any_byte_of_a_chunk_changed(void **state)
{
    struct attacked attacked = attacked_begin(state, 18);

    for (size_t at = 0; at < CHUNK_BYTES_MIN; at += 61) {
        app_chunk(&attacked, 0)[at] ^= 0x80;
        check_refused(&attacked, 0, E_DECRYPT, "chunk");
        app_chunk(&attacked, 0)[at] ^= 0x80;
    }
    bytes_done(&attacked.package);
}

/* The recipients of the last metadata sections; both packages have one. */
static uint8_t *recipient_section(struct attacked *attacked, struct section *ret_section)
{
    size_t at = PACKAGE_HEADER_BYTES;

    for (;;) {
        section_read(attacked->package.bytes + at, ret_section);
        if (ret_section->type == SECTION_RECIPIENT)
            return attacked->package.bytes + at + SECTION_HEADER_BYTES;
        at += SECTION_HEADER_BYTES + (size_t)ret_section->length;
        assert_true(at < attacked->app);
    }
}

static void recipients_swapped_between_packages(void **state)
{
    struct attacked attacked = attacked_begin(state, 19), other = attacked_begin(state, 20);
    struct section section, other_section;
    uint8_t *to = recipient_section(&attacked, &section), *from = recipient_section(&other, &other_section);

    assert_int_equal(section.length, other_section.length);
    assert_memory_equal(to + 4, from + 4, KEY_ID_BYTES); /* for the same model key */
    memcpy(to, from, (size_t)section.length);
    bytes_done(&other.package);
    refused_at_the_end(&attacked);
}

static void wrong_key(void **state)
{
    struct attacked attacked = attacked_begin(state, 21);

    check_refused(&attacked, 1, E_DECRYPT, "wrong key");
    bytes_done(&attacked.package);
}

static void encryption_flag_taken_off(void **state)
{
    struct attacked attacked = attacked_begin(state, 22);

    attacked.package.bytes[12] = 0;
    check_refused(&attacked, 0, E_INCOMPATIBLE, "recipients of a plain package");
    bytes_done(&attacked.package);
}

/* The model's key changed after one became known; packages from then on are for the new key alone. */
static void revoked_recipient(void **state)
{
    const struct fixture *fixture = *state;
    struct package_encryption to = {.model_keys = fixture_model_keys + 1, .model_key_count = 1};
    struct attacked attacked = {.fixture = fixture};
    struct package_file file;
    struct problem problem;
    char plain[256], sealed[256];

    (void)strcpy(plain, encrypted_plain(fixture, "plain.dfw", 23));
    (void)strcpy(sealed, fixture_path(fixture, "sealed.dfw"));
    CHECK_CODE(package_file_open(plain, &file, &problem), E_NONE, problem, plain);
    CHECK_CODE(package_encrypt(&file, &to, NULL, sealed, NULL, &problem), E_NONE, problem, sealed);
    package_file_close(&file);
    attacked.package = encrypted_bytes(sealed);
    check_refused(&attacked, 0, E_DECRYPT, "revoked");
    bytes_done(&attacked.package);
}

static void after_every_attack_the_honest_package_opens(void **state)
{
    struct attacked attacked = attacked_begin(state, 24);
    struct package_policy policy = fixture_policy(attacked.fixture);
    struct recipient_keys keys = fixture_model(0);
    struct fixture_sink sink;
    struct problem problem;

    fixture_mend_crcs(&attacked.package); /* as the attacks did: nothing is left to mend */
    CHECK_CODE(fixture_read(&attacked.package, 777, &policy, &keys, &sink, &problem), E_NONE, problem, "honest");
    assert_int_equal(sink.bytes[0], APP_BYTES);
    assert_int_equal(sink.bytes[1], DATA_BYTES);
    bytes_done(&attacked.package);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_dropped),
        cmocka_unit_test(chunk_dropped_and_the_section_shortened),
        cmocka_unit_test(chunk_repeated),
        cmocka_unit_test(chunks_swapped),
        cmocka_unit_test(chunk_moved_to_another_component),
        cmocka_unit_test(chunk_of_another_package_with_the_same_content_key),
        cmocka_unit_test(other_bytes_sealed_by_a_recipient),
        cmocka_unit_test(tag_cut),
        cmocka_unit_test(every_bit_of_a_tag_counts),
        cmocka_unit_test(any_byte_of_a_chunk_changed),
        cmocka_unit_test(recipients_swapped_between_packages),
        cmocka_unit_test(wrong_key),
        cmocka_unit_test(encryption_flag_taken_off),
        cmocka_unit_test(revoked_recipient),
        cmocka_unit_test(after_every_attack_the_honest_package_opens),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
