/* See http_stream.h. */
#include "orchestrator/edges/http_stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdlib.h>

#include "common/clock.h"
#include "orchestrator/edges/http_thread.h"

struct http_stream *http_stream_new(void)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (stream != NULL)
        atomic_init(&stream->references, 1);
    return stream;
}

struct http_stream *http_stream_hold(struct http_stream *stream)
{
    atomic_fetch_add(&stream->references, 1);
    return stream;
}

void http_stream_drop(struct http_stream *stream)
{
    if (stream != NULL && atomic_fetch_sub(&stream->references, 1) == 1)
        free(stream);
}

/* --- the loop --- */

bool http_stream_push(const struct http_stream_way *way, struct buffer *bytes, enum http_stream_end end)
{
    struct http_call *piece = http_call_new();
    if (piece == NULL || bytes->failed) {
        http_call_free(piece);
        return false;
    }
    piece->stream = http_stream_hold(way->stream);
    piece->stream_piece = true;
    piece->stream_end = end;
    piece->home = way->home;
    piece->ticket = way->ticket;
    buffer_add(&piece->answer, bytes->bytes, bytes->length);
    atomic_fetch_add(&way->stream->waiting, (int_fast64_t)bytes->length);
    buffer_clear(bytes);
    http_call_return(piece);
    return true;
}

/* --- the thread --- */

void http_stream_seen(struct http_conn *conn, int64_t unsent)
{
    if (conn->stream == NULL)
        return;
    atomic_fetch_sub(&conn->stream->waiting, (int_fast64_t)(conn->stream_unsent - unsent));
    conn->stream_unsent = unsent;
}

void http_stream_leave(struct http_conn *conn)
{
    if (conn->stream == NULL)
        return;
    atomic_store(&conn->stream->closed, true);
    http_stream_drop(conn->stream);
    conn->stream = NULL;
}

static void stream_sent(struct evhttp_request *request, void *arg)
{
    (void)request;
    http_guard_receive(arg, clock_mono_ms());
}

static void stream_begin(struct http_conn *conn, struct http_call *call)
{
    struct evhttp_request *request = conn->request;
    conn->stream = http_stream_hold(call->stream);
    conn->stream_unsent = 0;
    http_reply_headers(conn, call, 200);
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "X-Accel-Buffering", "no");   /* proxies shall hand it on as it comes */
    http_metrics_request(conn->guard->metrics, conn->route, 200, clock_mono_us() - conn->since_us);
    http_guard_stream(conn, clock_mono_ms());
    evhttp_send_reply_start(request, 200, http_status_title(200));
}

static void stream_end(struct http_thread *thread, struct http_conn *conn)
{
    http_slot_free(thread, (uint32_t)conn->ticket);
    http_stream_leave(conn);
    conn->body_bytes = 0;
    http_guard_send(conn, clock_mono_ms());
    evhttp_request_set_on_complete_cb(conn->request, stream_sent, conn);
    evhttp_send_reply_end(conn->request);
}

/* What is not sent yet of it counts as the peer's to take from now on. */
static void piece_send(struct http_conn *conn, struct http_call *call)
{
    struct evbuffer *body = evbuffer_new();
    size_t length = call->answer.length;
    http_stream_seen(conn, (int64_t)evbuffer_get_length(bufferevent_get_output(conn->bev)));
    if (body != NULL && length > 0 && evbuffer_add(body, call->answer.bytes, length) == 0) {
        conn->stream_unsent += (int64_t)length;
        conn->reading.left_bytes += (int64_t)length;
        atomic_fetch_add_explicit(&conn->guard->metrics->sent_bytes, (uint_fast64_t)length, memory_order_relaxed);
        evhttp_send_reply_chunk(conn->request, body);
    }
    if (body != NULL)
        evbuffer_free(body);
}

void http_stream_came(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    bool head = evhttp_request_get_command(conn->request) == EVHTTP_REQ_HEAD;
    if (head && conn->stream == NULL) {   /* it has an end: no body */
        atomic_store(&call->stream->closed, true);
        http_slot_free(thread, (uint32_t)conn->ticket);
        http_reply_call(conn, call);
        return;
    }
    if (conn->stream == NULL)
        stream_begin(conn, call);
    if (call->stream_end == HTTP_STREAM_CUT) {
        http_guard_cut(conn, REFUSED_STREAM);
        return;
    }
    piece_send(conn, call);
    if (call->stream_end == HTTP_STREAM_ENDS)
        stream_end(thread, conn);
}
