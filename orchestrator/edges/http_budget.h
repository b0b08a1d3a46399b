/* The bytes a second of one HTTP thread: its part of what all downloads, and all uploads, may take together. Inside the HTTP side only. */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/http_server.h"

struct bufferevent;
struct bufferevent_rate_limit_group;
struct event_base;

struct http_budget {
    struct bufferevent_rate_limit_group *downloads, *uploads;   /* NULL: no limit */
    int64_t bytes_s, connection_bytes_s;
    int64_t share_bytes_s;      /* of bytes_s, now */
    unsigned replies;           /* of packages, by this thread */
};

/* threads: as many have a part each. */
MUST_USE enum drover_error http_budget_init(struct http_budget *budget, struct event_base *base, const struct http_limits *limits, unsigned threads);
void http_budget_done(struct http_budget *budget);   /* when no connection is left; zeroed is fine */

/* A reply with a package begins, and ends, on this connection. */
void http_budget_download(struct http_budget *budget, struct bufferevent *bev);
void http_budget_download_ends(struct http_budget *budget, struct bufferevent *bev);
/* The connection uploads; what it reads from now on counts. */
void http_budget_upload(struct http_budget *budget, struct bufferevent *bev);
/* Now and then: this thread's part follows its part of all replies. */
void http_budget_share(struct http_budget *budget, unsigned replies_of_all);
