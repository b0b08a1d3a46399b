/* See http_metrics.h. Labels are routes, statuses and reasons: all from tables, none from a request. */
#include "orchestrator/edges/http_metrics.h"

#include <inttypes.h>

#define COUNT(counter) ((uint64_t)atomic_load_explicit(&(counter), memory_order_relaxed))
#define ADD(counter, n) atomic_fetch_add_explicit(&(counter), (uint_fast64_t)(n), memory_order_relaxed)

static const short statuses[] = {200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 412, 413, 416, 422, 428, 429, 500, 503, 505, 507, 0};
_Static_assert(sizeof statuses / sizeof statuses[0] <= HTTP_STATUS_MAX, "a place for every status");

static const char *const refusals[HTTP_REFUSAL_COUNT] = {
    [REFUSED_CLIENT_CONNECTIONS] = "client_connections", [REFUSED_REQUESTS] = "requests", [REFUSED_CLIENT_REQUESTS] = "client_requests",
    [REFUSED_DOWNLOADS] = "downloads", [REFUSED_CLIENT_DOWNLOADS] = "client_downloads", [REFUSED_READER] = "reader",
    [REFUSED_CONNECTIONS] = "connections", [REFUSED_DESCRIPTORS] = "descriptors", [REFUSED_SLOW] = "slow",
    [REFUSED_STALLED] = "stalled",         [REFUSED_FRAMING] = "framing",         [REFUSED_TOO_LARGE] = "too_large",
    [REFUSED_ROUTE] = "route",             [REFUSED_QUERY] = "query",             [REFUSED_BODY] = "body",
    [REFUSED_HEADER] = "header",
                [REFUSED_TOKEN] = "token",
    [REFUSED_HANDSHAKE] = "handshake",     [REFUSED_CERTIFICATE] = "certificate",
    [REFUSED_KEY] = "key",                 [REFUSED_FORGED] = "forged",           [REFUSED_EXPIRED] = "expired",
    [REFUSED_ROLE] = "role",               [REFUSED_SUBJECT] = "subject",         [REFUSED_REPLAY] = "replay",
    [REFUSED_NONCES] = "nonces",           [REFUSED_CALLS] = "calls",             [REFUSED_LATE] = "late",
    [REFUSED_STREAM] = "stream",
    [REFUSED_OBSERVATION] = "observation",
};
static const char *const listeners[HTTP_LISTENER_COUNT] = {"devices", "operators"};
static const char *const servers[HTTP_SERVED_BY_COUNT] = {"thread", "loop", "hasher"};

static const struct {
    int64_t micros;
    const char *seconds;
} buckets[HTTP_BUCKET_COUNT] = {
    {1000, "0.001"}, {5000, "0.005"}, {25000, "0.025"}, {100000, "0.1"},
    {500000, "0.5"}, {2500000, "2.5"}, {10000000, "10"}, {60000000, "60"},
};

void http_metrics_request(struct http_metrics *metrics, const struct http_route *route, int status, int64_t micros)
{
    size_t place = 0, bucket = 0;
    while (statuses[place] != status && statuses[place] != 0)
        place++;
    ADD(metrics->requests[route != NULL ? (size_t)route->id : HTTP_ROUTE_COUNT][place], 1);
    if (route == NULL)
        return;
    while (bucket < HTTP_BUCKET_COUNT && micros > buckets[bucket].micros)
        bucket++;
    ADD(metrics->seconds[route->served_by][bucket], 1);
    ADD(metrics->micros[route->served_by], micros);
}

void http_metrics_refused(struct http_metrics *metrics, enum http_refusal reason)
{
    ADD(metrics->refused[reason], 1);
}

static void head(struct buffer *text, const char *name, const char *type, const char *help)
{
    buffer_add_format(text, "# HELP drover_http_%s %s\n# TYPE drover_http_%s %s\n", name, help, name, type);
}

