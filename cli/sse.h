/* Server-sent events as they come in pieces (WHATWG HTML 9.2.6): fields of lines, an event with each empty line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define SSE_ID_SIZE 128
#define SSE_TYPE_SIZE 32
#define SSE_EVENT_BYTES (1u << 20)   /* an event with its lines; more is refused */

struct sse {
    struct buffer line;              /* the one that has not ended */
    struct buffer data;              /* of the event that has not ended */
    char id[SSE_ID_SIZE];            /* the last one that was seen: what to resume from */
    char type[SSE_TYPE_SIZE];        /* of the event that has not ended; "": "message" */
    bool after_cr;                   /* a line feed that comes now belongs to the carriage return before */
    bool begun;                      /* behind a byte order mark, if there was one */
    bool (*event)(void *arg, const char *type, const char *data, size_t length);   /* false: enough. Its id is in `id` */
    void *arg;
};

void sse_init(struct sse *sse, bool (*event)(void *arg, const char *type, const char *data, size_t length), void *arg);
void sse_done(struct sse *sse);
/* A new connection: what did not end on the old one is forgotten, but for the id. */
void sse_restart(struct sse *sse);
/* False: the event said enough, or something is larger than it may be (sse->line.failed or sse->data.failed). */
bool sse_feed(struct sse *sse, const char *bytes, size_t length);
