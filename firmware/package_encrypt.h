/* Encrypts a package for recipients, or takes the encryption off; manifest and signatures stay as they are. */
#pragma once

#include "firmware/package_file.h"
#include "firmware/recipient.h"

struct package_encryption {
    const uint8_t (*model_keys)[CONTENT_KEY_BYTES];
    unsigned model_key_count;
    const struct public_key *const *public_keys;
    unsigned public_key_count;
};
/* A package that is encrypted already gets further recipients: keys must then open it. */
MUST_USE enum error_code package_encrypt(const struct package_file *file, const struct package_encryption *to, const struct recipient_keys *keys, const char *path,
                                         const struct package_progress *progress, struct problem *ret_problem);
MUST_USE enum error_code package_decrypt(const struct package_file *file, const struct recipient_keys *keys, const char *path,
                                         const struct package_progress *progress, struct problem *ret_problem);
