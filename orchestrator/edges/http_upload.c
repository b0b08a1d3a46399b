/* PUT and GET /api/v1/uploads/<sha256>, served by the HTTP thread. See http_thread.h and depot_upload.h. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <string.h>

#include "common/json.h"
#include "orchestrator/edges/http_thread.h"

#define PIECES_MAX 4096   /* a part of 4 MiB comes in pieces of 4 KiB at the least */

static void state_reply(struct http_conn *conn, struct http_call *call, const struct depot_upload *state)
{
    struct json_writer writer;
    json_begin(&writer, &call->answer);
    json_put_i64(&writer, "offset", state->offset);
    json_put_i64(&writer, "size", state->size);
    json_put_bool(&writer, "complete", state->complete);
    json_end(&writer);
    call->status = 200;
    call->content_type = "application/json";
    http_reply_call(conn, call);
}

static void refusal_reply(struct http_conn *conn, struct http_call *call, enum drover_error error, const struct depot_upload *state)
{
    static const struct {
        enum drover_error error;
        int status;
        const char *where, *what;
    } rows[] = {
        {DROVER_CONFLICT, 409, "offset", "another offset is expected, or another request is adding to this upload right now"},
        {DROVER_RANGE, 400, "size", "empty, beyond the announced size, or larger than packages may be"},
        {DROVER_MISMATCH, 422, "sha256", "the bytes do not have this SHA-256; they were removed"},
        {DROVER_NO_SPACE, 507, NULL, "no space left in the depot; what had come was removed"},
        {DROVER_FULL, 503, NULL, "too many uploads at a time"},
        {DROVER_OK, 500, NULL, "the depot cannot write; what had come was removed"},
    };
    struct json_writer writer;
    size_t i = 0;
    while (rows[i].error != error && rows[i].error != DROVER_OK)
        i++;
    if (rows[i].status == 503)
        call->retry_after_s = 5;
    http_call_open_problem(call, &writer, rows[i].status, rows[i].where, rows[i].what);
    if (error == DROVER_CONFLICT)
        json_put_i64(&writer, "offset", state->offset);
    json_end(&writer);
    http_reply_call(conn, call);
}

static bool number_read(struct http_conn *conn, const struct http_call *call, const char *name, int64_t *ret)
{
    const char *text = http_call_query(call, name);
    if (text != NULL && text_to_i64(text, strlen(text), 0, INT64_MAX, ret))
        return true;
    http_metrics_refused(conn->guard->metrics, REFUSED_QUERY);
    http_reply_problem(conn, 400, name, "needed: a whole number of bytes");
    return false;
}

void http_upload_put(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(conn->request);
    struct evbuffer_iovec pieces[PIECES_MAX];
    struct depot_upload state;
    int64_t size = 0, offset = 0;
    if (!number_read(conn, call, "size", &size) || !number_read(conn, call, "offset", &offset))
        return;
    http_budget_upload(&thread->budget, conn->bev);
    int count = evbuffer_peek(body, -1, NULL, pieces, PIECES_MAX);
    if (count > PIECES_MAX) {   /* it dribbled in; once copied together it is one piece */
        (void)evbuffer_pullup(body, -1);
        count = evbuffer_peek(body, -1, NULL, pieces, PIECES_MAX);
    }
    enum drover_error error = DROVER_MEMORY;
    if (count <= PIECES_MAX)
        error = depot_upload_add(thread->shared->uploads, call->params[0], size, offset, pieces, count, &state);
    if (error == DROVER_OK)
        state_reply(conn, call, &state);
    else
        refusal_reply(conn, call, error, &state);
}

void http_upload_get(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    struct depot_upload state;
    if (depot_upload_find(thread->shared->uploads, call->params[0], &state) == DROVER_OK)
        state_reply(conn, call, &state);
    else
        http_reply_problem(conn, 404, "sha256", "nothing of this package has come");
}
