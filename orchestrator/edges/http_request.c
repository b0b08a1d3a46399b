/* A whole request has come: is it well framed, which route is it, may this peer ask, and who answers? See http_thread.h.
 * The steps stand in the order in which they happen; each either answers with a problem or lets the request on. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "orchestrator/edges/depot_hasher.h"
#include "orchestrator/edges/http_clients.h"
#include "orchestrator/edges/http_thread.h"

typedef void thread_serve(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
static thread_serve *const served_here[HTTP_ROUTE_COUNT] = {
    [ROUTE_ARTIFACT] = depot_serve,
    [ROUTE_UPLOAD_PUT] = http_upload_put,
    [ROUTE_UPLOAD_GET] = http_upload_get,
};

/* What the thread makes of a body before another thread answers. False: call->answer is to be sent. */
typedef bool call_prepare(const struct depot *depot, struct http_call *call);
static call_prepare *const prepared_here[HTTP_ROUTE_COUNT] = {
    [ROUTE_ARTIFACT_RESUME] = http_resume_prepare,
    [ROUTE_RELEASE_ADD] = http_release_prepare,
};

bool http_refuse(struct http_conn *conn, enum http_refusal reason, int status, const char *where, const char *what)
{
    http_metrics_refused(conn->guard->metrics, reason);
    if (reason == REFUSED_FRAMING)
        http_reply_last(conn, status, where, what);
    else
        http_reply_problem(conn, status, where, what);
    return false;
}

enum http_method http_method_of(const struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return HTTP_GET;
    case EVHTTP_REQ_HEAD:
        return HTTP_HEAD;
    case EVHTTP_REQ_POST:
        return HTTP_POST;
    case EVHTTP_REQ_PUT:
        return HTTP_PUT;
    default:
        return HTTP_OTHER;
    }
}

static unsigned header_count(struct evkeyvalq *headers, const char *name)
{
    unsigned count = 0;
    for (struct evkeyval *header = headers->tqh_first; header != NULL; header = header->next.tqe_next)
        count += strcasecmp(header->key, name) == 0;
    return count;
}

/* evhttp answers in the version that was asked in, whatever that is (RFC 9110, 2.5: never in one that is not ours). */
static bool version_check(struct http_conn *conn)
{
    struct evhttp_request *request = conn->request;
    bool ours = request->major == 1 && request->minor >= 0;
    if (!ours || request->minor > 1) {
        request->major = 1;
        request->minor = 1;
    }
    return ours || http_refuse(conn, REFUSED_FRAMING, 505, "version", "only HTTP/1 is spoken here");
}

/* Where does this request end? If a proxy in front of us could see that differently, it is refused and the connection closed. */
static bool framing_check(struct http_conn *conn)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(conn->request);
    const char *length = evhttp_find_header(headers, "Content-Length");
    enum http_method method = http_method_of(conn->request);
    bool bodyless = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OTHER;
    if (header_count(headers, "Content-Length") > 1)
        return http_refuse(conn, REFUSED_FRAMING, 400, "Content-Length", "given twice");
    if (header_count(headers, "Host") > 1 || header_count(headers, "Transfer-Encoding") > 1)
        return http_refuse(conn, REFUSED_FRAMING, 400, "Host", "Host or Transfer-Encoding given twice");
    if (header_count(headers, "Authorization") > 1)
        return http_refuse(conn, REFUSED_FRAMING, 400, "Authorization", "given twice");
    if (bodyless && (evhttp_find_header(headers, "Transfer-Encoding") != NULL || (length != NULL && strcmp(length, "0") != 0)))
        return http_refuse(conn, REFUSED_FRAMING, 400, "Content-Length", "this method takes no body");
    if (conn->request->major == 1 && conn->request->minor >= 1 && header_count(headers, "Host") == 0)
        return http_refuse(conn, REFUSED_FRAMING, 400, "Host", "missing");
    return true;
}

static bool route_find(struct http_conn *conn, struct http_found *ret_found)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(conn->request));
    switch (http_route_find(conn->listener, http_method_of(conn->request), path != NULL ? path : "", ret_found)) {
    case HTTP_MATCHED:
        conn->route = ret_found->route;
        return true;
    case HTTP_NO_METHOD:
        (void)evhttp_add_header(evhttp_request_get_output_headers(conn->request), "Allow", ret_found->allow);
        return http_refuse(conn, REFUSED_ROUTE, 405, NULL, "this path does not take this method");
    case HTTP_BAD_PARAM:
        return http_refuse(conn, REFUSED_ROUTE, 404, ret_found->where, "not a name that anything here can have");
    case HTTP_NO_PATH:
        break;
    }
    return http_refuse(conn, REFUSED_ROUTE, 404, NULL, "no such path");
}

