/* See http_server.h: the threads, and the loop's end of the queue. */
#include "orchestrator/edges/http_server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/depot_hasher.h"
#include "orchestrator/edges/depot_places.h"
#include "orchestrator/edges/http_clients.h"
#include "orchestrator/edges/http_listen.h"
#include "orchestrator/edges/http_thread.h"

#define THREADS_MAX 16

struct http_server {
    struct http_shared shared;
    struct http_thread threads[THREADS_MAX];
    unsigned thread_count;
    unsigned ports[HTTP_LISTENER_COUNT];
    struct event *calls_event;
    void (*nonce)(void *arg, const struct nonce_claim *claim, nonce_taken *done, void *done_arg);
    void *nonce_arg;
    void (*call)(void *arg, struct http_call *call);
    void *arg;
};

/* --- the loop's end --- */

/* A signed request on its way to who answers it. */
struct proving {
    struct http_server *server;
    struct http_call *call;
};

static void call_dispatch(struct http_server *server, struct http_call *call)
{
    if (call->route->served_by == HTTP_LOOP)
        server->call(server->arg, call);
    else if (call->route->served_by == HTTP_THREAD)
        http_call_return(call);
    else if (!depot_hasher_push(server->shared.hasher, call))
        http_call_error(call, DROVER_FULL, "resume");
}

static void nonce_answered(void *arg, enum drover_error error)
{
    struct proving proving = *(struct proving *)arg;
    struct http_call *call = proving.call;
    free(arg);
    call->nonce_taken = error == DROVER_OK;
    if (error == DROVER_OK) {
        call_dispatch(proving.server, call);
        return;
    }
    http_metrics_refused(&proving.server->shared.metrics, error == DROVER_REFUSED ? REFUSED_REPLAY : REFUSED_NONCES);
    call->retry_after_s = error == DROVER_REFUSED ? 0 : 1 + (int)(clock_random() % 5);
    if (error == DROVER_REFUSED)
        http_call_problem(call, 409, "nonce", "was used before");
    else if (error == DROVER_FULL)
        http_call_problem(call, 429, "nonce", "too many signed requests of this subject at a time");
    else
        http_call_problem(call, 503, "nonce", "whether it is new cannot be said now");
}

static void call_prove(struct http_server *server, struct http_call *call)
{
    struct proving *proving = malloc(sizeof *proving);
    if (proving == NULL) {
        http_call_problem(call, 503, NULL, "out of memory");
        return;
    }
    *proving = (struct proving){server, call};
    server->nonce(server->nonce_arg, &call->who.nonce, nonce_answered, proving);
}

static void calls_came(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    struct http_call *next;
    (void)fd;
    (void)what;
    for (struct http_call *call = http_queue_take(&server->shared.to_loop); call != NULL; call = next) {
        next = call->next;
        if (call->who.has_nonce)
            call_prove(server, call);
        else
            server->call(server->arg, call);
    }
}

/* --- life --- */

static void limits_default(struct http_limits *limits)
{
#define DEFAULT(field, value) limits->field = limits->field != 0 ? limits->field : (value)
    DEFAULT(device_connections, 8192);
    DEFAULT(operator_connections, 128);
    DEFAULT(handshake_ms, 10000);
    DEFAULT(request_ms, 30000);
    DEFAULT(idle_ms, 60000);
    DEFAULT(reply_ms, 4 * 3600 * 1000ll);
    DEFAULT(call_ms, 2000);
    DEFAULT(calls, 1024);
    DEFAULT(header_bytes, 8192);
    DEFAULT(package_bytes, 2ll << 30);
    DEFAULT(downloads, 8192);
    DEFAULT(device_downloads, 16);
    DEFAULT(clients, 65536);
#undef DEFAULT
}

