/* RFC 7518 (RS256, PS256, ES256) and RFC 8037 (EdDSA, of which only Ed25519 keys exist here). */
#include "firmware/jws_algorithm.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

#define NUMBER_BYTES 32   /* of P-256 */

static const struct {
    const char *name;
    enum signature_algorithm algorithm;
} algorithms[] = {
    {"RS256", SIGNATURE_RSA_PKCS1_SHA256},
    {"PS256", SIGNATURE_RSA_PSS_SHA256},
    {"ES256", SIGNATURE_ECDSA_P256_SHA256},
    {"EdDSA", SIGNATURE_ED25519},
};
#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0])

enum signature_algorithm jws_algorithm_from_name(const char *alg)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (strcmp(algorithms[i].name, alg) == 0)
            return algorithms[i].algorithm;
    return 0;
}

const char *jws_algorithm_name(enum signature_algorithm algorithm)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (algorithms[i].algorithm == algorithm)
            return algorithms[i].name;
    return NULL;
}

bool jws_ecdsa_to_der(struct signature *signature)
{
    ECDSA_SIG *pair = signature->length == 2 * NUMBER_BYTES ? ECDSA_SIG_new() : NULL;
    BIGNUM *r = pair ? BN_bin2bn(signature->bytes, NUMBER_BYTES, NULL) : NULL;
    BIGNUM *s = pair ? BN_bin2bn(signature->bytes + NUMBER_BYTES, NUMBER_BYTES, NULL) : NULL;
    unsigned char *at = signature->bytes;
    int length = 0;

    if (r && s && ECDSA_SIG_set0(pair, r, s) == 1) { /* owns them now; at most 72 bytes */
        length = i2d_ECDSA_SIG(pair, &at);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    ERR_clear_error();
    signature->length = (uint16_t)(length > 0 ? length : 0);
    return length > 0;
}

bool jws_ecdsa_from_der(struct signature *signature)
{
    const unsigned char *at = signature->bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, signature->length);
    bool good = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature->bytes, NUMBER_BYTES) == NUMBER_BYTES
        && BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature->bytes + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES;

    ECDSA_SIG_free(pair);
    ERR_clear_error();
    signature->length = 2 * NUMBER_BYTES;
    return good;
}
