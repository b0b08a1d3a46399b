/* Wrapping the content key for one recipient, and finding the recipient that one of our keys opens. */
#include "firmware/recipient.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "firmware/key_agree.h"
#include "firmware/key_wrap.h"

#define PURPOSE "drover content key"
#define PURPOSE_BYTES (sizeof PURPOSE - 1)

/* How a key of each type receives; 0: it does not. */
static const uint16_t method_of_type[KEY_TYPE_COUNT] = {
    [KEY_RSA_2048] = RECIPIENT_RSA_OAEP, [KEY_RSA_3072] = RECIPIENT_RSA_OAEP, [KEY_RSA_4096] = RECIPIENT_RSA_OAEP,
    [KEY_EC_P256] = RECIPIENT_ECDH_P256, [KEY_X25519] = RECIPIENT_X25519,
};

/* What a wrapping holds for and nothing else: purpose, method, recipient, manifest, and for ECDH the point. Every part but the last has
 * a fixed length, and the last one's is the method's: no two of these can be the same bytes. */
struct binding {
    uint8_t bytes[PURPOSE_BYTES + 2 + KEY_ID_BYTES + SHA256_BYTES + RECIPIENT_EPHEMERAL_MAX];
    size_t length;
};

static void bind_to(struct binding *binding, const struct recipient *recipient, const uint8_t manifest_sha256[SHA256_BYTES])
{
    uint16_t method = htole16(recipient->method);
    uint8_t *at = binding->bytes;

    at = mempcpy(at, PURPOSE, PURPOSE_BYTES);
    at = mempcpy(at, &method, sizeof method);
    at = mempcpy(at, recipient->key_id, KEY_ID_BYTES);
    at = mempcpy(at, manifest_sha256, SHA256_BYTES);
    at = mempcpy(at, recipient->ephemeral, recipient->ephemeral_bytes);
    binding->length = (size_t)(at - binding->bytes);
}

static bool wrapping_key(const uint8_t secret[CONTENT_KEY_BYTES], const struct recipient *recipient, const uint8_t manifest_sha256[SHA256_BYTES],
                         uint8_t ret_key[WRAP_KEY_BYTES])
{
    struct binding binding;

    bind_to(&binding, recipient, manifest_sha256);
    return hkdf_sha256(secret, CONTENT_KEY_BYTES, NULL, 0, binding.bytes, binding.length, ret_key, WRAP_KEY_BYTES);
}

/* From a secret that both sides know: a model key, or what ECDH gave. */
static bool secret_wrap(const uint8_t content_key[CONTENT_KEY_BYTES], const uint8_t secret[CONTENT_KEY_BYTES], const uint8_t manifest_sha256[SHA256_BYTES],
                        struct recipient *recipient)
{
    uint8_t key[WRAP_KEY_BYTES];
    bool good = wrapping_key(secret, recipient, manifest_sha256, key) && aes_wrap(key, content_key, recipient->wrapped);

    recipient->wrapped_bytes = WRAPPED_KEY_BYTES;
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

static bool secret_unwrap(const struct recipient *recipient, const uint8_t secret[CONTENT_KEY_BYTES], const uint8_t manifest_sha256[SHA256_BYTES],
                          uint8_t ret_content_key[CONTENT_KEY_BYTES])
{
    uint8_t key[WRAP_KEY_BYTES];
    bool good = wrapping_key(secret, recipient, manifest_sha256, key) && aes_unwrap(key, recipient->wrapped, ret_content_key);

    OPENSSL_cleanse(key, sizeof key);
    return good;
}

enum drover_error recipient_wrap_model(const uint8_t content_key[CONTENT_KEY_BYTES], const uint8_t model_key[CONTENT_KEY_BYTES],
                                       const uint8_t manifest_sha256[SHA256_BYTES], struct recipient *ret, struct problem *ret_problem)
{
    struct recipient recipient = {.method = RECIPIENT_AES_KW};

    model_key_id(model_key, recipient.key_id);
    if (!secret_wrap(content_key, model_key, manifest_sha256, &recipient))
        return problem_set(ret_problem, DROVER_MEMORY, "model key", "OpenSSL could not wrap the content key");
    *ret = recipient;
    return DROVER_OK;
}

static bool agreed_wrap(const uint8_t content_key[CONTENT_KEY_BYTES], EVP_PKEY *key, const uint8_t manifest_sha256[SHA256_BYTES], struct recipient *recipient)
{
    uint8_t secret[AGREED_SECRET_BYTES];
    bool good;

    recipient->ephemeral_bytes = recipient->method == RECIPIENT_X25519 ? X25519_POINT_BYTES : P256_POINT_BYTES;
    good = key_agree_fresh(key, recipient->ephemeral, recipient->ephemeral_bytes, secret)
           && secret_wrap(content_key, secret, manifest_sha256, recipient);
    OPENSSL_cleanse(secret, sizeof secret);
    return good;
}

static bool oaep_wrap(const uint8_t content_key[CONTENT_KEY_BYTES], EVP_PKEY *key, const uint8_t manifest_sha256[SHA256_BYTES], struct recipient *recipient)
{
    struct binding label;
    size_t length = sizeof recipient->wrapped;

    bind_to(&label, recipient, manifest_sha256);
    if (!oaep_encrypt(key, label.bytes, label.length, content_key, CONTENT_KEY_BYTES, recipient->wrapped, &length))
        return false;
    recipient->wrapped_bytes = (uint16_t)length;
    return true;
}

enum drover_error recipient_wrap_public(const uint8_t content_key[CONTENT_KEY_BYTES], const struct public_key *key, const uint8_t manifest_sha256[SHA256_BYTES],
                                        struct recipient *ret, struct problem *ret_problem)
{
    enum key_type type = public_key_type(key);
    struct recipient recipient = {.method = method_of_type[type]};
    bool good;

