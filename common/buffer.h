/* A growing byte buffer with a limit, for building JSON, replies and log lines. Errors stick: check once at the end. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct buffer {
    char *bytes;   /* owned; terminated with a NUL that length does not count; may be NULL while length is 0 */
    size_t length;
    size_t size;
    size_t limit;  /* the most bytes it may hold; 0: no limit */
    bool failed;   /* an append did not fit or memory ran out; contents are then not to be used */
};

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_done(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);                       /* keeps the memory, forgets failed */
void buffer_add(struct buffer *buffer, const void *bytes, size_t length);
/* Room for so many bytes, which the caller writes at once; they count already. NULL: failed. For what consists of many small pieces. */
char *buffer_extend(struct buffer *buffer, size_t length);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_add_format_list(struct buffer *buffer, const char *format, va_list list) PRINTF_LIKE(2, 0);
/* Moves the bytes out (malloc'ed, terminated); NULL when failed. The buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer, size_t *ret_length);
