/* One cipher context for a package: the key schedule is made once, each chunk only sets its nonce. */
#include "firmware/chunk_cipher.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PURPOSE "drover chunk"
#define PURPOSE_BYTES (sizeof PURPOSE - 1)
#define NONCE_BYTES 12
#define AAD_BYTES (PURPOSE_BYTES + NONCE_BYTES + 8 + 2 * SHA256_BYTES)

struct chunk_cipher {
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open;
    uint8_t documents[2 * SHA256_BYTES]; /* digests of manifest and delta description; the second is zeros in a full package */
};

static EVP_CIPHER *algorithm;
static pthread_once_t algorithm_once = PTHREAD_ONCE_INIT;

static void algorithm_drop(void)
{
    EVP_CIPHER_free(algorithm);
    algorithm = NULL;
}

static void algorithm_fetch(void)
{
    algorithm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    (void)atexit(algorithm_drop);
}

/* OpenSSL keeps the key inside the context and wipes it when the context is freed. */
static EVP_CIPHER_CTX *context_new(const uint8_t *content_key, int encrypt)
{
    EVP_CIPHER_CTX *context = algorithm ? EVP_CIPHER_CTX_new() : NULL;

    if (context && EVP_CipherInit_ex2(context, algorithm, content_key, NULL, encrypt, NULL) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

struct chunk_cipher *chunk_cipher_new(const uint8_t content_key[CONTENT_KEY_BYTES], const uint8_t manifest_sha256[SHA256_BYTES], const uint8_t *delta_sha256)
{
    struct chunk_cipher *cipher = calloc(1, sizeof *cipher);

    if (!cipher)
        return NULL;
    (void)pthread_once(&algorithm_once, algorithm_fetch);
    memcpy(cipher->documents, manifest_sha256, SHA256_BYTES);
    if (delta_sha256)
        memcpy(cipher->documents + SHA256_BYTES, delta_sha256, SHA256_BYTES);
    cipher->seal = context_new(content_key, 1);
    cipher->open = context_new(content_key, 0);
    if (cipher->seal && cipher->open)
        return cipher;
    chunk_cipher_free(cipher);
    return NULL;
}

void chunk_cipher_free(struct chunk_cipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->seal);
    EVP_CIPHER_CTX_free(cipher->open);
    free(cipher);
}

struct position {
    uint8_t nonce[NONCE_BYTES];
    uint8_t aad[AAD_BYTES];
};

static void position_set(struct position *position, const struct chunk_cipher *cipher, unsigned component, uint32_t chunk, size_t length)
{
    uint32_t component_le = htole32(component);
    uint64_t chunk_le = htole64(chunk), length_le = htole64(length);
    uint8_t *at = position->aad;

    memcpy(position->nonce, &component_le, sizeof component_le);
    memcpy(position->nonce + sizeof component_le, &chunk_le, sizeof chunk_le);
    at = mempcpy(at, PURPOSE, PURPOSE_BYTES);
    at = mempcpy(at, position->nonce, NONCE_BYTES);
    at = mempcpy(at, &length_le, sizeof length_le);
    memcpy(at, cipher->documents, sizeof cipher->documents);
}

/* Nonce and associated data; the same two calls either way. */
static bool start(EVP_CIPHER_CTX *context, const struct position *position)
{
    int length;

    return EVP_CipherInit_ex2(context, NULL, NULL, position->nonce, -1, NULL) == 1
           && EVP_CipherUpdate(context, NULL, &length, position->aad, AAD_BYTES) == 1;
}

/* GCM with no bytes at all is allowed; EVP wants no call for them then. */
static bool update(EVP_CIPHER_CTX *context, uint8_t *bytes, size_t length)
{
    int done = 0;

    return length == 0 || (EVP_CipherUpdate(context, bytes, &done, bytes, (int)length) == 1 && (size_t)done == length);
}

bool chunk_seal(struct chunk_cipher *cipher, unsigned component, uint32_t chunk, uint8_t *bytes, size_t length)
{
    EVP_CIPHER_CTX *context = cipher->seal;
    struct position position;
    int rest = 0;

    if (length > CHUNK_BYTES_MAX)
        return false;
    position_set(&position, cipher, component, chunk, length);
    if (start(context, &position) && update(context, bytes, length) && EVP_EncryptFinal_ex(context, bytes + length, &rest) == 1
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CHUNK_TAG_BYTES, bytes + length) == 1)
        return true;
    ERR_clear_error();
    return false;
}

bool chunk_open(struct chunk_cipher *cipher, unsigned component, uint32_t chunk, uint8_t *bytes, size_t length)
{
    EVP_CIPHER_CTX *context = cipher->open;
    struct position position;
    int rest = 0;

    if (length > CHUNK_BYTES_MAX)
        return false;
    position_set(&position, cipher, component, chunk, length);
    if (start(context, &position) && update(context, bytes, length)
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CHUNK_TAG_BYTES, bytes + length) == 1
        && EVP_DecryptFinal_ex(context, bytes + length, &rest) == 1)
        return true;
    OPENSSL_cleanse(bytes, length);
    ERR_clear_error();
    return false;
}