static enum drover_error parts_init(struct http_server *server, const struct http_config *config, struct event_base *loop,
                                    struct problem *ret_problem)
{
    struct http_shared *shared = &server->shared;
    (void)pthread_mutex_init(&shared->token_lock, NULL);
    shared->token = strdup(config->token != NULL ? config->token : "");
    enum drover_error error = depot_open(&shared->depot, config->data_dir, ret_problem);
    if (error != DROVER_OK)
        return error;
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT && error == DROVER_OK; i++)
        if (config->tls[i].certificate != NULL && config->tls[i].certificate[0] != '\0')
            error = http_tls_new(&config->tls[i], &shared->tls[i], ret_problem);
    if (error != DROVER_OK)
        return error;
    error = http_clients_new(&shared->limits, &shared->clients, ret_problem);
    if (error != DROVER_OK)
        return error;
    shared->places = depot_places_new(shared->limits.downloads, shared->limits.device_downloads);
    shared->uploads = depot_uploads_new(&shared->depot, shared->limits.package_bytes);
    error = depot_hasher_new(&shared->depot, &shared->metrics, &shared->hasher);
    server->calls_event = event_new(loop, shared->to_loop.event_fd, EV_READ | EV_PERSIST, calls_came, server);
    if (error != DROVER_OK || shared->token == NULL || shared->uploads == NULL || shared->places == NULL || server->calls_event == NULL ||
        event_add(server->calls_event, NULL) != 0)
        return problem_set(ret_problem, DROVER_MEMORY, "http", "out of memory");
    return DROVER_OK;
}

static enum drover_error threads_start(struct http_server *server, const struct http_config *config, struct problem *ret_problem)
{
    int fds[THREADS_MAX][HTTP_LISTENER_COUNT];
    enum drover_error error = http_listen_open(config->listen, config->threads, fds, server->ports, ret_problem);
    if (error != DROVER_OK)
        return error;
    for (unsigned i = 0; i < config->threads; i++) {
        error = http_thread_init(&server->threads[i], &server->shared, (const int *)fds[i]);
        if (error != DROVER_OK) {
            http_listen_close(fds + i + 1, config->threads - i - 1);
            return problem_set(ret_problem, error, "http.threads", "cannot make thread %u", i);
        }
        server->thread_count = i + 1;
    }
    if (depot_hasher_run(server->shared.hasher) != DROVER_OK)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, "http", "cannot start the thread that hashes");
    for (unsigned i = 0; i < config->threads; i++)
        if (http_thread_run(&server->threads[i]) != DROVER_OK)
            return problem_set(ret_problem, DROVER_UNAVAILABLE, "http.threads", "cannot start thread %u", i);
    return DROVER_OK;
}

enum drover_error http_server_start(const struct http_config *config, struct event_base *loop, struct http_server **ret_server,
                                    struct problem *ret_problem)
{
    if (config->threads < 1 || config->threads > THREADS_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "http.threads", "not 1 to %d", THREADS_MAX);
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return problem_set(ret_problem, DROVER_MEMORY, "http", "out of memory");
    server->call = config->call;
    server->shared.served = config->served;
    server->shared.served_arg = config->served_arg;
    server->arg = config->arg;
    server->nonce = config->nonce;
    server->nonce_arg = config->nonce_arg;
    server->shared.keys = config->keys;
    server->shared.auth = config->auth;
    server->shared.devices = config->devices;
    server->shared.limits = config->limits;
    server->shared.threads = config->threads;
    limits_default(&server->shared.limits);
    if (http_queue_init(&server->shared.to_loop, 2 * server->shared.limits.calls) != DROVER_OK) {
        free(server);
        return problem_set(ret_problem, DROVER_IO, "http", "eventfd: %s", strerror(errno));
    }
    enum drover_error error = parts_init(server, config, loop, ret_problem);
    if (error == DROVER_OK)
        error = threads_start(server, config, ret_problem);
    if (error != DROVER_OK) {
        http_server_free(server);
        return error;
    }
    log_event(LOG_INFO, "http_listening", LOG_NUMBER("devices_port", server->ports[HTTP_DEVICES]),
              LOG_NUMBER("operators_port", server->ports[HTTP_OPERATORS]), LOG_NUMBER("threads", config->threads));
    *ret_server = server;
    return DROVER_OK;
}

unsigned http_server_port(const struct http_server *server, enum http_listener listener)
{
    return server->ports[listener];
}

unsigned http_server_open_calls(const struct http_server *server)
{
    return atomic_load(&server->shared.open_calls);
}

