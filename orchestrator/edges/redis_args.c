/* Redis commands as RESP bytes. The count of arguments comes first on the wire but is known last: room is kept for it. */
#include "orchestrator/edges/redis_args.h"

#include <stdio.h>
#include <string.h>

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

/* Writes value in decimal, ending before `end`; returns where it begins. */
static char *write_decimal(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

void redis_args_add(struct redis_args *args, const void *bytes, size_t length)
{
    char head[24], *end = head + sizeof head;
    *--end = '\n';
    *--end = '\r';
    char *begin = write_decimal(end, length);
    *--begin = '$';
    buffer_add(&args->buffer, begin, (size_t)(head + sizeof head - begin));
    buffer_add(&args->buffer, bytes, length);
    buffer_add(&args->buffer, "\r\n", 2);
    args->count++;
}

void redis_args_add_text(struct redis_args *args, const char *text)
{
    redis_args_add(args, text, strlen(text));
}

void redis_args_add_i64(struct redis_args *args, int64_t value)
{
    char text[24], *end = text + sizeof text;
    char *begin = write_decimal(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--begin = '-';
    redis_args_add(args, begin, (size_t)(end - begin));
}

const char *redis_args_finish(struct redis_args *args, size_t *ret_length)
{
    if (args->buffer.failed)
        return NULL;
    char head[HEAD_SIZE + 1], *end = head + HEAD_SIZE;
    *--end = '\n';
    *--end = '\r';
    char *begin = write_decimal(end, args->count);
    *--begin = '*';
    size_t length = (size_t)(head + HEAD_SIZE - begin);
    char *start = args->buffer.bytes + HEAD_SIZE - length;
    memcpy(start, begin, length);
    *ret_length = args->buffer.length - (HEAD_SIZE - length);
    return start;
}
