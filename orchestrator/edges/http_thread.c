/* The life of one HTTP thread: accepting, the answers that come back from the loop, the sweep, the end. See http_thread.h. */
#include "orchestrator/edges/http_thread.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define ACCEPT_PAUSE_MS 1000

void http_slot_free(struct http_thread *thread, uint32_t place)
{
    struct http_slot *slot = &thread->slots[place];
    slot->conn = NULL;
    slot->generation++;
    slot->next_free = thread->first_free;
    thread->first_free = place;
}

/* --- what the guard tells --- */

static void conn_closed(void *arg, struct http_conn *conn)
{
    struct http_thread *thread = arg;
    if (conn->tracked)
        depot_progress(thread, conn, conn->end - conn->start - (int64_t)evbuffer_get_length(bufferevent_get_output(conn->bev)), false);
    depot_leave(thread, conn, false);
    http_stream_leave(conn);
    if (conn->phase != HTTP_WAITING && conn->phase != HTTP_STREAMING)
        return;
    http_slot_free(thread, (uint32_t)conn->ticket);
    /* evhttp frees the requests of a connection with it, unless it has cut the tie before: then the request is ours */
    if (evhttp_request_get_connection(conn->request) == NULL)
        evhttp_request_free(conn->request);
}

static void conn_late(void *arg, struct http_conn *conn)
{
    struct http_thread *thread = arg;
    http_slot_free(thread, (uint32_t)conn->ticket);
    http_metrics_refused(conn->guard->metrics, REFUSED_LATE);
    http_reply_problem(conn, 503, NULL, "no answer in time");
}

static void conn_sending(void *arg, struct http_conn *conn, int64_t left)
{
    if (conn->tracked)
        depot_progress(arg, conn, conn->end - conn->start - left, false);
    http_stream_seen(conn, left);
}

/* --- accepting --- */

static struct bufferevent *connection_accepted(struct event_base *base, void *arg)
{
    struct http_side *side = arg;
    struct bufferevent *bev = http_guard_accept(&side->thread->guard, base, side->listener);
    event_active(side->thread->greet_event, EV_TIMEOUT, 0);   /* evhttp has yet to put the socket into it */
    if (http_guard_is_full(&side->thread->guard, side->listener) && !side->paused) {
        side->paused = true;
        evconnlistener_disable(side->accept);
        http_metrics_refused(side->thread->guard.metrics, REFUSED_CONNECTIONS);
    }
    return bev;
}

/* Mostly: no file descriptors left. libevent would try again at once, for ever. */
static void accept_failed(struct evconnlistener *accept, void *arg)
{
    struct http_side *side = arg;
    log_event(LOG_WARN, "accept_failed", LOG_TEXT("why", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR())));
    http_metrics_refused(side->thread->guard.metrics, REFUSED_DESCRIPTORS);
    side->paused = true;
    side->paused_until_ms = clock_mono_ms() + ACCEPT_PAUSE_MS;
    evconnlistener_disable(accept);
}

static void side_stop_listening(struct http_side *side)
{
    if (side->bound != NULL)
        evhttp_del_accept_socket(side->http, side->bound);
    side->bound = NULL;
}

static void side_resume(struct http_side *side, int64_t now_ms)
{
    if (!side->paused || side->bound == NULL || now_ms < side->paused_until_ms ||
        http_guard_is_full(&side->thread->guard, side->listener))
        return;
    side->paused = false;
    evconnlistener_enable(side->accept);
}

static enum drover_error side_init(struct http_side *side, int fd)
{
    const struct http_limits *limits = &side->thread->shared->limits;
    const struct timeval idle = {limits->idle_ms / 1000, limits->idle_ms % 1000 * 1000};
    side->http = evhttp_new(side->thread->base);
    if (side->http == NULL)
        return DROVER_MEMORY;
    evhttp_set_max_headers_size(side->http, (ev_ssize_t)limits->header_bytes);
    evhttp_set_max_body_size(side->http, (ev_ssize_t)http_route_body_max(side->listener));
    evhttp_set_allowed_methods(side->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                               EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_PATCH);
    evhttp_set_timeout_tv(side->http, &idle);
    evhttp_set_default_content_type(side->http, NULL);
    evhttp_set_bevcb(side->http, connection_accepted, side);
    evhttp_set_gencb(side->http, http_request_came, side);
    side->bound = evhttp_accept_socket_with_handle(side->http, fd);
    if (side->bound == NULL)
        return DROVER_MEMORY;
    side->accept = evhttp_bound_socket_get_listener(side->bound);
    evconnlistener_set_error_cb(side->accept, accept_failed);
    return DROVER_OK;
}

/* --- the thread's own events --- */

static void call_answered(struct http_thread *thread, struct http_call *call)
{
    uint32_t place = (uint32_t)call->ticket;
    struct http_slot *slot = &thread->slots[place];
    bool waits = slot->conn != NULL && slot->generation == (uint32_t)(call->ticket >> 32);
    if (!call->stream_piece)
        atomic_fetch_sub(&thread->shared->open_calls, 1);
    if (waits && call->stream != NULL) {
        http_stream_came(thread, slot->conn, call);
    } else if (call->stream != NULL) {
        atomic_store(&call->stream->closed, true);
    } else if (waits) {
        struct http_conn *conn = slot->conn;
        http_slot_free(thread, place);
        if (call->nonce_taken && call->route->served_by == HTTP_THREAD)
            http_request_proved(thread, conn, call);
        else
            http_reply_call(conn, call);
    }
    http_call_free(call);
}

