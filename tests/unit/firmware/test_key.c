/* Keys: what is taken and what is refused, PEM there and back, passphrases, one id for one key. */
#include "trust_fixture.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "common/sha256.h"
#include "common/text.h"

static char folder[] = "/tmp/drover-key-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *written(const char *name, const void *bytes, size_t length)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    (void)unlink(path_of("key.pem"));
    keys_done();
    return rmdir(folder);
}

/* A private key of OpenSSL's as PEM, or its public half. */
static struct buffer pem_of(EVP_PKEY *evp, bool private)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct buffer pem;
    char *bytes;
    long length;

    assert_int_equal(private ? PEM_write_bio_PrivateKey(bio, evp, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, evp), 1);
    length = BIO_get_mem_data(bio, &bytes);
    buffer_init(&pem, 0);
    buffer_add(&pem, bytes, (size_t)length);
    BIO_free(bio);
    return pem;
}

struct answer {
    const char *text;   /* NULL: none */
    unsigned asked;
    char what[128];
};

static bool answer_ask(void *arg, const char *what, char *ret, size_t size)
{
    struct answer *answer = arg;

    answer->asked++;
    (void)text_copy(answer->what, sizeof answer->what, what);
    return answer->text && text_copy(ret, size, answer->text);
}

static void names_there_and_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_TYPE_COUNT; i++) {
        enum key_type type;

        assert_true(key_type_from_name(key_type_name((enum key_type)i), &type));
        assert_int_equal(type, i);
        assert_int_equal(key_type_signs((enum key_type)i), i != KEY_X25519);
    }
    assert_false(key_type_from_name("rsa-1024", &(enum key_type){0}));
    assert_string_equal(key_type_name(KEY_TYPE_COUNT), "unknown");
}

static void pem_there_and_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * KEY_TYPE_COUNT; i++) {
        enum key_type type = (enum key_type)(i / 2);
        const struct private_key *key = key_of(type, 0);
        struct answer answer = {.text = i % 2 ? "correct horse" : NULL};
        struct key_secret secret = {answer_ask, &answer};
        struct private_key *again = NULL;
        struct problem problem = {0};
        struct buffer pem;

        buffer_init(&pem, 0);
        assert_int_equal(private_key_write_pem(key, answer.text, &pem, &problem), DROVER_OK);
        CHECK_ROW(strstr(pem.bytes, i % 2 ? "-----BEGIN ENCRYPTED PRIVATE KEY-----" : "-----BEGIN PRIVATE KEY-----") == pem.bytes, key_type_name(type));
        CHECK_PROBLEM(private_key_open(written("key.pem", pem.bytes, pem.length), &secret, &again, &problem), problem, DROVER_OK, "", key_type_name(type));
        assert_int_equal(answer.asked, i % 2);
        assert_memory_equal(private_key_id(again), private_key_id(key), KEY_ID_BYTES);
        assert_int_equal(private_key_type(again), type);
        private_key_free(again);
        buffer_done(&pem);
    }
}

static void id_is_the_digest_of_the_der(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_TYPE_COUNT; i++) {
        struct public_key *key = private_key_public(key_of((enum key_type)i, 0)), *from_der, *from_pem, *copy;
        struct buffer der, pem;
        uint8_t digest[SHA256_BYTES];
        struct problem problem;

        buffer_init(&der, 0);
        buffer_init(&pem, 0);
        assert_int_equal(public_key_write_der(key, &der), DROVER_OK);
        assert_int_equal(public_key_write_pem(key, &pem), DROVER_OK);
        assert_true(sha256_of(der.bytes, der.length, digest));
        assert_memory_equal(public_key_id(key), digest, SHA256_BYTES);
        assert_int_equal(public_key_read_der(der.bytes, der.length, &from_der, &problem), DROVER_OK);
        assert_int_equal(public_key_read_pem(pem.bytes, pem.length, &from_pem, &problem), DROVER_OK);
        copy = public_key_copy(from_pem);
        public_key_free(from_pem);
        assert_memory_equal(public_key_id(from_der), digest, SHA256_BYTES);
        assert_memory_equal(public_key_id(copy), digest, SHA256_BYTES);
        for (size_t cut = 0; cut < der.length; cut++)
            assert_int_not_equal(public_key_read_der(der.bytes, cut, &from_pem, &problem), DROVER_OK);
        buffer_add(&der, "", 1);
        assert_int_equal(public_key_read_der(der.bytes, der.length, &from_pem, &problem), DROVER_SYNTAX);
        buffer_add_text(&pem, "# my key\n");
        CHECK_PROBLEM(public_key_read_pem(pem.bytes, pem.length, &from_pem, &problem), problem, DROVER_SYNTAX, "key", "a line behind the block");
        public_key_free(key);
        public_key_free(from_der);
        public_key_free(copy);
        buffer_done(&der);
        buffer_done(&pem);
    }
}

