/* Keys that stay in a token (smart card, HSM, SoftHSM): a PKCS#11 module behind OpenSSL's `pkcs11` engine (Debian: libengine-pkcs11-openssl). */
#pragma once

#include "firmware/key.h"

#define PKCS11_SCHEME "pkcs11:"

/* uri: RFC 7512. The module comes from its `module-path`, else from the environment's PKCS11_MODULE_PATH, else p11-kit's. One module a
 * process: another one is DROVER_CONFLICT. The PIN comes from `pin-value` or the file `pin-source` names, else secret is asked.
 * DROVER_REFUSED: wrong PIN, or none; DROVER_NOT_FOUND: no such key; DROVER_UNAVAILABLE: no engine or no module. */
MUST_USE enum drover_error pkcs11_key_open(const char *uri, const struct key_secret *secret, struct private_key **ret_key, struct problem *ret_problem);
