/* Answers of an HTTP thread: headers that every answer has, HEAD, closing, and the end of a reply. See http_thread.h. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "orchestrator/edges/http_range.h"
#include "orchestrator/edges/http_thread.h"

static struct http_thread *thread_of(struct http_conn *conn)
{
    return conn->guard->arg;
}

static void header_put(struct http_conn *conn, const char *name, const char *value)
{
    (void)evhttp_add_header(evhttp_request_get_output_headers(conn->request), name, value);
}

/* The last byte went to the kernel. evhttp frees the request afterwards. */
static void reply_sent(struct evhttp_request *request, void *arg)
{
    struct http_conn *conn = arg;
    struct http_thread *thread = thread_of(conn);
    (void)request;
    http_metrics_request(conn->guard->metrics, conn->route, conn->status, clock_mono_us() - conn->since_us);
    atomic_fetch_add_explicit(&conn->guard->metrics->sent_bytes, (uint_fast64_t)conn->body_bytes, memory_order_relaxed);
    if (conn->tracked)
        depot_progress(thread, conn, conn->end - conn->start, true);
    depot_leave(thread, conn, true);
    http_guard_receive(conn, clock_mono_ms());
}

static bool has_body(int status)
{
    return status != 304 && status != 204;
}

void http_reply_body(struct http_conn *conn, int status, struct evbuffer *body, int64_t body_bytes)
{
    struct http_thread *thread = thread_of(conn);
    struct evhttp_request *request = conn->request;
    bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    char length[24];
    if (has_body(status)) {
        snprintf(length, sizeof length, "%" PRId64, body_bytes);
        header_put(conn, "Content-Length", length);
    }
    if (atomic_load(&thread->shared->draining) || http_guard_is_outdated(conn))
        header_put(conn, "Connection", "close");
    header_put(conn, "X-Content-Type-Options", "nosniff");
    conn->status = status;
    conn->body_bytes = head || !has_body(status) ? 0 : body_bytes;
    http_guard_send(conn, clock_mono_ms());
    evhttp_request_set_on_complete_cb(request, reply_sent, conn);
    evhttp_send_reply(request, status, http_status_title(status), head || !has_body(status) ? NULL : body);
}

static void answer_free(const void *bytes, size_t length, void *arg)
{
    (void)length;
    (void)arg;
    free((void *)(uintptr_t)bytes);
}

/* 304 without a condition says: nothing for you. After If-None-Match it would say: what you have still counts; so nothing is 204 then. */
static int status_under_condition(const struct http_conn *conn, const struct http_call *call)
{
    const char *none_match = evhttp_find_header(evhttp_request_get_input_headers(conn->request), "If-None-Match");
    if (none_match != NULL && call->status == 304)
        return 204;
    if (none_match != NULL && call->status == 200 && !call->etag_for_changes && call->etag[0] != '\0' && http_none_match_hits(none_match, call->etag))
        return 304;
    return call->status;
}

void http_reply_headers(struct http_conn *conn, const struct http_call *call, int status)
{
    char seconds[16];
    if (call->content_type != NULL && has_body(status))
        header_put(conn, "Content-Type", call->content_type);
    if (call->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%d", call->retry_after_s);
        header_put(conn, "Retry-After", seconds);
    }
    if (call->status == 401 && evhttp_find_header(evhttp_request_get_output_headers(conn->request), "WWW-Authenticate") == NULL)
        header_put(conn, "WWW-Authenticate", "Bearer realm=\"drover\"");
    if (call->etag[0] != '\0')
        header_put(conn, "ETag", call->etag);
    if (call->request_id[0] != '\0')
        header_put(conn, "X-Request-Id", call->request_id);
    if (call->replayed)
        header_put(conn, "Idempotency-Replayed", "true");
    header_put(conn, "Cache-Control", call->etag[0] != '\0' ? "private, no-cache" : "no-store");
}

void http_reply_call(struct http_conn *conn, struct http_call *call)
{
    size_t length = 0;
    int status = status_under_condition(conn, call);
    http_reply_headers(conn, call, status);
    struct evbuffer *body = evbuffer_new();
    char *bytes = buffer_take(&call->answer, &length);
    if (body != NULL && bytes != NULL && length > 0 && evbuffer_add_reference(body, bytes, length, answer_free, NULL) == 0)
        bytes = NULL;
    http_reply_body(conn, status, body, body != NULL ? (int64_t)evbuffer_get_length(body) : 0);
    free(bytes);
    if (body != NULL)
        evbuffer_free(body);
}

static void problem_reply(struct http_conn *conn, int status, const char *where, const char *what, int retry_after_s)
{
    struct http_call call = {.retry_after_s = retry_after_s};
    buffer_init(&call.answer, 0);
    http_call_set_problem(&call, status, where, what);
    http_reply_call(conn, &call);
    buffer_done(&call.answer);
}

void http_reply_problem(struct http_conn *conn, int status, const char *where, const char *what)
{
    problem_reply(conn, status, where, what, status == 503 ? 1 + (int)(clock_random() % 5) : 0);
}

void http_reply_later(struct http_conn *conn, int status, const char *what, int retry_after_s)
{
    problem_reply(conn, status, NULL, what, retry_after_s);
}

void http_reply_last(struct http_conn *conn, int status, const char *where, const char *what)
{
    header_put(conn, "Connection", "close");
    http_reply_problem(conn, status, where, what);
}
