/* Client and outbox against a broker inside the test, which drops connections, withholds acknowledgements and talks nonsense. */
#include "check.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "common/clock.h"
#include "sim/mqtt_client.h"
#include "sim/mqtt_outbox.h"

#define DEADLINE_MS 10000
#define PACKETS_MAX 64

/* What the broker got, and how it behaves. */
struct broker {
    struct event_base *base;
    struct evconnlistener *listener;
    struct bufferevent *stream;     /* the newest connection */
    bool session_present, acknowledges, mute;
    uint8_t receive_max;
    unsigned connects, closes;
    bool clean_start;               /* of the last CONNECT */
    struct {
        uint8_t flags;
        uint16_t id;
        char payload[16];
    } publishes[PACKETS_MAX];
    unsigned publish_count, subscribes, pubacks, disconnects;
};

struct fixture {
    struct broker broker;
    struct mqtt_config config;
    struct mqtt_totals totals;
    struct mqtt_outbox_totals outbox_totals;
    struct mqtt_client *client;
    struct mqtt_outbox outbox;
    unsigned ups, losts, messages, subscribed;
    char message[32];
};

static void broker_send(struct broker *broker, const void *bytes, size_t length)
{
    assert_non_null(broker->stream);
    assert_int_equal(bufferevent_write(broker->stream, bytes, length), 0);
}

static void broker_takes(struct broker *broker, const uint8_t *bytes, size_t header, size_t remaining)
{
    const uint8_t *body = bytes + header;

    if (bytes[0] >> 4 == MQTT_CONNECT && !broker->mute) {
        const uint8_t connack[] = {0x20, 6, broker->session_present, 0, 3, 0x21, 0, broker->receive_max};

        broker->connects++;
        broker->clean_start = body[7] & 2;
        broker_send(broker, connack, sizeof connack);
    } else if (bytes[0] >> 4 == MQTT_PUBLISH && broker->publish_count < PACKETS_MAX) {
        size_t topic = 2 + (size_t)body[1], id_at = topic, at = topic + 3;
        const uint8_t puback[] = {0x40, 2, body[id_at], body[id_at + 1]};

        broker->publishes[broker->publish_count].flags = bytes[0] & 0x0f;
        broker->publishes[broker->publish_count].id = (uint16_t)(body[id_at] << 8 | body[id_at + 1]);
        memcpy(broker->publishes[broker->publish_count].payload, body + at, remaining - at);
        broker->publish_count++;
        if (broker->acknowledges)
            broker_send(broker, puback, sizeof puback);
    } else if (bytes[0] >> 4 == MQTT_SUBSCRIBE) {
        const uint8_t suback[] = {0x90, 4, body[0], body[1], 0, 1};

        broker->subscribes++;
        broker_send(broker, suback, sizeof suback);
    }
    broker->pubacks += bytes[0] >> 4 == MQTT_PUBACK;
    broker->disconnects += bytes[0] >> 4 == MQTT_DISCONNECT;
}

/* Packets of this test are all shorter than 128 bytes: one length byte. */
static void broker_reads(struct bufferevent *stream, void *arg)
{
    struct evbuffer *input = bufferevent_get_input(stream);

    while (evbuffer_get_length(input) >= 2) {
        const uint8_t *bytes = evbuffer_pullup(input, -1);
        size_t length = 2 + (size_t)bytes[1];

        if (evbuffer_get_length(input) < length)
            break;
        broker_takes(arg, bytes, 2, bytes[1]);
        (void)evbuffer_drain(input, length);
    }
}

static void broker_hears(struct bufferevent *stream, short what, void *arg)
{
    struct broker *broker = arg;

    (void)what;
    broker->closes++;
    if (broker->stream == stream)
        broker->stream = NULL;
    bufferevent_free(stream);
}

