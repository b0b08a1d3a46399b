/* The easy interface of libcurl is enough: the command line does one thing at a time. */
#include "cli/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define CONNECT_MS 5000
#define TOKEN_MAX 4096

struct http_client {
    CURL *curl;
    char *base_url;         /* without the slash at the end */
    char *authorization;    /* the whole header line, NULL: none */
    const char *ca_file, *certificate_file;   /* the caller's, NULL: none */
    size_t response_limit;
};

static bool url_is_good(const char *url)
{
    size_t length = strlen(url);
    const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : "";

    return host[0] != '\0' && host[0] != '/' && text_is_plain(url, length) && !strpbrk(url, " \"\\<>^`{|}?#");
}

static bool token_is_good(const char *token)
{
    size_t length = strlen(token);

    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    return length <= TOKEN_MAX;
}

static char *base_url_copy(const char *url)
{
    size_t length = strlen(url);

    while (length > 0 && url[length - 1] == '/')
        length--;
    return strndup(url, length);
}

struct http_client *http_client_new(const char *base_url, const char *token, size_t response_limit, struct problem *ret_problem)
{
    struct http_client *client;
    bool failed;

    if (!url_is_good(base_url)) {
        (void)problem_set(ret_problem, DROVER_SYNTAX, "API URL", "`%s` is not like http://host:port", base_url);
        return NULL;
    }
    if (token && !token_is_good(token)) {
        (void)problem_set(ret_problem, DROVER_SYNTAX, "token", "not one line of at most %d printable characters", TOKEN_MAX);
        return NULL;
    }
    client = calloc(1, sizeof *client);
    failed = !client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK;
    if (!failed) {
        client->response_limit = response_limit;
        client->base_url = base_url_copy(base_url);
        client->curl = curl_easy_init();
        failed = !client->base_url || !client->curl ||
                 (token && token[0] && asprintf(&client->authorization, "Authorization: Bearer %s", token) < 0);
    }
    if (failed) {
        http_client_free(client);
        (void)problem_set(ret_problem, DROVER_MEMORY, "HTTP client", "%s", drover_error_text(DROVER_MEMORY));
        return NULL;
    }
    return client;
}

void http_client_secure(struct http_client *client, const char *ca_file, const char *certificate_file)
{
    client->ca_file = ca_file;
    client->certificate_file = certificate_file;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    if (client->authorization)
        explicit_bzero(client->authorization, strlen(client->authorization));
    free(client->authorization);
    free(client->base_url);
    free(client);
    curl_global_cleanup();
}

const char *http_client_url(const struct http_client *client)
{
    return client->base_url;
}

/* A request under way, for what libcurl hands over. */
struct arrival {
    CURL *curl;
    const struct http_request *request;
    struct http_response *response;
    bool enough;
};

static size_t body_arrived(char *bytes, size_t size, size_t count, void *arg)
{
    struct arrival *arrival = arg;
    struct http_response *response = arrival->response;
    long status = 0;

    curl_easy_getinfo(arrival->curl, CURLINFO_RESPONSE_CODE, &status);
    if (arrival->request->received && status == 200) {
        arrival->enough = !arrival->request->received(arrival->request->received_arg, bytes, size * count);
        return arrival->enough ? 0 : size * count;
    }
    buffer_add(&response->body, bytes, size * count);
    return response->body.failed ? 0 : size * count;
}

static int bytes_moved(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct http_request *request = arg;

    (void)down_total, (void)down, (void)up_total;
    request->sent(request->sent_arg, up);
    return 0;
}

static bool header_add(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (longer)
        *headers = longer;
    return longer != NULL;
}

/* "name: value"; NULL: nothing. */
static bool header_add_value(struct curl_slist **headers, const char *name, const char *value)
{
    char line[256];
    int length = value ? snprintf(line, sizeof line, "%s: %s", name, value) : 0;

    return !value || (length > 0 && (size_t)length < sizeof line && header_add(headers, line));
}

static bool headers_make(const struct http_client *client, const struct http_request *request, struct curl_slist **ret_headers)
{
    const char *type = request->content_type ? request->content_type : "application/json";

    return header_add(ret_headers, "Accept: application/json, application/problem+json") &&
           header_add(ret_headers, "Expect:") && /* no waiting for 100 Continue */
           (!request->body || header_add_value(ret_headers, "Content-Type", type)) &&
           header_add_value(ret_headers, "Idempotency-Key", request->idempotency_key) && header_add_value(ret_headers, "If-Match", request->if_match) &&
           (!client->authorization || header_add(ret_headers, client->authorization));
}

/* Sets everything that does not allocate in a way that matters; libcurl copies the URL and keeps the body's pointer. */
static void request_prepare(struct http_client *client, struct arrival *arrival, const char *url, struct curl_slist *headers)
{
    const struct http_request *request = arrival->request;
    CURL *curl = client->curl;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (client->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    if (client->certificate_file) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, client->certificate_file);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, client->certificate_file);
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, arrival->response->message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_arrived);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, arrival);
    if (!getenv("no_proxy") && !getenv("NO_PROXY")) /* a proxy is never the way to this machine */
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    if (request->body) /* on a used connection that breaks libcurl would send it a second time by itself */
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    if (request->stall_ms) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)((request->stall_ms + 999) / 1000));
    }
    if (request->sent) {
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, bytes_moved);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static enum drover_error error_of(CURLcode code, const struct http_response *response)
{
    switch (code) {
    case CURLE_OK:
        return DROVER_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return DROVER_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return DROVER_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return DROVER_MEMORY;
    case CURLE_WRITE_ERROR:
        return response->body.failed ? DROVER_TOO_LONG : DROVER_IO;
    default:
        return DROVER_IO;
    }
}

static enum drover_error perform(struct http_client *client, const struct arrival *arrival)
{
    struct http_response *response = arrival->response;
    CURLcode code = curl_easy_perform(client->curl);
    curl_off_t retry_after_s = 0;
    long status = 0;

    if (code != CURLE_OK && !response->message[0])
        (void)text_copy(response->message, sizeof response->message, curl_easy_strerror(code));
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    response->status = (int)status;
    response->retry_after_ms = retry_after_s > 0 && retry_after_s < 3600 ? retry_after_s * 1000 : 0;
    return arrival->enough ? DROVER_OK : error_of(code, response);
}

enum drover_error http_client_call(struct http_client *client, const struct http_request *request, struct http_response *ret)
{
    struct arrival arrival = {.curl = client->curl, .request = request, .response = ret};
    struct curl_slist *headers = NULL;
    enum drover_error error = DROVER_MEMORY;
    char *url = NULL;

    *ret = (struct http_response){0};
    buffer_init(&ret->body, client->response_limit);
    if (headers_make(client, request, &headers) && asprintf(&url, "%s%s", client->base_url, request->path) >= 0) {
        request_prepare(client, &arrival, url, headers);
        error = perform(client, &arrival);
        curl_easy_reset(client->curl); /* it holds pointers to things that end here */
    }
    free(url);
    curl_slist_free_all(headers);
    return error;
}

void http_response_done(struct http_response *response)
{
    buffer_done(&response->body);
}

void http_query_add(struct buffer *path, const char *name, const char *value)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    if (!value || !value[0])
        return;
    buffer_add_format(path, "%c%s=", path->bytes && strchr(path->bytes, '?') ? '&' : '?', name);
    for (; *value; value++) {
        if (strchr(kept, *value))
            buffer_add(path, value, 1);
        else
            buffer_add_format(path, "%%%02X", (unsigned char)*value);
    }
}
