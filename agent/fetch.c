/* The life of a fetch, in the order of its phases: the staging file is opened, what is in it is proved again, the rest is loaded, the whole is
 * compared. Everything happens in fetch_step and in the callbacks of curl_multi_perform; nothing here waits. */
#include "agent/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "agent/fetch_inside.h"
#include "agent/fetch_url.h"

#define PROGRESS_EVERY_MS 1000
#define TEXTS_MAX 32                       /* header lines in the settings */

static bool text_keep(const char **text)
{
    *text = strdup(*text ? *text : "");
    return *text != NULL;
}

static bool headers_keep(struct fetch_config *config)
{
    const char *const *given = config->headers;
    size_t count = 0;
    char **copies;

    while (given && given[count] && count < TEXTS_MAX)
        count++;
    copies = calloc(count + 1, sizeof *copies);
    config->headers = (const char *const *)copies;
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = strdup(given[i]);
        if (!copies[i])
            return false;
    }
    return copies != NULL;
}

/* All of it, also after a failure: every text is a copy or NULL then. */
static bool texts_keep(struct fetch *fetch)
{
    const char **texts[] = {&fetch->config.ca_file, &fetch->config.certificate_file, &fetch->config.key_file, &fetch->job.url, &fetch->job.sha256,
                            &fetch->job.staging_path};
    bool kept = headers_keep(&fetch->config);

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        kept &= text_keep(texts[i]);
    return kept;
}

static void texts_free(struct fetch *fetch)
{
    const char *texts[] = {fetch->config.ca_file, fetch->config.certificate_file, fetch->config.key_file, fetch->job.url, fetch->job.sha256, fetch->job.staging_path};
    char **headers = (char **)fetch->config.headers;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free((char *)texts[i]);
    for (size_t i = 0; headers && headers[i]; i++) {
        explicit_bzero(headers[i], strlen(headers[i]));
        free(headers[i]);
    }
    free(headers);
}

static enum error_code arrived(void *owner, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct fetch *fetch = owner;

    return staging_arrived(&fetch->staging, offset, bytes, length, ret_problem);
}

struct fetch *fetch_start(CURLM *multi, const struct fetch_config *config, const struct fetch_job *job, const struct fetch_events *events, int64_t now_mono_ms)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);
    unsigned window_max = config->window_max < FETCH_WINDOW_MAX ? config->window_max : FETCH_WINDOW_MAX;

    if (!fetch)
        return NULL;
    fetch->config = *config;
    fetch->job = *job;
    fetch->events = *events;
    fetch_window_init(&fetch->window, window_max);
    fetch->request_count = fetch->window.max;
    fetch->requests = calloc(fetch->request_count, sizeof *fetch->requests);
    if (!texts_keep(fetch) || !fetch->requests) {
        fetch_free(fetch);
        return NULL;
    }
    fetch->setup = (struct request_setup){.multi = multi, .owner = fetch, .config = &fetch->config, .url = fetch->job.url, .size_bytes = job->size_bytes,
                                          .now_ms = now_mono_ms, .arrived = arrived};
    for (unsigned i = 0; i < fetch->request_count; i++)
        fetch->requests[i].setup = &fetch->setup;
    fetch_rate_init(&fetch->setup.rate, config->bandwidth_bytes_s, now_mono_ms);
    fetch_pace_init(&fetch->setup.pace, config->min_bytes_s, config->stall_ms, config->bandwidth_bytes_s);
    fetch->end_ms = now_mono_ms + config->total_ms;
    fetch->told_ms = now_mono_ms - PROGRESS_EVERY_MS;
    fetch->told_bytes = -1;
    return fetch;
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    for (unsigned i = 0; fetch->requests && i < fetch->request_count; i++)
        fetch_request_done(&fetch->requests[i]);
    staging_done(&fetch->staging);
    texts_free(fetch);
    free(fetch->requests);
    free(fetch);
}

const struct package_head *fetch_head(const struct fetch *fetch)
{
    return fetch->staging.has_head ? &fetch->staging.head : NULL;
}

const struct trust *fetch_trust(const struct fetch *fetch)
{
    return fetch->staging.has_head && fetch->staging.trust_new ? &fetch->staging.trust : NULL;
}

/* The phases: each does a bounded piece of work. */

static void open_step(struct fetch *fetch)
{
    struct problem problem;
    enum error_code code;

    if (!fetch_url_is_good(fetch->job.url)) {
        (void)package_refuse(&problem, E_DOWNLOAD_HTTP, "url", "not http or https, or too long");
        fetch_end(fetch, E_DOWNLOAD_HTTP, 0, &problem);
        return;
    }
    code = staging_open(&fetch->staging, fetch->job.staging_path, fetch->job.sha256, fetch->job.size_bytes, fetch->job.policy, fetch->job.keys, &problem);

    if (!code)
        code = staging_resume_head(&fetch->staging, &problem);
    if (code)
        fetch_end(fetch, code, 0, &problem);
    else
        fetch->phase = fetch->staging.has_head ? FETCH_RESUME : FETCH_LOAD;
}

