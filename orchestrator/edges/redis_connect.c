/* How the Redis link comes and goes: connect, log in, look at the schema, load the scripts, lose it all, wait, again. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_args.h"
#include "orchestrator/edges/redis_link_state.h"
#include "orchestrator/edges/redis_scripts.h"

#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)
#define READ_STEP_BYTES (256u << 10)
#define READER_IDLE_BYTES (1u << 20)   /* memory the reader keeps between answers */

static void connection_event(struct bufferevent *bufferevent, short what, void *arg);
static void connection_readable(struct bufferevent *bufferevent, void *arg);
static void logged_in(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void schema_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void schema_written(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void script_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- 1 connect --- */

static int start_connecting(struct redis_link *link)
{
    if (link->url.is_unix) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)text_copy(address.sun_path, sizeof address.sun_path, link->url.path);
        return bufferevent_socket_connect(link->bufferevent, (struct sockaddr *)&address, sizeof address);
    }
    if (!link->evdns)
        link->evdns = evdns_base_new(link->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    return bufferevent_socket_connect_hostname(link->bufferevent, link->evdns, AF_UNSPEC, link->url.host, link->url.port);
}

void link_connect(struct redis_link *link)
{
    static const struct timeval tick = {.tv_usec = 100 * 1000};
    link->state = LINK_CONNECTING;
    link->connecting_us = clock_mono_us();
    link->bufferevent = bufferevent_socket_new(link->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!link->bufferevent) {
        link_drop(link, "out of memory");
        return;
    }
    bufferevent_setcb(link->bufferevent, connection_readable, NULL, connection_event, link);
    bufferevent_set_max_single_read(link->bufferevent, READ_STEP_BYTES);
    bufferevent_set_max_single_write(link->bufferevent, READ_STEP_BYTES);
    event_add(link->tick, &tick);
    if (start_connecting(link) && link->bufferevent && link->state == LINK_CONNECTING)
        link_drop(link, strerror(errno));
}

/* Without keepalive a dead peer of an idle TCP connection is never noticed. A Unix socket knows neither option. */
static void tune_tcp(int fd)
{
    int on = 1, idle_s = 15, interval_s = 5, count = 3;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* --- 2 the handshake --- */

static void say(struct redis_link *link, int argc, const char *const *argv, redis_replied *replied)
{
    struct redis_args args;
    size_t length;
    redis_args_init(&args);
    for (int i = 0; i < argc; i++)
        redis_args_add_text(&args, argv[i]);
    const char *bytes = redis_args_finish(&args, &length);
    if (bytes)
        link_write(link, bytes, length, 1, replied, link, 0);
    else
        link_drop(link, "out of memory");
    redis_args_done(&args);
}

static void begin_handshake(struct redis_link *link)
{
    link->state = LINK_HANDSHAKE;
    bufferevent_enable(link->bufferevent, EV_READ | EV_WRITE);
    if (!link->url.is_unix)
        tune_tcp(bufferevent_getfd(link->bufferevent));
    if (link->password && link->username)
        say(link, 3, (const char *[]){"AUTH", link->username, link->password}, logged_in);
    else if (link->password)
        say(link, 2, (const char *[]){"AUTH", link->password}, logged_in);
    if (link->url.database) {
        char database[12];
        snprintf(database, sizeof database, "%d", link->url.database);
        say(link, 2, (const char *[]){"SELECT", database}, logged_in);
    }
    say(link, 3, (const char *[]){"HGET", KEY_SCHEMA, "version"}, schema_read);
}

static void logged_in(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)reply;
    if (error)
        link_drop(arg, text);
}

static void load_scripts(struct redis_link *link)
{
    link->handshake_left = REDIS_SCRIPT_COUNT;
    for (enum redis_script script = 0; script < REDIS_SCRIPT_COUNT; script++)
        say(link, 3, (const char *[]){"SCRIPT", "LOAD", redis_script_texts[script].text}, script_loaded);
}

static void schema_read(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct redis_link *link = arg;
    int64_t version = 0;
    if (error) {
        link_drop(link, text);
    } else if (reply->type == REDIS_REPLY_NIL) {
        say(link, 4, (const char *[]){"HSETNX", KEY_SCHEMA, "version", TEXT_OF(KEY_SCHEMA_VERSION)}, schema_written);
    } else if (reply->type == REDIS_REPLY_STRING && text_to_i64(reply->str, reply->len, 0, INT32_MAX, &version) &&
               version == KEY_SCHEMA_VERSION) {
        load_scripts(link);
    } else {
        char why[120];
        snprintf(why, sizeof why, "%s has version %lld, this droverd works with %d only", KEY_SCHEMA, (long long)version, KEY_SCHEMA_VERSION);
        link_drop(link, why);
    }
}

static void schema_written(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)reply;
    if (error)
        link_drop(arg, text);
    else
        load_scripts(arg);
}

