/* Public keys: which types and sizes are taken, their one DER form, and the id that is the digest of it.
 * A key has exactly one DER here (named curve, uncompressed point, no other parameters), so that no key can pass under two ids. */
#include "firmware/key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/sha256.h"
#include "firmware/key_internal.h"

#define EXPONENT_MIN 65537    /* FIPS 186-4, B.3.1: smaller ones have a history of forgeries against lax verifiers */
#define EXPONENT_BITS_MAX 64  /* a longer one only costs whoever verifies */
#define DER_BYTES_MAX 1024    /* RSA-4096 has 550 */
#define PEM_BYTES_MAX 8192

static const struct {
    const char *name;
    const char *algorithm;   /* OpenSSL's */
    int bits;                /* 0: the algorithm has one size */
    bool signs;
} types[KEY_TYPE_COUNT] = {
    [KEY_RSA_2048] = {"rsa-2048", "RSA", 2048, true},
    [KEY_RSA_3072] = {"rsa-3072", "RSA", 3072, true},
    [KEY_RSA_4096] = {"rsa-4096", "RSA", 4096, true},
    [KEY_EC_P256] = {"ecdsa-p256", "EC", 0, true},
    [KEY_ED25519] = {"ed25519", "ED25519", 0, true},
    [KEY_X25519] = {"x25519", "X25519", 0, false},
};

const char *key_type_name(enum key_type type)
{
    return (unsigned)type < KEY_TYPE_COUNT ? types[type].name : "unknown";
}

bool key_type_from_name(const char *name, enum key_type *ret)
{
    for (unsigned i = 0; i < KEY_TYPE_COUNT; i++)
        if (strcmp(types[i].name, name) == 0) {
            *ret = (enum key_type)i;
            return true;
        }
    return false;
}

bool key_type_signs(enum key_type type)
{
    return (unsigned)type < KEY_TYPE_COUNT && types[type].signs;
}

static enum drover_error check_rsa(const EVP_PKEY *evp, struct problem *ret_problem)
{
    BIGNUM *exponent = NULL;
    bool good = EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(exponent)
        && BN_num_bits(exponent) <= EXPONENT_BITS_MAX && BN_get_word(exponent) >= EXPONENT_MIN;

    BN_free(exponent);
    return good ? DROVER_OK : problem_set(ret_problem, DROVER_UNKNOWN, "key", "RSA with a public exponent that is even, under 65537 or too long");
}

static enum drover_error check_ec(EVP_PKEY *evp, struct problem *ret_problem)
{
    char group[32] = "";
    int explicit_parameters = 0;

    (void)EVP_PKEY_get_int_param(evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters);
    if (EVP_PKEY_get_utf8_string_param(evp, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) != 1 || explicit_parameters)
        return problem_set(ret_problem, DROVER_UNKNOWN, "key", "an elliptic curve that is not named; P-256 (prime256v1) is taken");
    if (strcmp(group, "prime256v1") != 0)
        return problem_set(ret_problem, DROVER_UNKNOWN, "key", "the curve %s; P-256 (prime256v1) is taken", group);
    if (EVP_PKEY_set_utf8_string_param(evp, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") != 1)
        return problem_set(ret_problem, DROVER_MEMORY, "key", "OpenSSL failed");
    return DROVER_OK;
}

static enum drover_error type_of(EVP_PKEY *evp, enum key_type *ret_type, struct problem *ret_problem)
{
    const char *name = EVP_PKEY_get0_type_name(evp);
    int bits = EVP_PKEY_get_bits(evp);

    for (unsigned i = 0; i < KEY_TYPE_COUNT; i++)
        if (EVP_PKEY_is_a(evp, types[i].algorithm) && (types[i].bits == 0 || types[i].bits == bits)) {
            *ret_type = (enum key_type)i;
            return types[i].bits ? check_rsa(evp, ret_problem) : *ret_type == KEY_EC_P256 ? check_ec(evp, ret_problem) : DROVER_OK;
        }
    return problem_set(ret_problem, DROVER_UNKNOWN, "key", "%s of %d bits; RSA of 2048, 3072 or 4096, P-256, Ed25519 and X25519 are taken",
                       name ? name : "a type OpenSSL cannot name", bits);
}

static enum drover_error write_der(const EVP_PKEY *evp, struct buffer *der)
{
    unsigned char *bytes = NULL;
    int length = i2d_PUBKEY(evp, &bytes);

    if (length <= 0)
        return DROVER_MEMORY;
    buffer_add(der, bytes, (size_t)length);
    OPENSSL_free(bytes);
    return der->failed ? DROVER_MEMORY : DROVER_OK;
}

/* Fills type and id of a key that holds its EVP; *der is its one form. */
static enum drover_error key_name_it(struct public_key *key, struct buffer *der, struct problem *ret_problem)
{
    enum drover_error error = type_of(key->evp, &key->type, ret_problem);

    if (error)
        return error;
    if (EVP_PKEY_get_size(key->evp) <= 0 || write_der(key->evp, der) || !sha256_of(der->bytes, der->length, key->id))
        return problem_set(ret_problem, DROVER_MEMORY, "key", "no memory to name it");
    return DROVER_OK;
}

static EVP_PKEY *parse_der(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    EVP_PKEY *evp = length <= DER_BYTES_MAX ? d2i_PUBKEY(NULL, &at, (long)length) : NULL;

    ERR_clear_error();
    if (evp && at != (const unsigned char *)bytes + length) {
        EVP_PKEY_free(evp);
        evp = NULL;
    }
    return evp;
}

static bool point_is_good(EVP_PKEY *evp)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool good = context && EVP_PKEY_public_check_quick(context) == 1;

    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return good;
}

enum drover_error public_key_read_der(const void *bytes, size_t length, struct public_key **ret_key, struct problem *ret_problem)
{
    struct public_key *key = calloc(1, sizeof *key);
    struct buffer der;
    enum drover_error error;

