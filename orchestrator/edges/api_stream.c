/* GET /api/v1/events/stream: server-sent events (WHATWG HTML 9.2), to many clients from one reader of drover:v1:events.
 *
 * A client that resumes somewhere in the past reads for itself until it has come to where the reader is; then it is one of those that the reader
 * feeds, and what it has by then is left out by its id. Whoever takes more slowly than events come falls back to reading for himself, at his own
 * pace; whoever takes nothing for a while is cut off. He may come back with Last-Event-ID. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/api_subscriber.h"

#define STREAMS_MAX 64
#define LOOK_MS 250
#define PAGE_LIVE 500

static void end_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap);
static void live_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap);

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

static void end_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap)
{
    struct api_streams *streams = arg;
    struct api *api = streams->api;
    (void)events, (void)count, (void)gap;
    streams->reading = false;
    if (error == DROVER_OK)
        (void)text_copy(streams->at, sizeof streams->at, strcmp(next, "0") == 0 ? "0-0" : next);
    for (struct subscriber *at = streams->first; at != NULL && error == DROVER_OK; at = at->next)
        if (at->live && at->after[0] == '\0')
            (void)text_copy(at->after, sizeof at->after, streams->at);
    api_let_go(api);
}

static void live_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap)
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
        if (subscriber_is_full(at)) {   /* the tick goes on with it */
            at->live = false;
            continue;
        }
        subscriber_say(at, events, count, gap);
        subscriber_reached(at, next);
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
            subscriber_look(at);
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

void api_event_stream(struct api *api, struct http_call *call)
{
    static const struct timeval interval = {0, LOOK_MS * 1000};
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
    if ((streams->first == NULL && evtimer_add(streams->timer, &interval) != 0) || subscriber_new(streams, call, &filter, after != NULL ? after : "$") == NULL) {
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
        {"_gaps_total", "counter", "Times a client was told that events it has not seen are trimmed.", streams->gaps},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buffer_add_format(text, "# HELP drover_event_streams%s %s\n# TYPE drover_event_streams%s %s\ndrover_event_streams%s %" PRIu64 "\n", rows[i].name,
                          rows[i].help, rows[i].name, rows[i].type, rows[i].name, rows[i].value);
}