static bool send_away(struct http_conn *conn, const struct http_wait *wait)
{
    static const char *const words[] = {[0] = "more requests than this server may be sent", [1] = "more requests than one client may send"};
    http_metrics_refused(conn->guard->metrics, wait->reason);
    http_reply_later(conn, wait->status, words[wait->status == 429], wait->retry_after_s);
    return false;
}

/* Is there room for it, and for one more of this client? Those who watch over the server are always answered. */
static bool load_check(struct http_conn *conn)
{
    struct http_clients *clients = conn->guard->clients;
    struct http_wait wait;
    if (conn->route->audience == HTTP_ANYONE || conn->route->audience == HTTP_HOUSE)
        return true;
    if (http_guard_is_surplus(conn)) {
        http_metrics_refused(conn->guard->metrics, REFUSED_CONNECTIONS);
        (void)evhttp_add_header(evhttp_request_get_output_headers(conn->request), "Connection", "close");
        http_reply_later(conn, 503, "as many connections as there may be are open", http_clients_turned_away(clients, clock_mono_us()));
        return false;
    }
    return http_clients_request(clients, conn->address, clock_mono_us(), &wait) || send_away(conn, &wait);
}

/* A device that proved its id has limits of its own. */
static bool device_load_check(struct http_conn *conn, const struct http_call *call)
{
    struct http_wait wait;
    return !call->known || call->who.role != AUTH_DEVICE ||
           http_clients_device(conn->guard->clients, conn->address, call->who.subject, clock_mono_us(), &wait) || send_away(conn, &wait);
}

static bool size_check(struct http_conn *conn)
{
    size_t bytes = evbuffer_get_length(evhttp_request_get_input_buffer(conn->request));
    atomic_fetch_add_explicit(&conn->guard->metrics->received_bytes, bytes, memory_order_relaxed);
    if (bytes <= conn->route->body_bytes)
        return true;
    return http_refuse(conn, REFUSED_TOO_LARGE, 413, "body", "larger than this path takes");
}

/* Copies a header, without quotes around it when they may be; "" when it is absent. False: refused. */
static bool header_copy(struct http_conn *conn, const char *name, bool quoted, char ret[HTTP_KEY_SIZE])
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(conn->request);
    const char *value = evhttp_find_header(headers, name);
    size_t length = value != NULL ? strlen(value) : 0;
    ret[0] = '\0';
    if (value == NULL)
        return true;
    if (header_count(headers, name) > 1)
        return http_refuse(conn, REFUSED_HEADER, 400, name, "given twice");
    if (quoted && length >= 2 && value[0] == '"' && value[length - 1] == '"') {
        value++;
        length -= 2;
    }
    if (length == 0 || length >= HTTP_KEY_SIZE || !text_is_plain(value, length) || (quoted && memchr(value, '"', length) != NULL))
        return http_refuse(conn, REFUSED_HEADER, 400, name, "not 1 to 128 printable characters");
    return text_copy_n(ret, HTTP_KEY_SIZE, value, length);
}

/* What people's requests may carry beside their proof. */
static bool headers_fill(struct http_conn *conn, struct http_call *call)
{
    const char *id = evhttp_find_header(evhttp_request_get_input_headers(conn->request), "X-Request-Id");
    bool good = id != NULL && text_is_id(id, strlen(id)) && text_copy(call->request_id, sizeof call->request_id, id);
    if (!good)
        snprintf(call->request_id, sizeof call->request_id, "%016llx", (unsigned long long)clock_random());
    return header_copy(conn, "Idempotency-Key", true, call->idempotency_key) && header_copy(conn, "If-Match", false, call->if_match) &&
           header_copy(conn, "Last-Event-ID", false, call->last_event_id);
}

/* What is asked, and by whom. People prove themselves before their query is looked at; a device's name stands in its query. */
static bool question_fill(struct http_thread *thread, struct http_conn *conn, const struct http_found *found, struct http_call *call)
{
    struct problem problem;
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(conn->request));
    bool is_person = found->route->audience > HTTP_HOUSE;
    call->route = found->route;
    memcpy(call->params, found->params, sizeof call->params);
    if (is_person && (!http_auth_check(thread, conn, call) || !headers_fill(conn, call)))
        return false;
    if (http_query_read(found->route, query, call->query, &problem) != DROVER_OK)
        return http_refuse(conn, REFUSED_QUERY, 400, problem.where, problem.what);
    return is_person || http_auth_check(thread, conn, call);
}

