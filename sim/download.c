/* One request a range, one after the other. `offset` only grows by bytes that were asked for and have been hashed. */
#include "sim/download.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/sha256.h"

#define CHUNK_MIN 16384
#define CHUNK_MAX (1024 * 1024)
#define TRIES_MAX 6                /* in a row without a byte */
#define RESTARTS_MAX 3             /* because the package changed */
#define RETRY_BASE_MS 200
#define RETRY_CAP_MS 10000
#define RETRY_AFTER_MAX_S 60
#define TOTAL_MAX_MS (30 * 60 * 1000)

struct download {
    struct http *http;
    struct http_transfer *transfer;    /* NULL between two requests */
    struct event *timer;               /* the wait between two requests */
    struct sha256 *sha256;
    const struct download_handler *handler;
    void *arg;
    struct download_totals *totals;
    char *url;
    char device[ID_SIZE];
    char wanted[SHA256_HEX_SIZE];
    char etag[HTTP_ETAG_SIZE];         /* of the first answer */
    int64_t size, chunk;
    int64_t offset;                    /* hashed so far */
    int64_t last;                      /* of the range under way */
    int64_t received;                  /* all bytes, repeated ones too */
    int64_t cut_at;                    /* break off here; -1: no more */
    unsigned cuts_left, tries, restarts;
    uint64_t random;
    int64_t began_ms;                  /* mono */
    bool taking;                       /* the body is the package's, not an error's text */
    enum verdict { RANGE_GO_ON, RANGE_TRY_AGAIN, RANGE_START_OVER, RANGE_CUT, RANGE_REFUSED, RANGE_WRONG_SIZE } verdict;
};

static bool range_began(void *arg, const struct http_head *head);
static bool range_body(void *arg, const void *bytes, size_t length);
static void range_done(void *arg, enum http_end end, const struct http_head *head);
static const struct http_handler range_handler = {range_began, range_body, range_done};

static void download_free(struct download *download)
{
    if (download->timer)
        event_free(download->timer);
    sha256_free(download->sha256);
    free(download->url);
    free(download);
}

static void finish(struct download *download, enum download_result result)
{
    const struct download_handler *handler = download->handler;
    void *arg = download->arg;
    int64_t received = download->received;

    download_free(download);
    handler->done(arg, result, received);
}

/* Cuts are spread over the package in order: each lies in what is left. */
static void next_cut(struct download *download)
{
    int64_t left = download->size - download->offset;

    download->cut_at = -1;
    if (download->cuts_left == 0 || left < 2)
        return;
    download->cuts_left--;
    download->random = hash_mix(download->random);
    download->cut_at = download->offset + 1 + (int64_t)(download->random % (uint64_t)(left / (download->cuts_left + 1)));
}

static void ask(struct download *download)
{
    struct http_request request = {.url = download->url, .device = download->device, .first = download->offset, .if_range = download->etag};
    int64_t end = download->offset + download->chunk;

    download->last = (end < download->size ? end : download->size) - 1;
    request.last = download->last;
    download->verdict = RANGE_TRY_AGAIN; /* until its last byte is there */
    download->taking = false;
    download->totals->requests++;
    download->transfer = http_get(download->http, &request, &range_handler, download);
    if (!download->transfer)
        finish(download, DOWNLOAD_HTTP);
}

static void whole(struct download *download)
{
    char found[SHA256_HEX_SIZE];

    sha256_hex(download->sha256, found);
    finish(download, strcmp(found, download->wanted) == 0 ? DOWNLOAD_OK : DOWNLOAD_SHA256);
}

static void wait_over(evutil_socket_t fd, short what, void *arg)
{
    struct download *download = arg;

    (void)fd;
    (void)what;
    if (download->offset == download->size)
        whole(download);
    else
        ask(download);
}

static void ask_in(struct download *download, int64_t wait_ms)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)event_add(download->timer, &wait);
}

struct download *download_start(struct http *http, struct event_base *base, const struct download_request *request,
                                const struct download_handler *handler, void *arg, struct download_totals *totals)
{
    struct download *download = calloc(1, sizeof *download);
    int64_t chunk = request->size_bytes / 8;

    if (!download)
        return NULL;
    *download = (struct download){.http = http, .handler = handler, .arg = arg, .totals = totals, .size = request->size_bytes,
                                  .cuts_left = request->cuts, .random = request->seed, .began_ms = clock_mono_ms()};
    download->chunk = request->chunk_bytes > 0 ? request->chunk_bytes : chunk < CHUNK_MIN ? CHUNK_MIN : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
    download->url = strdup(request->url);
    download->sha256 = sha256_new();
    download->timer = evtimer_new(base, wait_over, download);
    (void)text_copy(download->device, sizeof download->device, request->device);
    if (!text_copy(download->wanted, sizeof download->wanted, request->sha256) || !download->url || !download->sha256 || !download->timer) {
        download_free(download);
        return NULL;
    }
    next_cut(download);
    ask_in(download, 0);
    return download;
}