static void answers_came(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval last_words = {0, 50000};   /* for answers just given to reach their sockets */
    struct http_thread *thread = arg;
    struct http_call *next;
    (void)fd;
    (void)what;
    for (struct http_call *call = http_queue_take(&thread->answers); call != NULL; call = next) {
        next = call->next;
        call_answered(thread, call);
    }
    if (atomic_load(&thread->shared->draining))
        for (size_t i = 0; i < HTTP_LISTENER_COUNT; i++)
            side_stop_listening(&thread->sides[i]);
    if (atomic_load(&thread->shared->stopping))
        event_base_loopexit(thread->base, &last_words);
}

static void sweep_due(evutil_socket_t fd, short what, void *arg)
{
    struct http_thread *thread = arg;
    int64_t now_ms = clock_mono_ms();
    (void)fd;
    (void)what;
    http_guard_sweep(&thread->guard, now_ms);
    http_budget_share(&thread->budget, atomic_load(&thread->shared->replies));
    for (size_t i = 0; i < HTTP_LISTENER_COUNT; i++)
        side_resume(&thread->sides[i], now_ms);
}

static void newcomers_came(evutil_socket_t fd, short what, void *arg)
{
    struct http_thread *thread = arg;
    (void)fd;
    (void)what;
    http_guard_greet(&thread->guard);
}

static void *thread_main(void *arg)
{
    struct http_thread *thread = arg;
    event_base_dispatch(thread->base);
    return NULL;
}

/* --- life --- */

static enum drover_error slots_init(struct http_thread *thread)
{
    thread->slot_count = thread->shared->limits.calls;
    thread->slots = calloc(thread->slot_count, sizeof *thread->slots);
    if (thread->slots == NULL)
        return DROVER_MEMORY;
    for (uint32_t i = 0; i < thread->slot_count; i++)
        thread->slots[i].next_free = i + 1;
    return DROVER_OK;
}

static enum drover_error events_init(struct http_thread *thread)
{
    const struct timeval interval = {0, HTTP_SWEEP_MS * 1000};
    thread->answers_event = event_new(thread->base, thread->answers.event_fd, EV_READ | EV_PERSIST, answers_came, thread);
    thread->sweep_event = event_new(thread->base, -1, EV_PERSIST, sweep_due, thread);
    thread->greet_event = event_new(thread->base, -1, 0, newcomers_came, thread);
    if (thread->answers_event == NULL || thread->sweep_event == NULL || thread->greet_event == NULL)
        return DROVER_MEMORY;
    if (event_add(thread->answers_event, NULL) != 0 || event_add(thread->sweep_event, &interval) != 0)
        return DROVER_MEMORY;
    return DROVER_OK;
}

enum drover_error http_thread_init(struct http_thread *thread, struct http_shared *shared, const int fds[HTTP_LISTENER_COUNT])
{
    *thread = (struct http_thread){.shared = shared};
    thread->guard = (struct http_guard){.metrics = &shared->metrics, .clients = shared->clients, .limits = shared->limits, .threads = shared->threads,
                                        .closed = conn_closed, .late = conn_late, .sending = conn_sending, .arg = thread};
    memcpy(thread->guard.tls, shared->tls, sizeof thread->guard.tls);
    depot_files_init(&thread->files, &shared->depot);
    enum drover_error error = http_queue_init(&thread->answers, 0);
    if (error != DROVER_OK)
        return error;
    thread->base = event_base_new();
    error = thread->base != NULL ? slots_init(thread) : DROVER_MEMORY;
    if (error == DROVER_OK)
        error = events_init(thread);
    if (error == DROVER_OK)
        error = http_budget_init(&thread->budget, thread->base, &shared->limits, shared->threads);
    if (error == DROVER_OK && shared->keys != NULL)
        error = auth_checker_new(shared->keys, &shared->auth, &thread->checker);
    for (int i = 0; i < HTTP_LISTENER_COUNT && error == DROVER_OK; i++) {
        thread->sides[i] = (struct http_side){.thread = thread, .listener = (enum http_listener)i};
        if (fds[i] >= 0)
            error = side_init(&thread->sides[i], fds[i]);
    }
    if (error != DROVER_OK)
        http_thread_done(thread);
    return error;
}

/* Signals are the main thread's; a broken connection must not raise SIGPIPE here, nor a full disk SIGXFSZ. */
enum drover_error http_thread_run(struct http_thread *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->id, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    thread->running = failed == 0;
    return failed == 0 ? DROVER_OK : DROVER_UNAVAILABLE;
}

void http_thread_wake(struct http_thread *thread)
{
    http_queue_wake(&thread->answers);
}

void http_thread_join(struct http_thread *thread)
{
    if (thread->running)
        pthread_join(thread->id, NULL);
    thread->running = false;
}

/* The queue of answers stays until http_queue_done: calls that the loop still holds come home to it. */
void http_thread_done(struct http_thread *thread)
{
    for (size_t i = 0; i < HTTP_LISTENER_COUNT; i++)
        if (thread->sides[i].http != NULL)
            evhttp_free(thread->sides[i].http);
    if (thread->base != NULL)
        http_guard_done(&thread->guard);
    http_budget_done(&thread->budget);
    depot_files_done(&thread->files);
    auth_checker_free(thread->checker);
    if (thread->answers_event != NULL)
        event_free(thread->answers_event);
    if (thread->sweep_event != NULL)
        event_free(thread->sweep_event);
    if (thread->greet_event != NULL)
        event_free(thread->greet_event);
    if (thread->base != NULL)
        event_base_free(thread->base);
    free(thread->slots);
    if (thread->shared != NULL)
        http_queue_done(&thread->answers);
    *thread = (struct http_thread){0};
}
