/* One block of one sealed log: the newest seal, how far the stream goes, its entries page by page, the seal. */
#include "orchestrator/edges/sealer_block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/clock.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/sealer.h"
#include "orchestrator/edges/stream_worker.h"
#include "proto/seal.h"

#define PAGE "200"               /* entries a question: Redis answers within a fraction of a millisecond */
#define PAGE_ENTRIES 200

/* The block that is being made, and what it goes on from. */
struct block {
    struct seal seal;
    char expected[SHA256_HEX_SIZE];   /* of the seal before; "": none */
    int64_t position_before;
    char end[STREAM_ID_SIZE];         /* the stream's newest id when the step began */
    int64_t end_position;             /* entries the stream ever got, up to that */
    int64_t first_ms;                 /* when the first entry was written */
    bool at_end;                      /* the block reaches the end */
};

static enum drover_error odd(struct problem *ret_problem, const char *what)
{
    return problem_set(ret_problem, DROVER_STORE, "redis", "%s", what);
}

/* --- 1 the newest seal --- */

static enum drover_error newest_read(const struct seal_job *job, struct block *ret_block, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    struct seal seal;
    enum drover_error error = stream_worker_ask(job->worker, &reply, ret_problem, "XREVRANGE", job->seals, "+", "-", "COUNT", "1", NULL);

    if (error)
        return error;
    *ret_block = (struct block){.seal = {.n = 1}};
    memcpy(ret_block->seal.prev, SEAL_PREV_NONE, sizeof ret_block->seal.prev);
    if (reply->type != REDIS_REPLY_ARRAY) {
        error = odd(ret_problem, "the stream of seals is none");
    } else if (reply->elements > 0) {
        error = redis_reply_entry(reply->element[0], &entry) ? seal_read(&entry, &seal, ret_problem) : odd(ret_problem, "the newest seal is none");
        if (!error) {
            ret_block->seal.n = seal.n + 1;
            memcpy(ret_block->seal.first, seal.last, sizeof seal.last); /* until the block's own first is known */
            memcpy(ret_block->seal.prev, seal.sha256, sizeof seal.sha256);
            memcpy(ret_block->expected, seal.sha256, sizeof seal.sha256);
            ret_block->position_before = seal.position;
        }
    }
    redis_reply_free(reply);
    return error;
}

/* --- 2 how far the stream goes --- */

static const struct redisReply *info_find(const struct redisReply *info, const char *name)
{
    for (size_t i = 0; i + 1 < info->elements; i += 2)
        if (info->element[i]->type == REDIS_REPLY_STRING && strcmp(info->element[i]->str, name) == 0)
            return info->element[i + 1];
    return NULL;
}

static enum drover_error end_read(const struct seal_job *job, struct block *block, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    const struct redisReply *last, *added;
    enum drover_error error = stream_worker_ask(job->worker, &reply, ret_problem, "XINFO", "STREAM", job->stream, NULL);

    if (error)
        return error;
    last = reply->type == REDIS_REPLY_ARRAY ? info_find(reply, "last-generated-id") : NULL;
    added = reply->type == REDIS_REPLY_ARRAY ? info_find(reply, "entries-added") : NULL;
    if (!last || !added || last->type != REDIS_REPLY_STRING || added->type != REDIS_REPLY_INTEGER || !text_copy(block->end, sizeof block->end, last->str))
        error = odd(ret_problem, "XINFO STREAM does not say what Redis 7 says");
    else
        block->end_position = added->integer;
    redis_reply_free(reply);
    return error;
}

/* --- 3 the block's entries --- */

static enum drover_error entry_take(const struct seal_job *job, const struct redisReply *reply, struct block *block, struct problem *ret_problem)
{
    struct stream_entry entry;
    struct stream_id id;
    struct seal *seal = &block->seal;

    if (!redis_reply_entry(reply, &entry) || !stream_id_read(entry.id.bytes, entry.id.length, &id))
        return odd(ret_problem, "an entry has too many fields to be sealed");
    buffer_clear(job->canonical);
    entry_canonical(&entry, job->canonical);
    if (job->canonical->failed)
        return problem_set(ret_problem, DROVER_MEMORY, "seal", "out of memory");
    sha256_add(job->digest, job->canonical->bytes, job->canonical->length);
    (void)text_copy_n(seal->last, sizeof seal->last, entry.id.bytes, entry.id.length);
    if (seal->count++ == 0) {
        memcpy(seal->first, seal->last, sizeof seal->first);
        block->first_ms = (int64_t)id.ms;
    }
    return DROVER_OK;
}

