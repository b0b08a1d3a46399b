/* See fetch_request.h. Redirects are followed here and not by libcurl: each hop is checked, and neither token nor client certificate goes to another origin. */
#include "agent/fetch_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fetch_url.h"
#include "common/text.h"

#define ERROR_BODY_MAX_BYTES (16 * 1024)   /* read so that the connection can be used again */
#define TOKEN_MAX 8192

static void headers_free(struct fetch_request *request)
{
    for (struct curl_slist *line = request->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); /* one of them is the token */
    curl_slist_free_all(request->headers);
    request->headers = NULL;
}

static bool header_add(struct fetch_request *request, const char *line)
{
    struct curl_slist *longer = curl_slist_append(request->headers, line);

    if (longer)
        request->headers = longer;
    return longer != NULL;
}

static bool token_is_good(const char *token)
{
    size_t length = strnlen(token, TOKEN_MAX + 1);

    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    return length > 0 && length <= TOKEN_MAX;
}

static bool authorization_add(struct fetch_request *request)
{
    const struct fetch_config *config = request->setup->config;
    const char *token = config->token ? config->token(config->token_arg) : NULL;
    char line[sizeof "Authorization: Bearer " + TOKEN_MAX];
    bool added;

    if (!token || !token_is_good(token))
        return true;
    (void)snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    added = header_add(request, line);
    explicit_bzero(line, sizeof line);
    return added;
}

static bool own_headers_add(struct fetch_request *request)
{
    const char *const *headers = request->setup->config->headers;
    bool added = authorization_add(request);

    for (size_t i = 0; added && headers && headers[i]; i++)
        added = header_add(request, headers[i]);
    return added;
}

/* Only the depot that was named gets to know who asks. */
static bool headers_make(struct fetch_request *request, bool is_own_origin)
{
    const char *etag = request->setup->etag;
    char line[sizeof "If-Range: " + HTTP_ETAG_SIZE];

    (void)snprintf(line, sizeof line, "If-Range: %s", etag);
    return header_add(request, "Accept: */*") && header_add(request, "Accept-Encoding: identity") && (etag[0] != '"' || header_add(request, line)) &&
           (!request->setup->past_caches || header_add(request, "Cache-Control: no-cache")) && (!is_own_origin || own_headers_add(request));
}

/* The whole header of an answer came (libcurl gives each line, then an empty one). Lines behind the body (trailers) are
 * not of interest; libcurl bounds them. */
static size_t header_arrived(char *line, size_t size, size_t count, void *arg)
{
    struct fetch_request *request = arg;
    size_t length = size * count;

    request->moved = true;
    if (request->is_judged)
        return length;
    if (!http_reply_line(&request->reply, line, length)) {
        request->verdict = HTTP_WRONG;
        request->why = "its headers are too large";
        request->is_judged = true;
        return 0;
    }
    if ((length != 2 || memcmp(line, "\r\n", 2) != 0) && (length != 1 || line[0] != '\n'))
        return length;
    if (request->reply.status >= 100 && request->reply.status < 200)
        return length;
    request->is_judged = true;
    request->verdict = http_reply_judge(&request->reply, request->asked, request->setup->size_bytes, request->setup->etag, &request->why);
    return request->verdict == HTTP_RANGE || request->verdict == HTTP_ALL || request->verdict == HTTP_STATUS ? length : 0;
}

static size_t error_body_arrived(struct fetch_request *request, size_t length)
{
    request->received_bytes += (int64_t)length;
    return request->received_bytes <= ERROR_BODY_MAX_BYTES ? length : 0;
}

/* Everything is passed on until the answer is complete; a byte beyond it goes nowhere and ends the request. */
static size_t body_arrived(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch_request *request = arg;
    struct request_setup *setup = request->setup;
    size_t length = size * count, taken;
    int64_t left = (request->verdict == HTTP_ALL ? setup->size_bytes : request->asked.length) - request->received_bytes;

    request->moved = true;
    if (!request->is_judged || request->verdict == HTTP_STATUS)
        return request->is_judged ? error_body_arrived(request, length) : 0;
    if (!fetch_rate_allows(&setup->rate)) {
        request->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch_rate_take(&setup->rate, (int64_t)length);
    fetch_pace_came(&setup->pace, (int64_t)length);
    taken = (int64_t)length < left ? length : (size_t)left;
    request->sent_too_much = taken < length;
    request->code = setup->arrived(setup->owner, request->asked.start + request->received_bytes, bytes, taken, &request->problem);
    request->received_bytes += (int64_t)taken;
    return request->code == E_NONE ? taken : 0;
}

static const char *text_of(const char *setting)
{
    return setting && setting[0] ? setting : NULL;
}

static void tls_set(CURL *easy, const struct fetch_config *config, bool is_own_origin)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or newer */
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (text_of(config->ca_file)) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this one and no other */
    }
    if (is_own_origin && text_of(config->certificate_file)) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, config->certificate_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, text_of(config->key_file) ? config->key_file : config->certificate_file);
    }
}

/* HTTP/1.1: the window means connections, and one slow stream cannot hold up the others. */
static bool options_set(struct fetch_request *request)
{
    const struct fetch_config *config = request->setup->config;
    const char *url = request->redirect ? request->redirect : request->setup->url;
    bool is_own_origin = !request->redirect || fetch_url_same_origin(request->redirect, request->setup->url);
    CURL *easy = request->easy;
    char range[48];

    (void)snprintf(range, sizeof range, "%lld-%lld", (long long)request->asked.start, (long long)(request->asked.start + request->asked.length - 1));
    if (!headers_make(request, is_own_origin) || curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_RANGE, range) != CURLE_OK)
        return false;
    tls_set(easy, config, is_own_origin);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* stopping does not wait for a name server */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->stall_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "drover-agent/" DROVER_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->message);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request->setup->owner);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_arrived);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    return true;
}

