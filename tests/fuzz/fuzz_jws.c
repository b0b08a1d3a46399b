/* Any bytes as a JWS and as a permit. The store knows one key, that of RFC 8032's first test vector, so that seeds can be signed. */
#include "fuzz.h"

#include "firmware/jws.h"
#include "firmware/permit.h"

#define NOW_MS 1800000000000

static const uint8_t key_der[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b,
    0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static struct trust trust;

static void trust_make(void)
{
    struct trust_key key = {.roles = 1u << TRUST_PERMIT};

    trust_init(&trust);
    MUST(public_key_read_der(key_der, sizeof key_der, &key.key, NULL) == DROVER_OK);
    MUST(trust_add(&trust, &key, NULL) == DROVER_OK);
    public_key_free(key.key);
}

static void try_permit(const char *text, size_t length)
{
    struct problem problem = {0};
    struct permit permit;

    if (permit_read(text, length, &trust, NOW_MS, &permit, &problem) != E_NONE) {
        MUST(problem.where[0] && problem.what[0]);
        return;
    }
    MUST(permit.id[0] && permit.model[0] && permit.to_version[0] && (permit.device_id[0] || permit.rollout[0]));
    MUST(permit.not_before_ms <= NOW_MS && permit.expires_ms > NOW_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char nothing[1];
    const char *text = length ? (const char *)bytes : nothing;
    struct problem problem = {0};
    struct jws jws;

    if (trust.key_count == 0)
        trust_make();
    try_permit(text, length);
    if (jws_read(text, length, PERMIT_TYP, &jws, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(jws.count >= 1 && jws.count <= JWS_SIGNATURES_MAX);
    for (unsigned i = 0; i < jws.count; i++) {
        MUST(jws.signatures[i].length >= 1 && jws.signatures[i].length <= SIGNATURE_BYTES_MAX);
        (void)jws_signature_is_valid(&jws.signatures[i], trust.keys[0].key);
    }
    jws_done(&jws);
    return 0;
}
