/* Droverd's HTTP side: N threads, each with an event_base of its own and one evhttp per listener (SO_REUSEPORT).
 * Threads serve packages and uploads themselves; everything else becomes a call (http_call.h) that the loop answers.
 *
 * How main uses it, all on the loop's thread:
 *   http_server_start     binds, makes the folders in data_dir, starts the threads; calls begin to arrive on the loop
 *   http_server_drain     stops listening; what is open may end; http_server_open_calls falls to 0
 *   http_server_stop      joins the threads; connections still open are cut
 *   api_free, store_free  whoever still holds calls answers them (they reach nobody)
 *   http_server_free */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "orchestrator/core/served.h"
#include "orchestrator/edges/auth.h"
#include "orchestrator/edges/http_route.h"
#include "orchestrator/edges/http_tls.h"

struct event_base;
struct http_call;
struct http_server;

enum http_devices_auth { HTTP_DEVICES_OFF, HTTP_DEVICES_OPTIONAL, HTTP_DEVICES_REQUIRED };

/* What a peer can grow. 0: the default behind it. */
struct http_limits {
    unsigned device_connections;    /* open at a time on http.listen, 8192; a few more are told to come again, the rest waits in the listen backlog */
    unsigned operator_connections;  /* on api.listen, 128 (each may hold a body of 4 MiB) */
    int64_t handshake_ms;           /* TLS must stand, 10 s; from then on request_ms from the connection's begin counts */
    int64_t request_ms;             /* a request must be here whole, 30 s */
    int64_t idle_ms;                /* a keep-alive connection without a request, or a reply without progress, 60 s */
    int64_t reply_ms;               /* the longest reply, 4 h */
    int64_t call_ms;                /* the loop must answer a call, 2 s; plus wait_ms of a long poll */
    unsigned calls;                 /* calls waiting for the loop, 1024 */
    size_t header_bytes;            /* request line and headers, 8 KiB */
    int64_t package_bytes;          /* the largest package, 2 GiB */
    unsigned downloads;             /* devices that download at a time, 8192 */
    unsigned device_downloads;      /* replies at a time to one of them, 16 */
    unsigned clients;               /* whose limits are remembered, 65536; 24 bytes each */
    /* From here on 0 is no limit. */
    int64_t requests_s;             /* requests a second of all */
    int64_t address_requests_s;     /* of an address */
    int64_t device_requests_s;      /* of a device that proved its id, instead of its address' */
    unsigned address_connections;   /* open at a time */
    const char *shared_addresses;   /* networks.h: no limit holds for these addresses; NULL: none. Copied */
    int64_t reader_bytes_s;         /* who takes a reply slower than this over idle_ms is cut; 0: one byte is enough */
    int64_t bytes_s;                /* of all downloads together */
    int64_t connection_bytes_s;     /* of one connection that downloads */
    int64_t upload_bytes_s;         /* of all uploads together */
};

struct http_config {
    const char *listen[HTTP_LISTENER_COUNT];   /* "0.0.0.0:8080", "[::]:8080"; port 0: any free one; "" for HTTP_OPERATORS: none */
    unsigned threads;                          /* 1 .. 16 */
    const char *data_dir;                      /* artifacts/ and uploads/ are made in it */
    const char *token;                         /* what operators must send; "" : their API is refused with 403 */
    struct http_limits limits;
    struct http_tls_settings tls[HTTP_LISTENER_COUNT];   /* certificate NULL or "": plain */
    struct auth_ring *keys;                    /* of tokens and signed requests; outlives the server. NULL: only `token` counts */
    struct auth_settings auth;
    enum http_devices_auth devices;            /* OPTIONAL: who sends a proof must send a good one */
    /* On the loop: nonce_take of a link. NULL without keys. */
    void (*nonce)(void *arg, const struct nonce_claim *claim, nonce_taken *done, void *done_arg);
    void *nonce_arg;
    /* On the loop; must end in exactly one http_call_send, _problem or _error, at once or later. */
    void (*call)(void *arg, struct http_call *call);
    void *arg;
    /* On the HTTP threads, several at a time: bytes of a package went out to a device that said who it is in the query. False:
     * it could not be kept (counted). What it takes must survive the process: nobody will say it again. */
    bool (*served)(void *arg, const struct served *served);
    void *served_arg;
};

/* Everything in config is copied. On failure nothing is left running and *ret_problem says which setting and why. */
MUST_USE enum drover_error http_server_start(const struct http_config *config, struct event_base *loop, struct http_server **ret_server,
                                             struct problem *ret_problem);
unsigned http_server_port(const struct http_server *server, enum http_listener listener);
/* What operators must send from now on; false: out of memory, the old one stays. The loop. */
bool http_server_set_token(struct http_server *server, const char *token);
/* The files of TLS once more, as they are now; nothing has changed before http_server_tls_take, which also frees what was read. The loop. */
struct http_tls_fresh {
    struct ssl_ctx_st *contexts[HTTP_LISTENER_COUNT];
};
MUST_USE enum drover_error http_server_tls_read(const struct http_server *server, struct http_tls_fresh *ret_fresh, struct problem *ret_problem);
void http_server_tls_take(struct http_server *server, struct http_tls_fresh *fresh);
void http_server_tls_drop(struct http_tls_fresh *fresh);
void http_server_drain(struct http_server *server);
unsigned http_server_open_calls(const struct http_server *server);   /* given to the loop and not answered yet */
/* How busy the depot is. */
struct http_depot_load {
    unsigned places, used, replies;   /* depot_places.h */
    int64_t ahead_ms;
    uint64_t taken_bytes;             /* bytes of packages that peers have taken so far, as they go */
};
/* Somebody cannot be served now: when he shall come again, s. Each call is another appointment. */
int http_server_depot_later(struct http_server *server);
struct http_depot_load http_server_depot_load(const struct http_server *server);
void http_server_stop(struct http_server *server);
void http_server_free(struct http_server *server);                   /* stops it if it runs; NULL is fine */
/* Appends its counters as Prometheus text. */
void http_server_metrics(const struct http_server *server, struct buffer *text);
