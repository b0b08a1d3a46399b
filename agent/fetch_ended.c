/* What the end of a request means: again, later, anew or not at all. One function for each enum request_end; the table at the end has them all. */
#include <string.h>

#include "agent/fetch_inside.h"
#include "common/clock.h"
#include "common/text.h"

void fetch_end(struct fetch *fetch, enum error_code code, int64_t retry_after_ms, const struct problem *problem)
{
    if (fetch->phase == FETCH_OVER)
        return;
    fetch->phase = FETCH_OVER;
    fetch->code = code;
    fetch->retry_after_ms = retry_after_ms;
    fetch->problem = problem ? *problem : (struct problem){0};
}

void fetch_requests_stop(struct fetch *fetch)
{
    for (unsigned i = 0; i < fetch->request_count; i++)
        if (fetch->requests[i].runs) {
            fetch_request_stop(&fetch->requests[i]);
            fetch_window_ended(&fetch->window);
        }
}

static void end_with(struct fetch *fetch, enum error_code code, const char *what)
{
    struct problem problem;

    (void)package_refuse(&problem, code, "depot", "%s", what);
    fetch_end(fetch, code, 0, &problem);
}

/* The window waits and shrinks; too many in a row end the fetch with what failed last. */
static void failed(struct fetch *fetch, struct fetch_request *request, enum error_code code, bool bytes_count, const char *what)
{
    bool brought = bytes_count && fetch->staging.written_bytes - request->written_before_bytes >= FETCH_BROUGHT_BYTES;

    fetch_window_failed(&fetch->window, request->epoch, brought, fetch->setup.now_ms, clock_random());
    if (fetch->window.failures_in_row >= fetch->config.failures_max)
        end_with(fetch, code, what);
}

static void on_complete(struct fetch *fetch, struct fetch_request *request)
{
    if (request->token_turn == fetch->token_turn)
        fetch->token_denied = false;
    fetch_window_succeeded(&fetch->window);
}

static void on_lost(struct fetch *fetch, struct fetch_request *request)
{
    failed(fetch, request, E_DOWNLOAD_TIMEOUT, true, request->message);
}

static void on_timeout(struct fetch *fetch, struct fetch_request *request)
{
    failed(fetch, request, E_DOWNLOAD_TIMEOUT, true, "timeout");
}

static void on_wrong(struct fetch *fetch, struct fetch_request *request)
{
    failed(fetch, request, E_DOWNLOAD_HTTP, true, request->why);
}

/* Some servers and proxies know no ranges. Then everything comes in one answer, and what is there already is skipped. */
static void on_ignored(struct fetch *fetch, struct fetch_request *request)
{
    fetch->is_whole_only = true;
    failed(fetch, request, E_DOWNLOAD_HTTP, false, request->why);
}

static void on_changed(struct fetch *fetch, struct fetch_request *request)
{
    struct problem problem;
    enum error_code code;

    fetch_window_ended(&fetch->window);
    if (++fetch->restarts > FETCH_RESTARTS_MAX) {
        end_with(fetch, E_DOWNLOAD_HTTP, request->why);
        return;
    }
    fetch_requests_stop(fetch);
    fetch->setup.etag[0] = '\0';
    code = staging_empty(&fetch->staging, &problem);
    if (code)
        fetch_end(fetch, code, 0, &problem);
}

/* 401: the token may have run out meanwhile; a fresh one is tried once. Requests that still went out with the old one prove nothing. */
static void on_denied(struct fetch *fetch, struct fetch_request *request)
{
    fetch_window_ended(&fetch->window);
    if (request->token_turn != fetch->token_turn)
        return;
    if (!fetch->config.token || fetch->token_denied) {
        end_with(fetch, E_DOWNLOAD_HTTP, "401: it does not accept our token");
        return;
    }
    fetch->token_denied = true;
    fetch->token_turn++;
}

static int64_t retry_after_ms(const struct http_reply *reply)
{
    int64_t date_s = reply->date_s ? reply->date_s : clock_unix_ms() / 1000; /* the device's own clock may stand anywhere */

    return http_retry_after_read(reply->retry_after, strlen(reply->retry_after), date_s);
}

