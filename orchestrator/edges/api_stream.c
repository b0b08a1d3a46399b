/* GET /api/v1/events/stream: server-sent events (WHATWG HTML 9.2), to many clients from one reader of drover:v1:events.
 *
 * A client that resumes somewhere in the past reads for itself until it has come to where the reader is; then it is one of those that the reader
 * feeds, and what it has by then is left out by its id. Whoever takes more slowly than events come falls back to reading for himself, at his own
 * pace; whoever takes nothing for a while is cut off. He may come back with Last-Event-ID. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/api_inside.h"

#define STREAMS_MAX 64
#define LOOK_MS 250
#define BEAT_MS 15000                 /* something is said at least so often */
#define LIFE_MS 3600000               /* then the client must come again, and prove who he is */
#define WAITING_BYTES_MAX (1 << 20)   /* pushed and not taken; one page more may come on top */
#define FULL_MS 10000                 /* so long it may stay so */
#define PAGE_LIVE 500
#define PAGE_PAST 200

static void end_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next);
static void live_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next);
static void past_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next);

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
    uint64_t opened, dropped, refused, told;
};

/* --- ids: "1700000000000-0", compared as numbers --- */

static int id_compare(const char *left, const char *right)
{
    uint64_t a[2] = {0, 0}, b[2] = {0, 0};
    (void)sscanf(left, "%" SCNu64 "-%" SCNu64, &a[0], &a[1]);
    (void)sscanf(right, "%" SCNu64 "-%" SCNu64, &b[0], &b[1]);
    for (int i = 0; i < 2; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* --- one subscriber --- */

static void subscriber_free(struct subscriber *subscriber)
{
    struct subscriber **link = &subscriber->streams->first;
    while (*link != subscriber)
        link = &(*link)->next;
    *link = subscriber->next;
    subscriber->streams->count--;
    http_stream_drop(subscriber->way.stream);
    buffer_done(&subscriber->bytes);
    free(subscriber);
}

static void subscriber_end(struct subscriber *subscriber, enum http_stream_end end)
{
    if (!subscriber->gone && end != HTTP_STREAM_GOES_ON) {
        subscriber->bytes.failed = false;
        (void)http_stream_push(&subscriber->way, &subscriber->bytes, end);   /* without memory its connection ends by itself: nobody speaks any more */
    }
    subscriber->gone = true;
    if (!subscriber->reading)
        subscriber_free(subscriber);
}

static void event_say(struct subscriber *subscriber, const struct event *event)
{
    buffer_add_format(&subscriber->bytes, "id: %s\nevent: %s\ndata: ", event->id, event->kind);
    event_write(event, &subscriber->bytes);
    buffer_add_text(&subscriber->bytes, "\n\n");
    subscriber->streams->told++;
}

/* What of a page is for it and new to it. */
static void page_say(struct subscriber *subscriber, const struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (id_compare(events[i].id, subscriber->after) > 0 && api_event_is_wanted(&subscriber->filter, &events[i]))
            event_say(subscriber, &events[i]);
}

/* An id alone moves what the client resumes from, and is no event to it. */
static void beat_say(struct subscriber *subscriber)
{
    buffer_add_format(&subscriber->bytes, ": beat\nid: %s\n\n", subscriber->after);
}

/* As much waits as may: nothing is to be added. */
static bool is_full(const struct subscriber *subscriber)
{
    return atomic_load(&subscriber->way.stream->waiting) > WAITING_BYTES_MAX;
}

static bool is_too_slow(struct subscriber *subscriber, int64_t now_ms)
{
    if (!is_full(subscriber))
        subscriber->full_ms = 0;
    else if (subscriber->full_ms == 0)
        subscriber->full_ms = now_ms;
    return subscriber->full_ms != 0 && now_ms - subscriber->full_ms > FULL_MS;
}

/* Sends what there is. False: it is over, and may be freed. */
static bool subscriber_flush(struct subscriber *subscriber, int64_t now_ms)
{
    struct http_stream *stream = subscriber->way.stream;
    if (atomic_load(&stream->closed)) {
        subscriber_end(subscriber, HTTP_STREAM_GOES_ON);
        return false;
    }
    if (is_too_slow(subscriber, now_ms) || subscriber->bytes.failed) {
        subscriber->streams->dropped++;
        buffer_clear(&subscriber->bytes);
        subscriber_end(subscriber, HTTP_STREAM_CUT);
        return false;
    }
    if (now_ms - subscriber->since_ms > LIFE_MS) {
        subscriber_end(subscriber, HTTP_STREAM_ENDS);
        return false;
    }
    if (subscriber->bytes.length == 0 && now_ms - subscriber->said_ms >= BEAT_MS && subscriber->after[0] != '\0')
        beat_say(subscriber);
    if (subscriber->bytes.length > 0 && http_stream_push(&subscriber->way, &subscriber->bytes, HTTP_STREAM_GOES_ON))
        subscriber->said_ms = now_ms;
    return true;
}

/* --- its own reading, from the past to where the reader is --- */

static void past_look(struct subscriber *subscriber)
{
    if (subscriber->reading || atomic_load(&subscriber->way.stream->waiting) > WAITING_BYTES_MAX / 2)
        return;   /* the tick tries again */
    subscriber->reading = true;
    subscriber->streams->api->holds++;
    store_events(subscriber->streams->api->config.store, subscriber->after, PAGE_PAST, past_read, subscriber);
}

static void past_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next)
{
    struct subscriber *subscriber = arg;
    struct api_streams *streams = subscriber->streams;
    struct api *api = streams->api;
    subscriber->reading = false;
    if (subscriber->gone) {
        subscriber_free(subscriber);
    } else if (error == DROVER_OK) {
        page_say(subscriber, events, count);
        (void)text_copy(subscriber->after, sizeof subscriber->after, next);
        bool at_end = count < PAGE_PAST && streams->at[0] != '\0' && id_compare(subscriber->after, streams->at) >= 0;
        subscriber->live = at_end;
        if (subscriber_flush(subscriber, clock_mono_ms()) && !at_end && count == PAGE_PAST && !api->closed)
            past_look(subscriber);
    }
    api_let_go(api);
}

/* --- the one reader --- */

static void live_look(struct api_streams *streams)
{
    if (streams->reading)
        return;
    streams->reading = true;
    streams->api->holds++;
    if (streams->at[0] == '\0')
        store_events(streams->api->config.store, "$", 1, end_read, streams);
    else
        store_events(streams->api->config.store, streams->at, PAGE_LIVE, live_read, streams);
}

static void end_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next)
{
    struct api_streams *streams = arg;
    struct api *api = streams->api;
    (void)events;
    (void)count;
    streams->reading = false;
    if (error == DROVER_OK)
        (void)text_copy(streams->at, sizeof streams->at, strcmp(next, "0") == 0 ? "0-0" : next);
    for (struct subscriber *at = streams->first; at != NULL && error == DROVER_OK; at = at->next)
        if (at->live && at->after[0] == '\0')
            (void)text_copy(at->after, sizeof at->after, streams->at);
    api_let_go(api);
}

