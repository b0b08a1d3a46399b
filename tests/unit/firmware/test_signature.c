/* Signatures: published vectors, every algorithm with every key, every flipped bit, and forms of a signature that are almost the right one. */
#include "trust_fixture.h"

#include <openssl/rsa.h>
#include <openssl/evp.h>

#include "common/text.h"

static int done(void **state)
{
    (void)state;
    keys_done();
    return 0;
}

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct {
    const char *public_key, *message, *signature;
} ed25519_vectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void ed25519_known_answers(void **state)
{
    static const uint8_t frame[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}; /* RFC 8410 */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ed25519_vectors); i++) {
        uint8_t der[sizeof frame + 32], message[4];
        size_t length = strlen(ed25519_vectors[i].message) / 2;
        struct signature signature = {.algorithm = SIGNATURE_ED25519, .length = 64};
        struct public_key *key;
        struct problem problem;

        memcpy(der, frame, sizeof frame);
        assert_true(text_unhex(der + sizeof frame, 32, ed25519_vectors[i].public_key));
        assert_true(text_unhex(message, length, ed25519_vectors[i].message));
        assert_true(text_unhex(signature.bytes, 64, ed25519_vectors[i].signature));
        assert_int_equal(public_key_read_der(der, sizeof der, &key, &problem), DROVER_OK);
        memcpy(signature.key_id, public_key_id(key), KEY_ID_BYTES);
        assert_true(signature_is_valid(&signature, key, message, length));
        message[length] = 0;
        assert_false(signature_is_valid(&signature, key, message, length + 1));
        public_key_free(key);
    }
}

/* Which algorithm a key takes; 0 is its usual one. */
static void every_algorithm_with_every_key(void **state)
{
    static const bool fits[KEY_TYPE_COUNT][SIGNATURE_ED25519 + 1] = {
        [KEY_RSA_2048] = {true, true, true, false, false}, [KEY_RSA_3072] = {true, true, true, false, false}, [KEY_RSA_4096] = {true, true, true, false, false},
        [KEY_EC_P256] = {true, false, false, true, false}, [KEY_ED25519] = {true, false, false, false, true}, [KEY_X25519] = {false}};
    static const enum signature_algorithm usual[KEY_TYPE_COUNT] = {SIGNATURE_RSA_PSS_SHA256, SIGNATURE_RSA_PSS_SHA256, SIGNATURE_RSA_PSS_SHA256,
                                                                   SIGNATURE_ECDSA_P256_SHA256, SIGNATURE_ED25519};

    (void)state;
    for (unsigned type = 0; type < KEY_TYPE_COUNT; type++)
        for (unsigned algorithm = 0; algorithm <= SIGNATURE_ED25519; algorithm++) {
            const struct private_key *key = key_of((enum key_type)type, 0);
            struct public_key *public = private_key_public(key), *other = private_key_public(key_of(KEY_ED25519, 1));
            struct signature signature;
            struct problem problem;
            enum drover_error error = signature_make(key, (enum signature_algorithm)algorithm, "text", 4, &signature, &problem);

            CHECK_PROBLEM(error, problem, fits[type][algorithm] ? DROVER_OK : DROVER_MISMATCH, "algorithm", key_type_name((enum key_type)type));
            if (!error) {
                assert_int_equal(signature.algorithm, algorithm ? algorithm : usual[type]);
                assert_true(signature_is_valid(&signature, public, "text", 4));
                assert_false(signature_is_valid(&signature, public, "texs", 4));
                assert_false(signature_is_valid(&signature, public, "text", 3));
                assert_false(signature_is_valid(&signature, other, "text", 4));
                for (unsigned said = 0; said < 8; said++)
                    if (said != signature.algorithm) {
                        struct signature lying = signature;

                        lying.algorithm = (uint16_t)said;
                        assert_false(signature_is_valid(&lying, public, "text", 4));
                    }
            }
            public_key_free(public);
            public_key_free(other);
        }
}

static void every_flipped_bit_counts(void **state)
{
    static const enum key_type types[] = {KEY_RSA_2048, KEY_EC_P256, KEY_ED25519};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct public_key *public = private_key_public(key_of(types[i], 0));
        struct signature signature = sign(key_of(types[i], 0), "text");

        for (unsigned bit = 0; bit < signature.length * 8u; bit++) {
            signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (signature_is_valid(&signature, public, "text", 4))
                fail_msg("%s with bit %u flipped", key_type_name(types[i]), bit);
            signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (unsigned length = 0; length <= SIGNATURE_BYTES_MAX; length++) {
            struct signature cut = signature;

            cut.length = (uint16_t)length;
            assert_int_equal(signature_is_valid(&cut, public, "text", 4), length == signature.length);
        }
        public_key_free(public);
    }
}

/* A PSS signature that begins with zero bytes is the same number without them; only one of the two spellings is taken. */
static void rsa_has_one_length(void **state)
{
    struct public_key *public = private_key_public(key_of(KEY_RSA_2048, 0));
    struct signature signature;
    unsigned tries = 0;

    (void)state;
    do {
        signature = sign(key_of(KEY_RSA_2048, 0), "text");
    } while (signature.bytes[0] != 0 && ++tries < 5000); /* one in 256; PSS has a fresh salt each time */
    assert_int_equal(signature.bytes[0], 0);
    assert_true(signature_is_valid(&signature, public, "text", 4));
    memmove(signature.bytes, signature.bytes + 1, --signature.length);
    assert_false(signature_is_valid(&signature, public, "text", 4));
    public_key_free(public);
}

