/* Any bytes as the value of a RECIPIENT section: what is read is written back the same, and is then tried with our keys in its name, so that
 * wrapped keys and points from outside reach the unwrapping. */
#include "fuzz.h"

#include "firmware/recipient.h"

enum { EC, X, RSA, KEY_COUNT };

static const uint8_t model_key[1][CONTENT_KEY_BYTES] = {{0}};
static const uint8_t manifest[SHA256_BYTES];
static struct private_key *keys[KEY_COUNT];

static void keys_free(void)
{
    for (unsigned i = 0; i < KEY_COUNT; i++)
        private_key_free(keys[i]);
}

static void keys_make(void)
{
    static const enum key_type types[KEY_COUNT] = {KEY_EC_P256, KEY_X25519, KEY_RSA_2048};

    if (keys[0])
        return;
    for (unsigned i = 0; i < KEY_COUNT; i++)
        MUST(private_key_generate(types[i], &keys[i], NULL) == DROVER_OK);
    (void)atexit(keys_free);
}

/* The id of our key for its method. */
static void in_our_name(struct recipient *recipient)
{
    switch (recipient->method) {
    case RECIPIENT_ECDH_P256:
        memcpy(recipient->key_id, private_key_id(keys[EC]), KEY_ID_BYTES);
        break;
    case RECIPIENT_X25519:
        memcpy(recipient->key_id, private_key_id(keys[X]), KEY_ID_BYTES);
        break;
    case RECIPIENT_RSA_OAEP:
        memcpy(recipient->key_id, private_key_id(keys[RSA]), KEY_ID_BYTES);
        break;
    default:
        model_key_id(model_key[0], recipient->key_id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct recipient_keys ours = {model_key, 1, (const struct private_key *const *)keys, KEY_COUNT};
    uint8_t again[RECIPIENT_SECTION_MAX], content_key[CONTENT_KEY_BYTES];
    struct problem problem = {0};
    struct recipient recipient;
    enum error_code code = recipient_section_read(bytes, length, &recipient, &problem);

    if (code) {
        MUST(code == E_INCOMPATIBLE && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(recipient_section_write(&recipient, again) == length && memcmp(again, bytes, length) == 0);
    keys_make();
    in_our_name(&recipient);
    code = recipient_unwrap(&recipient, 1, &ours, manifest, content_key, &problem);
    MUST(code == E_NONE || (code == E_DECRYPT && problem.where[0] && problem.what[0]));
    return 0;
}
