/* The life of a connection, top to bottom in the order it happens: closed -> connecting -> greeting (CONNECT is out) -> up,
 * and from any loss into waiting, from where the timer connects again. One timer serves every wait; the state says which. */
#include "sim/mqtt_client_inside.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/hash.h"
#include "sim/tls.h"

#define CLOSE_TIMEOUT_MS 2000

static void connect_now(struct mqtt_client *client);
static void stream_changed(struct bufferevent *stream, short what, void *arg);
static void stream_written(struct bufferevent *stream, void *arg);
static void timer_fired(evutil_socket_t fd, short what, void *arg);

struct mqtt_client *mqtt_client_new(const struct mqtt_config *config, const char *client_id, const char *will_topic,
                                    struct mqtt_view will_payload, void *arg)
{
    struct mqtt_client *client = calloc(1, sizeof *client);

    if (!client)
        return NULL;
    client->config = config;
    client->arg = arg;
    client->client_id = strdup(client_id);
    client->will_topic = will_topic ? strdup(will_topic) : NULL;
    client->will_payload = will_payload;
    client->timer = evtimer_new(config->base, timer_fired, client);
    if (!client->client_id || (will_topic && !client->will_topic) || !client->timer) {
        mqtt_client_free(client);
        return NULL;
    }
    return client;
}

static void stream_drop(struct mqtt_client *client)
{
    if (client->stream)
        bufferevent_free(client->stream);
    client->stream = NULL;
}

void mqtt_client_free(struct mqtt_client *client)
{
    if (!client)
        return;
    if (client->state == CLIENT_UP)
        client->config->totals->up--;
    stream_drop(client);
    if (client->timer)
        event_free(client->timer);
    free(client->will_topic);
    free(client->client_id);
    free(client);
}

static void timer_set(struct mqtt_client *client, int64_t wait_ms)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)event_add(client->timer, &wait);
}

void mqtt_client_lose(struct mqtt_client *client, const char *why)
{
    const struct mqtt_config *config = client->config;
    bool was_up = client->state == CLIENT_UP;

    stream_drop(client);
    client->state = CLIENT_WAITING;
    timer_set(client, backoff_full_jitter_ms(config->backoff_base_ms, config->backoff_cap_ms, client->failures, clock_random()));
    client->failures++;
    config->totals->losses++;
    if (was_up) {
        config->totals->up--;
        config->handler->lost(client->arg, why);
    }
}

void mqtt_client_connect(struct mqtt_client *client)
{
    if (client->state != CLIENT_CLOSED && client->state != CLIENT_CLOSING)
        return;
    stream_drop(client);
    client->failures = 0;
    connect_now(client);
}

/* A handshake begins as soon as the socket is connected, and only then BEV_EVENT_CONNECTED comes. Callbacks are put off: some of them free the stream,
 * which libevent's own code for TLS would touch once more. */
static struct bufferevent *stream_new(struct mqtt_client *client, int fd)
{
    const struct mqtt_config *config = client->config;
    struct bufferevent *stream;
    SSL *session;

