/* Private to redis_link.c (requests and answers) and redis_connect.c (connections and the handshake). */
#pragma once

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "orchestrator/edges/redis_arena.h"
#include "orchestrator/edges/redis_link.h"
#include "orchestrator/edges/redis_queue.h"
#include "orchestrator/edges/redis_url.h"

struct bufferevent;
struct evdns_base;

enum link_state {
    LINK_WAITING,      /* for the next try, or not started */
    LINK_CONNECTING,
    LINK_HANDSHAKE,    /* logs in, looks at the schema, loads scripts */
    LINK_READY,
};

struct redis_link {
    struct event_base *base;
    struct redis_url url;
    char *username, *password;       /* NULL: none */
    int64_t timeout_us;
    size_t requests_max, bytes_max;
    int64_t backoff_base_ms, backoff_cap_ms;
    void (*changed)(void *arg, bool ready, const char *why);
    void *arg;

    enum link_state state;
    struct bufferevent *bufferevent; /* NULL while waiting */
    struct evdns_base *evdns;        /* for host names; made when first needed */
    redisReader *reader;
    struct redis_arena arena;        /* of the answer that is read or given out */
    struct event *retry;             /* the wait before the next try */
    struct event *tick;              /* deadlines and the watchdog, while there is a connection */
    struct event *deliver;           /* callbacks of ended requests */
    unsigned failures;               /* tries in a row that did not become ready */
    int64_t connecting_us;           /* since when it connects or shakes hands */
    unsigned handshake_left;         /* scripts whose load is not answered yet */
    char why[160];
    struct redis_queue sent;         /* in the order of their answers */
    struct redis_queue ended;        /* their callback has still to come */
    struct redis_link_counters counters;
};

/* Puts so many commands on the wire whatever the state is; the answer to the last one counts. */
void link_write(struct redis_link *link, const char *bytes, size_t length, unsigned commands, redis_replied *replied, void *arg, int64_t deadline_ms);
/* Reads answers and calls back, until the input is used up or the connection is gone. */
void link_read(struct redis_link *link);
/* Ends the connection and everything sent; nothing follows. */
void link_close(struct redis_link *link);
/* Gives the connection up: everything sent ends as unknown, and after a wait it tries again. */
void link_drop(struct redis_link *link, const char *why);
/* Ends a request that was never sent; its callback comes later. */
void link_refuse(struct redis_link *link, enum drover_error error, const char *text, redis_replied *replied, void *arg);
void link_connect(struct redis_link *link);
/* A reader that has read nothing, instead of the one there is. An answer that was given out stays. */
void link_reader_renew(struct redis_link *link);