static enum drover_error page_take(const struct seal_job *job, struct block *block, struct problem *ret_problem)
{
    const char *after = block->seal.count > 0 ? block->seal.last : block->seal.first;
    struct redisReply *reply = NULL;
    char start[STREAM_ID_SIZE + 1];
    enum drover_error error;

    (void)snprintf(start, sizeof start, "%s%s", after[0] ? "(" : "-", after);
    error = stream_worker_ask(job->worker, &reply, ret_problem, "XRANGE", job->stream, start, block->end, "COUNT", PAGE, NULL);
    if (error)
        return error;
    if (reply->type != REDIS_REPLY_ARRAY)
        error = odd(ret_problem, "the stream to be sealed is none");
    for (size_t i = 0; !error && i < reply->elements; i++)
        error = entry_take(job, reply->element[i], block, ret_problem);
    block->at_end = reply->elements < PAGE_ENTRIES;
    redis_reply_free(reply);
    return error;
}

static enum drover_error block_read(const struct seal_job *job, struct block *block, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;
    char none[SHA256_HEX_SIZE];

    sha256_hex(job->digest, none); /* begins afresh, whatever a failed step left */
    while (!error && !block->at_end && block->seal.count < SEAL_ENTRIES_MAX)
        error = page_take(job, block, ret_problem);
    if (!error)
        sha256_hex(job->digest, block->seal.entries);
    return error;
}

/* --- 4 the seal --- */

/* A block that reaches the end knows how many entries there ever were: those that it lacks were removed before they could be sealed. A stream that began
 * anew counts from 0; then the count goes on from the seal before. */
static enum drover_error seal_finish(const struct seal_job *job, struct block *block)
{
    struct seal *seal = &block->seal;
    int64_t expected = block->position_before + seal->count;

    seal->position = block->at_end && block->end_position > expected ? block->end_position : expected;
    seal->missed = seal->position - expected;
    seal->keep = job->keep;
    seal->at_ms = clock_unix_ms();
    (void)text_copy(seal->instance, sizeof seal->instance, job->instance);
    return seal_digest(seal, seal->sha256);
}

static enum drover_error seal_add(const struct seal_job *job, struct block *block, bool *ret_added, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct seal_numbers numbers;
    struct stream_entry entry;
    enum drover_error error = seal_finish(job, block);
    struct redis_args *args;

    if (error)
        return problem_set(ret_problem, error, "seal", "out of memory");
    args = stream_worker_script_begin(job->worker, SCRIPT_SEAL_ADD);
    redis_args_add_text(args, block->expected);
    redis_args_add_i64(args, job->seals_keep);
    redis_args_add_text(args, job->seals + strlen(KEY_PREFIX));
    seal_write(&block->seal, &numbers, &entry);
    for (unsigned i = 0; i < entry.count; i++) {
        redis_args_add(args, entry.fields[i].name.bytes, entry.fields[i].name.length);
        redis_args_add(args, entry.fields[i].value.bytes, entry.fields[i].value.length);
    }
    error = stream_worker_script(job->worker, &reply, ret_problem);
    if (error)
        return error;
    *ret_added = redis_reply_is(reply, "OK");
    redis_reply_free(reply);
    return DROVER_OK;
}

/* --- the whole --- */

enum drover_error sealer_block_make(const struct seal_job *job, struct seal_outcome *ret_outcome, struct problem *ret_problem)
{
    struct block block;
    enum drover_error error = newest_read(job, &block, ret_problem);

    if (!error)
        error = end_read(job, &block, ret_problem);
    if (!error)
        error = block_read(job, &block, ret_problem);
    if (error)
        return error;
    *ret_outcome = (struct seal_outcome){.n = block.seal.n - 1, .unsealed_ms = block.seal.count > 0 ? clock_unix_ms() - block.first_ms : 0};
    if (block.seal.count == 0 || (block.seal.count < SEAL_ENTRIES_MAX && ret_outcome->unsealed_ms < job->seal_ms))
        return DROVER_OK;
    ret_outcome->tried = true;
    error = seal_add(job, &block, &ret_outcome->added, ret_problem);
    if (!error && ret_outcome->added) {
        ret_outcome->n = block.seal.n;
        ret_outcome->entries = block.seal.count;
        ret_outcome->missed = block.seal.n > 1 ? block.seal.missed : 0;   /* of seal 1: all that there was before there were seals */
    }
    return error;
}