static EVP_PKEY *rsa_with_exponent(const char *algorithm, unsigned bits, unsigned exponent)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *evp = NULL;
    BIGNUM *number = BN_new();

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(BN_set_word(number, exponent), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number), 1);
    assert_int_equal(EVP_PKEY_generate(context, &evp), 1);
    BN_free(number);
    EVP_PKEY_CTX_free(context);
    return evp;
}

/* A public RSA key of any numbers: nothing has to sign with it. */
static EVP_PKEY *rsa_of(EVP_PKEY *from, unsigned long exponent)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL, *e = BN_new();
    OSSL_PARAM *parameters;
    EVP_PKEY *evp = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(from, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    assert_int_equal(BN_set_word(e, exponent), 1);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    parameters = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &evp, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    return evp;
}

/* P-256 by its numbers instead of its name. */
static EVP_PKEY *p256_of_numbers(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *evp = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_group_name(context, "P-256"), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_generate(context, &evp), 1);
    EVP_PKEY_CTX_free(context);
    return evp;
}

static void other_keys_are_refused(void **state)
{
    EVP_PKEY *small = rsa_with_exponent("RSA", 1024, 65537), *odd_size = rsa_with_exponent("RSA", 2056, 65537), *three = rsa_with_exponent("RSA", 2048, 3);
    const struct {
        const char *row;
        EVP_PKEY *evp;
        bool has_private;
        enum drover_error error;
    } rows[] = {
        {"RSA-1024", small, true, DROVER_UNKNOWN},
        {"RSA-2056", odd_size, true, DROVER_UNKNOWN},
        {"RSA with e = 3", three, true, DROVER_UNKNOWN},
        {"RSA with e = 1", rsa_of(three, 1), false, DROVER_UNKNOWN},
        {"RSA with an even e", rsa_of(three, 65538), false, DROVER_UNKNOWN},
        {"RSA-PSS", rsa_with_exponent("RSA-PSS", 2048, 65537), true, DROVER_UNKNOWN},
        {"P-384", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), true, DROVER_UNKNOWN},
        {"secp256k1", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), true, DROVER_UNKNOWN},
        {"Ed448", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), true, DROVER_UNKNOWN},
        {"P-256 as bare parameters", p256_of_numbers(), true, DROVER_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer pem = pem_of(rows[i].evp, false);
        struct public_key *public;
        struct private_key *private;
        struct problem problem = {0};

        CHECK_PROBLEM(public_key_read_pem(pem.bytes, pem.length, &public, &problem), problem, rows[i].error, "key", rows[i].row);
        buffer_done(&pem);
        if (rows[i].has_private) {
            pem = pem_of(rows[i].evp, true);
            CHECK_PROBLEM(private_key_open(written("key.pem", pem.bytes, pem.length), NULL, &private, &problem), problem, rows[i].error, "key", rows[i].row);
            buffer_done(&pem);
        }
        EVP_PKEY_free(rows[i].evp);
    }
}

