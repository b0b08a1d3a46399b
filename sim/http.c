/* libcurl says which sockets and which timer it waits for (watch_socket, watch_timer); libevent says when they are due
 * (socket_ready, timer_due). libcurl must not be entered again from its own callbacks, so what handlers ask for there is
 * written down and done by settle() once it has returned. */
#include "sim/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "sim/http_head.h"
#include "sim/tls.h"

#define CONNECT_TIMEOUT_MS 5000L
#define STALL_TIMEOUT_S 20L
#define TRANSFER_TIMEOUT_MS 600000L

struct http_transfer {
    struct http *http;
    struct http_transfer *next, *previous;   /* in the list of its stage */
    CURL *easy;                              /* NULL while it waits */
    struct curl_slist *headers;
    char *url;
    char range[64];
    char device[ID_SIZE];
    const struct http_handler *handler;
    void *arg;
    struct http_head head;
    bool began, cancelled;
};

struct list {
    struct http_transfer *first, *last;
};

struct http {
    struct event_base *base;
    const struct tls *tls;
    CURLM *multi;
    struct event *timer;
    struct list waiting, open;
    unsigned open_count, open_max;
    bool inside;                             /* libcurl is on the stack */
    bool cancellations;                      /* some of `open` are cancelled */
};

static void settle(struct http *http);

static void list_add(struct list *list, struct http_transfer *transfer)
{
    transfer->next = NULL;
    transfer->previous = list->last;
    if (list->last)
        list->last->next = transfer;
    else
        list->first = transfer;
    list->last = transfer;
}

static void list_remove(struct list *list, struct http_transfer *transfer)
{
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        list->first = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    else
        list->last = transfer->previous;
}

static void transfer_free(struct http_transfer *transfer)
{
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    free(transfer);
}

static void act(struct http *http, curl_socket_t fd, int what)
{
    int running;

    http->inside = true;
    (void)curl_multi_socket_action(http->multi, fd, what, &running);
    http->inside = false;
    settle(http);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void timer_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
    struct http *http = arg;
    struct event *event = watched;
    short kind = (short)(EV_PERSIST | (what != CURL_POLL_OUT ? EV_READ : 0) | (what != CURL_POLL_IN ? EV_WRITE : 0));

    (void)easy;
    if (event)
        event_free(event);
    event = what == CURL_POLL_REMOVE ? NULL : event_new(http->base, fd, kind, socket_ready, http);
    (void)curl_multi_assign(http->multi, fd, event);
    return what != CURL_POLL_REMOVE && (!event || event_add(event, NULL) != 0) ? -1 : 0;
}

static int watch_timer(CURLM *multi, long wait_ms, void *arg)
{
    struct http *http = arg;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)multi;
    return wait_ms < 0 ? event_del(http->timer) : event_add(http->timer, &wait);
}

struct http *http_new(struct event_base *base, const struct tls *tls, unsigned open_max)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http)
        return NULL;
    http->base = base;
    http->tls = tls;
    http->open_max = open_max;
    http->multi = curl_multi_init();
    http->timer = evtimer_new(base, timer_due, http);
    if (!http->multi || !http->timer) {
        http_free(http);
        return NULL;
    }
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)open_max);
    return http;
}

static void list_free(struct http *http, struct list *list)
{
    while (list->first) {
        struct http_transfer *transfer = list->first;

        list_remove(list, transfer);
        if (transfer->easy)
            (void)curl_multi_remove_handle(http->multi, transfer->easy);
        transfer_free(transfer);
    }
}

void http_free(struct http *http)
{
    if (!http)
        return;
    list_free(http, &http->open);
    list_free(http, &http->waiting);
    if (http->multi)
        (void)curl_multi_cleanup(http->multi);
    if (http->timer)
        event_free(http->timer);
    free(http);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;

    http_head_take(&transfer->head, bytes, size * count);
    return size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    size_t length = size * count;
    long status = 0;

    if (transfer->cancelled)
        return 0;
    if (!transfer->began) {
        transfer->began = true;
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->head.status = (int)status;
        if (transfer->handler->began && !transfer->handler->began(transfer->arg, &transfer->head))
            return 0;
    }
    if (transfer->cancelled || !transfer->handler->body(transfer->arg, bytes, length))
        return 0;
    return length;
}

