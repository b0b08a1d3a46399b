/* An answer without an end: the loop goes on pushing pieces to the HTTP thread that holds the connection (server-sent events, WHATWG HTML 9.2).
 * What both sides know of it is one small thing with references; the pieces are calls with the first one's ticket. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct http_call;
struct http_conn;
struct http_thread;

struct http_stream {
    atomic_uint references;
    atomic_bool closed;              /* by the thread: nobody reads any more */
    atomic_int_fast64_t waiting;     /* bytes that were pushed and have not gone to the kernel */
};

struct http_stream *http_stream_new(void);              /* one reference; NULL: out of memory */
struct http_stream *http_stream_hold(struct http_stream *stream);
void http_stream_drop(struct http_stream *stream);      /* NULL is fine */

/* --- the loop --- */

enum http_stream_end { HTTP_STREAM_GOES_ON, HTTP_STREAM_ENDS, HTTP_STREAM_CUT };   /* cut: it is too slow; counted */
/* Where the pieces go: kept from the call that asked, before that is answered with call->stream set. */
struct http_stream_way {
    struct http_stream *stream;      /* held */
    struct http_queue *home;
    uint64_t ticket;
};
/* Pushes bytes (taken from the buffer, which is empty then). False: out of memory, nothing was pushed. */
struct buffer;
bool http_stream_push(const struct http_stream_way *way, struct buffer *bytes, enum http_stream_end end);

/* --- the thread --- */

/* The first piece, or a further one, of the connection's stream. */
void http_stream_came(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
/* The sweep has seen what is not with the kernel yet. */
void http_stream_seen(struct http_conn *conn, int64_t unsent);
/* The connection goes away. Fine when it has no stream. */
void http_stream_leave(struct http_conn *conn);
