/* Whom a device or a server believes: keys with roles, validity and revocation, and how many of them must agree.
 * As a file it is plain JSON or, once it has root keys, a JWS signed by them; see docs/decisions/003. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "firmware/key.h"
#include "firmware/signature.h"
#include "proto/error_code.h"

enum trust_role { TRUST_PACKAGE, TRUST_DELTA, TRUST_PERMIT, TRUST_ROOT, TRUST_ROLE_COUNT };
const char *trust_role_name(enum trust_role role);   /* "package", "delta", "permit", "root" */
bool trust_role_from_name(const char *name, enum trust_role *ret);

#define TRUST_KEYS_MAX 64
#define TRUST_BYTES_MAX (80 * 1024)   /* as JSON: 64 keys of RSA-4096 fit, and a JWS of it fits into JWS_BYTES_MAX */

struct trust_key {
    struct public_key *key;      /* owned */
    char name[64];
    unsigned roles;              /* bits: 1 << role */
    int64_t not_before_ms;       /* 0: always */
    int64_t not_after_ms;        /* 0: for ever */
    int64_t revoked_ms;          /* 0: not revoked; whatever it signed, whenever, does not count any more */
    char revoked_why[64];
};

struct trust {
    int64_t version;             /* rises with every change */
    int64_t expires_ms;          /* 0: never; an expired store still verifies, the caller is told to look for a newer one */
    unsigned thresholds[TRUST_ROLE_COUNT];   /* distinct keys that must agree; 0 is allowed for delta alone */
    unsigned key_count;
    struct trust_key keys[TRUST_KEYS_MAX];
};

void trust_init(struct trust *trust);        /* no keys, every threshold 1, version 0 */
void trust_done(struct trust *trust);
/* Plain JSON, or a JWS by root keys that it names itself (the caller trusts the file: the first one on a device, the server's own). */
MUST_USE enum drover_error trust_read(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem);
MUST_USE enum drover_error trust_read_file(const char *path, struct trust *ret_trust, struct problem *ret_problem);
void trust_write(const struct trust *trust, struct buffer *json);   /* the same store always gives the same bytes */
/* Takes a copy of the key. DROVER_DUPLICATE, DROVER_FULL; a key that cannot sign is DROVER_MISMATCH. Does not raise the version. */
MUST_USE enum drover_error trust_add(struct trust *trust, const struct trust_key *key, struct problem *ret_problem);
struct trust_key *trust_find(struct trust *trust, const uint8_t key_id[KEY_ID_BYTES]);   /* NULL: not there */
bool trust_has_roots(const struct trust *trust);   /* false: the store is guarded by file permissions alone */

/* E_NONE when at least thresholds[role] distinct keys that have the role, are valid at now_ms and not revoked have signed these bytes.
 * TRUST_DELTA is satisfied by keys of TRUST_PACKAGE too, and by nothing at all when its threshold is 0. now_ms 0: validity is not looked
 * at (revocation is). The problem names what was missing: "1 of 2 signatures; key 3fa9... is revoked". */
MUST_USE enum error_code trust_check(const struct trust *trust, enum trust_role role, const void *bytes, size_t length,
                                     const struct signature *signatures, unsigned count, int64_t now_ms, struct problem *ret_problem);

/* A newer trust document (JWS): signed by the threshold of the present root keys, its version higher, itself well-formed, and signed by
 * the threshold of its own root keys as well, so that nobody locks themselves out. On E_NONE *ret_trust is the new store. E_EXPIRED: older
 * or the same version (harmless: nothing changes); E_SIGNATURE: not by our roots; E_INCOMPATIBLE: malformed. */
MUST_USE enum error_code trust_update(const struct trust *trust, const char *jws, size_t length, int64_t now_ms, struct trust *ret_trust, struct problem *ret_problem);
/* Signs the store as such a document with root keys. */
MUST_USE enum drover_error trust_sign(const struct trust *trust, const struct private_key *const *keys, unsigned count, struct buffer *jws, struct problem *ret_problem);