/* libcurl copies the paths, and shares a connection only between transfers with the same certificate. */
static void transfer_identify(const struct http_transfer *transfer)
{
    const struct tls *tls = transfer->http->tls;
    struct tls_paths paths;

    if (!tls)
        return;
    if (tls_ca_file(tls)[0])
        (void)curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, tls_ca_file(tls));
    if (tls_paths(tls, transfer->device, &paths)) {
        (void)curl_easy_setopt(transfer->easy, CURLOPT_SSLCERT, paths.certificate);
        (void)curl_easy_setopt(transfer->easy, CURLOPT_SSLKEY, paths.key);
    }
}

static bool transfer_open(struct http_transfer *transfer)
{
    CURL *easy = transfer->easy = curl_easy_init();

    if (!easy)
        return false;
    (void)curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TRANSFER_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "drover-sim/" DROVER_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (transfer->range[0])
        (void)curl_easy_setopt(easy, CURLOPT_RANGE, transfer->range);
    transfer_identify(transfer);
    return curl_multi_add_handle(transfer->http->multi, easy) == CURLM_OK;
}

static void finish(struct http *http, struct http_transfer *transfer, CURLcode result)
{
    enum http_end end = result == CURLE_OK ? HTTP_DONE : result == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMEOUT : HTTP_BROKEN;
    long status = 0;

    if (transfer->easy) {
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_multi_remove_handle(http->multi, transfer->easy);
    }
    list_remove(&http->open, transfer);
    http->open_count--;
    transfer->head.status = (int)status;
    if (!transfer->cancelled)
        transfer->handler->done(transfer->arg, end, &transfer->head);
    transfer_free(transfer);
}

static void drop_cancelled(struct http *http)
{
    struct http_transfer *transfer = http->open.first;

    http->cancellations = false;
    while (transfer) {
        struct http_transfer *next = transfer->next;

        if (transfer->cancelled)
            finish(http, transfer, CURLE_ABORTED_BY_CALLBACK);
        transfer = next;
    }
}

static void open_waiting(struct http *http)
{
    while (http->waiting.first && http->open_count < http->open_max) {
        struct http_transfer *transfer = http->waiting.first;

        list_remove(&http->waiting, transfer);
        list_add(&http->open, transfer);
        http->open_count++;
        if (!transfer_open(transfer))
            finish(http, transfer, CURLE_FAILED_INIT);
    }
}

/* After libcurl: tells what has ended, drops what was cancelled, opens what waits. Handlers called here may ask for more,
 * which only adds to the lists: `inside` keeps them from coming back here. */
static void settle(struct http *http)
{
    CURLMsg *message;
    int left;

    http->inside = true;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        char *transfer = NULL;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish(http, (struct http_transfer *)(void *)transfer, result);
    }
    while (http->cancellations)
        drop_cancelled(http);
    open_waiting(http);
    http->inside = false;
}

struct http_transfer *http_get(struct http *http, const struct http_request *request, const struct http_handler *handler, void *arg)
{
    struct http_transfer *transfer = calloc(1, sizeof *transfer);
    char if_range[HTTP_ETAG_SIZE + 16];

    if (!transfer)
        return NULL;
    transfer->http = http;
    transfer->handler = handler;
    transfer->arg = arg;
    http_head_clear(&transfer->head);
    (void)text_copy(transfer->device, sizeof transfer->device, request->device ? request->device : "");
    transfer->url = strdup(request->url);
    if (request->first >= 0)
        (void)snprintf(transfer->range, sizeof transfer->range, "%lld-%lld", (long long)request->first, (long long)request->last);
    if (request->if_range && request->if_range[0]) {
        (void)snprintf(if_range, sizeof if_range, "If-Range: %s", request->if_range);
        transfer->headers = curl_slist_append(NULL, if_range);
    }
    if (!transfer->url || (request->if_range && request->if_range[0] && !transfer->headers)) {
        transfer_free(transfer);
        return NULL;
    }
    list_add(&http->waiting, transfer);
    if (!http->inside)
        settle(http);
    return transfer;
}

void http_cancel(struct http_transfer *transfer)
{
    if (!transfer)
        return;
    transfer->cancelled = true;
    if (!transfer->easy) {
        list_remove(&transfer->http->waiting, transfer);
        transfer_free(transfer);
        return;
    }
    transfer->http->cancellations = true;
    if (!transfer->http->inside)
        settle(transfer->http);
}
