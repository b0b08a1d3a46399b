/* Verifies a sealed event log: seals and entries come in their order, each seal before the entries of its block, and every change, gap, swap
 * or insertion is found at the first block that it does not fit. Pure but for memory; needs the same few hundred bytes whatever the log's length.
 *
 * What trimming takes away is the oldest entries, and it leaves at least as many as the seals say are kept: so the block in which the kept
 * entries begin may lack its own beginning (then its digest cannot be checked), and blocks before it all of their entries; anything else that is missing was taken
 * out. Entries behind the newest seal are not covered yet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/seal.h"
#include "proto/stream_entry.h"

struct event_chain {
    /* What was found so far; docs/events.md says what each counts. */
    int64_t seals, blocks;            /* seals, and those of them whose block was checked entry by entry */
    int64_t trimmed_blocks;           /* blocks of which nothing is kept any more */
    int64_t entries;                  /* checked */
    int64_t partial;                  /* in the block whose beginning is trimmed: there, but not checkable */
    int64_t before;                   /* older than the oldest kept seal: not checkable */
    int64_t unsealed;                 /* newer than the newest seal: not checkable yet */
    int64_t missed;                   /* gone before they were sealed, of the checked range, as its seals admit */
    char from[STREAM_ID_SIZE], to[STREAM_ID_SIZE];   /* ids of the first and last checked entries; "" when there is none */
    struct seal seal;                 /* the newest */

    /* Inside. */
    struct sha256 *digest;            /* of the open block */
    struct buffer canonical;          /* of one entry */
    bool open;                        /* `seal` is a block whose entries may still come */
    int64_t in_block;
    bool first_in_block, last_in_block;   /* the block's first and last entries came */
    struct stream_id at, first, last; /* newest entry; of the open block */
    char block_first[STREAM_ID_SIZE];
    int64_t strays;                   /* entries since the open block ended */
    int64_t keep_min;                 /* the smallest `keep` of all seals */
    int64_t anchor_n;                 /* a seal that is known from elsewhere; 0: none */
    char anchor[SHA256_HEX_SIZE];
    bool anchored;
};

/* DROVER_MEMORY. anchor_n > 0: seal anchor_n must have that digest, and be there. */
MUST_USE enum drover_error event_chain_init(struct event_chain *chain, int64_t anchor_n, const char *anchor);
void event_chain_done(struct event_chain *chain);
/* DROVER_MISMATCH: it does not fit; the problem's `where` is the block, `what` says how. Nothing can be fed after that. */
MUST_USE enum drover_error event_chain_seal(struct event_chain *chain, const struct seal *seal, struct problem *ret_problem);
MUST_USE enum drover_error event_chain_entry(struct event_chain *chain, const struct stream_entry *entry, struct problem *ret_problem);
MUST_USE enum drover_error event_chain_end(struct event_chain *chain, struct problem *ret_problem);