    if (!key)
        return problem_set(ret_problem, DROVER_MEMORY, "key", "no memory to read it");
    buffer_init(&der, DER_BYTES_MAX);
    key->evp = parse_der(bytes, length);
    error = key->evp ? key_name_it(key, &der, ret_problem) : problem_set(ret_problem, DROVER_SYNTAX, "key", "not a public key (DER SubjectPublicKeyInfo)");
    if (!error && (der.length != length || memcmp(der.bytes, bytes, length) != 0))
        error = problem_set(ret_problem, DROVER_SYNTAX, "key", "not in its usual DER form (named curve, uncompressed point)");
    if (!error && !point_is_good(key->evp))
        error = problem_set(ret_problem, DROVER_SYNTAX, "key", "its numbers make no %s key", key_type_name(key->type));
    buffer_done(&der);
    if (error)
        public_key_free(key);
    else
        *ret_key = key;
    return error;
}

/* A block is exactly one "PUBLIC KEY"; nothing but white space around it. */
enum drover_error public_key_read_pem(const char *bytes, size_t length, struct public_key **ret_key, struct problem *ret_problem)
{
    BIO *bio = length <= PEM_BYTES_MAX ? BIO_new_mem_buf(bytes, (int)length) : NULL;
    char *name = NULL, *header = NULL, rest[64];
    unsigned char *der = NULL;
    long der_length = 0;
    enum drover_error error = DROVER_OK;

    if (!bio || PEM_read_bio(bio, &name, &header, &der, &der_length) != 1)
        error = problem_set(ret_problem, DROVER_SYNTAX, "key", "no PEM block");
    else if (strcmp(name, PEM_STRING_PUBLIC) != 0)
        error = problem_set(ret_problem, DROVER_SYNTAX, "key", "a PEM block that is no PUBLIC KEY");
    for (int got; !error && (got = BIO_read(bio, rest, sizeof rest)) > 0;)
        for (int i = 0; i < got; i++)
            if (!strchr(" \t\r\n", rest[i]) || rest[i] == '\0')
                error = problem_set(ret_problem, DROVER_SYNTAX, "key", "something follows the PEM block");
    if (!error)
        error = public_key_read_der(der, (size_t)der_length, ret_key, ret_problem);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    ERR_clear_error();
    return error;
}

enum drover_error public_key_write_der(const struct public_key *key, struct buffer *der)
{
    return write_der(key->evp, der);
}

enum drover_error public_key_write_pem(const struct public_key *key, struct buffer *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    long length;

    if (!bio || PEM_write_bio_PUBKEY(bio, key->evp) != 1) {
        BIO_free(bio);
        return DROVER_MEMORY;
    }
    length = BIO_get_mem_data(bio, &bytes);
    buffer_add(pem, bytes, (size_t)length);
    BIO_free(bio);
    return pem->failed ? DROVER_MEMORY : DROVER_OK;
}

struct public_key *public_key_copy(const struct public_key *key)
{
    struct public_key *copy = malloc(sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *key;
    if (EVP_PKEY_up_ref(copy->evp) == 1)
        return copy;
    free(copy);
    return NULL;
}

void public_key_free(struct public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->evp);
    free(key);
}

enum key_type public_key_type(const struct public_key *key)
{
    return key->type;
}

const uint8_t *public_key_id(const struct public_key *key)
{
    return key->id;
}

struct evp_pkey_st *public_key_evp(const struct public_key *key)
{
    return key->evp;
}
