/* GET and HEAD /artifacts/<sha256>: the package's bytes by sendfile, one or several ranges, conditions, and what the loop is told about it.
 * The query (device, upgrade, attempt) only says whose download this is; without it the bytes are the same. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/http_range.h"
#include "orchestrator/edges/http_thread.h"

#define TELL_STEP_PCT 10       /* the loop is told at each such step ... */
#define TELL_EVERY_MS 30000    /* ... and this often while bytes move: far below every download deadline */
#define TLS_PIECE_BYTES 131072
#define ATTEMPT_MAX 1000
#define PACKAGE_TYPE "application/octet-stream"

/* Reads whose download it is into *ret. False: a value is malformed, *ret_where says which. All three or none count. */
static bool served_read(const struct http_call *call, struct served *ret, bool *ret_known, const char **ret_where)
{
    const char *device = http_call_query(call, "device"), *upgrade = http_call_query(call, "upgrade");
    const char *attempt = http_call_query(call, "attempt");
    *ret = (struct served){0};
    *ret_known = device != NULL && upgrade != NULL && attempt != NULL;
    *ret_where = "device";
    if (device != NULL && (!text_is_id(device, strlen(device)) || !text_copy(ret->device_id, sizeof ret->device_id, device)))
        return false;
    *ret_where = "upgrade";
    if (upgrade != NULL && (!text_is_id(upgrade, strlen(upgrade)) || !text_copy(ret->upgrade_id, sizeof ret->upgrade_id, upgrade)))
        return false;
    *ret_where = "attempt";
    return attempt == NULL || text_to_i64(attempt, strlen(attempt), 1, ATTEMPT_MAX, &ret->attempt);
}

/* --- telling the loop --- */

static void observe(struct http_thread *thread, struct http_conn *conn, int64_t position, bool whole)
{
    conn->served.whole = whole;
    conn->served.progress_pct = position * 100 / conn->size;
    conn->served.at_ms = clock_unix_ms();
    conn->told_ms = clock_mono_ms();
    if (!thread->shared->served(thread->shared->served_arg, &conn->served))
        http_metrics_refused(&thread->shared->metrics, REFUSED_OBSERVATION);
}

/* sent: bytes of this reply that are gone; a little less or more while headers stand in the same buffer. ended: all of them. */
void depot_progress(struct http_thread *thread, struct http_conn *conn, int64_t sent, bool ended)
{
    int64_t length = conn->end - conn->start;
    int64_t position = conn->start + (sent < 0 ? 0 : sent > length ? length : sent);
    int64_t moved_pct = position * 100 / conn->size - conn->served.progress_pct;
    if (ended)
        observe(thread, conn, position, position == conn->size);
    else if (moved_pct >= TELL_STEP_PCT || (moved_pct > 0 && clock_mono_ms() - conn->told_ms >= TELL_EVERY_MS))
        observe(thread, conn, position, false);
}

static int64_t ranges_bytes(const struct http_ranges *ranges)
{
    int64_t bytes = 0;
    for (unsigned i = 0; i < ranges->count; i++)
        bytes += ranges->list[i].length;
    return bytes;
}

/* Several ranges count as one that begins with the lowest and is as long as all of them: they do not overlap, so it reaches the
 * package's end only when everything from there on is sent. */
static void track(struct http_thread *thread, struct http_conn *conn, const struct served *served, const struct http_ranges *ranges,
                  int64_t size)
{
    conn->tracked = true;
    conn->served = *served;
    conn->start = ranges->list[0].start;
    for (unsigned i = 1; i < ranges->count; i++)
        if (ranges->list[i].start < conn->start)
            conn->start = ranges->list[i].start;
    conn->end = conn->start + ranges_bytes(ranges);
    conn->size = size;
    observe(thread, conn, conn->start, false);
}

/* --- answering --- */

static void header_put(struct http_conn *conn, const char *name, const char *value)
{
    (void)evhttp_add_header(evhttp_request_get_output_headers(conn->request), name, value);
}

static void content_range_write(char *ret, size_t size, const struct http_range *range, int64_t whole)
{
    snprintf(ret, size, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range->start, range->start + range->length - 1, whole);
}

static void headers_put(struct http_conn *conn, const char *etag)
{
    header_put(conn, "ETag", etag);
    header_put(conn, "Accept-Ranges", "bytes");
    header_put(conn, "Cache-Control", "public, max-age=31536000, immutable");
}

/* Range counts only with GET (RFC 9110, 14.2), and only if If-Range names what we have. */
static struct http_ranges ranges_of(struct http_conn *conn, const char *etag, int64_t size)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(conn->request);
    const char *range = evhttp_find_header(headers, "Range");
    bool counts = evhttp_request_get_command(conn->request) == EVHTTP_REQ_GET &&
                  http_if_range_holds(evhttp_find_header(headers, "If-Range"), etag);
    return http_range_read(counts ? range : NULL, range != NULL ? strlen(range) : 0, size);
}

