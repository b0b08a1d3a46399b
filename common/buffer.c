/* The buffer doubles as it grows and always ends in a NUL, so that its bytes can be printed as they are. */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_done(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

/* Makes room for `more` bytes and the NUL behind them. */
static bool buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t needed, size;
    char *bytes;

    if (buffer->failed)
        return false;
    if (__builtin_add_overflow(buffer->length, more, &needed) || needed >= SIZE_MAX / 2 ||
        (buffer->limit && needed > buffer->limit)) {
        buffer->failed = true;
        return false;
    }
    if (needed < buffer->size)
        return true;
    size = buffer->size ? buffer->size : FIRST_SIZE;
    while (size <= needed)
        size *= 2;
    bytes = realloc(buffer->bytes, size);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->size = size;
    return true;
}

char *buffer_extend(struct buffer *buffer, size_t length)
{
    char *room;

    if (!buffer_reserve(buffer, length))
        return NULL;
    room = buffer->bytes + buffer->length;
    buffer->length += length;
    room[length] = '\0';
    return room;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
    char *room = buffer_extend(buffer, length);

    if (room && length)
        memcpy(room, bytes, length);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_add_format_list(struct buffer *buffer, const char *format, va_list list)
{
    va_list again;
    int length;

    va_copy(again, list);
    length = vsnprintf(NULL, 0, format, list);
    if (length < 0) {
        buffer->failed = true;
    } else if (buffer_reserve(buffer, (size_t)length)) {
        (void)vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void buffer_add_format(struct buffer *buffer, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    buffer_add_format_list(buffer, format, list);
    va_end(list);
}

char *buffer_take(struct buffer *buffer, size_t *ret_length)
{
    char *bytes;

    buffer_add(buffer, "", 0); /* an empty buffer has no bytes yet */
    if (buffer->failed) {
        buffer_done(buffer);
        return NULL;
    }
    bytes = buffer->bytes;
    if (ret_length)
        *ret_length = buffer->length;
    *buffer = (struct buffer){.limit = buffer->limit};
    return bytes;
}