static void script_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)reply;
    struct redis_link *link = arg;
    if (error) {
        link_drop(link, text);
        return;
    }
    if (--link->handshake_left > 0)
        return;
    link->state = LINK_READY;
    link->failures = 0;
    link->why[0] = '\0';
    link->counters.connects++;
    log_event(LOG_INFO, "redis_ready", LOG_NUMBER("connects", link->counters.connects));
    if (link->changed)
        link->changed(link->arg, true, "");
}

/* --- 3 the connection speaks or ends --- */

static void connection_readable(struct bufferevent *bufferevent, void *arg)
{
    (void)bufferevent;
    link_read(arg);
}

static void connection_event(struct bufferevent *bufferevent, short what, void *arg)
{
    struct redis_link *link = arg;
    int error = EVUTIL_SOCKET_ERROR();
    if (what & BEV_EVENT_CONNECTED) {
        begin_handshake(link);
        return;
    }
    if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    link_read(link);                 /* what it said before it went: "max number of clients reached" */
    if (link->bufferevent != bufferevent)
        return;
    int dns = bufferevent_socket_get_dns_error(bufferevent);
    if (dns)
        link_drop(link, evutil_gai_strerror(dns));
    else
        link_drop(link, what & BEV_EVENT_EOF ? "Redis closed the connection" : evutil_socket_error_to_string(error));
}

/* --- 4 lost: everything ends, and again from 1 --- */

void link_close(struct redis_link *link)
{
    if (link->state != LINK_READY)
        redis_queue_discard(&link->sent);   /* only the handshake's own */
    redis_queue_end_all(&link->sent, &link->ended, DROVER_UNAVAILABLE, "the connection to Redis was lost");
    if (link->bufferevent)
        bufferevent_free(link->bufferevent);
    link->bufferevent = NULL;
    link->state = LINK_WAITING;
    event_del(link->tick);
}

void link_reader_renew(struct redis_link *link)
{
    if (link->reader)
        redisReaderFree(link->reader);
    link->reader = redisReaderCreate();
    if (!link->reader)
        abort();   /* must_alloc.h */
    link->reader->maxbuf = READER_IDLE_BYTES;
    redis_arena_serve(&link->arena, link->reader);
}

void link_drop(struct redis_link *link, const char *why)
{
    bool was_ready = link->state == LINK_READY;
    bool told = strcmp(why, link->why) == 0;
    snprintf(link->why, sizeof link->why, "%s", why);   /* why may live in the reader */
    link_close(link);
    link_reader_renew(link);
    event_active(link->deliver, EV_TIMEOUT, 0);

    int64_t wait_ms = backoff_full_jitter_ms(link->backoff_base_ms, link->backoff_cap_ms, link->failures++, clock_random());
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_add(link->retry, &wait);
    if (was_ready)
        link->counters.losses++;
    else
        link->counters.connect_failures++;
    if (!was_ready && told)
        return;
    log_event(LOG_WARN, "redis_lost", LOG_TEXT("why", link->why), LOG_NUMBER("wait_ms", wait_ms));
    if (link->changed)
        link->changed(link->arg, false, link->why);
}
