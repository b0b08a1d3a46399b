/* The chain's checks: of a seal by itself, against the one before, of the entries between its ends, and of what is left at the end. */
#include "proto/event_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CANONICAL_BYTES_MAX (1u << 20)

enum drover_error event_chain_init(struct event_chain *chain, int64_t anchor_n, const char *anchor)
{
    *chain = (struct event_chain){.keep_min = INT64_MAX, .anchor_n = anchor_n, .digest = sha256_new()};
    buffer_init(&chain->canonical, CANONICAL_BYTES_MAX);
    if (anchor_n > 0)
        (void)text_copy(chain->anchor, sizeof chain->anchor, anchor);
    return chain->digest ? DROVER_OK : DROVER_MEMORY;
}

void event_chain_done(struct event_chain *chain)
{
    sha256_free(chain->digest);
    buffer_done(&chain->canonical);
    chain->digest = NULL;
}

static enum drover_error misfit(const struct seal *seal, struct problem *ret_problem, const char *what)
{
    char where[48];

    (void)snprintf(where, sizeof where, "block %" PRId64, seal->n);
    return problem_set(ret_problem, DROVER_MISMATCH, where, "%s", what);
}

/* --- a seal by itself and after the one before --- */

static enum drover_error seal_check(const struct seal *seal, struct problem *ret_problem)
{
    char digest[SHA256_HEX_SIZE];
    struct stream_id first, last;
    enum drover_error error = seal_digest(seal, digest);

    if (error)
        return problem_set(ret_problem, error, "seal", "out of memory");
    if (strcmp(digest, seal->sha256) != 0)
        return misfit(seal, ret_problem, "its seal was changed: it has another digest");
    if (!stream_id_read(seal->first, strlen(seal->first), &first) || !stream_id_read(seal->last, strlen(seal->last), &last) ||
        stream_id_compare(&first, &last) > 0)
        return misfit(seal, ret_problem, "its seal ends before it begins");
    if (seal->n == 1 && strcmp(seal->prev, SEAL_PREV_NONE) != 0)
        return misfit(seal, ret_problem, "it is the first one, and its seal goes on from another");
    return DROVER_OK;
}

static enum drover_error seal_follows(const struct seal *before, const struct seal *seal, struct problem *ret_problem)
{
    struct stream_id last, first;
    char what[96];

    if (seal->n != before->n + 1) {
        (void)snprintf(what, sizeof what, "its seal follows that of block %" PRId64 ": seals were removed or swapped", before->n);
        return misfit(seal, ret_problem, what);
    }
    if (strcmp(seal->prev, before->sha256) != 0)
        return misfit(seal, ret_problem, "its seal does not go on from the one before: one of them was replaced");
    if (seal->position - seal->missed - seal->count != before->position)
        return misfit(seal, ret_problem, "its numbers do not go on from those of the block before");
    (void)stream_id_read(before->last, strlen(before->last), &last);
    (void)stream_id_read(seal->first, strlen(seal->first), &first);
    if (stream_id_compare(&first, &last) <= 0)
        return misfit(seal, ret_problem, "it begins before the block before it ends");
    return DROVER_OK;
}

/* --- the open block --- */

static enum drover_error digest_check(struct event_chain *chain, struct problem *ret_problem)
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(chain->digest, hex);
    if (strcmp(hex, chain->seal.entries) != 0)
        return misfit(&chain->seal, ret_problem, "an entry was changed: the digest of its entries is another one");
    if (!chain->from[0])
        memcpy(chain->from, chain->block_first, sizeof chain->from);
    memcpy(chain->to, chain->seal.last, sizeof chain->to);
    chain->blocks++;
    chain->entries += chain->in_block;
    chain->missed += chain->seal.n > 1 ? chain->seal.missed : 0; /* the first one's: before there were seals */
    return DROVER_OK;
}

/* Fewer entries than were sealed: trimmed, when nothing before was kept and the newest of them are there. */
static enum drover_error shortage_check(struct event_chain *chain, struct problem *ret_problem)
{
    bool begins_here = chain->blocks == 0 && chain->partial == 0 && !chain->before;
    char what[96];

    if (begins_here && chain->in_block == 0) {
        chain->trimmed_blocks++;
        return DROVER_OK;
    }
    if (begins_here && chain->last_in_block && !chain->first_in_block) {
        chain->partial = chain->in_block;
        return DROVER_OK;
    }
    (void)snprintf(what, sizeof what, "%" PRId64 " of its %" PRId64 " entries were removed", chain->seal.count - chain->in_block, chain->seal.count);
    return misfit(&chain->seal, ret_problem, what);
}

static enum drover_error block_close(struct event_chain *chain, struct problem *ret_problem)
{
    enum drover_error error;
    char what[96];

    if (!chain->open)
        return DROVER_OK;
    chain->open = false;
    if (chain->in_block > chain->seal.count) {
        (void)snprintf(what, sizeof what, "%" PRId64 " entries were added to its %" PRId64, chain->in_block - chain->seal.count, chain->seal.count);
        return misfit(&chain->seal, ret_problem, what);
    }
    error = chain->in_block == chain->seal.count ? digest_check(chain, ret_problem) : shortage_check(chain, ret_problem);
    if (chain->in_block != chain->seal.count) { /* what was hashed of it is of no use */
        char unused[SHA256_HEX_SIZE];

        sha256_hex(chain->digest, unused);
    }
    return error;
}