static void broker_accepts(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length, void *arg)
{
    struct broker *broker = arg;

    (void)listener;
    (void)address;
    (void)length;
    broker->stream = bufferevent_socket_new(broker->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(broker->stream, broker_reads, NULL, broker_hears, broker);
    (void)bufferevent_enable(broker->stream, EV_READ | EV_WRITE);
}

static void broker_drops(struct broker *broker)
{
    bufferevent_free(broker->stream);
    broker->stream = NULL;
}

static void on_connected(void *arg, const struct mqtt_connack *connack)
{
    struct fixture *fixture = arg;

    fixture->ups++;
    mqtt_outbox_connected(&fixture->outbox, connack);
}

static void on_lost(void *arg, const char *why)
{
    struct fixture *fixture = arg;

    assert_non_null(why);
    fixture->losts++;
}

static void on_received(void *arg, const struct mqtt_publish *publish)
{
    struct fixture *fixture = arg;

    fixture->messages++;
    (void)snprintf(fixture->message, sizeof fixture->message, "%.*s", (int)publish->payload.length, (const char *)publish->payload.bytes);
}

static void on_acknowledged(void *arg, const struct mqtt_ack *ack)
{
    struct fixture *fixture = arg;

    mqtt_outbox_acknowledged(&fixture->outbox, ack);
}

static void on_subscribed(void *arg, const struct mqtt_ack *ack)
{
    struct fixture *fixture = arg;

    (void)ack;
    fixture->subscribed++;
}

static const struct mqtt_handler handler = {on_connected, on_lost, on_received, on_acknowledged, on_subscribed, NULL};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    fixture->broker = (struct broker){.acknowledges = true, .receive_max = 2};
    fixture->broker.base = event_base_new();
    fixture->broker.listener = evconnlistener_new_bind(fixture->broker.base, broker_accepts, &fixture->broker, LEV_OPT_CLOSE_ON_FREE, -1,
                                                       (struct sockaddr *)&address, sizeof address);
    assert_int_equal(getsockname(evconnlistener_get_fd(fixture->broker.listener), (struct sockaddr *)&address, &length), 0);
    fixture->config = (struct mqtt_config){
        .base = fixture->broker.base, .version = MQTT_5, .keepalive_s = 60, .session_expiry_s = 60, .connect_timeout_ms = 200,
        .backoff_base_ms = 5, .backoff_cap_ms = 20, .packet_max = 100, .handler = &handler, .totals = &fixture->totals,
    };
    memcpy(&fixture->config.address.address, &address, sizeof address);
    fixture->config.address.length = sizeof address;
    fixture->client = mqtt_client_new(&fixture->config, "d1", NULL, (struct mqtt_view){NULL, 0}, fixture);
    mqtt_outbox_init(&fixture->outbox, fixture->client, MQTT_5, 10, 20, &fixture->outbox_totals);
    mqtt_client_connect(fixture->client);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    mqtt_outbox_done(&fixture->outbox);
    mqtt_client_free(fixture->client);
    if (fixture->broker.stream)
        bufferevent_free(fixture->broker.stream);
    evconnlistener_free(fixture->broker.listener);
    event_base_free(fixture->broker.base);
    free(fixture);
    return 0;
}

/* Runs the loop until the condition holds; fails after DEADLINE_MS. */
#define UNTIL(fixture, condition)                                                                    \
    do {                                                                                             \
        int64_t deadline_ms_ = clock_mono_ms() + DEADLINE_MS;                                        \
        while (!(condition)) {                                                                       \
            struct timeval slice_ = {.tv_usec = 2000};                                               \
            if (clock_mono_ms() > deadline_ms_)                                                      \
                fail_msg("not in time: %s", #condition);                                             \
            (void)event_base_loopexit((fixture)->broker.base, &slice_);                              \
            (void)event_base_loop((fixture)->broker.base, EVLOOP_ONCE);                              \
        }                                                                                            \
    } while (0)

static void publish(struct fixture *fixture, const char *payload)
{
    assert_true(mqtt_outbox_publish(&fixture->outbox, "t", (struct mqtt_view){(const uint8_t *)payload, strlen(payload)}, 1, false));
}

static void the_window_of_the_broker_is_kept(void **state)
{
    struct fixture *fixture = *state;

    fixture->broker.acknowledges = false;
    UNTIL(fixture, fixture->ups == 1);
    assert_true(fixture->broker.clean_start);
    for (unsigned i = 0; i < 5; i++)
        publish(fixture, "m");
    UNTIL(fixture, fixture->broker.publish_count == 2);
    assert_int_equal(fixture->outbox.in_flight, 2);
    assert_int_equal(fixture->outbox.count, 5);
    fixture->broker.acknowledges = true;
    broker_send(&fixture->broker, (const uint8_t[]){0x40, 2, 0, 1}, 4);
    broker_send(&fixture->broker, (const uint8_t[]){0x40, 2, 0, 1}, 4); /* twice: nothing more follows from it */
    UNTIL(fixture, fixture->broker.publish_count == 5);
    broker_send(&fixture->broker, (const uint8_t[]){0x40, 2, 0, 2}, 4);
    UNTIL(fixture, fixture->outbox.count == 0);
    assert_int_equal(fixture->outbox_totals.acked, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(fixture->broker.publishes[i].id, i + 1);
}

static void what_was_not_acknowledged_goes_again_in_order(void **state)
{
    struct fixture *fixture = *state;

    fixture->broker.acknowledges = false;
    UNTIL(fixture, fixture->ups == 1);
    publish(fixture, "a");
    publish(fixture, "b");
    publish(fixture, "c");
    UNTIL(fixture, fixture->broker.publish_count == 2);
    broker_drops(&fixture->broker);
    UNTIL(fixture, fixture->losts == 1);
    publish(fixture, "d");
    fixture->broker.session_present = true;
    fixture->broker.acknowledges = true;
    UNTIL(fixture, fixture->outbox.count == 0);
    assert_false(fixture->broker.clean_start);
    assert_int_equal(fixture->broker.publish_count, 6);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fixture->broker.publishes[2 + i].payload[0], 'a' + (int)i);
        assert_int_equal(fixture->broker.publishes[2 + i].flags & 8, i < 2 ? 8 : 0);
    }
    assert_int_equal(fixture->broker.publishes[2].id, fixture->broker.publishes[0].id);
    assert_int_equal(fixture->outbox_totals.resent, 2);
}