bool fetch_request_begin_again(struct fetch_request *request)
{
    if (!request->easy)
        request->easy = curl_easy_init();
    if (!request->easy)
        return false;
    curl_easy_reset(request->easy);
    headers_free(request);
    request->moved = request->is_paused = request->is_judged = request->sent_too_much = false;
    request->reply = (struct http_reply){0};
    request->why = "";
    request->received_bytes = 0;
    request->last_byte_ms = request->setup->now_ms;
    request->code = E_NONE;
    request->message[0] = '\0';
    request->runs = options_set(request) && curl_multi_add_handle(request->setup->multi, request->easy) == CURLM_OK;
    if (!request->runs)
        headers_free(request);
    return request->runs;
}

bool fetch_request_begin(struct fetch_request *request, struct http_span asked)
{
    free(request->redirect);
    request->redirect = NULL;
    request->redirects = 0;
    request->asked = asked;
    return fetch_request_begin_again(request);
}

void fetch_request_stop(struct fetch_request *request)
{
    if (!request->runs)
        return;
    request->runs = false;
    (void)curl_multi_remove_handle(request->setup->multi, request->easy);
    headers_free(request);
}

void fetch_request_date(struct fetch_request *request)
{
    if (request->moved)
        request->last_byte_ms = request->setup->now_ms;
    request->moved = false;
}

void fetch_request_go_on(struct fetch_request *request)
{
    request->is_paused = false;
    request->last_byte_ms = request->setup->now_ms;
    (void)curl_easy_pause(request->easy, CURLPAUSE_CONT); /* a failure ends the request, and its message says so */
}

void fetch_request_done(struct fetch_request *request)
{
    fetch_request_stop(request);
    curl_easy_cleanup(request->easy);
    free(request->redirect);
    request->easy = NULL;
    request->redirect = NULL;
}

static enum request_end redirect_follow(struct fetch_request *request)
{
    const char *from = request->redirect ? request->redirect : request->setup->url;
    const char *to = NULL;
    char *copy;

    (void)curl_easy_getinfo(request->easy, CURLINFO_REDIRECT_URL, &to);
    if (!to)
        return REQUEST_STATUS;
    request->why = ++request->redirects > REDIRECTS_MAX    ? "redirected too often"
                   : fetch_url_is_https(from) && !fetch_url_is_https(to)       ? "redirected from https to something weaker"
                   : !fetch_url_is_good(to)        ? "redirected to something that is not HTTP, or far too long"
                                                           : "";
    if (request->why[0])
        return REQUEST_WRONG;
    copy = strdup(to);
    if (!copy)
        return REQUEST_LOST;
    free(request->redirect);
    request->redirect = copy;
    return REQUEST_REDIRECTED;
}

/* Of answers that were judged: the judgement, whatever libcurl made of the rest. */
static enum request_end judged_end(struct fetch_request *request, CURLcode result)
{
    static const enum request_end ends[] = {[HTTP_IGNORED] = REQUEST_IGNORED, [HTTP_CHANGED] = REQUEST_CHANGED, [HTTP_WRONG] = REQUEST_WRONG};
    int64_t promised = request->verdict == HTTP_ALL ? request->setup->size_bytes : request->asked.length;
    int status = request->reply.status;

    if (request->verdict == HTTP_STATUS)
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308 ? redirect_follow(request) : REQUEST_STATUS;
    if (request->verdict != HTTP_RANGE && request->verdict != HTTP_ALL)
        return ends[request->verdict];
    if (request->code)
        return REQUEST_STOPPED;
    if (request->sent_too_much) {
        request->why = "more bytes than were asked for";
        return REQUEST_WRONG;
    }
    if (request->received_bytes == promised && result == CURLE_OK)
        return REQUEST_COMPLETE;
    request->why = "the connection was cut";
    return result == CURLE_OPERATION_TIMEDOUT ? REQUEST_TIMEOUT : REQUEST_LOST;
}

/* What trying again does not cure. */
static bool is_hopeless(CURLcode result)
{
    static const CURLcode hopeless[] = {CURLE_URL_MALFORMAT, CURLE_NOT_BUILT_IN, CURLE_LOGIN_DENIED, CURLE_PEER_FAILED_VERIFICATION,
                                        CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CIPHER};

    for (size_t i = 0; i < sizeof hopeless / sizeof hopeless[0]; i++)
        if (hopeless[i] == result)
            return true;
    return false;
}

static enum request_end not_http_end(struct fetch_request *request)
{
    request->why = "its answer is not HTTP/1";
    return REQUEST_WRONG;
}

enum request_end fetch_request_ended(struct fetch_request *request, CURLcode result)
{
    enum request_end end;

    if (request->is_judged)
        end = judged_end(request, result);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        end = REQUEST_TIMEOUT;
    else if (is_hopeless(result))
        end = REQUEST_REFUSED;
    else if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_WEIRD_SERVER_REPLY)
        end = not_http_end(request);
    else
        end = REQUEST_LOST;
    if (!request->message[0])
        (void)text_copy(request->message, sizeof request->message, curl_easy_strerror(result));
    fetch_request_stop(request);
    return end;
}