/* Copies what the loop needs. False: refused, or out of memory. */
static bool body_fill(struct http_conn *conn, const struct http_found *found, struct http_call *call)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(conn->request);
    if (found->route->served_by == HTTP_THREAD || evbuffer_get_length(body) == 0)
        return true;
    call->body_length = evbuffer_get_length(body);
    call->body = malloc(call->body_length);
    if (call->body == NULL)
        return http_refuse(conn, REFUSED_CALLS, 503, NULL, "out of memory");
    return evbuffer_remove(body, call->body, call->body_length) == (int)call->body_length;
}

/* A long poll may take wait_ms longer. A value that is no number is the api's to refuse. */
static int64_t call_patience_ms(const struct http_thread *thread, const struct http_call *call)
{
    int64_t wait_ms = 0;
    const char *text = http_call_query(call, "wait_ms");
    if (text != NULL && !text_to_i64(text, strlen(text), 0, HTTP_WAIT_MAX_MS, &wait_ms))
        wait_ms = 0;
    return thread->shared->limits.call_ms + wait_ms;
}

static struct http_slot *slot_take(struct http_thread *thread, struct http_conn *conn)
{
    if (thread->first_free == thread->slot_count)
        return NULL;
    struct http_slot *slot = &thread->slots[thread->first_free];
    thread->first_free = slot->next_free;
    slot->conn = conn;
    return slot;
}

/* Nonces are the loop's, whoever answers afterwards. */
static bool call_queue(struct http_shared *shared, struct http_call *call)
{
    if (call->route->served_by == HTTP_HASHER && !call->who.has_nonce)
        return depot_hasher_push(shared->hasher, call);
    return http_queue_push(&shared->to_loop, call);
}

/* Hands the call to the loop or the hasher. It belongs to it afterwards, whatever becomes of the connection. */
static bool call_push(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    struct http_shared *shared = thread->shared;
    if (atomic_fetch_add(&shared->open_calls, 1) >= shared->limits.calls) {
        atomic_fetch_sub(&shared->open_calls, 1);
        return http_refuse(conn, REFUSED_CALLS, 503, NULL, "too many requests wait for an answer");
    }
    struct http_slot *slot = slot_take(thread, conn);
    call->deadline_ms = clock_mono_ms() + call_patience_ms(thread, call);
    call->home = &thread->answers;
    if (slot != NULL) {
        uint32_t place = (uint32_t)(slot - thread->slots);
        call->ticket = (uint64_t)slot->generation << 32 | place;
        http_guard_wait(conn, call->ticket, call->deadline_ms);
        if (call_queue(shared, call))
            return true;
        http_slot_free(thread, place);
    }
    atomic_fetch_sub(&shared->open_calls, 1);
    return http_refuse(conn, REFUSED_CALLS, 503, NULL, "too many requests wait for an answer");
}

static bool body_prepare(struct http_thread *thread, struct http_call *call)
{
    call_prepare *prepare = prepared_here[call->route->id];
    if (prepare == NULL || prepare(&thread->shared->depot, call))
        return true;
    if (call->status == 400)
        http_metrics_refused(&thread->shared->metrics, REFUSED_BODY);
    return false;
}

/* The loop sees a call whose nonce must be taken, even when the thread serves it afterwards. */
static void request_serve(struct http_thread *thread, struct http_conn *conn, const struct http_found *found)
{
    struct http_call *call = http_call_new();
    if (call == NULL) {
        (void)http_refuse(conn, REFUSED_CALLS, 503, NULL, "out of memory");
        return;
    }
    if (question_fill(thread, conn, found, call) && device_load_check(conn, call) && body_fill(conn, found, call)) {
        if (found->route->served_by == HTTP_THREAD && !call->who.has_nonce)
            served_here[found->route->id](thread, conn, call);
        else if (!body_prepare(thread, call))
            http_reply_call(conn, call);
        else if (call_push(thread, conn, call))
            return;
    }
    http_call_free(call);
}

void http_request_proved(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    served_here[call->route->id](thread, conn, call);
}

static void connection_closes(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    http_guard_close(arg);
}

void http_request_came(struct evhttp_request *request, void *arg)
{
    struct http_side *side = arg;
    struct http_thread *thread = side->thread;
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct http_conn *conn = http_guard_find(&thread->guard, evhttp_connection_get_bufferevent(connection));
    struct http_found found;
    if (conn == NULL) {   /* there was no memory to watch it */
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
        evhttp_send_reply(request, 503, http_status_title(503), NULL);
        return;
    }
    evhttp_connection_set_closecb(connection, connection_closes, conn);
    http_guard_request(conn, request, clock_mono_ms());
    if (version_check(conn) && framing_check(conn) && route_find(conn, &found) && load_check(conn) && size_check(conn))
        request_serve(thread, conn, &found);
}
