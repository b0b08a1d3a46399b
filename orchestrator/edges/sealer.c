/* One step seals at most one block: the newest seal, how far the stream goes, its entries page by page, the seal. */
#include "orchestrator/edges/sealer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/stream_worker.h"
#include "proto/seal.h"

#define PAGE "200"               /* entries a question: Redis answers within a fraction of a millisecond */
#define PAGE_ENTRIES 200
#define LOOK_MS 1000             /* how often it is looked whether a block has become full */

struct sealer {
    struct sealer_config config;
    struct stream_worker *worker;   /* the owner's */
    struct stream_worker *thread;   /* the thread's own, set by each step */
    struct sha256 *digest;       /* of the block that is being read */
    struct buffer canonical;
    pthread_mutex_t mutex;
    struct sealer_counters counters;
};

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

static enum drover_error newest_read(struct sealer *sealer, struct block *ret_block, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    struct seal seal;
    enum drover_error error = stream_worker_ask(sealer->thread, &reply, ret_problem, "XREVRANGE", KEY_SEALS, "+", "-", "COUNT", "1", NULL);

    if (error)
        return error;
    *ret_block = (struct block){.seal = {.n = 1}};
    memcpy(ret_block->seal.prev, SEAL_PREV_NONE, sizeof ret_block->seal.prev);
    if (reply->type != REDIS_REPLY_ARRAY) {
        error = odd(ret_problem, KEY_SEALS " is no stream");
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
    freeReplyObject(reply);
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

static enum drover_error end_read(struct sealer *sealer, struct block *block, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    const struct redisReply *last, *added;
    enum drover_error error = stream_worker_ask(sealer->thread, &reply, ret_problem, "XINFO", "STREAM", KEY_EVENTS, NULL);

    if (error)
        return error;
    last = reply->type == REDIS_REPLY_ARRAY ? info_find(reply, "last-generated-id") : NULL;
    added = reply->type == REDIS_REPLY_ARRAY ? info_find(reply, "entries-added") : NULL;
    if (!last || !added || last->type != REDIS_REPLY_STRING || added->type != REDIS_REPLY_INTEGER || !text_copy(block->end, sizeof block->end, last->str))
        error = odd(ret_problem, "XINFO STREAM does not say what Redis 7 says");
    else
        block->end_position = added->integer;
    freeReplyObject(reply);
    return error;
}

/* --- 3 the block's entries --- */

static enum drover_error entry_take(struct sealer *sealer, const struct redisReply *reply, struct block *block, struct problem *ret_problem)
{
    struct stream_entry entry;
    struct stream_id id;
    struct seal *seal = &block->seal;

    if (!redis_reply_entry(reply, &entry) || !stream_id_read(entry.id.bytes, entry.id.length, &id))
        return odd(ret_problem, "an entry of " KEY_EVENTS " has too many fields to be sealed");
    buffer_clear(&sealer->canonical);
    entry_canonical(&entry, &sealer->canonical);
    if (sealer->canonical.failed)
        return problem_set(ret_problem, DROVER_MEMORY, "seal", "out of memory");
    sha256_add(sealer->digest, sealer->canonical.bytes, sealer->canonical.length);
    (void)text_copy_n(seal->last, sizeof seal->last, entry.id.bytes, entry.id.length);
    if (seal->count++ == 0) {
        memcpy(seal->first, seal->last, sizeof seal->first);
        block->first_ms = (int64_t)id.ms;
    }
    return DROVER_OK;
}

static enum drover_error page_take(struct sealer *sealer, struct block *block, struct problem *ret_problem)
{
    const char *after = block->seal.count > 0 ? block->seal.last : block->seal.first;
    struct redisReply *reply = NULL;
    char start[STREAM_ID_SIZE + 1];
    enum drover_error error;

    (void)snprintf(start, sizeof start, "%s%s", after[0] ? "(" : "-", after);
    error = stream_worker_ask(sealer->thread, &reply, ret_problem, "XRANGE", KEY_EVENTS, start, block->end, "COUNT", PAGE, NULL);
    if (error)
        return error;
    if (reply->type != REDIS_REPLY_ARRAY)
        error = odd(ret_problem, KEY_EVENTS " is no stream");
    for (size_t i = 0; !error && i < reply->elements; i++)
        error = entry_take(sealer, reply->element[i], block, ret_problem);
    block->at_end = reply->elements < PAGE_ENTRIES;
    freeReplyObject(reply);
    return error;
}

static enum drover_error block_read(struct sealer *sealer, struct block *block, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;
    char none[SHA256_HEX_SIZE];

    sha256_hex(sealer->digest, none); /* begins afresh, whatever a failed step left */
    while (!error && !block->at_end && block->seal.count < SEAL_ENTRIES_MAX)
        error = page_take(sealer, block, ret_problem);
    if (!error)
        sha256_hex(sealer->digest, block->seal.entries);
    return error;
}

/* --- 4 the seal --- */

/* A block that reaches the end knows how many entries there ever were: those that it lacks were removed before they could be sealed. A stream that began
 * anew counts from 0; then the count goes on from the seal before. */
static enum drover_error seal_finish(struct sealer *sealer, struct block *block)
{
    struct seal *seal = &block->seal;
    int64_t expected = block->position_before + seal->count;

    seal->position = block->at_end && block->end_position > expected ? block->end_position : expected;
    seal->missed = seal->position - expected;
    seal->keep = sealer->config.events_keep;
    seal->at_ms = clock_unix_ms();
    (void)text_copy(seal->instance, sizeof seal->instance, sealer->config.instance);
    return seal_digest(seal, seal->sha256);
}

static void seal_note(struct sealer *sealer, const struct block *block, bool added)
{
    if (added && block->seal.missed > 0 && block->seal.n > 1)
        log_event(LOG_ERROR, "events_missed", LOG_NUMBER("block", block->seal.n), LOG_NUMBER("entries", block->seal.missed),
                  LOG_TEXT("why", "they were gone from the stream before they were sealed"));
    pthread_mutex_lock(&sealer->mutex);
    sealer->counters.conflicts += !added;
    if (added) {
        sealer->counters.seals++;
        sealer->counters.entries += (uint64_t)block->seal.count;
        sealer->counters.missed += block->seal.n > 1 ? (uint64_t)block->seal.missed : 0;
        sealer->counters.n = block->seal.n;
    }
    pthread_mutex_unlock(&sealer->mutex);
}

static enum drover_error seal_add(struct sealer *sealer, struct block *block, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    struct seal_numbers numbers;
    struct stream_entry entry;
    enum drover_error error = seal_finish(sealer, block);
    struct redis_args *args;

    if (error)
        return problem_set(ret_problem, error, "seal", "out of memory");
    args = stream_worker_script_begin(sealer->thread, SCRIPT_SEAL_ADD);
    redis_args_add_text(args, block->expected);
    redis_args_add_i64(args, sealer->config.seals_keep);
    seal_write(&block->seal, &numbers, &entry);
    for (unsigned i = 0; i < entry.count; i++) {
        redis_args_add(args, entry.fields[i].name.bytes, entry.fields[i].name.length);
        redis_args_add(args, entry.fields[i].value.bytes, entry.fields[i].value.length);
    }
    error = stream_worker_script(sealer->thread, &reply, ret_problem);
    if (error)
        return error;
    seal_note(sealer, block, redis_reply_is(reply, "OK"));
    freeReplyObject(reply);
    return DROVER_OK;
}

/* --- the step --- */

static void age_note(struct sealer *sealer, int64_t n, int64_t unsealed_ms)
{
    pthread_mutex_lock(&sealer->mutex);
    sealer->counters.n = n;
    sealer->counters.unsealed_ms = unsealed_ms;
    pthread_mutex_unlock(&sealer->mutex);
}

static enum drover_error block_make(struct sealer *sealer, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    struct block block;
    int64_t age_ms;
    enum drover_error error = newest_read(sealer, &block, ret_problem);

    if (!error)
        error = end_read(sealer, &block, ret_problem);
    if (!error)
        error = block_read(sealer, &block, ret_problem);
    if (error)
        return error;
    age_ms = block.seal.count > 0 ? clock_unix_ms() - block.first_ms : 0;
    age_note(sealer, block.seal.n - 1, age_ms);
    if (block.seal.count == 0 || (block.seal.count < SEAL_ENTRIES_MAX && age_ms < sealer->config.seal_ms))
        return DROVER_OK;
    *ret_wait_ms = 0;
    return seal_add(sealer, &block, ret_problem);
}

static enum drover_error step(void *arg, struct stream_worker *worker, int64_t *ret_wait_ms, struct problem *ret_problem)
{
    struct sealer *sealer = arg;
    struct redisReply *reply = NULL;
    bool leads = false;
    enum drover_error error;

    sealer->thread = worker;
    *ret_wait_ms = LOOK_MS < sealer->config.seal_ms ? LOOK_MS : sealer->config.seal_ms;
    error = stream_worker_leads(worker, &leads, ret_problem);
    if (!error && leads)
        error = stream_worker_ask(worker, &reply, ret_problem, "EXISTS", KEY_EVENTS, NULL);
    if (!error && reply && reply->integer == 1)
        error = block_make(sealer, ret_wait_ms, ret_problem);
    else if (!error)
        age_note(sealer, sealer->counters.n, 0);
    if (reply)
        freeReplyObject(reply);
    if (error) {
        pthread_mutex_lock(&sealer->mutex);
        sealer->counters.failures++;
        pthread_mutex_unlock(&sealer->mutex);
    }
    return error;
}

/* --- life --- */

enum drover_error sealer_start(const struct sealer_config *config, struct sealer **ret_sealer, struct problem *ret_problem)
{
    struct sealer *sealer = calloc(1, sizeof *sealer);
    enum drover_error error = DROVER_MEMORY;

    if (!sealer)
        return problem_set(ret_problem, DROVER_MEMORY, "sealer", "out of memory");
    sealer->config = *config;
    buffer_init(&sealer->canonical, 1u << 20);
    (void)pthread_mutex_init(&sealer->mutex, NULL);
    sealer->digest = sha256_new();
    if (sealer->digest)
        error = stream_worker_start(&(struct stream_worker_config){.name = "sealer", .instance = config->instance, .redis = config->redis, .step = step, .arg = sealer},
                                    &sealer->worker, ret_problem);
    sealer->config.redis = (struct redis_sync_config){.url = NULL};
    if (error)
        sealer_free(sealer);
    else
        *ret_sealer = sealer;
    return error;
}

void sealer_stop(struct sealer *sealer)
{
    if (sealer)
        stream_worker_stop(sealer->worker);
}

void sealer_free(struct sealer *sealer)
{
    if (!sealer)
        return;
    stream_worker_free(sealer->worker);
    sha256_free(sealer->digest);
    buffer_done(&sealer->canonical);
    (void)pthread_mutex_destroy(&sealer->mutex);
    free(sealer);
}

struct sealer_counters sealer_counters(struct sealer *sealer)
{
    struct sealer_counters counters;

    pthread_mutex_lock(&sealer->mutex);
    counters = sealer->counters;
    pthread_mutex_unlock(&sealer->mutex);
    return counters;
}
