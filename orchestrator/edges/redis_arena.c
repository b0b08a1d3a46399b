/* The object functions that hiredis' reader calls while it parses an answer; see redis_arena.h.
 *
 * The outermost object is made first. It lies in a chunk of its own answer, behind a struct arena_root that knows all chunks of the answer, so that the
 * address of the answer is enough to free it. Memory that no answer has is poisoned for the address sanitizer. */
#include "orchestrator/edges/redis_arena.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <sanitizer/asan_interface.h>

#define CHUNK_BYTES ((size_t)64 << 10)   /* with its head */
#define SPARE_MAX 16u                    /* chunks that an arena keeps */
#define ELEMENTS_MAX (1 << 24)           /* of one array: its head alone decides how much memory is taken */

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;                 /* of the bytes */
    char bytes[];
};

#define CHUNK_ROOM (CHUNK_BYTES - sizeof(struct arena_chunk))

/* At the beginning of an answer's first chunk. */
struct arena_root {
    struct redis_arena *arena;
    struct arena_chunk *chunks;  /* the first one is being filled */
    size_t used;                 /* of the first one's bytes */
    redisReply reply;            /* the outermost object */
};
_Static_assert(offsetof(struct arena_chunk, bytes) % _Alignof(struct arena_root) == 0, "the root is aligned like malloc's memory");

/* --- chunks --- */

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *chunk = size <= SIZE_MAX - sizeof *chunk ? malloc(sizeof *chunk + size) : NULL;

    if (!chunk)
        return NULL;
    chunk->size = size;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, size);
    return chunk;
}

/* One of the usual size. */
static struct arena_chunk *chunk_take(struct redis_arena *arena)
{
    struct arena_chunk *chunk = arena->spare;

    if (!chunk)
        return chunk_new(CHUNK_ROOM);
    arena->spare = chunk->next;
    arena->spare_count--;
    return chunk;
}

static void chunk_free(struct arena_chunk *chunk)
{
    ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
    free(chunk);
}

static void chunk_give_back(struct redis_arena *arena, struct arena_chunk *chunk)
{
    if (chunk->size != CHUNK_ROOM || arena->spare_count >= SPARE_MAX) {
        chunk_free(chunk);
        return;
    }
    ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->size);
    chunk->next = arena->spare;
    arena->spare = chunk;
    arena->spare_count++;
}

void redis_arena_done(struct redis_arena *arena)
{
    while (arena->spare) {
        struct arena_chunk *chunk = arena->spare;

        arena->spare = chunk->next;
        chunk_free(chunk);
    }
    *arena = (struct redis_arena){.spare = NULL};
}

/* --- pieces of an answer --- */

/* What is too large to share a chunk gets one of its own, behind the one that is being filled. */
static void *large_alloc(struct arena_root *root, size_t size)
{
    struct arena_chunk *chunk = chunk_new(size);

    if (!chunk)
        return NULL;
    chunk->next = root->chunks->next;
    root->chunks->next = chunk;
    ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, size);
    return chunk->bytes;
}

static size_t aligned(size_t size)
{
    return (size + _Alignof(redisReply) - 1) / _Alignof(redisReply) * _Alignof(redisReply);
}

/* Not zeroed; NULL: no memory. */
static void *piece_alloc(struct arena_root *root, size_t size)
{
    char *piece;

    if (size > CHUNK_ROOM / 4)
        return large_alloc(root, size);
    if (aligned(size) > root->chunks->size - root->used) {
        struct arena_chunk *chunk = chunk_take(root->arena);

        if (!chunk)
            return NULL;
        chunk->next = root->chunks;
        root->chunks = chunk;
        root->used = 0;
    }
    piece = root->chunks->bytes + root->used;
    root->used += aligned(size);
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    return piece;
}

static redisReply *root_new(struct redis_arena *arena)
{
    struct arena_chunk *chunk = chunk_take(arena);
    struct arena_root *root;

    if (!chunk)
        return NULL;
    chunk->next = NULL;
    root = (struct arena_root *)chunk->bytes;
    ASAN_UNPOISON_MEMORY_REGION(root, sizeof *root);
    *root = (struct arena_root){.arena = arena, .chunks = chunk, .used = aligned(sizeof *root)};
    return &root->reply;
}

static struct arena_root *root_of(redisReply *outermost)
{
    return (struct arena_root *)((char *)outermost - offsetof(struct arena_root, reply));
}

void redis_reply_free(struct redisReply *reply)
{
    struct arena_root *root = reply ? root_of(reply) : NULL;

    if (!root)
        return;
    struct redis_arena *arena = root->arena;   /* the root goes with its chunk */
    for (struct arena_chunk *chunk = root->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_give_back(arena, chunk);
    }
}

/* --- what the reader calls: NULL is "out of memory" to it, and it frees what there is of the answer, if its outermost object was made --- */

static struct arena_root *root_above(const redisReadTask *parent)
{
    while (parent->parent)
        parent = parent->parent;
    return root_of(parent->obj);
}

static redisReply *object_new(const redisReadTask *task)
{
    redisReply *reply = task->parent ? piece_alloc(root_above(task->parent), sizeof *reply) : root_new(task->privdata);

    if (!reply)
        return NULL;
    *reply = (redisReply){.type = task->type};
    if (task->parent)
        ((redisReply *)task->parent->obj)->element[task->idx] = reply;
    return reply;
}

/* Room for what an object holds. NULL: none, and an outermost object is gone with it. */
static void *object_room(const redisReadTask *task, redisReply *reply, size_t size)
{
    void *room = piece_alloc(task->parent ? root_above(task->parent) : root_of(reply), size);

    if (!room && !task->parent)
        redis_reply_free(reply);
    return room;
}

static void *string_new(const redisReadTask *task, char *bytes, size_t length)
{
    redisReply *reply = object_new(task);
    char *room = reply ? object_room(task, reply, length + 1) : NULL;

    if (!room)
        return NULL;
    memcpy(room, bytes, length);
    room[length] = '\0';
    reply->str = room;
    reply->len = length;
    return reply;
}

static void *array_new(const redisReadTask *task, int elements)
{
    redisReply *reply = elements <= ELEMENTS_MAX ? object_new(task) : NULL;
    redisReply **room = reply && elements > 0 ? object_room(task, reply, (size_t)elements * sizeof *room) : NULL;

    if (!reply || (elements > 0 && !room))
        return NULL;
    reply->element = room;
    reply->elements = (size_t)elements;
    return reply;
}

static void *integer_new(const redisReadTask *task, long long value)
{
    redisReply *reply = object_new(task);

    if (reply)
        reply->integer = value;
    return reply;
}

/* On the wire it is a string or an array of length -1: only that is the task's type. */
static void *nil_new(const redisReadTask *task)
{
    redisReply *reply = object_new(task);

    if (reply)
        reply->type = REDIS_REPLY_NIL;
    return reply;
}

static void object_free(void *reply)
{
    redis_reply_free(reply);
}

void redis_arena_serve(struct redis_arena *arena, struct redisReader *reader)
{
    static redisReplyObjectFunctions functions = {string_new, array_new, integer_new, nil_new, object_free};   /* not const for hiredis, but it only reads them */

    reader->fn = &functions;
    reader->privdata = arena;
}
