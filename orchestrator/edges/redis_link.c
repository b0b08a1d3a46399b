/* Requests and answers of the Redis link. Connections are made in redis_connect.c. */
#include "orchestrator/edges/redis_link.h"

#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/redis_args.h"
#include "orchestrator/edges/redis_errors.h"
#include "orchestrator/edges/redis_link_state.h"

#define TICK_MS 100                    /* how late a deadline may be noticed */

static void ticked(evutil_socket_t fd, short what, void *arg);
static void retried(evutil_socket_t fd, short what, void *arg);
static void delivered(evutil_socket_t fd, short what, void *arg);

static size_t or_default(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static char *copy_text(const char *text)
{
    return text && text[0] ? must_copy(text, strlen(text) + 1) : NULL;
}

enum drover_error redis_link_new(const struct redis_link_config *config, struct redis_link **ret_link, struct problem *ret_problem)
{
    struct redis_url url;
    enum drover_error error = redis_url_read(config->url, &url, ret_problem);
    if (error)
        return error;
    if (config->timeout_ms < 0 || config->backoff_base_ms < 0 || config->backoff_cap_ms < 0)
        return problem_set(ret_problem, DROVER_RANGE, "redis.timeout_ms", "must not be negative");
    struct redis_link *link = must_calloc(1, sizeof *link);
    *link = (struct redis_link){
        .base = config->base,
        .url = url,
        .username = copy_text(config->username),
        .password = copy_text(config->password),
        .timeout_us = (int64_t)or_default((size_t)config->timeout_ms, 5000) * 1000,
        .requests_max = or_default(config->requests_max, 4096),
        .bytes_max = or_default(config->bytes_max, 64u << 20),
        .backoff_base_ms = (int64_t)or_default((size_t)config->backoff_base_ms, 100),
        .backoff_cap_ms = (int64_t)or_default((size_t)config->backoff_cap_ms, 5000),
        .changed = config->changed,
        .arg = config->arg,
        .why = "not connected yet",
    };
    redis_queue_init(&link->sent);
    redis_queue_init(&link->ended);
    link_reader_renew(link);
    link->tick = event_new(config->base, -1, EV_PERSIST, ticked, link);
    link->retry = evtimer_new(config->base, retried, link);
    link->deliver = evtimer_new(config->base, delivered, link);
    if (!link->tick || !link->retry || !link->deliver)
        abort();   /* must_alloc.h */
    *ret_link = link;
    return DROVER_OK;
}

void redis_link_start(struct redis_link *link)
{
    link_connect(link);
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    link_close(link);
    event_del(link->retry);
    while (link->ended.first)
        delivered(-1, 0, link);
    if (link->evdns)
        evdns_base_free(link->evdns, 0);
    event_free(link->tick);
    event_free(link->retry);
    event_free(link->deliver);
    redisReaderFree(link->reader);
    redis_arena_done(&link->arena);
    free(link->username);
    if (link->password)
        explicit_bzero(link->password, strlen(link->password));
    free(link->password);
    free(link);
}

bool redis_link_is_ready(const struct redis_link *link)
{
    return link->state == LINK_READY;
}

struct event_base *redis_link_base(const struct redis_link *link)
{
    return link->base;
}

const char *redis_link_why(const struct redis_link *link)
{
    return link->state == LINK_READY ? "" : link->why;
}

size_t redis_link_outstanding(const struct redis_link *link)
{
    return link->sent.count + link->ended.count;
}

struct redis_link_counters redis_link_counters(struct redis_link *link, bool reset_max)
{
    struct redis_link_counters counters = link->counters;
    if (reset_max)
        link->counters.max_us = 0;
    return counters;
}

/* --- 1 a request --- */

void redis_link_call(struct redis_link *link, int argc, const char *const *argv, const size_t *argvlen,
                     redis_replied *replied, void *arg, int64_t deadline_ms)
{
    struct redis_args args;
    size_t length;
    redis_args_init(&args);
    for (int i = 0; i < argc; i++)
        redis_args_add(&args, argv[i], argvlen ? argvlen[i] : strlen(argv[i]));
    const char *bytes = redis_args_finish(&args, &length);
    redis_link_send(link, bytes, bytes ? length : 0, replied, arg, deadline_ms);
    redis_args_done(&args);
}

void redis_link_send(struct redis_link *link, const char *bytes, size_t length, redis_replied *replied, void *arg, int64_t deadline_ms)
{
    redis_link_send_exec(link, bytes, length, 1, replied, arg, deadline_ms);
}

void redis_link_send_exec(struct redis_link *link, const char *bytes, size_t length, unsigned commands, redis_replied *replied, void *arg, int64_t deadline_ms)
{
    if (length == 0)
        link_refuse(link, DROVER_MEMORY, "the command does not fit into memory", replied, arg);
    else if (link->state != LINK_READY)
        link_refuse(link, DROVER_UNAVAILABLE, "not connected to Redis", replied, arg);
    else if (link->sent.count >= link->requests_max || link->sent.bytes + length > link->bytes_max)
        link_refuse(link, DROVER_FULL, "too many requests to Redis are outstanding", replied, arg);
    else
        link_write(link, bytes, length, commands, replied, arg, deadline_ms);
}

static struct redis_request *request_new(redis_replied *replied, void *arg)
{
    struct redis_request *request = must_alloc(sizeof *request);
    *request = (struct redis_request){.replied = replied, .arg = arg};
    return request;
}

void link_refuse(struct redis_link *link, enum drover_error error, const char *text, redis_replied *replied, void *arg)
{
    struct redis_request *request = request_new(replied, arg);
    request->error = error;
    request->text = text;
    redis_queue_push(&link->ended, request);
    link->counters.refused++;
    event_active(link->deliver, EV_TIMEOUT, 0);
}

void link_write(struct redis_link *link, const char *bytes, size_t length, unsigned commands, redis_replied *replied, void *arg, int64_t deadline_ms)
{
    struct redis_request *request = request_new(replied, arg);
    request->sent_us = clock_mono_us();
    request->deadline_us = deadline_ms > 0 ? request->sent_us + deadline_ms * 1000 : INT64_MAX;
    request->bytes = length;
    request->before = commands - 1;
    redis_queue_push(&link->sent, request);
    link->counters.commands++;
    link->counters.bytes_out += length;
    if (evbuffer_add(bufferevent_get_output(link->bufferevent), bytes, length))
        abort();   /* must_alloc.h: half a command may be in the buffer */
}

/* --- 2 its answer --- */

static enum drover_error refusal(struct redis_link *link, const char *text)
{
    enum drover_error error = redis_error_classify(text, &link->counters);
    if (error == DROVER_STORE && link->state == LINK_READY && strncmp(text, "NOSCRIPT", 8) != 0) {
        char excerpt[160];
        log_event(LOG_ERROR, "redis_refused", LOG_TEXT("why", text_excerpt(excerpt, sizeof excerpt, text, strlen(text))));
    }
    return error;
}

/* An answer inside its transaction, "QUEUED"; or the error for which EXEC will refuse it, without saying which. */
static void request_skip(struct redis_link *link, struct redis_request *request, const redisReply *reply)
{
    request->before--;
    if (reply->type == REDIS_REPLY_ERROR && !request->error)
        request->error = refusal(link, reply->str);
}

static void request_answer(struct redis_link *link, struct redis_request *request, const redisReply *reply)
{
    enum drover_error error = request->error;
    const char *text = "";
    if (reply->type == REDIS_REPLY_ERROR) {
        text = reply->str;
        if (!error)
            error = refusal(link, text);
    }
    link->counters.replies++;
    link->counters.last_us = clock_mono_us() - request->sent_us;
    if (link->counters.last_us > link->counters.max_us)
        link->counters.max_us = link->counters.last_us;
    if (request->replied)
        request->replied(request->arg, error, error ? NULL : reply, text);
    free(request);
}

/* Takes one whole answer out of the reader; false when there is none yet or the connection is gone. */
static bool answer_one(struct redis_link *link)
{
    void *reply = NULL;
    if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
        link_drop(link, link->reader->errstr);
        return false;
    }
    if (!reply)
        return false;
    if (link->sent.first && link->sent.first->before > 0) {
        request_skip(link, link->sent.first, reply);
        redis_reply_free(reply);
        return true;
    }
    struct redis_request *request = redis_queue_pop(&link->sent);
    if (request) {
        request_answer(link, request, reply);
    } else {   /* "max number of clients reached" comes unasked */
        const redisReply *unasked = reply;
        link_drop(link, unasked->type == REDIS_REPLY_ERROR ? unasked->str : "Redis sent an answer to nothing");
    }
    redis_reply_free(reply);
    return link->bufferevent;
}

