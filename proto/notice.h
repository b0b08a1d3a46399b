/* update/<model>, retained: a release is on offer. An empty payload clears it. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"
#include "proto/command.h"

struct notice {
    char rollout[ID_SIZE];
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    char url[URL_SIZE];             /* of /firmware/latest */
    int64_t size_bytes;             /* "size", of the full package */
    char sha256[SHA256_HEX_SIZE];
    int64_t share_pct;              /* share of the fleet now eligible, 0 .. 100 */
    int64_t spread_s;               /* ask after a random wait of at most this */
    int64_t epoch;                  /* unix ms of the rollout's last change; ignore a notice whose epoch is not newer */
    int64_t expires_ms;             /* "expires_at" */
};

MUST_USE enum drover_error notice_read(const char *bytes, size_t length, struct notice *ret_notice, struct problem *ret_problem);
void notice_write(const struct notice *notice, struct buffer *buffer);