static void on_status(struct fetch *fetch, struct fetch_request *request)
{
    int status = request->reply.status;
    bool is_passing = status == 408 || status == 425 || status == 429 || status >= 500;
    int64_t wait_ms = status == 429 || status == 503 ? retry_after_ms(&request->reply) : 0;
    struct problem problem;

    if (status == 401) {
        on_denied(fetch, request);
        return;
    }
    (void)package_refuse(&problem, E_DOWNLOAD_HTTP, "depot", "status %d", status);
    if (is_passing && wait_ms == 0) {
        failed(fetch, request, E_DOWNLOAD_HTTP, true, problem.what);
        return;
    }
    fetch_window_ended(&fetch->window);
    fetch_end(fetch, E_DOWNLOAD_HTTP, wait_ms, &problem);
}

/* Bytes that came from a cache, or were damaged on the way, may be right the next time. */
static bool is_of_the_bytes(enum error_code code)
{
    return code == E_SHA256 || code == E_DECRYPT || code == E_CRC || code == E_INCOMPATIBLE;
}

/* A refused head with a right signature is what the depot has; one without may be somebody else's. */
static bool head_may_be_forged(enum error_code code)
{
    return code == E_CRC || code == E_SIGNATURE || code == E_SHA256;
}

static void on_head_refused(struct fetch *fetch, struct fetch_request *request)
{
    struct problem problem;
    enum error_code code = staging_empty(&fetch->staging, &problem);

    fetch->setup.past_caches = true;
    if (!code && head_may_be_forged(request->code) && ++fetch->wrong_heads < FETCH_WRONG_MAX) {
        failed(fetch, request, request->code, false, request->problem.what);
        return;
    }
    fetch_window_ended(&fetch->window);
    fetch_end(fetch, request->code, 0, &request->problem);
}

static void on_stopped(struct fetch *fetch, struct fetch_request *request)
{
    if (!fetch->staging.has_head && request->code != E_NO_SPACE && request->code != E_INSTALL && request->code != E_INTERNAL) {
        on_head_refused(fetch, request);
        return;
    }
    fetch->setup.past_caches = true;
    if (is_of_the_bytes(request->code) && fetch->staging.wrong_most < FETCH_WRONG_MAX) {
        failed(fetch, request, request->code, true, request->problem.what);
        return;
    }
    fetch_window_ended(&fetch->window);
    fetch_end(fetch, request->code, 0, &request->problem);
}

static void on_refused(struct fetch *fetch, struct fetch_request *request)
{
    fetch_window_ended(&fetch->window);
    end_with(fetch, E_DOWNLOAD_HTTP, request->message);
}

static void on_redirected(struct fetch *fetch, struct fetch_request *request)
{
    if (fetch_request_begin_again(request))
        return;
    fetch_window_ended(&fetch->window);
    end_with(fetch, E_INTERNAL, "no memory for a request");
}

void fetch_request_is_over(struct fetch *fetch, struct fetch_request *request, enum request_end end)
{
    static void (*const ends[])(struct fetch *fetch, struct fetch_request *request) = {
        [REQUEST_COMPLETE] = on_complete, [REQUEST_REDIRECTED] = on_redirected, [REQUEST_LOST] = on_lost,       [REQUEST_TIMEOUT] = on_timeout,
        [REQUEST_WRONG] = on_wrong,       [REQUEST_IGNORED] = on_ignored,       [REQUEST_CHANGED] = on_changed, [REQUEST_STATUS] = on_status,
        [REQUEST_STOPPED] = on_stopped,   [REQUEST_REFUSED] = on_refused,
    };

    if (end != REQUEST_REDIRECTED)
        staging_give_back(&fetch->staging, request->asked);
    ends[end](fetch, request);
}

void fetch_request_timed_out(struct fetch *fetch, struct fetch_request *request, bool bytes_count, const char *why)
{
    fetch_request_stop(request);
    staging_give_back(&fetch->staging, request->asked);
    failed(fetch, request, E_DOWNLOAD_TIMEOUT, bytes_count, why);
}
