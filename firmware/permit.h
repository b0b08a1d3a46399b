/* A permit to go back: signed, expiring, bound to a device or a rollout. Without one an older version is refused. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/semver.h"
#include "common/text.h"
#include "firmware/trust.h"

#define PERMIT_TYP "drover-permit+json"

struct permit {
    char id[ID_SIZE];
    char model[ID_SIZE];
    char to_version[VERSION_SIZE];
    char from_version[VERSION_SIZE];   /* "": whatever runs */
    char device_id[ID_SIZE];           /* "" or the one device */
    char rollout[ID_SIZE];             /* "" or the rollout; at least one of the two */
    int64_t not_before_ms;
    int64_t expires_ms;                /* never 0 */
};

MUST_USE enum drover_error permit_make(const struct permit *permit, const struct private_key *const *keys, unsigned count, struct buffer *jws, struct problem *ret_problem);
/* Structure and signatures (role permit, threshold, key validity) and its own times at now_ms. E_SIGNATURE, E_EXPIRED, E_INCOMPATIBLE. */
MUST_USE enum error_code permit_read(const char *jws, size_t length, const struct trust *trust, int64_t now_ms, struct permit *ret_permit, struct problem *ret_problem);
/* What a permit is held against; NULL texts match nothing. */
struct permit_use {
    const char *model, *from_version, *to_version, *device_id, *rollout;
};
/* E_NONE, or E_DOWNGRADE with the member that does not fit. */
MUST_USE enum error_code permit_allows(const struct permit *permit, const struct permit_use *use, struct problem *ret_problem);
