/* The real HTTP threads and depot with a loop that only says what it was asked. test_http_server.py drives it:
 *   http_fake DATA_DIR [limit=value]...      limits: those in limit_set
 * Prints "ports DEVICES OPERATORS", then a line for every observation; ends when its stdin closes.
 * A call is answered with {"route","params","query","body","token"}; device_id chooses how: "later" after 300 ms, "held" only
 * when the program ends, anything else at once. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "orchestrator/edges/http_call.h"
#include "orchestrator/edges/http_server.h"

struct fake {
    struct event_base *base;
    struct http_server *server;
    struct http_call *held;
};

static void fail(const char *what)
{
    fprintf(stderr, "http_fake: %s\n", what);
    exit(1);
}

static void call_answer(struct http_call *call)
{
    struct json_writer writer;
    char body[64] = "";
    if (call->body_length > 0)
        text_excerpt(body, sizeof body, call->body, call->body_length);
    json_begin(&writer, &call->answer);
    json_put_text(&writer, "route", call->route->path);
    json_open_array(&writer, "params");
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        if (call->params[i][0] != '\0')
            json_put_text(&writer, NULL, call->params[i]);
    json_close_array(&writer);
    json_open_array(&writer, "query");
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        json_put_text(&writer, NULL, call->query[i] != NULL ? call->query[i] : "-");
    json_close_array(&writer);
    json_put_text(&writer, "body", body);
    json_put_i64(&writer, "body_length", (int64_t)call->body_length);
    json_put_bool(&writer, "token", call->known);
    json_end(&writer);
    http_call_send(call, 200);
}

static void later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    call_answer(arg);
}

static void called(void *arg, struct http_call *call)
{
    static const struct timeval delay = {0, 300000};
    struct fake *fake = arg;
    const char *device = call->route->id == ROUTE_FIRMWARE ? http_call_query(call, "device_id") : NULL;
    if (call->route->id == ROUTE_METRICS) {
        http_server_metrics(fake->server, &call->answer);
        call->content_type = "text/plain; version=0.0.4";
        http_call_send(call, 200);
    } else if (device != NULL && strcmp(device, "held") == 0) {
        call->next = fake->held;
        fake->held = call;
    } else if (device != NULL && strcmp(device, "later") == 0) {
        if (event_base_once(fake->base, -1, EV_TIMEOUT, later, call, &delay) != 0)
            fail("event_base_once");
    } else {
        call_answer(call);
    }
}

static bool served(void *arg, const struct served *served)
{
    (void)arg;
    printf("served %s %s %lld %s %lld\n", served->device_id, served->upgrade_id, (long long)served->attempt,
           served->whole ? "whole" : "part", (long long)served->progress_pct);
    fflush(stdout);
    return true;
}

/* The devices' listener with TLS; value: a file with certificate and key. */
static void tls_set(struct http_config *config, const char *value)
{
    config->tls[HTTP_DEVICES] = (struct http_tls_settings){.name = "http", .certificate = value, .key = "", .client_ca = "", .client_crl = ""};
}

static void limit_set(struct http_config *config, char *argument)
{
    struct http_limits *limits = &config->limits;
    const struct {
        const char *name;
        int64_t *number;      /* either this ... */
        unsigned *count;      /* ... or this */
    } rows[] = {
        {"request_ms", &limits->request_ms, NULL}, {"handshake_ms", &limits->handshake_ms, NULL}, {"idle_ms", &limits->idle_ms, NULL},
        {"reply_ms", &limits->reply_ms, NULL}, {"call_ms", &limits->call_ms, NULL}, {"calls", NULL, &limits->calls},
        {"devices", NULL, &limits->device_connections}, {"operators", NULL, &limits->operator_connections},
        {"package_bytes", &limits->package_bytes, NULL}, {"threads", NULL, &config->threads}, {"downloads", NULL, &limits->downloads},
        {"device_downloads", NULL, &limits->device_downloads}, {"requests_s", &limits->requests_s, NULL},
        {"address_requests_s", &limits->address_requests_s, NULL}, {"address_connections", NULL, &limits->address_connections},
        {"reader_bytes_s", &limits->reader_bytes_s, NULL}, {"bytes_s", &limits->bytes_s, NULL},
        {"connection_bytes_s", &limits->connection_bytes_s, NULL}, {"upload_bytes_s", &limits->upload_bytes_s, NULL},
    };
    char *value = strchr(argument, '=');
    if (value == NULL)
        fail("limit=value");
    *value++ = '\0';
    if (strcmp(argument, "tls") == 0) {
        tls_set(config, value);
        return;
    }
    if (strcmp(argument, "shared") == 0) {
        limits->shared_addresses = value;
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, argument) != 0)
            continue;
        if (rows[i].count != NULL)
            *rows[i].count = (unsigned)atoll(value);
        else
            *rows[i].number = atoll(value);
        return;
    }
    fail("no such limit");
}

static void stdin_came(evutil_socket_t fd, short what, void *arg)
{
    char bytes[64];
    struct fake *fake = arg;
    (void)what;
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0 && bytes[0] == 'd')
        http_server_drain(fake->server);
    else if (got <= 0)
        event_base_loopbreak(fake->base);
}

int main(int argc, char **argv)
{
    struct fake fake = {.base = event_base_new()};
    struct problem problem;
    if (argc < 2 || fake.base == NULL)
        fail("DATA_DIR [limit=value]...");
    log_configure(LOG_ERROR, LOG_LOGFMT, "");
    struct http_config config = {.listen = {"127.0.0.1:0", "127.0.0.1:0"}, .threads = 2, .data_dir = argv[1], .token = "secret-token",
                                 .call = called, .served = served, .arg = &fake};
    for (int i = 2; i < argc; i++)
        limit_set(&config, argv[i]);
    if (http_server_start(&config, fake.base, &fake.server, &problem) != DROVER_OK)
        fail(problem.what);
    struct event *input = event_new(fake.base, STDIN_FILENO, EV_READ | EV_PERSIST, stdin_came, &fake);
    if (input == NULL || event_add(input, NULL) != 0)
        fail("stdin");
    printf("ports %u %u\n", http_server_port(fake.server, HTTP_DEVICES), http_server_port(fake.server, HTTP_OPERATORS));
    fflush(stdout);
    event_base_dispatch(fake.base);
    http_server_stop(fake.server);
    struct http_call *next;
    for (struct http_call *call = fake.held; call != NULL; call = next) {
        next = call->next;
        call_answer(call);
    }
    http_server_free(fake.server);
    event_free(input);
    event_base_free(fake.base);
    return 0;
}