    if (recipient.method == 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "recipient", "a key of type %s signs; nothing can be encrypted for it", key_type_name(type));
    memcpy(recipient.key_id, public_key_id(key), KEY_ID_BYTES);
    good = recipient.method == RECIPIENT_RSA_OAEP ? oaep_wrap(content_key, public_key_evp(key), manifest_sha256, &recipient)
                                                  : agreed_wrap(content_key, public_key_evp(key), manifest_sha256, &recipient);
    if (!good)
        return problem_set(ret_problem, DROVER_REFUSED, "recipient", "OpenSSL could not wrap the content key for this %s key", key_type_name(type));
    *ret = recipient;
    return DROVER_OK;
}

static bool private_unwrap(const struct recipient *recipient, const struct private_key *key, const uint8_t manifest_sha256[SHA256_BYTES],
                           uint8_t ret_content_key[CONTENT_KEY_BYTES])
{
    uint8_t secret[AGREED_SECRET_BYTES];
    struct binding label;
    bool good;

    if (recipient->method == RECIPIENT_RSA_OAEP) {
        bind_to(&label, recipient, manifest_sha256);
        return oaep_decrypt(private_key_evp(key), label.bytes, label.length, recipient->wrapped, recipient->wrapped_bytes, ret_content_key, CONTENT_KEY_BYTES);
    }
    good = key_agree(private_key_evp(key), recipient->ephemeral, recipient->ephemeral_bytes, secret)
           && secret_unwrap(recipient, secret, manifest_sha256, ret_content_key);
    OPENSSL_cleanse(secret, sizeof secret);
    return good;
}

/* Ids are public, so a plain comparison is enough. */
static const struct recipient *recipient_find(const struct recipient *recipients, unsigned count, uint16_t method, const uint8_t key_id[KEY_ID_BYTES])
{
    for (unsigned i = 0; i < count; i++)
        if (recipients[i].method == method && memcmp(recipients[i].key_id, key_id, KEY_ID_BYTES) == 0)
            return recipient_lengths_fit(&recipients[i]) ? &recipients[i] : NULL;
    return NULL;
}

static bool model_keys_try(const struct recipient *recipients, unsigned count, const struct recipient_keys *keys, const uint8_t manifest_sha256[SHA256_BYTES],
                           uint8_t ret_content_key[CONTENT_KEY_BYTES], unsigned *named)
{
    for (unsigned i = 0; i < keys->model_key_count; i++) {
        uint8_t id[KEY_ID_BYTES];
        const struct recipient *recipient;

        model_key_id(keys->model_keys[i], id);
        recipient = recipient_find(recipients, count, RECIPIENT_AES_KW, id);
        *named += recipient != NULL;
        if (recipient && secret_unwrap(recipient, keys->model_keys[i], manifest_sha256, ret_content_key))
            return true;
    }
    return false;
}

static bool private_keys_try(const struct recipient *recipients, unsigned count, const struct recipient_keys *keys, const uint8_t manifest_sha256[SHA256_BYTES],
                             uint8_t ret_content_key[CONTENT_KEY_BYTES], unsigned *named)
{
    for (unsigned i = 0; i < keys->private_key_count; i++) {
        const struct private_key *key = keys->private_keys[i];
        uint16_t method = method_of_type[private_key_type(key)];
        const struct recipient *recipient = method ? recipient_find(recipients, count, method, private_key_id(key)) : NULL;

        *named += recipient != NULL;
        if (recipient && private_unwrap(recipient, key, manifest_sha256, ret_content_key))
            return true;
    }
    return false;
}

enum error_code recipient_unwrap(const struct recipient *recipients, unsigned count, const struct recipient_keys *keys,
                                 const uint8_t manifest_sha256[SHA256_BYTES], uint8_t ret_content_key[CONTENT_KEY_BYTES], struct problem *ret_problem)
{
    unsigned named = 0;

    if (!keys || keys->model_key_count + keys->private_key_count == 0)
        return package_refuse(ret_problem, E_DECRYPT, "recipients", "the package is encrypted and no key is there to open it");
    if (model_keys_try(recipients, count, keys, manifest_sha256, ret_content_key, &named)
        || private_keys_try(recipients, count, keys, manifest_sha256, ret_content_key, &named))
        return E_NONE;
    if (named > 0)
        return package_refuse(ret_problem, E_DECRYPT, "recipients", "%u of our keys named, but none opens it: not made for this package", named);
    return package_refuse(ret_problem, E_DECRYPT, "recipients", "none of the %u is one of our keys", count);
}
