/* Between fetch.c (the life of a fetch) and fetch_ended.c (what the end of a request means). */
#pragma once

#include "agent/fetch.h"
#include "agent/fetch_request.h"
#include "agent/fetch_staging.h"
#include "agent/fetch_window.h"

#define FETCH_WINDOW_MAX 32
#define FETCH_REQUEST_BYTES (512 * 1024)   /* about this much is asked for at once; a larger chunk is asked for alone */
#define FETCH_RESTARTS_MAX 3               /* because the ETag changed */
#define FETCH_WRONG_MAX 3                  /* times one chunk, or the head, may be wrong */
#define FETCH_BROUGHT_BYTES 1024           /* a failed request that brought this much moved it forward */

enum fetch_phase { FETCH_OPEN, FETCH_RESUME, FETCH_LOAD, FETCH_WHOLE, FETCH_OVER };

struct fetch {
    struct fetch_config config;            /* its texts are copies, as are the job's */
    struct fetch_job job;
    struct fetch_events events;
    struct request_setup setup;
    struct fetch_staging staging;
    struct fetch_window window;
    enum fetch_phase phase;
    unsigned request_count;
    struct fetch_request *requests;        /* owned */
    int64_t end_ms;                        /* mono: the absolute deadline */
    int64_t told_ms, told_bytes;           /* the progress that was told last */
    unsigned restarts, wrong_heads;
    bool is_whole_only;                    /* the server does not do ranges: one request for everything */
    bool token_denied;                     /* the present token, once */
    unsigned token_turn;                   /* rises when a new one is asked for */
    enum error_code last_failure;
    /* What done() says; code counts once phase is FETCH_OVER. */
    enum error_code code;
    int64_t retry_after_ms;
    struct problem problem;
};

/* The first end counts. problem may be NULL for E_NONE. */
void fetch_end(struct fetch *fetch, enum error_code code, int64_t retry_after_ms, const struct problem *problem);
/* A request is over: what it did not bring is missing again, the window moves, the fetch may end. */
void fetch_request_is_over(struct fetch *fetch, struct fetch_request *request, enum request_end end);
/* All of them, without blame. */
void fetch_requests_stop(struct fetch *fetch);
/* Stops a request that runs and counts it as timed out. brought: whether its bytes speak for it. */
void fetch_request_timed_out(struct fetch *fetch, struct fetch_request *request, bool bytes_count, const char *why);
