/* The question and the answer of POST /artifacts/<sha256>/resume: what a device has of a package, and what of it is right. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "orchestrator/edges/depot_digests.h"

struct resume_question {
    int64_t size_bytes;                               /* of the package */
    int64_t offset;                                   /* the device has the first `offset` bytes, and this is their digest */
    bool has_beginning;
    uint8_t beginning[SHA256_BYTES];
    unsigned chunk_count;                             /* how many were given; of these: */
    bool has_chunk[DEPOT_CHUNKS_MAX];
    uint8_t chunks[DEPOT_CHUNKS_MAX][SHA256_BYTES];
};

struct resume_verdict {
    int64_t right_bytes;                              /* this many first bytes are right */
    bool right[DEPOT_CHUNKS_MAX];                     /* these chunks are */
};

/* Reads {"offset","sha256","chunk_bytes","chunks":[hex or null]} about a package of size_bytes (at least 1); each pair may be absent, unknown members
 * are skipped. DROVER_CONFLICT: chunk_bytes is another than the package's. Else as the readers of JSON say, with where and what. */
MUST_USE enum drover_error resume_question_read(const char *bytes, size_t length, int64_t size_bytes, struct resume_question *ret_question,
                                                struct problem *ret_problem);
/* {"size","chunk_bytes","offset","complete","skip":[numbers],"range"}; see proto/openapi.yaml. */
void resume_answer_write(int64_t size_bytes, const struct resume_verdict *verdict, struct buffer *ret_answer);