static void resume_step(struct fetch *fetch)
{
    struct problem problem;
    bool is_over = false;
    enum error_code code = staging_resume_some(&fetch->staging, &is_over, &problem);

    if (code)
        fetch_end(fetch, code, 0, &problem);
    else if (is_over)
        fetch->phase = FETCH_LOAD;
}

/* All chunks are right, the file is not: the few bytes that no chunk proves came from a cache that lies, or it is another file under this name. It is
 * fetched once more, past the caches. */
static bool whole_again(struct fetch *fetch)
{
    struct problem problem;

    if (fetch->setup.past_caches || staging_empty(&fetch->staging, &problem) != E_NONE)
        return false;
    fetch->setup.past_caches = true;
    fetch->phase = FETCH_LOAD;
    return true;
}

static void whole_step(struct fetch *fetch)
{
    struct problem problem;
    bool is_over = false;
    enum error_code code = staging_whole_some(&fetch->staging, &is_over, &problem);

    if (code == E_SHA256 && whole_again(fetch))
        return;
    if (code == E_SHA256)
        staging_remove(&fetch->staging);
    if (code || is_over)
        fetch_end(fetch, code, 0, code ? &problem : NULL);
}

static struct fetch_request *request_of(struct fetch *fetch, const CURL *easy)
{
    for (unsigned i = 0; i < fetch->request_count; i++)
        if (fetch->requests[i].runs && fetch->requests[i].easy == easy)
            return &fetch->requests[i];
    return NULL;
}

static void etag_learn(struct fetch *fetch, const struct fetch_request *request)
{
    if (!fetch->setup.etag[0] && request->is_judged && (request->verdict == HTTP_RANGE || request->verdict == HTTP_ALL))
        memcpy(fetch->setup.etag, request->reply.etag, sizeof fetch->setup.etag);
}

static void messages_read(struct fetch *fetch)
{
    CURLMsg *message;
    int left;

    while (fetch->phase != FETCH_OVER && (message = curl_multi_info_read(fetch->setup.multi, &left))) {
        struct fetch_request *request = message->msg == CURLMSG_DONE ? request_of(fetch, message->easy_handle) : NULL;

        if (!request)
            continue;
        etag_learn(fetch, request);
        fetch_request_is_over(fetch, request, fetch_request_ended(request, message->data.result));
    }
}

static void stalled_stop(struct fetch *fetch)
{
    bool is_slow = fetch_pace_is_slow(&fetch->setup.pace, fetch->window.running > 0, fetch->setup.now_ms);

    for (unsigned i = 0; i < fetch->request_count && fetch->phase != FETCH_OVER; i++) {
        struct fetch_request *request = &fetch->requests[i];
        bool is_stalled;

        fetch_request_date(request);
        is_stalled = request->runs && !request->is_paused && fetch->setup.now_ms - request->last_byte_ms >= fetch->config.stall_ms;

        if (is_stalled || (request->runs && is_slow))
            fetch_request_timed_out(fetch, request, !is_slow, is_slow ? "slower than the minimum rate" : "no byte for too long");
    }
}

static void paused_go_on(struct fetch *fetch)
{
    for (unsigned i = 0; i < fetch->request_count && fetch_rate_allows(&fetch->setup.rate); i++)
        if (fetch->requests[i].runs && fetch->requests[i].is_paused)
            fetch_request_go_on(&fetch->requests[i]);
}

/* While the head is not proved, and from a server without ranges, one request runs alone. */
static bool is_alone(const struct fetch *fetch)
{
    for (unsigned i = 0; i < fetch->request_count; i++)
        if (fetch->requests[i].runs && fetch->requests[i].is_exclusive)
            return true;
    return fetch->window.running > 0 && (!fetch->staging.has_head || fetch->is_whole_only);
}

static bool next_span(struct fetch *fetch, struct http_span *ret_span)
{
    if (!fetch->is_whole_only)
        return staging_next(&fetch->staging, FETCH_REQUEST_BYTES, ret_span);
    *ret_span = (struct http_span){0, fetch->setup.size_bytes};
    return !staging_is_proved(&fetch->staging);
}

