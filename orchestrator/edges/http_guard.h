/* Watches the connections of one HTTP thread, because evhttp does not: how many there are, how long a request takes to come
 * and a reply to go, and what a peer may push meanwhile.
 *
 * evhttp tells nobody when it frees a connection that never sent a whole request. So the guard holds a reference to every
 * bufferevent; one whose callbacks are gone was freed by evhttp, and the next sweep lets it go. Connections that had a request
 * are let go at once, by evhttp's close callback. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/edges/http_metrics.h"
#include "orchestrator/edges/http_reading.h"
#include "orchestrator/edges/http_server.h"

struct bufferevent;
struct http_clients;
struct http_tls;
struct ssl_st;
struct event_base;
struct evhttp_request;

#define HTTP_SWEEP_MS 250

enum http_phase {
    HTTP_SHAKING,     /* hands, over TLS: nothing of HTTP has come */
    HTTP_RECEIVING,   /* waits for a request, or is in the middle of one */
    HTTP_WAITING,     /* the request is a call that waits for the loop */
    HTTP_SENDING,
    HTTP_STREAMING,   /* an answer without an end goes out, piece by piece */
};

struct http_conn {
    struct http_conn *next;            /* in its bucket */
    struct http_guard *guard;
    struct bufferevent *bev;
    struct ssl_st *ssl;                /* bev's; NULL: plain */
    unsigned tls_generation;           /* of the context it was made with */
    enum http_listener listener;
    enum http_phase phase;
    int64_t deadline_ms;               /* monotonic: of the phase */
    struct http_conn *next_new;        /* while it is new */
    bool is_new;                       /* who it is was not looked at yet */
    bool surplus;                      /* beyond the cap: it is only told to come again */
    bool counted;                      /* among its address' connections */
    uint64_t address;                  /* http_clients.h */
    /* the request that is being answered */
    struct evhttp_request *request;    /* HTTP_WAITING, HTTP_SENDING, HTTP_STREAMING */
    const struct http_route *route;    /* NULL: none matched */
    uint64_t ticket;                   /* HTTP_WAITING, HTTP_STREAMING: of the call */
    struct http_stream *stream;        /* HTTP_STREAMING; held */
    int64_t stream_unsent;             /* of it, not with the kernel when last seen */
    int64_t since_us;
    int status;
    int64_t body_bytes;                /* of the answer */
    struct http_reading reading;       /* how it is taken */
    unsigned place;                    /* depot_places.h, plus 1; 0: it is no download */
    bool place_is_last;                /* it reaches the package's end */
    /* a download whose device is known */
    bool tracked;
    struct served served;
    int64_t start, end, size;          /* bytes [start, end) of size go out */
    int64_t told_ms;                   /* when the loop was last told */
};

struct http_guard {
    struct http_conn *buckets[1024];
    struct http_conn *newcomers;
    struct http_clients *clients;
    struct http_metrics *metrics;
    struct http_limits limits;
    struct http_tls *tls[HTTP_LISTENER_COUNT];   /* NULL: plain */
    int64_t said_ms;                         /* when a refusal was last logged */
    unsigned threads;                        /* the caps are shared between so many guards */
    unsigned open[HTTP_LISTENER_COUNT];
    /* A connection goes away; its request, if any, must not be touched any more unless evhttp gave it up (see http_thread.c). */
    void (*closed)(void *arg, struct http_conn *conn);
    /* HTTP_WAITING beyond its deadline. */
    void (*late)(void *arg, struct http_conn *conn);
    /* HTTP_SENDING and HTTP_STREAMING, seen by the sweep: bytes of the answer still to be sent. */
    void (*sending)(void *arg, struct http_conn *conn, int64_t left);
    void *arg;
};

/* For evhttp_set_bevcb. NULL: out of memory. */
struct bufferevent *http_guard_accept(struct http_guard *guard, struct event_base *base, enum http_listener listener);
struct http_conn *http_guard_find(struct http_guard *guard, struct bufferevent *bev);
/* Not even somebody to be told to come again has room. */
bool http_guard_is_full(const struct http_guard *guard, enum http_listener listener);
/* Connections that evhttp has put its sockets into by now: who are they? Cuts those whose address has its fill. */
void http_guard_greet(struct http_guard *guard);
/* Still beyond the cap: its request is answered by 503, and it is closed. */
bool http_guard_is_surplus(const struct http_conn *conn);

/* A refusal may be logged: one a second, so that nobody fills the log. Counters have them all. */
bool http_guard_may_log(struct http_guard *guard, int64_t now_ms);
/* The files of its certificate were read again since it was made: it should end with this answer. */
bool http_guard_is_outdated(const struct http_conn *conn);

/* Phases. `request` has come whole; ms is how long the loop or the peer may take. */
void http_guard_request(struct http_conn *conn, struct evhttp_request *request, int64_t now_ms);
void http_guard_wait(struct http_conn *conn, uint64_t ticket, int64_t deadline_ms);
void http_guard_send(struct http_conn *conn, int64_t now_ms);
void http_guard_stream(struct http_conn *conn, int64_t now_ms);
void http_guard_receive(struct http_conn *conn, int64_t now_ms);   /* the reply is out */

/* Ends the connection as it is, and counts why. */
void http_guard_cut(struct http_conn *conn, enum http_refusal reason);
/* evhttp is about to free the connection. */
void http_guard_close(struct http_conn *conn);
/* Every HTTP_SWEEP_MS: cuts what is too slow, lets go what evhttp has freed. */
void http_guard_sweep(struct http_guard *guard, int64_t now_ms);
/* After evhttp_free: lets go of everything. */
void http_guard_done(struct http_guard *guard);
