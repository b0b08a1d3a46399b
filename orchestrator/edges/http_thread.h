/* One HTTP thread: its base, its evhttp per listener, the calls it waits for. Inside the HTTP side only; main sees http_server.h. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "orchestrator/edges/depot_store.h"
#include "orchestrator/edges/depot_upload.h"
#include "orchestrator/edges/http_budget.h"
#include "orchestrator/edges/http_call.h"
#include "orchestrator/edges/http_guard.h"

struct depot_places;
struct event;
struct evconnlistener;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;

/* What all threads share; fixed once they run, but for the atomics, the queue and the uploads, which lock themselves. */
struct http_shared {
    struct http_limits limits;
    unsigned threads;
    pthread_mutex_t token_lock;   /* the token may change while the threads run */
    char *token;
    struct http_tls *tls[HTTP_LISTENER_COUNT];   /* NULL: plain */
    struct auth_ring *keys;       /* NULL: none */
    struct auth_settings auth;
    enum http_devices_auth devices;
    struct depot depot;
    struct depot_uploads *uploads;
    struct depot_places *places;
    struct http_clients *clients;
    struct http_queue to_loop;
    struct depot_hasher *hasher;
    struct http_metrics metrics;
    bool (*served)(void *arg, const struct served *served);
    void *served_arg;
    atomic_uint open_calls;
    atomic_uint replies;          /* with packages, under way */
    atomic_bool draining, stopping;
};

/* A call that is with the loop. The ticket names the slot and its generation: a late answer finds nobody. */
struct http_slot {
    struct http_conn *conn;   /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct http_thread;
struct http_side {
    struct http_thread *thread;
    enum http_listener listener;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;   /* NULL: does not listen (any more) */
    struct evconnlistener *accept;       /* of bound */
    bool paused;
    int64_t paused_until_ms;             /* accept failed: not before */
};

struct http_thread {
    struct http_shared *shared;
    struct event_base *base;
    struct http_side sides[HTTP_LISTENER_COUNT];
    struct http_queue answers;
    struct event *answers_event, *sweep_event, *greet_event;
    struct http_budget budget;
    struct http_guard guard;
    struct depot_files files;
    struct auth_checker *checker;        /* NULL: no keys */
    struct http_slot *slots;
    uint32_t slot_count, first_free;
    pthread_t id;
    bool running;
};

/* fds: listening sockets, taken over; -1: that listener is off. Nothing runs before http_thread_run. */
MUST_USE enum drover_error http_thread_init(struct http_thread *thread, struct http_shared *shared, const int fds[HTTP_LISTENER_COUNT]);
MUST_USE enum drover_error http_thread_run(struct http_thread *thread);
void http_thread_wake(struct http_thread *thread);    /* looks at shared->draining and stopping; from any thread */
void http_thread_join(struct http_thread *thread);
void http_thread_done(struct http_thread *thread);    /* after http_thread_join; zeroed is fine */

/* Nobody waits for the slot's answer any more. */
void http_slot_free(struct http_thread *thread, uint32_t place);

/* --- http_request.c: a whole request has come --- */
void http_request_came(struct evhttp_request *request, void *side);
/* The loop has taken the nonce of a signed request that this thread serves. */
void http_request_proved(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
/* Counts and answers; false, for the caller to return. */
bool http_refuse(struct http_conn *conn, enum http_refusal reason, int status, const char *where, const char *what);
enum http_method http_method_of(const struct evhttp_request *request);

/* --- http_auth.c: may this peer ask? False: refused and answered. Else call->known and call->who are set, and a device that did not say
 * its name in the query is named there. --- */
bool http_auth_check(struct http_thread *thread, struct http_conn *conn, struct http_call *call);

/* --- http_reply.c: answering it. Each ends the request; the connection may be gone any time after. --- */
/* The headers that an answer of the loop has, but for its length. */
void http_reply_headers(struct http_conn *conn, const struct http_call *call, int status);
/* Sends call->status and call->answer; the call stays the caller's. */
void http_reply_call(struct http_conn *conn, struct http_call *call);
void http_reply_problem(struct http_conn *conn, int status, const char *where, const char *what);
/* 429 or 503: come again in so many seconds. */
void http_reply_later(struct http_conn *conn, int status, const char *what, int retry_after_s);
/* The same, and closes the connection afterwards: what follows on it cannot be trusted, or we want it to end. */
void http_reply_last(struct http_conn *conn, int status, const char *where, const char *what);
/* With headers set by the caller; body may be NULL, and is left empty. For HEAD only its length counts. */
struct evbuffer;
void http_reply_body(struct http_conn *conn, int status, struct evbuffer *body, int64_t body_bytes);

/* --- depot_serve.c and http_upload.c: served by the thread itself --- */
void depot_serve(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
void depot_progress(struct http_thread *thread, struct http_conn *conn, int64_t sent, bool ended);
/* --- depot_admit.c --- */
struct http_ranges;
/* device "" : nobody said. False: there is no room, and that was answered. */
bool depot_admit(struct http_thread *thread, struct http_conn *conn, const char *device, const struct http_ranges *ranges, int64_t size);
/* The reply is over, or its connection; whole: all of it was handed to the kernel. Fine when it is no download. */
void depot_leave(struct http_thread *thread, struct http_conn *conn, bool whole);
void http_upload_put(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
void http_upload_get(struct http_thread *thread, struct http_conn *conn, struct http_call *call);
/* --- http_release.c: the body of POST /api/v1/releases, read and its packages looked up in the depot, which the loop must not do.
 * False: call->answer is a problem to be sent. Else call->prepared is a struct release. --- */
bool http_release_prepare(const struct depot *depot, struct http_call *call);
/* --- http_resume.c: the same for POST /artifacts/<sha256>/resume; call->prepared is a struct resume_question. --- */
bool http_resume_prepare(const struct depot *depot, struct http_call *call);
