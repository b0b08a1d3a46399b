/* Builds one Redis command as RESP bytes, argument by argument. Errors stick in the buffer: redis_args_finish says so once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct redis_args {
    struct buffer buffer;   /* begins with room for "*<count>\r\n" */
    unsigned count;
};

void redis_args_init(struct redis_args *args);
void redis_args_done(struct redis_args *args);
/* Forgets the arguments, keeps the memory. */
void redis_args_clear(struct redis_args *args);
void redis_args_add(struct redis_args *args, const void *bytes, size_t length);
void redis_args_add_text(struct redis_args *args, const char *text);
void redis_args_add_i64(struct redis_args *args, int64_t value);
/* Adds the arguments of another one, which stays as it is. */
void redis_args_add_all(struct redis_args *args, const struct redis_args *other);
/* The finished command: bytes live as long as args is not touched. NULL when something did not fit or memory ran out. */
const char *redis_args_finish(struct redis_args *args, size_t *ret_length);
