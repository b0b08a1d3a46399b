/* One request on its way from an HTTP thread to the loop and back, and the queues it travels in.
 * A call owns copies of everything; the thread that made it keeps only its ticket, so either side may give up first. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/sha256.h"
#include "orchestrator/edges/auth.h"
#include "orchestrator/edges/http_route.h"
#include "orchestrator/edges/http_server.h"
#include "orchestrator/edges/http_stream.h"

#define HTTP_KEY_SIZE 129        /* of an Idempotency-Key or an ETag */
#define HTTP_WAIT_MAX_MS 30000   /* longest wait_ms of a long poll */

struct http_call {
    /* the question */
    const struct http_route *route;
    char params[HTTP_PARAMS_MAX][ID_SIZE];
    char *query[HTTP_QUERY_MAX];         /* values by their place in route->query, NULL when absent; owned */
    char *body;                          /* owned; NULL when empty */
    size_t body_length;
    bool known;                          /* somebody proved who he is: */
    struct auth_identity who;            /* a device, or a person whose role suffices; with api.token_file's token subject is "" */
    char request_id[ID_SIZE];            /* a person's request: his X-Request-Id, or one of our own; goes back in the answer */
    char idempotency_key[HTTP_KEY_SIZE]; /* "": none; without its quotes */
    char last_event_id[HTTP_KEY_SIZE];   /* as sent; "": none */
    char if_match[HTTP_KEY_SIZE];        /* as sent; "": none */
    int64_t expected_revision;           /* of If-Match, once the loop has read it; 0: any */
    bool nonce_taken;                    /* the answer of the loop to a signed request that the thread serves: go on */
    int64_t deadline_ms;                 /* monotonic: nobody waits for an answer after it */
    void *prepared;                      /* what the HTTP thread made of the body before the loop sees it; free()d with the call */
    /* the answer */
    int status;
    const char *content_type;            /* static text */
    int retry_after_s;                   /* 0: no Retry-After */
    char etag[SHA256_HEX_SIZE + 2];      /* with its quotes; "": none. If-None-Match is looked at when the answer is written */
    bool etag_for_changes;               /* it names the revision that If-Match compares, not every byte: no If-None-Match */
    bool replayed;                       /* the answer that was kept under its idempotency key */
    struct buffer answer;
    struct http_stream *stream;          /* held: the answer has no end, and this is its first piece, or a further one. NULL: a usual answer */
    bool stream_piece;                   /* a further one: nobody waits for it */
    enum http_stream_end stream_end;
    /* Told on the loop when the answer stands, once, instead of its being sent; http_call_return sends it then. NULL: nobody. */
    void (*answered)(void *arg, struct http_call *call);
    void *answered_arg;
    /* the way back */
    struct http_queue *home;
    uint64_t ticket;
    struct http_call *next;
};

struct http_call *http_call_new(void);   /* NULL: out of memory */
void http_call_free(struct http_call *call);

/* The value of a query parameter of its route; NULL when absent. */
const char *http_call_query(const struct http_call *call, const char *name);
/* An integer parameter: `fallback` when absent. False, with the call answered by 400, when it is none or out of range. */
bool http_call_query_i64(struct http_call *call, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret);

/* Each ends the caller's hold on the call. http_call_send answers with what stands in call->answer. */
void http_call_send(struct http_call *call, int status);
void http_call_problem(struct http_call *call, int status, const char *where, const char *format, ...) PRINTF_LIKE(4, 5);
/* The status that fits an error of the store or the flow: 404, 409, 503 with Retry-After, ... */
void http_call_error(struct http_call *call, enum drover_error error, const char *what);

/* Home to its thread as it is, which serves it there. */
void http_call_return(struct http_call *call);

/* Fills the answer without sending it (for whoever sends it himself). where NULL: none. */
void http_call_set_problem(struct http_call *call, int status, const char *where, const char *what);
/* The same, left open for more members: json_end(writer) ends it. */
struct json_writer;
void http_call_open_problem(struct http_call *call, struct json_writer *writer, int status, const char *where, const char *what);
const char *http_status_title(int status);

/* --- the queues: many producers, one consumer that sleeps on an eventfd --- */
struct http_queue {
    pthread_mutex_t lock;
    struct http_call *first, **last;
    unsigned count, limit;
    int event_fd;
};
MUST_USE enum drover_error http_queue_init(struct http_queue *queue, unsigned limit /* 0: none */);
void http_queue_done(struct http_queue *queue);                            /* frees what is left in it */
void http_queue_wake(struct http_queue *queue);                            /* its consumer, without a call */
bool http_queue_push(struct http_queue *queue, struct http_call *call);    /* false: full; the call stays the caller's */
/* Everything that is there, oldest first, linked by next; clears the eventfd. */
struct http_call *http_queue_take(struct http_queue *queue);