static void live_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next)
{
    struct api_streams *streams = arg;
    struct api *api = streams->api;
    struct subscriber *following;
    int64_t now_ms = clock_mono_ms();
    streams->reading = false;
    for (struct subscriber *at = streams->first; at != NULL && error == DROVER_OK; at = following) {
        following = at->next;
        if (!at->live || at->gone)
            continue;
        if (is_full(at)) {   /* the tick goes on with it */
            at->live = false;
            continue;
        }
        page_say(at, events, count);
        if (id_compare(next, at->after) > 0)
            (void)text_copy(at->after, sizeof at->after, next);
        (void)subscriber_flush(at, now_ms);
    }
    if (error == DROVER_OK) {
        (void)text_copy(streams->at, sizeof streams->at, next);
        if (count == PAGE_LIVE && streams->first != NULL && !api->closed)
            live_look(streams);   /* there is more already */
    }
    api_let_go(api);
}

/* --- every LOOK_MS, while there is somebody --- */

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct api_streams *streams = arg;
    struct subscriber *following;
    int64_t now_ms = clock_mono_ms();
    (void)fd;
    (void)what;
    for (struct subscriber *at = streams->first; at != NULL; at = following) {
        following = at->next;
        if (!at->gone && subscriber_flush(at, now_ms) && !at->live)
            past_look(at);
    }
    if (streams->first != NULL)
        live_look(streams);
    else
        evtimer_del(streams->timer);
}

/* --- coming and going --- */

static struct api_streams *streams_of(struct api *api)
{
    if (api->streams != NULL)
        return api->streams;
    struct api_streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL)
        return NULL;
    streams->api = api;
    streams->timer = event_new(api->config.base, -1, EV_PERSIST, tick, streams);
    if (streams->timer == NULL) {
        free(streams);
        return NULL;
    }
    api->streams = streams;
    return streams;
}

