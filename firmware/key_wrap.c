/* EVP's key derivation, key wrap and OAEP. Algorithms are fetched once a process: a fetch searches the providers and is slow. */
#include "firmware/key_wrap.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OAEP_PLAIN_MAX 512    /* the modulus of RSA-4096 */

static EVP_KDF *hkdf;
static EVP_CIPHER *key_wrap;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void algorithms_drop(void)
{
    EVP_KDF_free(hkdf);
    EVP_CIPHER_free(key_wrap);
    hkdf = NULL;
    key_wrap = NULL;
}

static void algorithms_fetch(void)
{
    hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    key_wrap = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    (void)atexit(algorithms_drop);
}

/* OpenSSL keeps a queue of errors in each thread; what was refused here must not be found there by somebody else. */
static bool done(bool good)
{
    if (!good)
        ERR_clear_error();
    return good;
}

bool hkdf_sha256(const void *secret, size_t secret_length, const void *salt, size_t salt_length, const void *info, size_t info_length,
                 uint8_t *ret_key, size_t key_length)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[5], *next = parameters;
    EVP_KDF_CTX *context;
    bool good;

    (void)pthread_once(&fetched, algorithms_fetch);
    context = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
    if (!context)
        return done(false);
    /* OSSL_PARAM has no const; HKDF copies what it is given. */
    *next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, secret_length);
    if (salt_length > 0)
        *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_length);
    if (info_length > 0)
        *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_length);
    *next = OSSL_PARAM_construct_end();
    good = EVP_KDF_derive(context, ret_key, key_length, parameters) == 1;
    EVP_KDF_CTX_free(context);
    return done(good);
}

static EVP_CIPHER_CTX *wrap_context(const uint8_t *wrapping_key, int encrypt)
{
    EVP_CIPHER_CTX *context;

    (void)pthread_once(&fetched, algorithms_fetch);
    context = key_wrap ? EVP_CIPHER_CTX_new() : NULL;
    if (!context)
        return NULL;
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex2(context, key_wrap, wrapping_key, NULL, encrypt, NULL) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

bool aes_wrap(const uint8_t wrapping_key[WRAP_KEY_BYTES], const uint8_t key[WRAP_KEY_BYTES], uint8_t ret_wrapped[WRAPPED_KEY_BYTES])
{
    EVP_CIPHER_CTX *context = wrap_context(wrapping_key, 1);
    int length = 0;
    bool good = context && EVP_EncryptUpdate(context, ret_wrapped, &length, key, WRAP_KEY_BYTES) == 1 && length == WRAPPED_KEY_BYTES;

    EVP_CIPHER_CTX_free(context);
    return done(good);
}

bool aes_unwrap(const uint8_t wrapping_key[WRAP_KEY_BYTES], const uint8_t wrapped[WRAPPED_KEY_BYTES], uint8_t ret_key[WRAP_KEY_BYTES])
{
    EVP_CIPHER_CTX *context = wrap_context(wrapping_key, 0);
    uint8_t room[WRAPPED_KEY_BYTES]; /* the cipher may use a block more than it gives out */
    int length = 0;
    bool good = context && EVP_DecryptUpdate(context, room, &length, wrapped, WRAPPED_KEY_BYTES) == 1 && length == WRAP_KEY_BYTES;

    if (good)
        memcpy(ret_key, room, WRAP_KEY_BYTES);
    else
        OPENSSL_cleanse(ret_key, WRAP_KEY_BYTES);
    OPENSSL_cleanse(room, sizeof room);
    EVP_CIPHER_CTX_free(context);
    return done(good);
}

static bool oaep_prepare(EVP_PKEY_CTX *context, const void *label, size_t label_length)
{
    void *copy;

    if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0 || EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) <= 0
        || EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) <= 0)
        return false;
    copy = OPENSSL_memdup(label, label_length);
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)label_length) > 0)
        return true; /* the context owns the copy now */
    OPENSSL_free(copy);
    return false;
}

bool oaep_encrypt(EVP_PKEY *key, const void *label, size_t label_length, const uint8_t *bytes, size_t bytes_length, uint8_t *ret_bytes, size_t *length)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context && EVP_PKEY_encrypt_init(context) > 0 && oaep_prepare(context, label, label_length)
                && EVP_PKEY_encrypt(context, ret_bytes, length, bytes, bytes_length) > 0;

    EVP_PKEY_CTX_free(context);
    return done(good);
}

bool oaep_decrypt(EVP_PKEY *key, const void *label, size_t label_length, const uint8_t *bytes, size_t bytes_length, uint8_t *ret_plain, size_t plain_length)
{
    uint8_t room[OAEP_PLAIN_MAX];
    size_t length = sizeof room;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context && EVP_PKEY_decrypt_init(context) > 0 && oaep_prepare(context, label, label_length)
                && EVP_PKEY_decrypt(context, room, &length, bytes, bytes_length) > 0 && length == plain_length;

    if (good)
        memcpy(ret_plain, room, plain_length);
    OPENSSL_cleanse(room, sizeof room);
    EVP_PKEY_CTX_free(context);
    return done(good);
}
