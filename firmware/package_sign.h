/* Adds signatures to a package: to its manifest, and with `delta` to its delta description. The rest is copied byte by byte. */
#pragma once

#include "firmware/key.h"
#include "firmware/package_file.h"
#include "firmware/signature.h"

struct package_signing {
    const struct private_key *const *keys;
    const enum signature_algorithm *algorithms;   /* one a key; 0: the key's usual one */
    unsigned count;
    const char *trust;                            /* a newer trust document (JWS) to carry; NULL: keep what it has */
    size_t trust_length;
    bool delta_only;                              /* leave the manifest's signatures alone: what a server's delta key does */
};
/* A key that has signed already replaces its signature. In a delta package both documents are signed unless delta_only. path may be the file's own. */
MUST_USE enum error_code package_sign(const struct package_file *file, const struct package_signing *signing, const char *path, struct problem *ret_problem);
