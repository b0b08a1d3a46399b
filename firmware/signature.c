/* Making and checking signatures through EVP's one-shot calls. Which algorithm fits which key is one table; anything else never counts. */
#include "firmware/signature.h"

#include <endian.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#define PSS_SALT_BYTES 32
#define RSA_TYPES (1u << KEY_RSA_2048 | 1u << KEY_RSA_3072 | 1u << KEY_RSA_4096)

struct algorithm {
    enum signature_algorithm number;
    const char *name;
    unsigned key_types;      /* bits: 1 << type */
    bool hashes;             /* SHA-256 first; Ed25519 takes the bytes themselves */
    int padding;             /* of RSA; otherwise 0 */
};

/* The first that fits a key is its usual one. */
static const struct algorithm algorithms[] = {
    {SIGNATURE_RSA_PSS_SHA256, "rsa-pss-sha256", RSA_TYPES, true, RSA_PKCS1_PSS_PADDING},
    {SIGNATURE_RSA_PKCS1_SHA256, "rsa-pkcs1-sha256", RSA_TYPES, true, RSA_PKCS1_PADDING},
    {SIGNATURE_ECDSA_P256_SHA256, "ecdsa-p256-sha256", 1u << KEY_EC_P256, true, 0},
    {SIGNATURE_ED25519, "ed25519", 1u << KEY_ED25519, false, 0},
};
#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0])

static const struct algorithm *algorithm_find(unsigned number)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if ((unsigned)algorithms[i].number == number)
            return &algorithms[i];
    return NULL;
}

static const struct algorithm *algorithm_for(enum key_type type, unsigned number)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if ((algorithms[i].key_types & 1u << type) && (number == 0 || (unsigned)algorithms[i].number == number))
            return &algorithms[i];
    return NULL;
}

const char *signature_algorithm_name(enum signature_algorithm algorithm)
{
    const struct algorithm *found = algorithm_find(algorithm);

    return found ? found->name : "unknown";
}

bool signature_algorithm_from_name(const char *name, enum signature_algorithm *ret)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (strcmp(algorithms[i].name, name) == 0) {
            *ret = algorithms[i].number;
            return true;
        }
    return false;
}

static bool set_padding(const struct algorithm *algorithm, EVP_PKEY_CTX *context)
{
    if (algorithm->padding == 0)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, algorithm->padding) != 1)
        return false;
    return algorithm->padding != RSA_PKCS1_PSS_PADDING
        || (EVP_PKEY_CTX_set_rsa_pss_saltlen(context, PSS_SALT_BYTES) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1);
}

static bool sign(const struct algorithm *algorithm, EVP_PKEY *evp, const void *bytes, size_t length, struct signature *signature)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = NULL;
    size_t made = sizeof signature->bytes;
    bool good = digest && EVP_DigestSignInit(digest, &context, algorithm->hashes ? EVP_sha256() : NULL, NULL, evp) == 1
        && set_padding(algorithm, context) && EVP_DigestSign(digest, signature->bytes, &made, bytes, length) == 1;

    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    signature->algorithm = (uint16_t)algorithm->number;
    signature->length = (uint16_t)made;
    return good;
}

enum drover_error signature_make(const struct private_key *key, enum signature_algorithm algorithm, const void *bytes, size_t length,
                                 struct signature *ret_signature, struct problem *ret_problem)
{
    const struct algorithm *found = algorithm_for(private_key_type(key), algorithm);
    struct signature signature = {0};
    struct public_key *public;
    bool valid;

    if (!found)
        return problem_set(ret_problem, DROVER_MISMATCH, "algorithm", "a key of type %s cannot make %s signatures",
                           key_type_name(private_key_type(key)), algorithm ? signature_algorithm_name(algorithm) : "any");
    memcpy(signature.key_id, private_key_id(key), KEY_ID_BYTES);
    if (!sign(found, private_key_evp(key), bytes, length, &signature))
        return problem_set(ret_problem, DROVER_REFUSED, "signature", "the key did not sign (%s)", found->name);
    public = private_key_public(key);
    valid = public && signature_is_valid(&signature, public, bytes, length); /* a faulty token must not make us publish rubbish */
    public_key_free(public);
    if (!valid)
        return problem_set(ret_problem, DROVER_REFUSED, "signature", "the key made one that its own public half does not confirm");
    *ret_signature = signature;
    return DROVER_OK;
}

/* OpenSSL takes a PSS signature without its leading zeros; the format has one length for each key. */
static bool length_fits(const struct algorithm *algorithm, EVP_PKEY *evp, size_t length)
{
    size_t full = (size_t)EVP_PKEY_get_size(evp);

    return algorithm->number == SIGNATURE_ECDSA_P256_SHA256 ? length > 0 && length <= full : length == full;
}

bool signature_is_valid(const struct signature *signature, const struct public_key *key, const void *bytes, size_t length)
{
    const struct algorithm *algorithm = signature->algorithm ? algorithm_for(public_key_type(key), signature->algorithm) : NULL;
    EVP_MD_CTX *digest = NULL;
    EVP_PKEY_CTX *context = NULL;
    EVP_PKEY *evp = public_key_evp(key);
    bool good;

    if (!algorithm || memcmp(signature->key_id, public_key_id(key), KEY_ID_BYTES) != 0 || !length_fits(algorithm, evp, signature->length))
        return false;
    digest = EVP_MD_CTX_new();
    good = digest && EVP_DigestVerifyInit(digest, &context, algorithm->hashes ? EVP_sha256() : NULL, NULL, evp) == 1
        && set_padding(algorithm, context) && EVP_DigestVerify(digest, signature->bytes, signature->length, bytes, length) == 1;
    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    return good;
}

size_t signature_section_write(const struct signature *signature, uint8_t ret_bytes[SIGNATURE_SECTION_MAX])
{
    const uint16_t numbers[2] = {htole16(signature->algorithm), htole16(signature->length)};

    memcpy(ret_bytes, signature->key_id, KEY_ID_BYTES);
    memcpy(ret_bytes + KEY_ID_BYTES, numbers, sizeof numbers);
    memcpy(ret_bytes + KEY_ID_BYTES + sizeof numbers, signature->bytes, signature->length);
    return KEY_ID_BYTES + sizeof numbers + signature->length;
}

enum error_code signature_section_read(const uint8_t *bytes, size_t length, struct signature *ret_signature, struct problem *ret_problem)
{
    struct signature signature = {0};
    uint16_t numbers[2];

    if (length < KEY_ID_BYTES + sizeof numbers)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "signature", "%zu bytes; it begins with %zu", length, KEY_ID_BYTES + sizeof numbers);
    memcpy(signature.key_id, bytes, KEY_ID_BYTES);
    memcpy(numbers, bytes + KEY_ID_BYTES, sizeof numbers);
    signature.algorithm = le16toh(numbers[0]);
    signature.length = le16toh(numbers[1]);
    if (signature.length == 0 || signature.length > SIGNATURE_BYTES_MAX || length != KEY_ID_BYTES + sizeof numbers + signature.length)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "signature", "its length %u does not fit a section of %zu bytes", signature.length, length);
    memcpy(signature.bytes, bytes + KEY_ID_BYTES + sizeof numbers, signature.length);
    *ret_signature = signature;
    return E_NONE;
}