static void block_open(struct event_chain *chain, const struct seal *seal)
{
    chain->seal = *seal;
    chain->seals++;
    chain->keep_min = seal->keep < chain->keep_min ? seal->keep : chain->keep_min;
    (void)stream_id_read(seal->first, strlen(seal->first), &chain->first);
    (void)stream_id_read(seal->last, strlen(seal->last), &chain->last);
    chain->open = true;
    chain->in_block = 0;
    chain->first_in_block = chain->last_in_block = false;
    chain->block_first[0] = '\0';
}

static enum drover_error anchor_check(struct event_chain *chain, const struct seal *seal, struct problem *ret_problem)
{
    if (seal->n != chain->anchor_n)
        return DROVER_OK;
    if (strcmp(seal->sha256, chain->anchor) != 0)
        return misfit(seal, ret_problem, "its seal is not the one that was expected: the log up to here was replaced");
    chain->anchored = true;
    return DROVER_OK;
}

enum drover_error event_chain_seal(struct event_chain *chain, const struct seal *seal, struct problem *ret_problem)
{
    enum drover_error error = block_close(chain, ret_problem);

    if (!error && chain->strays > 0)
        error = misfit(seal, ret_problem, "entries were added between it and the block before");
    if (!error)
        error = seal_check(seal, ret_problem);
    if (!error && chain->seals > 0)
        error = seal_follows(&chain->seal, seal, ret_problem);
    if (!error)
        error = anchor_check(chain, seal, ret_problem);
    if (!error)
        block_open(chain, seal);
    return error;
}

/* --- entries --- */

static enum drover_error entry_hash(struct event_chain *chain, const struct stream_entry *entry, struct problem *ret_problem)
{
    buffer_clear(&chain->canonical);
    entry_canonical(entry, &chain->canonical);
    if (chain->canonical.failed)
        return problem_set(ret_problem, DROVER_TOO_LONG, "entry", "does not fit into memory");
    sha256_add(chain->digest, chain->canonical.bytes, chain->canonical.length);
    return DROVER_OK;
}

static enum drover_error entry_in_block(struct event_chain *chain, const struct stream_entry *entry, const struct stream_id *id, struct problem *ret_problem)
{
    if (chain->in_block == 0)
        (void)text_copy_n(chain->block_first, sizeof chain->block_first, entry->id.bytes, entry->id.length);
    chain->first_in_block = chain->first_in_block || stream_id_compare(id, &chain->first) == 0;
    chain->last_in_block = chain->last_in_block || stream_id_compare(id, &chain->last) == 0;
    chain->in_block++;
    return entry_hash(chain, entry, ret_problem);
}

enum drover_error event_chain_entry(struct event_chain *chain, const struct stream_entry *entry, struct problem *ret_problem)
{
    char text[STREAM_ID_SIZE];
    struct stream_id id;
    bool rises;

    if (!text_copy_n(text, sizeof text, entry->id.bytes, entry->id.length) || !stream_id_read(text, strlen(text), &id))
        return problem_set(ret_problem, DROVER_SYNTAX, "entry", "has no id");
    rises = stream_id_compare(&id, &chain->at) > 0;
    chain->at = id;
    if (!rises)
        return problem_set(ret_problem, DROVER_MISMATCH, text, "stands behind a newer entry: entries were swapped");
    if (chain->seals == 0 || (chain->seals == 1 && chain->seal.n > 1 && chain->open && stream_id_compare(&id, &chain->first) < 0)) {
        chain->before++;
        return DROVER_OK;
    }
    if (chain->open && stream_id_compare(&id, &chain->first) < 0)
        return misfit(&chain->seal, ret_problem, "entries were added between it and the block before");
    if (chain->open && stream_id_compare(&id, &chain->last) <= 0)
        return entry_in_block(chain, entry, &id, ret_problem);
    chain->strays++;
    return block_close(chain, ret_problem);
}

/* --- the end --- */

enum drover_error event_chain_end(struct event_chain *chain, struct problem *ret_problem)
{
    enum drover_error error = block_close(chain, ret_problem);
    int64_t kept;
    bool trimmed = chain->trimmed_blocks > 0 || chain->partial > 0;

    if (error)
        return error;
    if (chain->anchor_n > 0 && !chain->anchored)
        return problem_set(ret_problem, DROVER_MISMATCH, "seals", "the expected block %" PRId64 " is not among the kept ones", chain->anchor_n);
    if (chain->seals == 0) { /* nothing is sealed yet */
        chain->unsealed = chain->before;
        chain->before = 0;
        return DROVER_OK;
    }
    chain->unsealed = chain->strays;
    kept = chain->entries + chain->partial + chain->unsealed;
    if (trimmed && kept < chain->keep_min)
        return problem_set(ret_problem, DROVER_MISMATCH, "beginning", "cut off: %" PRId64 " entries are left, trimming leaves %" PRId64, kept, chain->keep_min);
    return DROVER_OK;
}
