/* The primitives against published vectors: RFC 5869 (HKDF), RFC 3394 (AES key wrap), RFC 7748 (X25519), NIST CAVS (ECDH on P-256); and what
 * they must refuse. */
#include "tests/unit/firmware/encryption_vectors.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "firmware/key_agree.h"
#include "firmware/key_wrap.h"

static void hkdf_is_that_of_rfc_5869(void **state)
{
    static const struct {
        const char *name, *secret, *salt, *info, *wanted;
    } rows[] = {
        {"A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"A.2",
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
         "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };

    assert_null(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes secret = hex(rows[i].secret), salt = hex(rows[i].salt), info = hex(rows[i].info), wanted = hex(rows[i].wanted);
        uint8_t got[128];

        CHECK_ROW(hkdf_sha256(secret.at, secret.length, salt.at, salt.length, info.at, info.length, got, wanted.length), rows[i].name);
        CHECK_ROW(memcmp(got, wanted.at, wanted.length) == 0, rows[i].name);
    }
}

static const char kek[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char plain[] = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
static const char wrapped[] = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";

static void key_wrap_is_that_of_rfc_3394(void **state)
{
    uint8_t got[WRAPPED_KEY_BYTES];

    assert_null(*state); /* section 4.6: 256 bits under 256 bits */
    assert_true(aes_wrap(hex(kek).at, hex(plain).at, got));
    assert_memory_equal(got, hex(wrapped).at, WRAPPED_KEY_BYTES);
    assert_true(aes_unwrap(hex(kek).at, hex(wrapped).at, got));
    assert_memory_equal(got, hex(plain).at, WRAP_KEY_BYTES);
}

static void a_changed_wrapped_key_is_refused_and_leaves_nothing(void **state)
{
    static const uint8_t zero[WRAP_KEY_BYTES];

    assert_null(*state);
    for (unsigned bit = 0; bit < 8 * WRAPPED_KEY_BYTES; bit++) {
        struct bytes bytes = hex(wrapped);
        uint8_t got[WRAP_KEY_BYTES];

        bytes.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(got, 0xA5, sizeof got);
        assert_false(aes_unwrap(hex(kek).at, bytes.at, got));
        assert_memory_equal(got, zero, sizeof zero);
    }
}

static EVP_PKEY *x25519_key(const char *scalar)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, hex(scalar).at, 32);

    assert_non_null(key);
    return key;
}

static void x25519_is_that_of_rfc_7748(void **state)
{
    static const struct {
        const char *scalar, *point, *wanted;
    } rows[] = { /* section 5.2 */
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    };

    assert_null(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        EVP_PKEY *key = x25519_key(rows[i].scalar);
        uint8_t got[AGREED_SECRET_BYTES];

        CHECK_ROW(key_agree(key, hex(rows[i].point).at, X25519_POINT_BYTES, got), rows[i].scalar);
        CHECK_ROW(memcmp(got, hex(rows[i].wanted).at, sizeof got) == 0, rows[i].scalar);
        EVP_PKEY_free(key);
    }
}

static void x25519_points_of_small_order_are_refused(void **state)
{
    static const char *const points[] = { /* orders 1, 2, 4 and 8, and those numbers plus p: every one makes the secret zero */
        "0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    EVP_PKEY *key = x25519_key("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");

    assert_null(*state);
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        uint8_t got[AGREED_SECRET_BYTES];

        CHECK_ROW(!key_agree(key, hex(points[i]).at, X25519_POINT_BYTES, got), points[i]);
    }
    EVP_PKEY_free(key);
}

static const char p256_scalar[] = "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534";
static const char p256_own[] = "04ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b23028af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141";
static const char p256_peer[] = "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac";

static EVP_PKEY *p256_key(void)
{
    BIGNUM *scalar = BN_bin2bn(hex(p256_scalar).at, 32, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    struct bytes own = hex(p256_own);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters;

    assert_true(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0));
    assert_true(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, own.at, own.length));
    assert_true(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar));
    parameters = OSSL_PARAM_BLD_to_param(build);
    assert_true(EVP_PKEY_fromdata_init(context) > 0 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) > 0);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(scalar);
    return key;
}

static void ecdh_is_that_of_nist(void **state)
{
    EVP_PKEY *key = p256_key();
    uint8_t got[AGREED_SECRET_BYTES];

    assert_null(*state); /* CAVS, ECC CDH primitive, P-256, count 0 */
    assert_true(key_agree(key, hex(p256_peer).at, P256_POINT_BYTES, got));
    assert_memory_equal(got, hex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b").at, sizeof got);
    EVP_PKEY_free(key);
}

static void points_off_the_curve_are_refused(void **state)
{
    EVP_PKEY *key = p256_key();
    uint8_t got[AGREED_SECRET_BYTES];
    struct bytes point = hex(p256_peer);

    assert_null(*state);
    point.at[64] ^= 1; /* y is no longer x's: the invalid curve attack */
    assert_false(key_agree(key, point.at, P256_POINT_BYTES, got));
    point = hex(p256_peer);
    point.at[0] = 0x06; /* the hybrid form of the same point */
    assert_false(key_agree(key, point.at, P256_POINT_BYTES, got));
    memset(point.at, 0, sizeof point.at); /* infinity */
    assert_false(key_agree(key, point.at, P256_POINT_BYTES, got));
    assert_false(key_agree(key, hex(p256_peer).at + 1, X25519_POINT_BYTES, got)); /* another curve's point */
    assert_false(key_agree(key, hex(p256_peer).at, 33, got));
    EVP_PKEY_free(key);
}

static void oaep_opens_only_under_its_label(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    uint8_t out[256], got[32];
    size_t length = sizeof out;

    assert_null(*state);
    assert_true(oaep_encrypt(key, "one", 3, hex(plain).at, 32, out, &length));
    assert_int_equal(length, 256);
    assert_true(oaep_decrypt(key, "one", 3, out, length, got, sizeof got));
    assert_memory_equal(got, hex(plain).at, sizeof got);
    assert_false(oaep_decrypt(key, "two", 3, out, length, got, sizeof got));
    assert_false(oaep_decrypt(key, "one", 3, out, length, got, sizeof got - 1)); /* another length inside than wanted */
    out[100] ^= 1;
    assert_false(oaep_decrypt(key, "one", 3, out, length, got, sizeof got));
    length = 255;
    assert_false(oaep_encrypt(key, "one", 3, hex(plain).at, 32, out, &length)); /* too little room */
    EVP_PKEY_free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hkdf_is_that_of_rfc_5869),
        cmocka_unit_test(key_wrap_is_that_of_rfc_3394),
        cmocka_unit_test(a_changed_wrapped_key_is_refused_and_leaves_nothing),
        cmocka_unit_test(x25519_is_that_of_rfc_7748),
        cmocka_unit_test(x25519_points_of_small_order_are_refused),
        cmocka_unit_test(ecdh_is_that_of_nist),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(oaep_opens_only_under_its_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