static bool request_start(struct fetch *fetch)
{
    bool is_exclusive = !fetch->staging.has_head || fetch->is_whole_only;
    struct fetch_request *request = fetch->requests;
    struct http_span span;

    if (is_alone(fetch) || !fetch_window_allows(&fetch->window, fetch->setup.now_ms) || !next_span(fetch, &span))
        return false;
    while (request->runs)
        request++;
    if (!fetch_request_begin(request, span)) {
        struct problem problem;

        (void)package_refuse(&problem, E_INTERNAL, "request", "no memory for it");
        fetch_end(fetch, E_INTERNAL, 0, &problem);
        return false;
    }
    request->is_exclusive = is_exclusive;
    request->token_turn = fetch->token_turn;
    request->written_before_bytes = fetch->staging.written_bytes;
    request->epoch = fetch_window_began(&fetch->window);
    return true;
}

static void load_step(struct fetch *fetch)
{
    stalled_stop(fetch);
    if (fetch->phase != FETCH_OVER)
        paused_go_on(fetch);
    while (fetch->phase != FETCH_OVER && request_start(fetch))
        ;
    if (fetch->phase != FETCH_OVER && staging_is_proved(&fetch->staging))
        fetch->phase = FETCH_WHOLE;
}

static void deadline_check(struct fetch *fetch)
{
    struct problem problem;

    if (fetch->phase == FETCH_OVER || fetch->setup.now_ms < fetch->end_ms)
        return;
    (void)package_refuse(&problem, E_DOWNLOAD_TIMEOUT, "depot", "not complete after %lld s: %lld of %lld bytes", (long long)(fetch->config.total_ms / 1000),
                         (long long)fetch->staging.proved_bytes, (long long)fetch->setup.size_bytes);
    fetch_end(fetch, E_DOWNLOAD_TIMEOUT, 0, &problem);
}

static void progress_tell(struct fetch *fetch)
{
    int64_t bytes = fetch->staging.proved_bytes;

    if (!fetch->events.progress || bytes == fetch->told_bytes || fetch->setup.now_ms - fetch->told_ms < PROGRESS_EVERY_MS)
        return;
    fetch->told_ms = fetch->setup.now_ms;
    fetch->told_bytes = bytes;
    fetch->events.progress(fetch->events.arg, bytes, fetch->setup.size_bytes);
}

static void earlier(int64_t *wake_ms, int64_t when_ms)
{
    if (when_ms < *wake_ms)
        *wake_ms = when_ms;
}

static int64_t wake_of(const struct fetch *fetch, enum fetch_phase phase_before)
{
    int64_t wake_ms = fetch->end_ms;

    if (fetch->phase != FETCH_LOAD || phase_before != FETCH_LOAD)
        return fetch->setup.now_ms; /* work of our own */
    earlier(&wake_ms, fetch_pace_wake_ms(&fetch->setup.pace));
    if (fetch->window.running < fetch->window.size && fetch->window.not_before_ms > fetch->setup.now_ms)
        earlier(&wake_ms, fetch->window.not_before_ms);
    if (fetch->told_bytes != fetch->staging.proved_bytes)
        earlier(&wake_ms, fetch->told_ms + PROGRESS_EVERY_MS);
    for (unsigned i = 0; i < fetch->request_count; i++) {
        const struct fetch_request *request = &fetch->requests[i];

        if (request->runs)
            earlier(&wake_ms, request->is_paused ? fetch_rate_wake_ms(&fetch->setup.rate) : request->last_byte_ms + fetch->config.stall_ms);
    }
    return wake_ms;
}

void fetch_step(struct fetch *fetch, int64_t now_mono_ms, int64_t *ret_wake_ms)
{
    static void (*const steps[])(struct fetch *fetch) = {
        [FETCH_OPEN] = open_step, [FETCH_RESUME] = resume_step, [FETCH_LOAD] = load_step, [FETCH_WHOLE] = whole_step};

    enum fetch_phase phase_before = fetch->phase;
    struct problem problem;

    *ret_wake_ms = INT64_MAX;
    if (fetch->phase == FETCH_OVER)
        return;
    fetch->setup.now_ms = now_mono_ms;
    fetch_rate_fill(&fetch->setup.rate, now_mono_ms);
    messages_read(fetch);
    if (fetch->phase != FETCH_OVER)
        steps[fetch->phase](fetch);
    if (fetch->phase == FETCH_WHOLE)
        fetch_requests_stop(fetch); /* of a server without ranges the rest is not needed */
    deadline_check(fetch);
    if (fetch->phase != FETCH_OVER) {
        progress_tell(fetch);
        *ret_wake_ms = wake_of(fetch, phase_before);
        return;
    }
    fetch_requests_stop(fetch);
    problem = fetch->problem;
    fetch->events.done(fetch->events.arg, fetch->code, fetch->retry_after_ms, &problem); /* may free the fetch */
}
