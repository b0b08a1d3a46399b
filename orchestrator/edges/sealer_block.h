/* Making one block of one log; for the sealer alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/sha256.h"

struct stream_worker;

struct seal_job {
    struct stream_worker *worker;   /* whose thread this is */
    const char *instance;
    const char *stream, *seals;     /* keys */
    int64_t seal_ms, keep, seals_keep;
    struct sha256 *digest;          /* of the block that is being read */
    struct buffer *canonical;       /* room for one entry */
};
struct seal_outcome {
    int64_t n;                      /* of the newest seal now; 0: none */
    int64_t unsealed_ms;            /* age of the oldest entry that was not sealed when it looked; 0: there was none */
    bool tried;                     /* there was a block to be sealed; look again at once */
    bool added;                     /* it is; else another instance was faster */
    int64_t entries, missed;        /* of the added block */
};
/* The stream must be there. */
MUST_USE enum drover_error sealer_block_make(const struct seal_job *job, struct seal_outcome *ret_outcome, struct problem *ret_problem);
