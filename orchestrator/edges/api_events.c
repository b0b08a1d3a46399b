/* The event stream by pages, and long polls on its end. A page with a filter may be short or empty while `next` has moved on:
 * one call looks through a bounded part of the stream. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/api_inside.h"

#define LOOK_MS 250          /* a waiting poll looks again this often */
#define PAGES_MAX 20         /* a filtered call looks through so many pages of the stream */
#define POLLS_MAX 256        /* more long polls than this are answered at once */

static void events_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap);

struct api_poll {
    struct api_ask *ask;              /* owns this as its extra */
    struct api_poll *next, **link;    /* in api->polls while it waits; link NULL: not there */
    struct event *timer;
    char after[STORE_CURSOR_SIZE];
    size_t limit;
    struct event_filter filter;       /* its texts are the call's */
    int64_t until_ms;                 /* monotonic: waits no longer */
    unsigned pages;
    bool gapped;                      /* something was trimmed between `after` and what is given */
    struct events_gap gap;
};

bool api_is_event_id(const char *text)
{
    size_t first = strspn(text, "0123456789");
    size_t second = text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;
    if (first > 19 || second > 19)
        return false;
    return text[first] == '\0' || (first > 0 && second > 0 && text[first + 1 + second] == '\0') || strcmp(text, "$") == 0;
}

static bool after_read(struct http_call *call, char *ret, size_t size)
{
    const char *after = http_call_query(call, "after");
    if (api_is_event_id(after != NULL ? after : "") && text_copy(ret, size, after != NULL ? after : ""))
        return true;
    http_call_problem(call, 400, "after", "neither an event's id nor $");
    return false;
}

bool api_event_filter_read(struct http_call *call, struct event_filter *ret)
{
    static const char *const kinds[] = {"move", "rollout", "alarm", "audit", "release"};
    *ret = (struct event_filter){.kind = http_call_query(call, "kind")};
    bool known = ret->kind == NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        known = known || strcmp(ret->kind, kinds[i]) == 0;
    if (known)
        return api_id_read(call, "rollout", &ret->rollout) && api_id_read(call, "device", &ret->device) && api_id_read(call, "model", &ret->model);
    http_call_problem(call, 400, "kind", "neither move, rollout, alarm, audit nor release");
    return false;
}

static bool fits(const char *wanted, const char *value)
{
    return wanted == NULL || strcmp(wanted, value) == 0;
}

bool api_event_is_wanted(const struct event_filter *filter, const struct event *event)
{
    return fits(filter->rollout, event->rollout) && fits(filter->device, event->device_id) && fits(filter->kind, event->kind) &&
           fits(filter->model, event->model);
}

void api_put_gap(struct json_writer *writer, const char *name, const struct events_gap *gap)
{
    json_open_object(writer, name);
    json_put_text(writer, "resume", gap->resume);
    json_put_text(writer, "first", gap->first[0] != '\0' ? gap->first : NULL);
    json_close_object(writer);
}

/* --- waiting --- */

static void poll_unlink(struct api_poll *poll)
{
    if (poll->link == NULL)
        return;
    *poll->link = poll->next;
    if (poll->next != NULL)
        poll->next->link = poll->link;
    poll->link = NULL;
    poll->ask->api->poll_count--;
}

static void poll_look(evutil_socket_t fd, short what, void *arg)
{
    struct api_poll *poll = arg;
    (void)fd;
    (void)what;
    poll_unlink(poll);
    store_events(poll->ask->api->config.store, poll->after, API_LIMIT_MAX, events_read, poll);
}

/* False: it may not wait, answer now. */
static bool poll_wait(struct api_poll *poll)
{
    const struct timeval interval = {0, LOOK_MS * 1000};
    struct api *api = poll->ask->api;
    if (api->draining || clock_mono_ms() + LOOK_MS > poll->until_ms || api->poll_count >= POLLS_MAX)
        return false;
    if (poll->timer == NULL)
        poll->timer = evtimer_new(api->config.base, poll_look, poll);
    if (poll->timer == NULL || evtimer_add(poll->timer, &interval) != 0)
        return false;
    poll->next = api->polls;
    poll->link = &api->polls;
    if (poll->next != NULL)
        poll->next->link = &poll->next;
    api->polls = poll;
    api->poll_count++;
    return true;
}

static void poll_end(struct api_poll *poll)
{
    poll_unlink(poll);
    if (poll->timer != NULL)
        event_free(poll->timer);
    api_ask_end(poll->ask);
}

static void poll_answer(struct api_poll *poll, const struct event *const *events, size_t count)
{
    struct json_writer writer;
    json_begin(&writer, &poll->ask->call->answer);
    api_put_events(&writer, events, count);
    json_put_text(&writer, "next", poll->after);
    if (poll->gapped)
        api_put_gap(&writer, "gap", &poll->gap);
    json_end(&writer);
    http_call_send(poll->ask->call, 200);
    poll_end(poll);
}

void api_polls_end(struct api *api)
{
    while (api->polls != NULL)
        poll_answer(api->polls, NULL, 0);
}

/* --- asking --- */

void api_events(struct api *api, struct http_call *call)
{
    struct event_filter filter;
    char after[STORE_CURSOR_SIZE];
    int64_t limit = 0, wait_ms = 0;
    if (!after_read(call, after, sizeof after) || !api_limit_read(call, &limit) || !api_event_filter_read(call, &filter) ||
        !http_call_query_i64(call, "wait_ms", 0, HTTP_WAIT_MAX_MS, 0, &wait_ms))
        return;
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct api_poll));
    if (ask == NULL)
        return;
    struct api_poll *poll = ask->extra;
    *poll = (struct api_poll){.ask = ask, .limit = (size_t)limit, .filter = filter, .until_ms = clock_mono_ms() + wait_ms};
    (void)text_copy(poll->after, sizeof poll->after, after);
    store_events(api->config.store, poll->after, API_LIMIT_MAX, events_read, poll);
}

/* What was asked for `$` begins at the end as it was then. A full page without a hit: the stream goes on, look further. */
static void events_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap)
{
    struct api_poll *poll = arg;
    const struct event *wanted[API_LIMIT_MAX];
    size_t taken = 0, looked = 0;
    if (error != DROVER_OK) {
        http_call_error(poll->ask->call, error, "events");
        poll_end(poll);
        return;
    }
    if (gap != NULL) {
        poll->gapped = true;
        poll->gap = *gap;
    }
    for (; looked < count && taken < poll->limit; looked++)
        if (api_event_is_wanted(&poll->filter, &events[looked]))
            wanted[taken++] = &events[looked];
    (void)text_copy(poll->after, sizeof poll->after, looked < count ? events[looked - 1].id : next);
    if (taken > 0 || gap != NULL || poll->ask->api->closed)
        poll_answer(poll, wanted, taken);
    else if (count == API_LIMIT_MAX && ++poll->pages < PAGES_MAX)
        store_events(poll->ask->api->config.store, poll->after, API_LIMIT_MAX, events_read, poll);
    else if (count == API_LIMIT_MAX || !poll_wait(poll))
        poll_answer(poll, NULL, 0);
}