static void requests_print(const struct http_metrics *metrics, struct buffer *text)
{
    head(text, "requests_total", "counter", "Requests answered, by route and status.");
    for (size_t route = 0; route <= HTTP_ROUTE_COUNT; route++) {
        const struct http_route *row = route < HTTP_ROUTE_COUNT ? http_route_get((enum http_route_id)route) : NULL;
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
            uint64_t count = COUNT(metrics->requests[route][i]);
            if (count > 0)
                buffer_add_format(text, "drover_http_requests_total{method=\"%s\",route=\"%s\",status=\"%d\"} %" PRIu64 "\n",
                                  row != NULL ? http_method_name(row->method) : "", row != NULL ? row->path : "none", statuses[i], count);
        }
    }
}

static void durations_print(const struct http_metrics *metrics, struct buffer *text)
{
    head(text, "duration_seconds", "histogram", "From the whole request to the last byte of its answer, by who served it.");
    for (size_t by = 0; by < HTTP_SERVED_BY_COUNT; by++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < HTTP_BUCKET_COUNT; i++) {
            sum += COUNT(metrics->seconds[by][i]);
            buffer_add_format(text, "drover_http_duration_seconds_bucket{served_by=\"%s\",le=\"%s\"} %" PRIu64 "\n", servers[by],
                              buckets[i].seconds, sum);
        }
        sum += COUNT(metrics->seconds[by][HTTP_BUCKET_COUNT]);
        buffer_add_format(text, "drover_http_duration_seconds_bucket{served_by=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", servers[by], sum);
        buffer_add_format(text, "drover_http_duration_seconds_sum{served_by=\"%s\"} %.6f\n", servers[by],
                          (double)COUNT(metrics->micros[by]) / 1e6);
        buffer_add_format(text, "drover_http_duration_seconds_count{served_by=\"%s\"} %" PRIu64 "\n", servers[by], sum);
    }
}

static void connections_print(const struct http_metrics *metrics, struct buffer *text)
{
    head(text, "connections", "gauge", "Open connections.");
    for (size_t i = 0; i < HTTP_LISTENER_COUNT; i++)
        buffer_add_format(text, "drover_http_connections{listener=\"%s\"} %" PRIu64 "\n", listeners[i], COUNT(metrics->open[i]));
    head(text, "accepted_total", "counter", "Connections accepted.");
    for (size_t i = 0; i < HTTP_LISTENER_COUNT; i++)
        buffer_add_format(text, "drover_http_accepted_total{listener=\"%s\"} %" PRIu64 "\n", listeners[i], COUNT(metrics->accepted[i]));
}

void http_metrics_print(const struct http_metrics *metrics, struct buffer *text)
{
    requests_print(metrics, text);
    head(text, "refused_total", "counter", "What was refused, by reason.");
    for (size_t i = 0; i < HTTP_REFUSAL_COUNT; i++)
        buffer_add_format(text, "drover_http_refused_total{reason=\"%s\"} %" PRIu64 "\n", refusals[i], COUNT(metrics->refused[i]));
    head(text, "sent_bytes_total", "counter", "Bytes of answers' bodies.");
    buffer_add_format(text, "drover_http_sent_bytes_total %" PRIu64 "\n", COUNT(metrics->sent_bytes));
    head(text, "received_bytes_total", "counter", "Bytes of requests' bodies.");
    buffer_add_format(text, "drover_http_received_bytes_total %" PRIu64 "\n", COUNT(metrics->received_bytes));
    head(text, "hashed_bytes_total", "counter", "Bytes of packages hashed for devices that asked what of theirs is right.");
    buffer_add_format(text, "drover_http_hashed_bytes_total %" PRIu64 "\n", COUNT(metrics->hashed_bytes));
    head(text, "tokens_total", "counter", "Bearer tokens, by whether a signature was checked or the token was remembered.");
    buffer_add_format(text, "drover_http_tokens_total{how=\"checked\"} %" PRIu64 "\n", COUNT(metrics->tokens_checked));
    buffer_add_format(text, "drover_http_tokens_total{how=\"remembered\"} %" PRIu64 "\n", COUNT(metrics->tokens_remembered));
    connections_print(metrics, text);
    durations_print(metrics, text);
}
