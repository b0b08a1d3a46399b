/* Looking at answers of Redis, for whoever reads them. */
#pragma once

#include <stdbool.h>

struct redisReply;
struct stream_entry;

/* A script's {'WORD', ...}: true when the reply is an array that begins with word. */
bool redis_reply_is(const struct redisReply *reply, const char *word);
/* A stream's entry (proto/stream_entry.h), as XRANGE gives it; it points into the reply. False: it is none, or has too many fields. */
bool redis_reply_entry(const struct redisReply *reply, struct stream_entry *ret_entry);