static void a_new_session_gets_no_repetitions(void **state)
{
    struct fixture *fixture = *state;

    fixture->broker.acknowledges = false;
    UNTIL(fixture, fixture->ups == 1);
    publish(fixture, "a");
    UNTIL(fixture, fixture->broker.publish_count == 1);
    broker_drops(&fixture->broker);
    fixture->broker.acknowledges = true;
    UNTIL(fixture, fixture->outbox.count == 0);
    assert_int_equal(fixture->broker.publishes[1].flags & 8, 0);
}

static void the_outbox_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    char longer[128] = "";

    for (unsigned i = 0; i < 20; i++)
        publish(fixture, "m");
    assert_false(mqtt_outbox_publish(&fixture->outbox, "t", (struct mqtt_view){(const uint8_t *)"m", 1}, 1, false));
    assert_int_equal(fixture->outbox_totals.dropped_full, 1);
    assert_false(mqtt_outbox_publish(&fixture->outbox, "t", (struct mqtt_view){(const uint8_t *)"m", 1}, 0, false));
    assert_int_equal(fixture->outbox_totals.dropped_down, 1);
    fixture->outbox.packet_max = 100;
    assert_false(mqtt_outbox_publish(&fixture->outbox, "t", (struct mqtt_view){(const uint8_t *)longer, sizeof longer}, 0, false));
    assert_int_equal(fixture->outbox_totals.dropped_long, 1);
    UNTIL(fixture, fixture->outbox.count == 0);
}

static void messages_are_told_and_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    const char *filters[] = {"t"};

    UNTIL(fixture, fixture->ups == 1);
    mqtt_outbox_subscribe(&fixture->outbox, filters, 1);
    UNTIL(fixture, fixture->subscribed == 1);
    broker_send(&fixture->broker, (const uint8_t[]){0x32, 8, 0, 1, 't', 0, 9, 0, 'h', 'i'}, 10);
    broker_send(&fixture->broker, (const uint8_t[]){0x30, 6, 0, 1, 't', 0, 'y', 'o'}, 8);
    UNTIL(fixture, fixture->messages == 2 && fixture->broker.pubacks == 1);
    assert_string_equal(fixture->message, "yo");
}

static void nonsense_ends_the_connection_not_the_client(void **state)
{
    static const uint8_t rows[][8] = {
        {0x10, 0},                               /* CONNECT from a broker */
        {0x30, 0xff, 0xff, 0x7f},                /* longer than it takes */
        {0x34, 6, 0, 1, 't', 0, 1, 0},           /* QoS 2 */
        {0x20, 3, 0, 0, 0},                      /* a second CONNACK */
        {0xd0, 1, 0},                            /* PINGRESP with a body */
        {0xe0, 1, 0x8e},                         /* DISCONNECT: session taken over */
    };
    static const size_t lengths[] = {2, 4, 8, 5, 3, 3};
    struct fixture *fixture = *state;

    UNTIL(fixture, fixture->ups == 1);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        broker_send(&fixture->broker, rows[i], lengths[i]);
        UNTIL(fixture, fixture->losts == i + 1 && fixture->ups == i + 2);
    }
    assert_int_equal(fixture->totals.malformed, COUNT_OF(rows) - 1);
}

static void a_mute_broker_is_left_and_tried_again(void **state)
{
    struct fixture *fixture = *state;

    fixture->broker.mute = true;
    UNTIL(fixture, fixture->totals.losses == 2);
    assert_int_equal(fixture->ups, 0);
    fixture->broker.mute = false;
    UNTIL(fixture, fixture->ups == 1);
    assert_int_equal(fixture->losts, 0);
    assert_int_equal(fixture->totals.up, 1);
}

static void it_vanishes_or_says_goodbye(void **state)
{
    struct fixture *fixture = *state;

    UNTIL(fixture, fixture->ups == 1);
    mqtt_client_close(fixture->client, MQTT_CLOSE_VANISH);
    UNTIL(fixture, fixture->broker.closes == 1);
    assert_int_equal(fixture->broker.disconnects, 0);
    mqtt_client_connect(fixture->client);
    UNTIL(fixture, fixture->ups == 2);
    mqtt_client_close(fixture->client, MQTT_CLOSE_FORGET);
    UNTIL(fixture, fixture->broker.disconnects == 1 && mqtt_client_is_closed(fixture->client));
    assert_int_equal(fixture->losts, 0);
    assert_int_equal(fixture->totals.up, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_of_the_broker_is_kept),
        TEST(what_was_not_acknowledged_goes_again_in_order),
        TEST(a_new_session_gets_no_repetitions),
        TEST(the_outbox_is_bounded),
        TEST(messages_are_told_and_acknowledged),
        TEST(nonsense_ends_the_connection_not_the_client),
        TEST(a_mute_broker_is_left_and_tried_again),
        TEST(it_vanishes_or_says_goodbye),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