static void text_keep(char copy[ID_SIZE], const char **text)
{
    if (*text == NULL)
        return;
    (void)text_copy(copy, ID_SIZE, *text);   /* an id */
    *text = copy;
}

static struct subscriber *subscriber_new(struct api_streams *streams, struct http_call *call, const struct event_filter *filter, const char *after)
{
    static const struct timeval interval = {0, LOOK_MS * 1000};
    struct subscriber *subscriber = calloc(1, sizeof *subscriber);
    call->stream = subscriber != NULL ? http_stream_new() : NULL;
    if (call->stream == NULL || (streams->first == NULL && evtimer_add(streams->timer, &interval) != 0)) {
        free(subscriber);
        return NULL;
    }
    *subscriber = (struct subscriber){.next = streams->first, .streams = streams, .filter = *filter, .since_ms = clock_mono_ms(), .said_ms = clock_mono_ms(),
                                      .live = after[0] == '\0' || strcmp(after, "$") == 0,
                                      .way = {http_stream_hold(call->stream), call->home, call->ticket}};
    text_keep(subscriber->texts[0], &subscriber->filter.rollout);
    text_keep(subscriber->texts[1], &subscriber->filter.device);
    text_keep(subscriber->texts[2], &subscriber->filter.kind);
    text_keep(subscriber->texts[3], &subscriber->filter.model);
    buffer_init(&subscriber->bytes, 2 * WAITING_BYTES_MAX);
    (void)text_copy(subscriber->after, sizeof subscriber->after, subscriber->live ? streams->at : after);
    streams->first = subscriber;
    streams->count++;
    streams->opened++;
    return subscriber;
}

void api_event_stream(struct api *api, struct http_call *call)
{
    struct event_filter filter;
    const char *after = call->last_event_id[0] != '\0' ? call->last_event_id : http_call_query(call, "after");
    struct api_streams *streams = streams_of(api);
    if (!api_event_filter_read(call, &filter))
        return;
    if (after != NULL && (!api_is_event_id(after) || strlen(after) >= STORE_CURSOR_SIZE)) {
        http_call_problem(call, 400, call->last_event_id[0] != '\0' ? "Last-Event-ID" : "after", "neither an event's id nor $");
        return;
    }
    if (streams == NULL || api->draining || streams->count >= STREAMS_MAX) {
        if (streams != NULL)
            streams->refused++;
        call->retry_after_s = 1 + (int)(clock_random() % 5);
        http_call_problem(call, 503, NULL, "as many event streams as there may be are open");
        return;
    }
    if (streams->first == NULL)
        streams->at[0] = '\0';   /* nobody has read on meanwhile */
    if (subscriber_new(streams, call, &filter, after != NULL ? after : "$") == NULL) {
        http_stream_drop(call->stream);
        call->stream = NULL;
        http_call_problem(call, 503, NULL, "out of memory");
        return;
    }
    call->content_type = "text/event-stream";
    buffer_add_text(&call->answer, "retry: 2000\n\n");
    http_call_send(call, 200);
    event_active(streams->timer, EV_TIMEOUT, 0);
}

void api_streams_end(struct api *api)
{
    struct subscriber *following;
    for (struct subscriber *at = api->streams != NULL ? api->streams->first : NULL; at != NULL; at = following) {
        following = at->next;
        if (!at->gone)
            subscriber_end(at, HTTP_STREAM_ENDS);
    }
    if (api->streams != NULL)
        evtimer_del(api->streams->timer);
}

void api_streams_free(struct api *api)
{
    if (api->streams == NULL)
        return;
    event_free(api->streams->timer);
    free(api->streams);
    api->streams = NULL;
}

void api_streams_metrics(const struct api *api, struct buffer *text)
{
    static const struct api_streams none;
    const struct api_streams *streams = api->streams != NULL ? api->streams : &none;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"", "gauge", "Event streams that are open.", streams->count},
        {"_opened_total", "counter", "Event streams opened.", streams->opened},
        {"_refused_total", "counter", "Event streams refused: as many as there may be were open.", streams->refused},
        {"_dropped_total", "counter", "Event streams cut: the client did not take what it was given.", streams->dropped},
        {"_events_total", "counter", "Events given to clients.", streams->told},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buffer_add_format(text, "# HELP drover_event_streams%s %s\n# TYPE drover_event_streams%s %s\ndrover_event_streams%s %" PRIu64 "\n", rows[i].name,
                          rows[i].help, rows[i].name, rows[i].type, rows[i].name, rows[i].value);
}