int64_t download_cancel(struct download *download)
{
    int64_t received;

    if (!download)
        return 0;
    received = download->received;
    http_cancel(download->transfer);
    download_free(download);
    return received;
}

static void start_over(struct download *download)
{
    char unused[SHA256_HEX_SIZE];

    sha256_hex(download->sha256, unused); /* begins a new digest */
    download->offset = 0;
    download->etag[0] = '\0';
    download->restarts++;
    download->totals->restarts++;
}

/* Exactly what was asked for, of the package that was begun: else its bytes must not be put behind the others. */
static bool is_the_range(const struct download *download, const struct http_head *head)
{
    return head->range_first == download->offset && head->range_last <= download->last && head->range_total == download->size &&
           (download->etag[0] == '\0' || strcmp(download->etag, head->etag) == 0);
}

static bool range_began(void *arg, const struct http_head *head)
{
    struct download *download = arg;

    if (head->status == 206 && is_the_range(download, head)) {
        download->last = head->range_last;
    } else if (head->status == 206) {
        download->verdict = head->range_total >= 0 && head->range_total != download->size ? RANGE_WRONG_SIZE : RANGE_START_OVER;
        return false;
    } else if (head->status == 200) { /* the whole package: ranges are not served, or it has changed */
        if (head->length >= 0 && head->length != download->size) {
            download->verdict = RANGE_WRONG_SIZE;
            return false;
        }
        if (download->offset > 0)
            start_over(download);
        download->last = download->size - 1;
    } else {
        return true; /* an error's text: range_body drops it */
    }
    (void)text_copy(download->etag, sizeof download->etag, head->etag);
    download->taking = true;
    return true;
}

static bool range_body(void *arg, const void *bytes, size_t length)
{
    struct download *download = arg;
    int64_t room = download->last + 1 - download->offset;

    if (!download->taking)
        return true;
    if ((int64_t)length > room) {
        download->verdict = RANGE_WRONG_SIZE;
        return false;
    }
    if (download->cut_at >= 0 && download->offset + (int64_t)length > download->cut_at) {
        length = (size_t)(download->cut_at - download->offset);
        download->verdict = RANGE_CUT;
    }
    sha256_add(download->sha256, bytes, length);
    if (download->handler->bytes && length > 0)
        download->handler->bytes(download->arg, download->offset, bytes, length);
    download->offset += (int64_t)length;
    download->received += (int64_t)length;
    download->totals->bytes += length;
    download->tries = length > 0 ? 0 : download->tries;
    if (download->verdict != RANGE_CUT && download->offset == download->last + 1)
        download->verdict = RANGE_GO_ON;
    return download->verdict != RANGE_CUT;
}

/* A broken transfer is tried again a few times, later and later. */
static void try_again(struct download *download, enum http_end end, const struct http_head *head)
{
    int64_t least_ms = (head->retry_after_s < RETRY_AFTER_MAX_S ? head->retry_after_s : RETRY_AFTER_MAX_S) * 1000;

    if (++download->tries > TRIES_MAX || clock_mono_ms() - download->began_ms > TOTAL_MAX_MS) {
        finish(download, end == HTTP_TIMEOUT ? DOWNLOAD_TIMEOUT : DOWNLOAD_HTTP);
        return;
    }
    download->totals->retries++;
    download->random = hash_mix(download->random);
    ask_in(download, least_ms + backoff_full_jitter_ms(RETRY_BASE_MS, RETRY_CAP_MS, download->tries, download->random));
}

static enum verdict verdict_of(const struct download *download, const struct http_head *head)
{
    if (head->status == 416)
        return RANGE_WRONG_SIZE;
    if (head->status >= 400 && head->status < 500 && head->status != 408 && head->status != 429)
        return RANGE_REFUSED;
    if (head->status != 200 && head->status != 206)
        return RANGE_TRY_AGAIN;
    return download->verdict;
}

/* The next step is a timer, so that the owner may cancel when it is told of the progress. */
static void go_on(struct download *download)
{
    ask_in(download, 0);
    download->handler->progress(download->arg, (unsigned)(download->offset * 100 / download->size));
}

static void range_done(void *arg, enum http_end end, const struct http_head *head)
{
    struct download *download = arg;

    download->transfer = NULL;
    switch (verdict_of(download, head)) {
    case RANGE_GO_ON:
        go_on(download);
        return;
    case RANGE_CUT:
        download->totals->cuts++;
        next_cut(download);
        ask_in(download, 0);
        return;
    case RANGE_START_OVER:
        start_over(download);
        if (download->restarts > RESTARTS_MAX)
            finish(download, DOWNLOAD_HTTP);
        else
            try_again(download, end, head);
        return;
    case RANGE_TRY_AGAIN:
        try_again(download, end, head);
        return;
    case RANGE_REFUSED:
        finish(download, DOWNLOAD_HTTP);
        return;
    case RANGE_WRONG_SIZE:
        finish(download, DOWNLOAD_SIZE);
        return;
    }
}