static void unsatisfiable(struct http_conn *conn, int64_t size)
{
    char text[40];
    snprintf(text, sizeof text, "bytes */%" PRId64, size);
    header_put(conn, "Content-Range", text);
    http_reply_problem(conn, 416, "Range", "no byte of the package is in what was asked for");
}

static int64_t piece_bytes(const struct http_conn *conn)
{
    return conn->ssl != NULL ? TLS_PIECE_BYTES : 0;
}

/* The whole package or one range of it. */
static bool part_add(struct http_thread *thread, struct http_conn *conn, const struct depot_file *file, const struct http_ranges *ranges,
                     struct evbuffer *body)
{
    char text[80];
    const struct http_range *range = &ranges->list[0];
    header_put(conn, "Content-Type", PACKAGE_TYPE);
    if (ranges->kind == HTTP_PART) {
        content_range_write(text, sizeof text, range, file->size_bytes);
        header_put(conn, "Content-Range", text);
    }
    return evhttp_request_get_command(conn->request) == EVHTTP_REQ_HEAD ||
           depot_files_add(&thread->files, file, range->start, range->length, piece_bytes(conn), body);
}

/* Several ranges, each with a head of its own (RFC 9110, 14.6). The boundary is of random bits, so that no package can hold it. */
static bool parts_add(struct http_thread *thread, struct http_conn *conn, const struct depot_file *file, const struct http_ranges *ranges,
                      struct evbuffer *body)
{
    char boundary[36], text[80];
    int64_t size = file->size_bytes;
    snprintf(boundary, sizeof boundary, "%016" PRIx64 "%016" PRIx64, clock_random(), clock_random());
    snprintf(text, sizeof text, "multipart/byteranges; boundary=%s", boundary);
    header_put(conn, "Content-Type", text);
    for (unsigned i = 0; i < ranges->count; i++) {
        content_range_write(text, sizeof text, &ranges->list[i], size);
        if (evbuffer_add_printf(body, "\r\n--%s\r\nContent-Type: " PACKAGE_TYPE "\r\nContent-Range: %s\r\n\r\n", boundary, text) < 0 ||
            !depot_files_add(&thread->files, file, ranges->list[i].start, ranges->list[i].length, piece_bytes(conn), body))
            return false;
    }
    return evbuffer_add_printf(body, "\r\n--%s--\r\n", boundary) >= 0;
}

/* By sendfile on plain sockets only: see depot_files_add. */
static void bytes_send(struct http_thread *thread, struct http_conn *conn, const struct depot_file *file, const struct http_ranges *ranges)
{
    struct evbuffer *body = evbuffer_new();
    if (body != NULL && conn->ssl == NULL)
        evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
    bool made = body != NULL && (ranges->kind == HTTP_PARTS ? parts_add(thread, conn, file, ranges, body) : part_add(thread, conn, file, ranges, body));
    if (!made) {
        evhttp_clear_headers(evhttp_request_get_output_headers(conn->request));
        http_reply_last(conn, 503, NULL, "out of memory");
    } else {
        int64_t bytes = ranges->kind == HTTP_PARTS ? (int64_t)evbuffer_get_length(body) : ranges->list[0].length;
        http_reply_body(conn, ranges->kind == HTTP_WHOLE ? 200 : 206, body, bytes);
    }
    if (body != NULL)
        evbuffer_free(body);
}

void depot_serve(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    const struct depot_file *file = NULL;
    struct served served;
    const char *where = NULL;
    bool known = false;
    char etag[SHA256_HEX_SIZE + 2];
    snprintf(etag, sizeof etag, "\"%s\"", call->params[0]);
    if (!served_read(call, &served, &known, &where)) {
        http_metrics_refused(&thread->shared->metrics, REFUSED_QUERY);
        http_reply_problem(conn, 400, where, "malformed");
        return;
    }
    enum drover_error error = depot_files_find(&thread->files, call->params[0], &file);
    if (error != DROVER_OK) {
        http_reply_problem(conn, error == DROVER_NOT_FOUND ? 404 : 503, NULL,
                           error == DROVER_NOT_FOUND ? "no such package" : "the package cannot be read now");
        return;
    }
    struct http_ranges ranges = ranges_of(conn, etag, file->size_bytes);
    if (http_none_match_hits(evhttp_find_header(evhttp_request_get_input_headers(conn->request), "If-None-Match"), etag)) {
        headers_put(conn, etag);
        http_reply_body(conn, 304, NULL, 0);
        return;
    }
    if (ranges.kind == HTTP_UNSATISFIABLE) {
        unsatisfiable(conn, file->size_bytes);
        return;
    }
    bool get = evhttp_request_get_command(conn->request) == EVHTTP_REQ_GET;
    if (get && !depot_admit(thread, conn, served.device_id, &ranges, file->size_bytes))
        return;
    headers_put(conn, etag);
    if (known && get)
        track(thread, conn, &served, &ranges, file->size_bytes);
    bytes_send(thread, conn, file, &ranges);
}