void link_read(struct redis_link *link)
{
    while (link->bufferevent) {
        struct evbuffer *input = bufferevent_get_input(link->bufferevent);
        struct evbuffer_iovec chunk;
        if (evbuffer_peek(input, -1, NULL, &chunk, 1) < 1 || chunk.iov_len == 0)
            return;
        link->counters.bytes_in += chunk.iov_len;
        if (redisReaderFeed(link->reader, chunk.iov_base, chunk.iov_len) != REDIS_OK) {
            link_drop(link, "out of memory");
            return;
        }
        evbuffer_drain(input, chunk.iov_len);
        while (answer_one(link))
            ;
    }
}

/* --- 3 or its end without one --- */

static void delivered(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct redis_link *link = arg;
    /* only those that wait now: a callback may ask again and be refused again */
    for (size_t left = link->ended.count; left > 0; left--) {
        struct redis_request *request = redis_queue_pop(&link->ended);
        if (request->replied)
            request->replied(request->arg, request->error, NULL, request->text);
        free(request);
    }
}

/* Redis answers in order, so the oldest request tells how long it has been silent. */
static void ticked(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct redis_link *link = arg;
    int64_t now_us = clock_mono_us();
    const struct redis_request *oldest = link->sent.first;
    if (link->state != LINK_READY && now_us - link->connecting_us > link->timeout_us) {
        link_drop(link, link->state == LINK_CONNECTING ? "no connection in time" : "no answer to the handshake in time");
        return;
    }
    if (oldest && now_us - oldest->sent_us > link->timeout_us) {
        link->counters.watchdog++;
        link_drop(link, "Redis does not answer");
        return;
    }
    size_t expired = redis_queue_expire(&link->sent, &link->ended, now_us);
    link->counters.timeouts += expired;
    if (expired)
        event_active(link->deliver, EV_TIMEOUT, 0);
}

static void retried(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    link_connect(arg);
}
