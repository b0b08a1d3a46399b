/* Each nonce of a signed request counts once, in all instances of droverd: redis-scripts/nonce_take.lua, on the loop. */
#pragma once

#include <stdint.h>

#include "common/error.h"

struct redis_link;

#define NONCE_NAME_SIZE 33

/* What is taken; made by request_signature.h. The names are digests, so that keys in Redis stay short whatever was sent. */
struct nonce_claim {
    char name[NONCE_NAME_SIZE];       /* of key id, subject and nonce */
    char holder[NONCE_NAME_SIZE];     /* of key id and subject: whose nonces are counted together */
    int64_t keep_ms;                  /* how long it must be known */
    int64_t window_ms, most;          /* one holder takes at most so many in so long */
};

/* DROVER_OK: taken now, the request may be served. DROVER_REFUSED: it was taken before. DROVER_FULL: the holder took too many.
 * Anything else (Redis is away): not known, so the request must not be served. */
typedef void nonce_taken(void *arg, enum drover_error error);
void nonce_take(struct redis_link *link, const struct nonce_claim *claim, nonce_taken *done, void *arg);
