/* The trust store of droverd: a file that the operator guards, read at the start and on SIGHUP. It is held as bytes, as workers are given
 * it; only what the loop must know of it is read here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sha256.h"

struct daemon_trust {
    char *text;                    /* owned; NULL: there is none */
    size_t length;
    int64_t version;
    char sha256[SHA256_HEX_SIZE];  /* "" without */
    bool wants_delta_signatures;
    int64_t expires_ms;            /* 0: never */
};

/* path "" gives an empty one. DROVER_IO, DROVER_TOO_LONG and what trust_read finds wrong. */
MUST_USE enum drover_error daemon_trust_read(const char *path, struct daemon_trust *ret_trust, struct problem *ret_problem);
void daemon_trust_done(struct daemon_trust *trust);
