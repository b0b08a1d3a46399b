/* Redis commands as RESP bytes. The count of arguments comes first on the wire but is known last: room is kept for it. */
#include "orchestrator/edges/redis_args.h"

#include <string.h>

#include "common/text.h"

#define HEAD_SIZE 12u                      /* "*1234567\r\n", right-aligned */
#define COMMAND_BYTES_MAX (16u << 20)

void redis_args_init(struct redis_args *args)
{
    buffer_init(&args->buffer, COMMAND_BYTES_MAX);
    redis_args_clear(args);
}

void redis_args_done(struct redis_args *args)
{
    buffer_done(&args->buffer);
}

void redis_args_clear(struct redis_args *args)
{
    static const char head[HEAD_SIZE] = {0};
    buffer_clear(&args->buffer);
    buffer_add(&args->buffer, head, HEAD_SIZE);
    args->count = 0;
}

void redis_args_add(struct redis_args *args, const void *bytes, size_t length)
{
    char head[1 + TEXT_I64_SIZE], *end = head + sizeof head, *begin = text_put_u64(end, length);
    *--begin = '$';
    size_t head_length = (size_t)(end - begin);
    char *room = buffer_extend(&args->buffer, head_length + 2 + length + 2);
    if (!room)
        return;
    room = mempcpy(room, begin, head_length);
    room = mempcpy(room, "\r\n", 2);
    if (length)
        room = mempcpy(room, bytes, length);
    memcpy(room, "\r\n", 2);
    args->count++;
}

void redis_args_add_text(struct redis_args *args, const char *text)
{
    redis_args_add(args, text, strlen(text));
}

void redis_args_add_i64(struct redis_args *args, int64_t value)
{
    char text[TEXT_I64_SIZE], *end = text + sizeof text, *begin = text_put_i64(end, value);
    redis_args_add(args, begin, (size_t)(end - begin));
}

void redis_args_add_all(struct redis_args *args, const struct redis_args *other)
{
    buffer_add(&args->buffer, other->buffer.bytes + HEAD_SIZE, other->buffer.length - HEAD_SIZE);
    args->buffer.failed |= other->buffer.failed;
    args->count += other->count;
}

const char *redis_args_finish(struct redis_args *args, size_t *ret_length)
{
    if (args->buffer.failed)
        return NULL;
    char head[HEAD_SIZE + 1], *end = head + HEAD_SIZE;
    *--end = '\n';
    *--end = '\r';
    char *begin = text_put_u64(end, args->count);
    *--begin = '*';
    size_t length = (size_t)(head + HEAD_SIZE - begin);
    char *start = args->buffer.bytes + HEAD_SIZE - length;
    memcpy(start, begin, length);
    *ret_length = args->buffer.length - (HEAD_SIZE - length);
    return start;
}
