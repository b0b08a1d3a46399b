/* One client of the event stream: what it is told, how much may wait for it, and its own reading while it is behind the reader of all. */
#include "orchestrator/edges/api_subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/stream_entry.h"

#define BEAT_MS 15000                 /* something is said at least so often */
#define LIFE_MS 3600000               /* then the client must come again, and prove who he is */
#define WAITING_BYTES_MAX (1 << 20)   /* pushed and not taken; one page more may come on top */
#define FULL_MS 10000                 /* so long it may stay so */
#define PAGE_PAST 200

static void past_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap);

/* --- coming and going --- */

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

static void text_keep(char copy[ID_SIZE], const char **text)
{
    if (*text == NULL)
        return;
    (void)text_copy(copy, ID_SIZE, *text);   /* an id */
    *text = copy;
}

struct subscriber *subscriber_new(struct api_streams *streams, struct http_call *call, const struct event_filter *filter, const char *after)
{
    struct subscriber *subscriber = calloc(1, sizeof *subscriber);
    call->stream = subscriber != NULL ? http_stream_new() : NULL;
    if (call->stream == NULL) {
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

void subscriber_end(struct subscriber *subscriber, enum http_stream_end end)
{
    if (!subscriber->gone && end != HTTP_STREAM_GOES_ON) {
        subscriber->bytes.failed = false;
        (void)http_stream_push(&subscriber->way, &subscriber->bytes, end);   /* without memory its connection ends by itself: nobody speaks any more */
    }
    subscriber->gone = true;
    if (!subscriber->reading)
        subscriber_free(subscriber);
}

/* --- what it is told --- */

/* Ids as numbers: "1700000000000-0". */
static int id_compare(const char *left, const char *right)
{
    struct stream_id a = {0, 0}, b = {0, 0};
    (void)stream_id_read_half(left, &a);
    (void)stream_id_read_half(right, &b);
    return stream_id_compare(&a, &b);
}

void subscriber_reached(struct subscriber *subscriber, const char *id)
{
    if (id_compare(id, subscriber->after) > 0)
        (void)text_copy(subscriber->after, sizeof subscriber->after, id);
}

static void event_say(struct subscriber *subscriber, const struct event *event)
{
    buffer_add_format(&subscriber->bytes, "id: %s\nevent: %s\ndata: ", event->id, event->kind);
    event_write(event, &subscriber->bytes);
    buffer_add_text(&subscriber->bytes, "\n\n");
    subscriber->streams->told++;
}

/* A client that comes again goes on from the id, behind which nothing is missing. */
static void gap_say(struct subscriber *subscriber, const struct events_gap *gap)
{
    struct json_writer writer;
    buffer_add_format(&subscriber->bytes, "id: %s\nevent: gap\ndata: ", gap->resume);
    json_begin(&writer, &subscriber->bytes);
    json_put_text(&writer, "after", subscriber->after);
    json_put_text(&writer, "first", gap->first[0] != '\0' ? gap->first : NULL);
    json_end(&writer);
    buffer_add_text(&subscriber->bytes, "\n\n");
    subscriber_reached(subscriber, gap->resume);
    subscriber->streams->gaps++;
}

void subscriber_say(struct subscriber *subscriber, const struct event *events, size_t count, const struct events_gap *gap)
{
    if (gap != NULL && id_compare(gap->resume, subscriber->after) > 0)
        gap_say(subscriber, gap);
    for (size_t i = 0; i < count; i++)
        if (id_compare(events[i].id, subscriber->after) > 0 && api_event_is_wanted(&subscriber->filter, &events[i]))
            event_say(subscriber, &events[i]);
}

/* An id alone moves what the client resumes from, and is no event to it. */
static void beat_say(struct subscriber *subscriber)
{
    buffer_add_format(&subscriber->bytes, ": beat\nid: %s\n\n", subscriber->after);
}

bool subscriber_is_full(const struct subscriber *subscriber)
{
    return atomic_load(&subscriber->way.stream->waiting) > WAITING_BYTES_MAX;
}

static bool is_too_slow(struct subscriber *subscriber, int64_t now_ms)
{
    if (!subscriber_is_full(subscriber))
        subscriber->full_ms = 0;
    else if (subscriber->full_ms == 0)
        subscriber->full_ms = now_ms;
    return subscriber->full_ms != 0 && now_ms - subscriber->full_ms > FULL_MS;
}

bool subscriber_flush(struct subscriber *subscriber, int64_t now_ms)
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

void subscriber_look(struct subscriber *subscriber)
{
    if (subscriber->reading || atomic_load(&subscriber->way.stream->waiting) > WAITING_BYTES_MAX / 2)
        return;   /* the tick tries again */
    subscriber->reading = true;
    subscriber->streams->api->holds++;
    store_events(subscriber->streams->api->config.store, subscriber->after, PAGE_PAST, past_read, subscriber);
}

static void past_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap)
{
    struct subscriber *subscriber = arg;
    struct api_streams *streams = subscriber->streams;
    struct api *api = streams->api;
    subscriber->reading = false;
    if (subscriber->gone) {
        subscriber_free(subscriber);
    } else if (error == DROVER_OK) {
        subscriber_say(subscriber, events, count, gap);
        subscriber_reached(subscriber, next);
        bool at_end = count < PAGE_PAST && streams->at[0] != '\0' && id_compare(subscriber->after, streams->at) >= 0;
        subscriber->live = at_end;
        if (subscriber_flush(subscriber, clock_mono_ms()) && !at_end && count == PAGE_PAST && !api->closed)
            subscriber_look(subscriber);
    }
    api_let_go(api);
}