/* The same point, spelled shorter, would be the same key under another id: it could count twice. */
static void a_compressed_point_is_no_second_key(void **state)
{
    EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct buffer public, private, der;
    struct public_key *read;
    struct private_key *key;
    struct problem problem;

    (void)state;
    assert_int_equal(EVP_PKEY_set_utf8_string_param(evp, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"), 1);
    public = pem_of(evp, false);
    private = pem_of(evp, true);
    CHECK_PROBLEM(public_key_read_pem(public.bytes, public.length, &read, &problem), problem, DROVER_SYNTAX, "key", "compressed");
    assert_int_equal(private_key_open(written("key.pem", private.bytes, private.length), NULL, &key, &problem), DROVER_OK);
    read = private_key_public(key);
    buffer_init(&der, 0);
    assert_int_equal(public_key_write_der(read, &der), DROVER_OK);
    assert_int_equal(der.length, 91); /* a point of 65 bytes in 26 of frame */
    public_key_free(read);
    private_key_free(key);
    EVP_PKEY_free(evp);
    buffer_done(&public);
    buffer_done(&private);
    buffer_done(&der);
}

static void passphrases(void **state)
{
    static const struct {
        const char *row, *answer;
        enum drover_error error;
    } rows[] = {{"right", "correct horse", DROVER_OK}, {"wrong", "incorrect horse", DROVER_REFUSED}, {"empty", "", DROVER_REFUSED}, {"none", NULL, DROVER_REFUSED}};
    struct buffer pem;
    struct problem problem = {0};

    (void)state;
    buffer_init(&pem, 0);
    assert_int_equal(private_key_write_pem(ed(0), "correct horse", &pem, &problem), DROVER_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer = {.text = rows[i].answer};
        struct private_key *key = NULL;
        char path[128];

        (void)text_copy(path, sizeof path, written("key.pem", pem.bytes, pem.length));
        CHECK_PROBLEM(private_key_open(path, &(struct key_secret){answer_ask, &answer}, &key, &problem), problem, rows[i].error, path, rows[i].row);
        CHECK_ROW(answer.asked == 1, rows[i].row); /* once, however often OpenSSL tries */
        assert_string_equal(answer.what, "passphrase of key.pem");
        private_key_free(key);
    }
    assert_int_equal(private_key_open(path_of("key.pem"), NULL, &(struct private_key *){NULL}, &problem), DROVER_REFUSED);
    buffer_done(&pem);
    assert_int_equal(private_key_write_pem(ed(0), "", &pem, &problem), DROVER_RANGE);
}

static void key_files_hold_one_key(void **state)
{
    struct buffer pem, text;
    struct problem problem = {0};
    struct private_key *key = NULL;
    const struct {
        const char *row, *before, *behind;
        bool twice;
        enum drover_error error;
    } rows[] = {
        {"alone", "", "", false, DROVER_OK},
        {"words before it", "the release key\n", "", false, DROVER_OK},
        {"white space behind it", "", "\r\n \t\n", false, DROVER_OK},
        {"words behind it", "", "and some more\n", false, DROVER_SYNTAX},
        {"words in its last line", "", " x", false, DROVER_SYNTAX},
        {"two keys", "", "", true, DROVER_DUPLICATE},
        {"a certificate before it", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", false, DROVER_DUPLICATE},
    };

    (void)state;
    buffer_init(&pem, 0);
    buffer_init(&text, 0);
    assert_int_equal(private_key_write_pem(ed(0), NULL, &pem, &problem), DROVER_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[128];

        buffer_clear(&text);
        buffer_add_text(&text, rows[i].before);
        buffer_add(&text, pem.bytes, pem.length - (rows[i].behind[0] == ' ' ? 1 : 0));
        buffer_add_text(&text, rows[i].twice ? pem.bytes : rows[i].behind);
        (void)text_copy(path, sizeof path, written("key.pem", text.bytes, text.length));
        CHECK_PROBLEM(private_key_open(path, NULL, &key, &problem), problem, rows[i].error, path, rows[i].row);
        if (rows[i].error == DROVER_OK)
            private_key_free(key);
    }
    for (size_t cut = 0; cut + 2 < pem.length; cut += 7)
        assert_int_not_equal(private_key_open(written("key.pem", pem.bytes, cut), NULL, &key, &problem), DROVER_OK);
    assert_int_equal(private_key_open(path_of("none.pem"), NULL, &key, &problem), DROVER_NOT_FOUND);
    assert_int_equal(private_key_open(folder, NULL, &key, &problem), DROVER_IO);
    assert_int_equal(private_key_open("/dev/zero", NULL, &key, &problem), DROVER_TOO_LONG);
    buffer_done(&pem);
    buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_there_and_back),
        cmocka_unit_test(pem_there_and_back),
        cmocka_unit_test(id_is_the_digest_of_the_der),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(a_compressed_point_is_no_second_key),
        cmocka_unit_test(passphrases),
        cmocka_unit_test(key_files_hold_one_key),
    };

    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
