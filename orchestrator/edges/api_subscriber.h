/* One client of GET /api/v1/events/stream, and what it shares with the others; private to api_stream.c and api_subscriber.c. */
#pragma once

#include "orchestrator/edges/api_inside.h"

struct event;

struct subscriber {
    struct subscriber *next;
    struct api_streams *streams;
    struct http_stream_way way;
    struct event_filter filter;       /* points into `texts` */
    char texts[4][ID_SIZE];
    char after[STORE_CURSOR_SIZE];    /* the last id it was given or that was not for it */
    bool live;                        /* fed by the reader */
    bool reading;                     /* its own page is under way */
    bool gone;                        /* freed when nothing is under way */
    int64_t since_ms, said_ms;        /* monotonic */
    int64_t full_ms;                  /* since when too much waits to be taken; 0: it does not */
    struct buffer bytes;              /* to be pushed */
};

struct api_streams {
    struct api *api;
    struct event *timer;
    struct subscriber *first;
    unsigned count;
    char at[STORE_CURSOR_SIZE];       /* where the reader is; "": nobody knows yet */
    bool reading;
    uint64_t opened, dropped, refused, told, gaps;
};

/* Both NULL: out of memory. It is in the list of its streams; freed by subscriber_end, at once or when its own reading has come back. */
struct subscriber *subscriber_new(struct api_streams *streams, struct http_call *call, const struct event_filter *filter, const char *after);
/* HTTP_STREAM_GOES_ON: the connection is over already. */
void subscriber_end(struct subscriber *subscriber, enum http_stream_end end);
/* What of a page is for it and new to it; and, before that, what it has missed (NULL: nothing). */
void subscriber_say(struct subscriber *subscriber, const struct event *events, size_t count, const struct events_gap *gap);
/* It was looked at up to this id. */
void subscriber_reached(struct subscriber *subscriber, const char *id);
/* Sends what there is. False: it is over, and may be freed. */
bool subscriber_flush(struct subscriber *subscriber, int64_t now_ms);
/* As much waits as may: nothing is to be added. */
bool subscriber_is_full(const struct subscriber *subscriber);
/* Its next own page, from the past to where the reader is; not while one is under way, or much waits. */
void subscriber_look(struct subscriber *subscriber);
