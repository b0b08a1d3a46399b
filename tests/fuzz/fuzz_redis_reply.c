/* Any bytes as answers of Redis, in slices whose size the first byte says: the arena makes of them what hiredis makes, and refuses where it refuses. */
#include "fuzz.h"

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "orchestrator/edges/redis_arena.h"

#define DIGITS_MAX 6   /* of an array's head: hiredis' own objects take memory for all that it promises */

static bool promises_too_much(const uint8_t *bytes, size_t length)
{
    size_t digits = 0;
    bool in_head = false;

    for (size_t i = 0; i < length; i++) {
        in_head = bytes[i] == '*' || (in_head && bytes[i] >= '0' && bytes[i] <= '9');
        digits = !in_head || bytes[i] == '*' ? 0 : digits + 1;
        if (digits > DIGITS_MAX)
            return true;
    }
    return false;
}

static void same(const redisReply *ours, const redisReply *theirs)
{
    MUST(ours->type == theirs->type && ours->integer == theirs->integer && ours->len == theirs->len && ours->elements == theirs->elements);
    MUST(!ours->str == !theirs->str && !ours->element == !theirs->element);
    if (ours->str)
        MUST(memcmp(ours->str, theirs->str, ours->len + 1) == 0);
    for (size_t i = 0; i < ours->elements; i++)
        same(ours->element[i], theirs->element[i]);
}

/* Every other answer is held until the next one is there. True: go on. */
static bool answers_take(redisReader *ours, redisReader *theirs, redisReply **held)
{
    void *our_reply = NULL, *their_reply = NULL;

    do {
        MUST(redisReaderGetReply(ours, &our_reply) == redisReaderGetReply(theirs, &their_reply));
        MUST(ours->err == theirs->err && !our_reply == !their_reply);
        if (!our_reply)
            return !ours->err;
        same(our_reply, their_reply);
        freeReplyObject(their_reply);
        redis_reply_free(*held);
        *held = *held ? NULL : our_reply;
        if (!*held)
            redis_reply_free(our_reply);
    } while (true);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct redis_arena arena = {.spare = NULL};
    redisReader *ours = redisReaderCreate(), *theirs = redisReaderCreate();
    redisReply *held = NULL;
    size_t slice = length > 0 && bytes[0] ? bytes[0] : length + 1;

    MUST(ours && theirs);
    redis_arena_serve(&arena, ours);
    for (size_t at = 1, taken; at < length && !promises_too_much(bytes, length); at += taken) {
        taken = slice < length - at ? slice : length - at;
        MUST(redisReaderFeed(ours, (const char *)bytes + at, taken) == REDIS_OK && redisReaderFeed(theirs, (const char *)bytes + at, taken) == REDIS_OK);
        if (!answers_take(ours, theirs, &held))
            break;
    }
    redis_reply_free(held);
    redisReaderFree(ours);
    redisReaderFree(theirs);
    redis_arena_done(&arena);
    return 0;
}
