/* See http_guard.h. */
#include "orchestrator/edges/http_guard.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "orchestrator/edges/http_clients.h"
#include "orchestrator/edges/http_tls.h"

#define BUCKETS (sizeof((struct http_guard *)0)->buckets / sizeof(struct http_conn *))
#define INPUT_SLACK_BYTES 16384   /* what may come in beyond one request: the beginning of the next */
#define INPUT_SENDING_BYTES 4096  /* while a reply goes out nothing more is needed */
#define SURPLUS_MS 2000           /* who is only told to come again has this long to ask */
#define SURPLUS_MAX 64            /* of them at a time; a 32nd of the cap when that is less */

static struct http_conn **bucket_of(struct http_guard *guard, const struct bufferevent *bev)
{
    return &guard->buckets[hash_mix((uintptr_t)bev) % BUCKETS];
}

/* One request with its body must fit, or reading it would never end. */
static size_t input_max(const struct http_guard *guard, enum http_listener listener)
{
    return guard->limits.header_bytes + INPUT_SLACK_BYTES + http_route_body_max(listener);
}

/* A peer that ends without TLS' own goodbye is a peer that ended: lengths say whether all has come. */
static struct bufferevent *secure_socket_new(struct http_conn *conn, struct http_tls *tls, struct event_base *base)
{
    SSL *ssl = http_tls_accept(tls, &conn->tls_generation);
    struct bufferevent *bev = ssl != NULL ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (bev == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    conn->ssl = ssl;
    conn->phase = HTTP_SHAKING;
    return bev;
}

static struct bufferevent *socket_new(struct http_conn *conn, struct http_tls *tls, struct event_base *base)
{
    conn->phase = HTTP_RECEIVING;
    return tls != NULL ? secure_socket_new(conn, tls, base) : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

/* --- the caps: of this thread, of each address --- */

static unsigned cap_of(const struct http_guard *guard, enum http_listener listener)
{
    unsigned cap = listener == HTTP_OPERATORS ? guard->limits.operator_connections : guard->limits.device_connections;
    return (cap + guard->threads - 1) / guard->threads;
}

static unsigned surplus_of(unsigned cap)
{
    return cap / 32 < SURPLUS_MAX ? cap / 32 + 1 : SURPLUS_MAX;
}

bool http_guard_is_full(const struct http_guard *guard, enum http_listener listener)
{
    unsigned cap = cap_of(guard, listener);
    return guard->open[listener] >= cap + surplus_of(cap);
}

bool http_guard_is_surplus(const struct http_conn *conn)
{
    return conn->surplus && conn->guard->open[conn->listener] > cap_of(conn->guard, conn->listener);
}

static void conn_count(struct http_guard *guard, struct http_conn *conn)
{
    unsigned open = ++guard->open[conn->listener], cap = cap_of(guard, conn->listener);
    conn->surplus = open > cap;
    if (conn->surplus)
        conn->deadline_ms = clock_mono_ms() + SURPLUS_MS;
    if (open == cap)
        http_clients_house_full(guard->clients, clock_mono_us());
    atomic_fetch_add(&guard->metrics->open[conn->listener], 1);
    atomic_fetch_add(&guard->metrics->accepted[conn->listener], 1);
}

static void conn_uncount(struct http_guard *guard, struct http_conn *conn)
{
    if (guard->open[conn->listener]-- == cap_of(guard, conn->listener))
        http_clients_house_open(guard->clients, clock_mono_us());
    atomic_fetch_sub(&guard->metrics->open[conn->listener], 1);
    if (conn->counted)
        http_clients_disconnect(guard->clients, conn->address);
}

struct bufferevent *http_guard_accept(struct http_guard *guard, struct event_base *base, enum http_listener listener)
{
    struct http_conn *conn = calloc(1, sizeof *conn);
    struct bufferevent *bev = conn != NULL ? socket_new(conn, guard->tls[listener], base) : NULL;
    if (bev == NULL) {
        free(conn);
        return NULL;
    }
    bufferevent_incref(bev);
    bufferevent_setwatermark(bev, EV_READ, 0, input_max(guard, listener));
    conn->guard = guard;
    conn->bev = bev;
    conn->listener = listener;
    conn->deadline_ms = clock_mono_ms() + (conn->ssl != NULL ? guard->limits.handshake_ms : guard->limits.request_ms);
    struct http_conn **bucket = bucket_of(guard, bev);
    conn->next = *bucket;
    *bucket = conn;
    conn->is_new = true;
    conn->next_new = guard->newcomers;
    guard->newcomers = conn;
    conn_count(guard, conn);
    return bev;
}

struct http_conn *http_guard_find(struct http_guard *guard, struct bufferevent *bev)
{
    struct http_conn *conn = *bucket_of(guard, bev);
    while (conn != NULL && conn->bev != bev)
        conn = conn->next;
    return conn;
}

void http_guard_request(struct http_conn *conn, struct evhttp_request *request, int64_t now_ms)
{
    conn->phase = HTTP_SENDING;
    conn->deadline_ms = now_ms;   /* set anew by _wait or _send before anybody looks */
    conn->request = request;
    conn->route = NULL;
    conn->since_us = clock_mono_us();
    conn->tracked = false;
    conn->body_bytes = 0;
    conn->place = 0;
}

void http_guard_wait(struct http_conn *conn, uint64_t ticket, int64_t deadline_ms)
{
    conn->phase = HTTP_WAITING;
    conn->ticket = ticket;
    conn->deadline_ms = deadline_ms;
}

/* While a reply goes out libevent's timeouts would count what is no fault of the peer's: his silence, and that a slow one empties the kernel's buffers
 * seldom. The sweep looks at what he acknowledges instead. */
static void timeouts_set(struct http_conn *conn, bool sending)
{
    int64_t idle_ms = conn->guard->limits.idle_ms;
    const struct timeval idle = {idle_ms / 1000, idle_ms % 1000 * 1000};
    (void)bufferevent_set_timeouts(conn->bev, sending ? NULL : &idle, sending ? NULL : &idle);
}

void http_guard_send(struct http_conn *conn, int64_t now_ms)
{
    conn->phase = HTTP_SENDING;
    conn->deadline_ms = now_ms + conn->guard->limits.reply_ms;
    http_reading_begin(&conn->reading, conn->body_bytes, now_ms);
    timeouts_set(conn, true);
    bufferevent_setwatermark(conn->bev, EV_READ, 0, INPUT_SENDING_BYTES);
}

/* No deadline: it lasts as long as the loop pushes and the peer takes. */
void http_guard_stream(struct http_conn *conn, int64_t now_ms)
{
    http_guard_send(conn, now_ms);
    conn->phase = HTTP_STREAMING;
    conn->deadline_ms = INT64_MAX;
    conn->reading.left_bytes = 0;
}

void http_guard_receive(struct http_conn *conn, int64_t now_ms)
{
    const struct http_limits *limits = &conn->guard->limits;
    conn->phase = HTTP_RECEIVING;
    conn->request = NULL;
    conn->tracked = false;
    conn->deadline_ms = now_ms + limits->idle_ms + limits->request_ms;
    timeouts_set(conn, false);
    bufferevent_setwatermark(conn->bev, EV_READ, 0, input_max(conn->guard, conn->listener));
}

bool http_guard_may_log(struct http_guard *guard, int64_t now_ms)
{
    if (now_ms - guard->said_ms < 1000)
        return false;
    guard->said_ms = now_ms;
    return true;
}

bool http_guard_is_outdated(const struct http_conn *conn)
{
    return conn->ssl != NULL && conn->tls_generation != http_tls_generation(conn->guard->tls[conn->listener]);
}

/* TLS' own goodbye, where a reply did not end half-way: then its absence says that something is missing. */
static void goodbye_say(struct http_conn *conn)
{
    if (conn->ssl == NULL || conn->phase != HTTP_RECEIVING || !SSL_is_init_finished(conn->ssl))
        return;
    SSL_set_shutdown(conn->ssl, SSL_RECEIVED_SHUTDOWN);
    (void)SSL_shutdown(conn->ssl);
    ERR_clear_error();
}

static void handshake_failed(struct http_conn *conn, const char *fallback)
{
    bool certificate = false;
    const char *why = http_tls_why(conn->ssl, bufferevent_get_openssl_error(conn->bev), &certificate);
    http_metrics_refused(conn->guard->metrics, certificate ? REFUSED_CERTIFICATE : REFUSED_HANDSHAKE);
    if (http_guard_may_log(conn->guard, clock_mono_ms()))
        log_event(LOG_INFO, "handshake_refused", LOG_TEXT("why", fallback != NULL ? fallback : why));
}

static void newcomer_forget(struct http_guard *guard, const struct http_conn *conn)
{
    struct http_conn **link = &guard->newcomers;
    while (conn->is_new && *link != conn)
        link = &(*link)->next_new;
    if (conn->is_new)
        *link = conn->next_new;
}

void http_guard_close(struct http_conn *conn)
{
    struct http_guard *guard = conn->guard;
    goodbye_say(conn);
    struct http_conn **link = bucket_of(guard, conn->bev);
    while (*link != conn)
        link = &(*link)->next;
    *link = conn->next;
    newcomer_forget(guard, conn);
    conn_uncount(guard, conn);
    guard->closed(guard->arg, conn);
    bufferevent_decref(conn->bev);
    free(conn);
}

/* evhttp takes its callbacks away when it frees a connection, and never else. */
static bool is_abandoned(struct http_conn *conn)
{
    bufferevent_event_cb event_cb = NULL;
    bufferevent_getcb(conn->bev, NULL, NULL, &event_cb, NULL);
    return event_cb == NULL;
}

static void cut(struct http_guard *guard, struct http_conn *conn, enum http_refusal reason)
{
    short what = reason == REFUSED_SLOW || reason == REFUSED_CLIENT_CONNECTIONS ? BEV_EVENT_READING : BEV_EVENT_WRITING;
    http_metrics_refused(guard->metrics, reason);
    bufferevent_trigger_event(conn->bev, (short)(BEV_EVENT_TIMEOUT | what), 0);
}

void http_guard_cut(struct http_conn *conn, enum http_refusal reason)
{
    cut(conn->guard, conn, reason);
}

static void cut_shaking(struct http_conn *conn)
{
    handshake_failed(conn, "it took too long");
    conn->phase = HTTP_RECEIVING;   /* counted */
    bufferevent_trigger_event(conn->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

/* The handshake is done: from now on it is a connection like others. */
static void conn_shaken(struct http_guard *guard, struct http_conn *conn)
{
    conn->phase = HTTP_RECEIVING;
    if (!conn->surplus)
        conn->deadline_ms += guard->limits.request_ms - guard->limits.handshake_ms;
}

void http_guard_greet(struct http_guard *guard)
{
    while (guard->newcomers != NULL) {
        struct http_conn *conn = guard->newcomers;
        guard->newcomers = conn->next_new;
        conn->is_new = false;
        conn->address = http_clients_address(guard->clients, bufferevent_getfd(conn->bev));
        if (http_clients_connect(guard->clients, conn->address, &conn->counted))
            continue;
        conn->phase = HTTP_RECEIVING;   /* a handshake that we cut is none that failed */
        cut(guard, conn, REFUSED_CLIENT_CONNECTIONS);
    }
}

/* --- while a reply goes out --- */

/* What the kernel holds of it: sent and not acknowledged, or not sent yet. */
static int64_t kernel_bytes(const struct http_conn *conn)
{
    int bytes = 0;
    return ioctl(bufferevent_getfd(conn->bev), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/* False: it was cut, because the peer takes it too slowly. */
static bool reading_look(struct http_guard *guard, struct http_conn *conn, int64_t ours, int64_t now_ms)
{
    if (now_ms - conn->reading.looked_ms < HTTP_READING_LOOK_MS)
        return true;
    int64_t theirs = kernel_bytes(conn);
    int64_t taken = http_reading_look(&conn->reading, ours + theirs, theirs > 0, now_ms);
    if (conn->place != 0)
        atomic_fetch_add_explicit(&guard->metrics->taken_bytes, (uint_fast64_t)taken, memory_order_relaxed);
    if (!http_reading_is_slow(&conn->reading, guard->limits.idle_ms, guard->limits.reader_bytes_s))
        return true;
    cut(guard, conn, REFUSED_READER);
    return false;
}

static void conn_look(struct http_guard *guard, struct http_conn *conn, int64_t now_ms)
{
    int64_t ours = (int64_t)evbuffer_get_length(bufferevent_get_output(conn->bev));
    if (reading_look(guard, conn, ours, now_ms))
        guard->sending(guard->arg, conn, ours);
}

static void conn_sweep(struct http_guard *guard, struct http_conn *conn, int64_t now_ms)
{
    if (conn->phase == HTTP_SHAKING && SSL_is_init_finished(conn->ssl))
        conn_shaken(guard, conn);
    if (is_abandoned(conn)) {
        if (conn->phase == HTTP_SHAKING)
            handshake_failed(conn, NULL);
        http_guard_close(conn);
    } else if (conn->phase == HTTP_SHAKING && now_ms > conn->deadline_ms) {
        cut_shaking(conn);
    } else if ((conn->phase == HTTP_SENDING || conn->phase == HTTP_STREAMING) && now_ms <= conn->deadline_ms) {
        conn_look(guard, conn, now_ms);
    } else if (now_ms > conn->deadline_ms) {
        if (conn->phase == HTTP_WAITING)
            guard->late(guard->arg, conn);
        else
            cut(guard, conn, conn->phase == HTTP_RECEIVING ? REFUSED_SLOW : REFUSED_STALLED);
    }
}

void http_guard_sweep(struct http_guard *guard, int64_t now_ms)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct http_conn *next;
        for (struct http_conn *conn = guard->buckets[i]; conn != NULL; conn = next) {
            next = conn->next;   /* only conn itself may go away: evhttp's connections do not know each other */
            conn_sweep(guard, conn, now_ms);
        }
    }
}

void http_guard_done(struct http_guard *guard)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (guard->buckets[i] != NULL)
            http_guard_close(guard->buckets[i]);
}
