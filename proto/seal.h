/* A seal: one block of a log (drover:v1:events, drover:v1:audit), and with it all blocks before, in one digest. The chains of seals stand in drover:v1:seals
 * and drover:v1:audit_seals; docs/events.md says byte for byte what is hashed. A value; owns nothing. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/sha256.h"
#include "common/text.h"
#include "proto/stream_entry.h"

enum sealed_log { SEALED_EVENTS, SEALED_AUDIT, SEALED_LOGS };
/* What lines of an exported file begin with, for entry_read_json: of each log its entries, then its seals: the log is index / 2. */
extern const char *const sealed_line_names[2 * SEALED_LOGS + 1];

struct seal {
    char id[STREAM_ID_SIZE];          /* of the entry in drover:v1:seals; "" before it is stored; not hashed */
    int64_t n;                        /* 1, 2, 3, ... */
    char first[STREAM_ID_SIZE];       /* ids of the block's first and last entries */
    char last[STREAM_ID_SIZE];
    int64_t count;                    /* entries in the block */
    int64_t position;                 /* how many entries the stream ever got, up to this block's last */
    int64_t missed;                   /* of these, since the block before: gone before they were sealed */
    int64_t keep;                     /* what the stream is trimmed to, about: it never gets shorter by that */
    char entries[SHA256_HEX_SIZE];    /* SHA-256 of the canonical forms of the block's entries */
    char prev[SHA256_HEX_SIZE];       /* sha256 of the seal before; SEAL_PREV_NONE for the first */
    int64_t at_ms;                    /* when it was made */
    char instance[ID_SIZE];           /* by whom */
    char sha256[SHA256_HEX_SIZE];     /* over all of the above */
};
#define SEAL_PREV_NONE "0000000000000000000000000000000000000000000000000000000000000000"

/* Strict: these fields, in this order. */
MUST_USE enum drover_error seal_read(const struct stream_entry *entry, struct seal *ret_seal, struct problem *ret_problem);
/* As an entry to be stored; it points into the seal and into `numbers`. */
struct seal_numbers {
    char text[6][24];
};
void seal_write(const struct seal *seal, struct seal_numbers *numbers, struct stream_entry *ret_entry);
/* SHA-256 over the canonical form of an entry with the id "seal" and all fields but sha256. DROVER_MEMORY. */
MUST_USE enum drover_error seal_digest(const struct seal *seal, char ret_sha256[SHA256_HEX_SIZE]);