struct http_depot_load http_server_depot_load(const struct http_server *server)
{
    struct depot_places_state state = depot_places_state(server->shared.places, clock_mono_us());
    return (struct http_depot_load){state.places, state.used, state.replies, state.ahead_ms, atomic_load(&server->shared.metrics.taken_bytes)};
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->shared.draining, true);
    for (unsigned i = 0; i < server->thread_count; i++)
        http_thread_wake(&server->threads[i]);
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->shared.draining, true);
    atomic_store(&server->shared.stopping, true);
    for (unsigned i = 0; i < server->thread_count; i++)
        http_thread_wake(&server->threads[i]);
    for (unsigned i = 0; i < server->thread_count; i++)
        http_thread_join(&server->threads[i]);
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_stop(server);
    depot_hasher_free(server->shared.hasher);   /* before the queues that its answers go to */
    for (unsigned i = 0; i < server->thread_count; i++)
        http_thread_done(&server->threads[i]);
    if (server->calls_event != NULL)
        event_free(server->calls_event);
    http_queue_done(&server->shared.to_loop);
    depot_uploads_free(server->shared.uploads);
    depot_places_free(server->shared.places);
    http_clients_free(server->shared.clients);
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT; i++)
        http_tls_free(server->shared.tls[i]);
    free(server->shared.token);
    (void)pthread_mutex_destroy(&server->shared.token_lock);
    free(server);
}

bool http_server_set_token(struct http_server *server, const char *token)
{
    char *copy = strdup(token), *before;
    if (copy == NULL)
        return false;
    pthread_mutex_lock(&server->shared.token_lock);
    before = server->shared.token;
    server->shared.token = copy;
    pthread_mutex_unlock(&server->shared.token_lock);
    free(before);
    return true;
}

int http_server_depot_later(struct http_server *server)
{
    return depot_places_later(server->shared.places, clock_mono_us(), clock_random());
}

static void depot_metrics(const struct http_server *server, struct buffer *text)
{
    const struct http_depot_load load = http_server_depot_load(server);
    const struct {
        const char *name, *type, *help;
        double value;
    } rows[] = {
        {"places", "gauge", "Devices that may download at a time.", load.places},
        {"places_used", "gauge", "Those that do, or are between two ranges.", load.used},
        {"replies", "gauge", "Replies with packages that go out now.", load.replies},
        {"ahead_seconds", "gauge", "How far ahead those are told to come again for whom there is no place; 0: there is one.", (double)load.ahead_ms / 1000},
        {"taken_bytes_total", "counter", "Bytes of packages that peers have taken, as they go.", (double)load.taken_bytes},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buffer_add_format(text, "# HELP drover_depot_%s %s\n# TYPE drover_depot_%s %s\ndrover_depot_%s %.15g\n", rows[i].name, rows[i].help, rows[i].name,
                          rows[i].type, rows[i].name, rows[i].value);
}

void http_server_metrics(const struct http_server *server, struct buffer *text)
{
    http_metrics_print(&server->shared.metrics, text);
    depot_metrics(server, text);
    buffer_add_text(text, "# HELP drover_http_certificate_expires_seconds When the listener's certificate expires, unix.\n"
                          "# TYPE drover_http_certificate_expires_seconds gauge\n");
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT; i++)
        if (server->shared.tls[i] != NULL)
            buffer_add_format(text, "drover_http_certificate_expires_seconds{listener=\"%s\"} %lld\n", i == HTTP_DEVICES ? "devices" : "operators",
                              (long long)http_tls_expires_s(server->shared.tls[i]));
}

enum drover_error http_server_tls_read(const struct http_server *server, struct http_tls_fresh *ret_fresh, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;
    *ret_fresh = (struct http_tls_fresh){0};
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT && error == DROVER_OK; i++)
        if (server->shared.tls[i] != NULL)
            error = http_tls_read(server->shared.tls[i], &ret_fresh->contexts[i], ret_problem);
    if (error != DROVER_OK)
        http_server_tls_drop(ret_fresh);
    return error;
}

void http_server_tls_take(struct http_server *server, struct http_tls_fresh *fresh)
{
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT; i++)
        if (fresh->contexts[i] != NULL)
            http_tls_take(server->shared.tls[i], fresh->contexts[i]);
    *fresh = (struct http_tls_fresh){0};
}

void http_server_tls_drop(struct http_tls_fresh *fresh)
{
    for (unsigned i = 0; i < HTTP_LISTENER_COUNT; i++)
        http_tls_drop(fresh->contexts[i]);
    *fresh = (struct http_tls_fresh){0};
}
