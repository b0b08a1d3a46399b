/* ECDH and X25519 by EVP_PKEY_derive. A point from outside is checked to lie on the curve, and an X25519 secret not to be zero: otherwise
 * a point of small order would make a secret that everybody knows. */
#include "firmware/key_agree.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

static EVP_PKEY *p256_point(const uint8_t *point)
{
    char group[] = "prime256v1";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, P256_POINT_BYTES), /* is copied */
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    if (!context || EVP_PKEY_fromdata_init(context) <= 0 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool on_the_curve(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context && EVP_PKEY_public_check(context) > 0;

    EVP_PKEY_CTX_free(context);
    return good;
}

/* NULL: not a point. Every string of 32 bytes is one on X25519. */
static EVP_PKEY *point_read(const uint8_t *point, size_t point_bytes)
{
    EVP_PKEY *key;

    if (point_bytes == X25519_POINT_BYTES)
        return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, point, point_bytes);
    if (point_bytes != P256_POINT_BYTES || point[0] != 0x04)
        return NULL;
    key = p256_point(point);
    if (key && on_the_curve(key))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool is_zero(const uint8_t secret[AGREED_SECRET_BYTES])
{
    static const uint8_t zero[AGREED_SECRET_BYTES];

    return CRYPTO_memcmp(secret, zero, sizeof zero) == 0;
}

static bool derive(EVP_PKEY *key, EVP_PKEY *peer, uint8_t *ret_secret)
{
    size_t length = AGREED_SECRET_BYTES;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context && EVP_PKEY_derive_init(context) > 0 && EVP_PKEY_derive_set_peer(context, peer) > 0
                && EVP_PKEY_derive(context, ret_secret, &length) > 0 && length == AGREED_SECRET_BYTES && !is_zero(ret_secret);

    EVP_PKEY_CTX_free(context);
    if (!good) {
        OPENSSL_cleanse(ret_secret, AGREED_SECRET_BYTES);
        ERR_clear_error();
    }
    return good;
}

static bool point_write(EVP_PKEY *key, uint8_t *ret_point, size_t point_bytes)
{
    unsigned char *encoded = NULL;
    size_t length = EVP_PKEY_get1_encoded_public_key(key, &encoded);
    bool good = length == point_bytes;

    if (good)
        memcpy(ret_point, encoded, point_bytes);
    OPENSSL_free(encoded);
    return good;
}

bool key_agree_fresh(EVP_PKEY *peer, uint8_t *ret_point, size_t point_bytes, uint8_t ret_secret[AGREED_SECRET_BYTES])
{
    EVP_PKEY *fresh = point_bytes == X25519_POINT_BYTES ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    bool good = fresh && point_write(fresh, ret_point, point_bytes) && derive(fresh, peer, ret_secret);

    EVP_PKEY_free(fresh); /* wipes it */
    ERR_clear_error();
    return good;
}

bool key_agree(EVP_PKEY *key, const uint8_t *point, size_t point_bytes, uint8_t ret_secret[AGREED_SECRET_BYTES])
{
    EVP_PKEY *peer = point_read(point, point_bytes);
    bool good = peer && derive(key, peer, ret_secret);

    EVP_PKEY_free(peer);
    ERR_clear_error();
    return good;
}
