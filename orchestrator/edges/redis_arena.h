/* Memory for answers of Redis. hiredis makes two allocations for each string of an answer; here the strings, numbers and arrays of one answer lie behind
 * one another in chunks, which go back to the arena all at once and serve the next answer.
 *
 * An answer is hiredis' usual struct redisReply, but it is freed with redis_reply_free, never with freeReplyObject. Several may be held at a time.
 * An arena, its readers and its answers belong to one thread. */
#pragma once

struct redisReader;
struct redisReply;
struct arena_chunk;

/* All zero: an empty one. */
struct redis_arena {
    struct arena_chunk *spare;     /* not in use; at most 1 MiB is kept */
    unsigned spare_count;
};

/* Only after its readers and answers were freed. */
void redis_arena_done(struct redis_arena *arena);
/* From now on what this reader reads is made in the arena; before it reads its first byte. A broken or half read answer is freed by the reader. */
void redis_arena_serve(struct redis_arena *arena, struct redisReader *reader);
/* The whole answer, by its outermost object. NULL is fine. */
void redis_reply_free(struct redisReply *reply);
