/* What is repeated when the server cannot be reached, breaks off or says 503: everything. GET, parts of an upload and dry runs may be done twice as they are;
 * every other request carries a key by which the server does it once and gives the answer it gave (docs/http.md). Exponential backoff, full jitter, an end. */
#include "cli/api.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/values.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/json.h"

#define ATTEMPTS 5
#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS 3000
#define REQUEST_MS 15000
#define UPLOAD_PART_MS 600000
#define UPLOAD_STALL_MS 30000
#define STREAM_MS INT64_C(86400000)

/* A page of 1000 devices is about 1 MiB. The client's limit on bytes comes first. */
static const struct json_limits answer_limits = {.bytes = 32u << 20, .depth = 16, .members = 1u << 20, .string_bytes = 4096};

int64_t api_left_ms(const struct api *api)
{
    int64_t left;

    if (!api->deadline_mono_ms)
        return INT64_MAX;
    left = api->deadline_mono_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

bool api_sleep(const struct api *api, int64_t ms)
{
    int64_t left = api_left_ms(api);
    struct timespec wait;

    if (ms > left)
        ms = left;
    wait = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        ;
    return api_left_ms(api) > 0;
}

void api_answer_done(struct api_answer *answer)
{
    cJSON_Delete(answer->json);
    buffer_done(&answer->text);
}

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {409, "Conflict"}, {411, "Length Required"}, {413, "Content Too Large"}, {422, "Unprocessable Content"},
        {429, "Too Many Requests"}, {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "unexpected answer";
}

/* RFC 9457: title, detail, and our extension `where`. Whatever is missing is left out. */
static void refusal_describe(struct api_answer *answer)
{
    const char *title = value_text(answer->json, "title");
    const char *detail = value_text(answer->json, "detail");
    const char *where = value_text(answer->json, "where");

    buffer_add_format(&answer->text, "%d %s", answer->status, title[0] ? title : status_text(answer->status));
    if (detail[0])
        buffer_add_format(&answer->text, ": %s", detail);
    if (where[0])
        buffer_add_format(&answer->text, " (%s)", where);
}

static void answer_read(const struct http_response *response, struct api_answer *answer)
{
    struct problem problem = {0};
    enum drover_error error = json_parse(response->body.bytes ? response->body.bytes : "", response->body.length, &answer_limits,
                                         &answer->json, &problem);

    answer->status = response->status;
    answer->retry_after_ms = response->retry_after_ms;
    answer->code = exit_code_of_status(response->status);
    if (error)
        answer->json = NULL;
    if (answer->code) {
        refusal_describe(answer);
    } else if (error && response->status != 202) { /* a 202 may be without a body: nothing is known yet */
        answer->code = CLI_FAILED;
        buffer_add_format(&answer->text, "the server's answer is no JSON object of ours: %s: %s", problem.where, problem.what);
    }
}

static void failure_describe(const struct api *api, enum drover_error error, const struct http_response *response, struct api_answer *answer)
{
    answer->code = error == DROVER_TOO_LONG || error == DROVER_MEMORY ? CLI_FAILED : CLI_UNAVAILABLE;
    if (answer->code == CLI_FAILED)
        buffer_add_format(&answer->text, "the server's answer: %s", drover_error_text(error));
    else
        buffer_add_format(&answer->text, "%s %s: %s", error == DROVER_UNAVAILABLE ? "cannot reach" : "no answer from",
                          http_client_url(api->client), response->message);
}

static int64_t request_timeout_ms(const struct api *api, const struct api_call *call)
{
    int64_t left = api_left_ms(api), usual = (call->upload ? UPLOAD_PART_MS : REQUEST_MS) + call->hold_ms;

    return left < usual ? left : usual;
}

/* 128 random bits as a string of RFC 8941, with its quotes: one for all attempts of a call. */
#define CALL_KEY_SIZE 36
static void call_key_make(char *ret)
{
    (void)snprintf(ret, CALL_KEY_SIZE, "\"%016llx%016llx\"", (unsigned long long)clock_random(), (unsigned long long)clock_random());
}

enum outcome {
    OUTCOME_KNOWN,
    OUTCOME_NOTHING_SENT,
    OUTCOME_UNKNOWN,       /* it may have been done */
};

/* The server's answer to a key whose first request it is still serving. */
static bool is_under_way(const char *key, const struct http_response *response)
{
    return key && response->status == 409 && response->retry_after_ms > 0;
}

static enum outcome outcome_of(enum drover_error error, const struct http_response *response, const char *key)
{
    if (error == DROVER_UNAVAILABLE)
        return OUTCOME_NOTHING_SENT;
    if (error == DROVER_TIMEOUT || error == DROVER_IO || (!error && (response->status == 503 || is_under_way(key, response))))
        return OUTCOME_UNKNOWN;
    return OUTCOME_KNOWN;
}

/* One request. key: NULL, it needs none. *ret_wait_ms: what the server asked for. */
static enum outcome attempt(struct api *api, const struct api_call *call, const char *key, struct api_answer *answer, int64_t *ret_wait_ms)
{
    const struct http_request request = {
        .method = call->method, .path = call->path, .body = call->body, .length = call->length, .content_type = call->content_type,
        .idempotency_key = key, .if_match = call->if_match,
        .timeout_ms = request_timeout_ms(api, call), .stall_ms = call->upload ? UPLOAD_STALL_MS : 0,
        .sent = call->sent, .sent_arg = call->sent_arg,
    };
    struct http_response response;
    enum drover_error error = http_client_call(api->client, &request, &response);
    enum outcome outcome = outcome_of(error, &response, key);

    if (error)
        failure_describe(api, error, &response, answer);
    else
        answer_read(&response, answer);
    *ret_wait_ms = response.retry_after_ms;
    http_response_done(&response);
    return outcome;
}

enum cli_exit api_stream(struct api *api, const char *path, int64_t stall_ms, bool (*received)(void *arg, const char *bytes, size_t length), void *arg,
                         struct api_answer *answer, bool *ret_broken)
{
    int64_t left = api_left_ms(api);
    const struct http_request request = {.method = "GET", .path = path, .timeout_ms = left < STREAM_MS ? left : STREAM_MS, .stall_ms = stall_ms,
                                         .received = received, .received_arg = arg};
    struct http_response response;

    *answer = (struct api_answer){0};
    buffer_init(&answer->text, 0);
    enum drover_error error = http_client_call(api->client, &request, &response);
    *ret_broken = error == DROVER_UNAVAILABLE || error == DROVER_TIMEOUT || error == DROVER_IO || response.status == 503;
    answer->status = response.status;
    if (error)
        failure_describe(api, error, &response, answer);
    else if (response.status != 200)
        answer_read(&response, answer);
    http_response_done(&response);
    return answer->code;
}

static void answer_clear(struct api_answer *answer)
{
    api_answer_done(answer);
    *answer = (struct api_answer){0};
    buffer_init(&answer->text, 0);
}

static void tell_away(struct api *api, const struct api_answer *answer)
{
    if (api->away && !api->told)
        api->away(api->away_arg, answer->text.bytes ? answer->text.bytes : "");
    api->told = true;
}

/* Of a change whose last attempt, or an earlier one, may have reached the server: that the first is still under way there (409) is no refusal. */
static void tell_unsure(struct api_answer *answer, bool unsure)
{
    if (!unsure)
        return;
    answer->code = CLI_UNAVAILABLE;
    buffer_add_text(&answer->text, "; it may have been done nevertheless");
}

static enum cli_exit timed_out(struct api_answer *answer)
{
    if (!answer->text.length)
        buffer_add_text(&answer->text, "the time is over");
    else
        buffer_add_text(&answer->text, "; the time is over");
    return answer->code = CLI_TIMED_OUT;
}

enum cli_exit api_call(struct api *api, const struct api_call *call, struct api_answer *answer)
{
    unsigned attempts = call->attempts ? call->attempts : ATTEMPTS;
    int64_t begun_ms = clock_mono_ms();
    bool keyed = strcmp(call->method, "GET") != 0 && !call->repeatable, unsure = false;
    char key[CALL_KEY_SIZE];

    *answer = (struct api_answer){0};
    buffer_init(&answer->text, 0);
    call_key_make(key);
    if (api_left_ms(api) == 0)
        return timed_out(answer);
    for (unsigned tried = 1;; tried++) {
        int64_t wait_ms, asked_ms;
        enum outcome outcome = attempt(api, call, keyed ? key : NULL, answer, &asked_ms);

        if (outcome == OUTCOME_KNOWN) {
            api->told = false;
            return answer->code;
        }
        unsure = unsure || (keyed && outcome == OUTCOME_UNKNOWN);
        if (api_left_ms(api) == 0) {
            tell_unsure(answer, unsure);
            return timed_out(answer);
        }
        if (tried >= attempts && clock_mono_ms() - begun_ms >= call->patience_ms) {
            tell_unsure(answer, unsure);
            return answer->code;
        }
        if (tried >= 3)
            tell_away(api, answer);
        wait_ms = backoff_full_jitter_ms(BACKOFF_BASE_MS, BACKOFF_CAP_MS, tried - 1, clock_random());
        if (asked_ms > wait_ms)
            wait_ms = asked_ms > 10000 ? 10000 : asked_ms;
        if (!api_sleep(api, wait_ms))
            return timed_out(answer);
        answer_clear(answer);
    }
}