/* PSS with another salt length is refused: the format says 32 bytes. */
static void pss_salt_is_32_bytes(void **state)
{
    static const int salts[] = {0, 20, 32, 64, EVP_MAX_MD_SIZE};
    struct public_key *public = private_key_public(key_of(KEY_RSA_2048, 0));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(salts); i++) {
        struct signature signature = {.algorithm = SIGNATURE_RSA_PSS_SHA256};
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        EVP_PKEY_CTX *context;
        size_t length = sizeof signature.bytes;

        memcpy(signature.key_id, public_key_id(public), KEY_ID_BYTES);
        assert_int_equal(EVP_DigestSignInit(digest, &context, EVP_sha256(), NULL, private_key_evp(key_of(KEY_RSA_2048, 0))), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salts[i]), 1);
        assert_int_equal(EVP_DigestSign(digest, signature.bytes, &length, (const unsigned char *)"text", 4), 1);
        signature.length = (uint16_t)length;
        assert_int_equal(signature_is_valid(&signature, public, "text", 4), salts[i] == 32);
        EVP_MD_CTX_free(digest);
    }
    public_key_free(public);
}

/* 30 len 02 len r 02 len s: any other spelling of the same two numbers is refused. */
static void ecdsa_der_is_strict(void **state)
{
    struct public_key *public = private_key_public(key_of(KEY_EC_P256, 0));
    struct signature good = sign(key_of(KEY_EC_P256, 0), "text"), bad;
    size_t r_length = good.bytes[3];

    (void)state;
    assert_true(signature_is_valid(&good, public, "text", 4));

    bad = good; /* a byte behind */
    bad.bytes[bad.length++] = 0;
    assert_false(signature_is_valid(&bad, public, "text", 4));

    bad = good; /* the long form of a short length */
    memmove(bad.bytes + 2, good.bytes + 1, good.length - 1u);
    bad.bytes[1] = 0x81;
    bad.length++;
    assert_false(signature_is_valid(&bad, public, "text", 4));

    bad = good; /* a zero in front of r */
    memmove(bad.bytes + 5, good.bytes + 4, good.length - 4u);
    bad.bytes[4] = 0;
    bad.bytes[3]++;
    bad.bytes[1]++;
    bad.length++;
    assert_false(signature_is_valid(&bad, public, "text", 4));

    bad = good; /* indefinite length */
    bad.bytes[1] = 0x80;
    bad.bytes[bad.length++] = 0;
    bad.bytes[bad.length++] = 0;
    assert_false(signature_is_valid(&bad, public, "text", 4));

    bad = (struct signature){.algorithm = good.algorithm, .length = 8, .bytes = {0x30, 6, 2, 1, 0, 2, 1, 0}}; /* r = s = 0 */
    memcpy(bad.key_id, good.key_id, KEY_ID_BYTES);
    assert_false(signature_is_valid(&bad, public, "text", 4));
    assert_in_range(r_length, 1, 33);
    public_key_free(public);
}

static void sections(void **state)
{
    uint8_t bytes[SIGNATURE_SECTION_MAX + 1];
    struct signature signature = sign(ed(0), "text"), again;
    struct problem problem;
    size_t length = signature_section_write(&signature, bytes);

    (void)state;
    assert_int_equal(length, KEY_ID_BYTES + 4 + 64);
    assert_memory_equal(bytes + KEY_ID_BYTES, "\x04\x00\x40\x00", 4); /* Ed25519, 64 bytes, little-endian */
    CHECK_CODE(signature_section_read(bytes, length, &again, &problem), E_NONE, problem, "as written");
    assert_memory_equal(&again, &signature, sizeof again);
    for (size_t cut = 0; cut <= sizeof bytes; cut++)
        if (cut != length)
            CHECK_CODE(signature_section_read(bytes, cut, &again, &problem), E_INCOMPATIBLE, problem, "another length");
    bytes[KEY_ID_BYTES] = 0x77; /* an algorithm of the future is read, and counts for nothing */
    CHECK_CODE(signature_section_read(bytes, length, &again, &problem), E_NONE, problem, "unknown algorithm");
    assert_string_equal(signature_algorithm_name((enum signature_algorithm)again.algorithm), "unknown");
    memset(bytes, 0, sizeof bytes);
    CHECK_CODE(signature_section_read(bytes, KEY_ID_BYTES + 4, &again, &problem), E_INCOMPATIBLE, problem, "no bytes");
    bytes[KEY_ID_BYTES + 2] = 1; /* 513 */
    bytes[KEY_ID_BYTES + 3] = 2;
    CHECK_CODE(signature_section_read(bytes, sizeof bytes, &again, &problem), E_INCOMPATIBLE, problem, "too long");
}

static void names(void **state)
{
    enum signature_algorithm algorithm;

    (void)state;
    for (unsigned i = SIGNATURE_RSA_PKCS1_SHA256; i <= SIGNATURE_ED25519; i++) {
        assert_true(signature_algorithm_from_name(signature_algorithm_name((enum signature_algorithm)i), &algorithm));
        assert_int_equal(algorithm, i);
    }
    assert_false(signature_algorithm_from_name("none", &algorithm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_known_answers), cmocka_unit_test(every_algorithm_with_every_key), cmocka_unit_test(every_flipped_bit_counts),
        cmocka_unit_test(rsa_has_one_length),    cmocka_unit_test(pss_salt_is_32_bytes),           cmocka_unit_test(ecdsa_der_is_strict),
        cmocka_unit_test(sections),              cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