    if (!config->address.tls)
        return bufferevent_socket_new(config->base, fd, BEV_OPT_CLOSE_ON_FREE);
    session = tls_session(config->tls, client->client_id, config->address.host);
    stream = session ? bufferevent_openssl_socket_new(config->base, fd, session, BUFFEREVENT_SSL_CONNECTING,
                                                      BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
                     : NULL;
    if (stream)
        bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    return stream; /* when there is none, libevent has freed the session */
}

static void connect_now(struct mqtt_client *client)
{
    const struct mqtt_config *config = client->config;
    int fd = mqtt_address_socket(&config->address, hash_text(client->client_id, 0));

    client->state = CLIENT_CONNECTING;
    timer_set(client, config->connect_timeout_ms);
    client->stream = fd >= 0 ? stream_new(client, fd) : NULL;
    if (!client->stream) {
        if (fd >= 0)
            (void)evutil_closesocket(fd);
        mqtt_client_lose(client, fd < 0 ? "no socket" : "no certificate");
        return;
    }
    bufferevent_setcb(client->stream, mqtt_client_readable, stream_written, stream_changed, client);
    if (bufferevent_socket_connect(client->stream, (const struct sockaddr *)&config->address.address, (int)config->address.length) != 0 &&
        client->state == CLIENT_CONNECTING)
        mqtt_client_lose(client, "cannot connect");
}

static void greet(struct mqtt_client *client)
{
    const struct mqtt_config *config = client->config;
    struct mqtt_connect connect = {
        .version = config->version,
        .client_id = client->client_id,
        .clean_start = !client->greeted_before,
        .keepalive_s = config->keepalive_s,
        .session_expiry_s = config->session_expiry_s,
        .username = config->username,
        .password = config->password,
        .will_topic = client->will_topic,
        .will_payload = client->will_payload,
    };
    struct buffer packet;
    int on = 1;

    if (config->address.address.ss_family != AF_UNIX)
        (void)setsockopt(bufferevent_getfd(client->stream), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    buffer_init(&packet, config->packet_max);
    mqtt_connect_write(&connect, &packet);
    if (packet.failed || bufferevent_write(client->stream, packet.bytes, packet.length) != 0)
        mqtt_client_lose(client, "CONNECT does not fit");
    else
        client->state = CLIENT_GREETING;
    buffer_done(&packet);
    if (client->state == CLIENT_GREETING)
        (void)bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

static void stream_changed(struct bufferevent *stream, short what, void *arg)
{
    struct mqtt_client *client = arg;

    (void)stream;
    if (client->state == CLIENT_CLOSING) {
        stream_drop(client);
        (void)event_del(client->timer);
        client->state = CLIENT_CLOSED;
    } else if (what & BEV_EVENT_CONNECTED) {
        greet(client);
    } else if (what & BEV_EVENT_EOF) {
        mqtt_client_lose(client, "the broker closed the connection");
    } else {
        mqtt_client_lose(client, client->state == CLIENT_CONNECTING ? "cannot connect" : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    }
}

/* A third of the interval is how often the broker's silence is looked at. */
void mqtt_client_keepalive(struct mqtt_client *client)
{
    client->pinged = false;
    if (client->keepalive_s > 0)
        timer_set(client, client->keepalive_s * INT64_C(1000) / 3 + 1);
    else
        (void)event_del(client->timer);
}

static void keepalive_check(struct mqtt_client *client)
{
    int64_t silent_ms = clock_mono_ms() - client->heard_ms, half_ms = client->keepalive_s * INT64_C(500);
    struct buffer packet;

    if (silent_ms >= client->keepalive_s * INT64_C(1500)) {
        mqtt_client_lose(client, "the broker is silent");
        return;
    }
    timer_set(client, client->keepalive_s * INT64_C(1000) / 3 + 1);
    if (client->pinged || (silent_ms < half_ms && clock_mono_ms() - client->sent_ms < half_ms))
        return;
    buffer_init(&packet, 0);
    mqtt_pingreq_write(&packet);
    if (!packet.failed)
        mqtt_client_send(client, packet.bytes, packet.length);
    buffer_done(&packet);
    client->pinged = true;
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct mqtt_client *client = arg;

    (void)fd;
    (void)what;
    switch (client->state) {
    case CLIENT_CONNECTING:
    case CLIENT_GREETING:
        mqtt_client_lose(client, "no answer in time");
        break;
    case CLIENT_UP:
        keepalive_check(client);
        break;
    case CLIENT_WAITING:
        connect_now(client);
        break;
    case CLIENT_CLOSING:
        stream_drop(client);
        client->state = CLIENT_CLOSED;
        break;
    case CLIENT_CLOSED:
        break;
    }
}

void mqtt_client_close(struct mqtt_client *client, enum mqtt_close how)
{
    bool was_up = client->state == CLIENT_UP;
    struct buffer packet;

    if (client->state == CLIENT_CLOSED || client->state == CLIENT_CLOSING)
        return;
    if (was_up)
        client->config->totals->up--;
    if (!was_up || how == MQTT_CLOSE_VANISH) {
        stream_drop(client);
        (void)event_del(client->timer);
        client->state = CLIENT_CLOSED;
        return;
    }
    buffer_init(&packet, 0);
    mqtt_disconnect_write(client->config->version, true, &packet);
    if (!packet.failed)
        mqtt_client_send(client, packet.bytes, packet.length);
    buffer_done(&packet);
    client->state = CLIENT_CLOSING;
    timer_set(client, CLOSE_TIMEOUT_MS);
}

/* All that was given to it is with the kernel: the end of a polite close. */
static void stream_written(struct bufferevent *stream, void *arg)
{
    struct mqtt_client *client = arg;

    (void)stream;
    if (client->state != CLIENT_CLOSING)
        return;
    stream_drop(client);
    (void)event_del(client->timer);
    client->state = CLIENT_CLOSED;
}

bool mqtt_client_is_up(const struct mqtt_client *client)
{
    return client->state == CLIENT_UP;
}

bool mqtt_client_is_closed(const struct mqtt_client *client)
{
    return client->state == CLIENT_CLOSED;
}

void mqtt_client_send(struct mqtt_client *client, const void *bytes, size_t length)
{
    if (client->state != CLIENT_UP)
        return;
    client->config->totals->bytes_out += length;
    client->sent_ms = clock_mono_ms();
    if (bufferevent_write(client->stream, bytes, length) != 0)
        mqtt_client_lose(client, "out of memory");
}

size_t mqtt_client_unsent(const struct mqtt_client *client)
{
    return client->stream ? evbuffer_get_length(bufferevent_get_output(client->stream)) : 0;
}
