/* Answers of Redis, checked for their shape before anything is taken out of them. */
#include "orchestrator/edges/redis_reply.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "proto/stream_entry.h"

bool redis_reply_is(const struct redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 1 && reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, word) == 0;
}

static bool text_of(const struct redisReply *reply, struct entry_text *ret)
{
    if (reply->type != REDIS_REPLY_STRING)
        return false;
    *ret = (struct entry_text){reply->str, reply->len};
    return true;
}

bool redis_reply_entry(const struct redisReply *reply, struct stream_entry *ret_entry)
{
    const struct redisReply *fields = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[1] : NULL;

    if (!fields || fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0 || fields->elements > 2 * ENTRY_FIELDS_MAX ||
        !text_of(reply->element[0], &ret_entry->id))
        return false;
    ret_entry->count = (unsigned)(fields->elements / 2);
    for (unsigned i = 0; i < ret_entry->count; i++)
        if (!text_of(fields->element[2 * i], &ret_entry->fields[i].name) || !text_of(fields->element[2 * i + 1], &ret_entry->fields[i].value))
            return false;
    return true;
}
