/* The outbox and the speaker, with a send function that only remembers: window, order of the lanes, age, connection. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "orchestrator/edges/outbox.h"
#include "orchestrator/edges/speaker.h"
#include "proto/heartbeat.h"

#define SENT_MAX 4096

struct sent {
    char topic[192];
    char payload[1024];
    enum outbox_lane lane;
    int qos;
    bool retain;
    uint64_t ticket;
};

struct fixture {
    struct outbox *outbox;
    enum outbox_sent answer;
    struct sent sent[SENT_MAX];
    _Atomic size_t count;
    size_t inflight_max, inflight;   /* only the confirming thread of test_two_threads counts down */
    pthread_mutex_t lock;
};

static enum outbox_sent remember(void *arg, const struct outbox_message *message, uint64_t ticket)
{
    struct fixture *fixture = arg;
    struct sent *sent = &fixture->sent[fixture->count % SENT_MAX];

    if (fixture->answer != OUTBOX_SENT)
        return fixture->answer;
    snprintf(sent->topic, sizeof sent->topic, "%s", message->topic);
    snprintf(sent->payload, sizeof sent->payload, "%.*s", (int)message->payload_length, message->payload_length ? message->payload : "");
    sent->lane = message->lane;
    sent->qos = message->qos;
    sent->retain = message->retain;
    sent->ticket = ticket;
    pthread_mutex_lock(&fixture->lock);
    fixture->inflight += message->qos > 0;
    if (fixture->inflight > fixture->inflight_max)
        fixture->inflight_max = fixture->inflight;
    pthread_mutex_unlock(&fixture->lock);
    fixture->count++;
    return OUTBOX_SENT;
}

static struct fixture *fixture_new(struct outbox_config config)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    config.send = remember;
    config.send_arg = fixture;
    fixture->answer = OUTBOX_SENT;
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->outbox = outbox_new(&config);
    assert_non_null(fixture->outbox);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    outbox_free(fixture->outbox);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

static enum drover_error put(struct fixture *fixture, enum outbox_lane lane, const char *topic, int64_t expires_mono_ms)
{
    const struct outbox_message message = {.lane = lane, .qos = lane != LANE_EVENT, .retain = lane == LANE_NOTICE, .topic = topic,
                                           .payload = "{}", .payload_length = 2, .expires_mono_ms = expires_mono_ms};

    return outbox_put(fixture->outbox, &message);
}

static void pump(struct fixture *fixture)
{
    outbox_pump(fixture->outbox, clock_mono_ms());
}

static void test_lanes_go_by_importance(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 10});

    (void)state;
    outbox_set_online(fixture->outbox, true);
    assert_int_equal(put(fixture, LANE_EVENT, "event", 0), DROVER_OK);
    assert_int_equal(put(fixture, LANE_COMMAND, "command", 0), DROVER_OK);
    assert_int_equal(put(fixture, LANE_NOTICE, "notice", 0), DROVER_OK);
    pump(fixture);
    assert_int_equal(fixture->count, 3);
    assert_string_equal(fixture->sent[0].topic, "notice");
    assert_string_equal(fixture->sent[1].topic, "command");
    assert_string_equal(fixture->sent[2].topic, "event");
    fixture_free(fixture);
}

static void test_window(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 3});

    (void)state;
    outbox_set_online(fixture->outbox, true);
    for (int i = 0; i < 8; i++)
        put(fixture, LANE_COMMAND, "c", 0);
    pump(fixture);
    pump(fixture);
    assert_int_equal(fixture->count, 3);
    put(fixture, LANE_EVENT, "event", 0); /* qos 0 has no window */
    pump(fixture);
    assert_int_equal(fixture->count, 4);
    outbox_confirmed(fixture->outbox, fixture->sent[0].ticket, true);
    pump(fixture);
    assert_int_equal(fixture->count, 5);
    outbox_confirmed(fixture->outbox, fixture->sent[1].ticket, false); /* given up by the library: room all the same, counted */
    outbox_confirmed(fixture->outbox, fixture->sent[2].ticket, true);
    pump(fixture);
    assert_int_equal(fixture->count, 7);
    assert_int_equal(outbox_counters(fixture->outbox).failed, 1);
    assert_int_equal(outbox_counters(fixture->outbox).unconfirmed, 3);
    assert_int_equal(outbox_counters(fixture->outbox).waiting[LANE_COMMAND], 2);
    fixture_free(fixture);
}

static void test_without_a_connection(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 10});
    int64_t soon = clock_mono_ms() + 30;

    (void)state;
    assert_int_equal(put(fixture, LANE_EVENT, "event", 0), DROVER_UNAVAILABLE);
    assert_int_equal(put(fixture, LANE_COMMAND, "old", soon), DROVER_OK);
    assert_int_equal(put(fixture, LANE_COMMAND, "fresh", soon + 60000), DROVER_OK);
    pump(fixture);
    assert_int_equal(fixture->count, 0);
    while (clock_mono_ms() <= soon)
        usleep(1000);
    outbox_set_online(fixture->outbox, true);
    pump(fixture);
    assert_int_equal(fixture->count, 1);
    assert_string_equal(fixture->sent[0].topic, "fresh");
    assert_int_equal(outbox_counters(fixture->outbox).expired[LANE_COMMAND], 1);
    assert_int_equal(outbox_counters(fixture->outbox).offline[LANE_EVENT], 1);
    fixture_free(fixture);
}

/* The connection is found to be gone while sending: the command keeps its place in front of the others, events are dropped. */
static void test_not_now_keeps_the_order(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 10});

    (void)state;
    outbox_set_online(fixture->outbox, true);
    put(fixture, LANE_COMMAND, "first", 0);
    put(fixture, LANE_COMMAND, "second", 0);
    fixture->answer = OUTBOX_NOT_NOW;
    pump(fixture);
    assert_int_equal(outbox_counters(fixture->outbox).unconfirmed, 0);
    assert_int_equal(put(fixture, LANE_EVENT, "event", 0), DROVER_UNAVAILABLE);
    fixture->answer = OUTBOX_SENT;
    pump(fixture);
    assert_int_equal(fixture->count, 0); /* offline until told otherwise */
    outbox_set_online(fixture->outbox, true);
    pump(fixture);
    assert_int_equal(fixture->count, 2);
    assert_string_equal(fixture->sent[0].topic, "first");
    assert_string_equal(fixture->sent[1].topic, "second");
    fixture->answer = OUTBOX_REFUSED;
    put(fixture, LANE_COMMAND, "refused", 0);
    pump(fixture);
    assert_int_equal(outbox_counters(fixture->outbox).refused[LANE_COMMAND], 1);
    assert_int_equal(outbox_counters(fixture->outbox).unconfirmed, 2);
    fixture_free(fixture);
}

static void test_limits_are_counted(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 1, .lane_max = {[LANE_NOTICE] = 2, [LANE_COMMAND] = 3}});

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(fixture, LANE_COMMAND, "c", 0), i < 3 ? DROVER_OK : DROVER_FULL);
    assert_int_equal(outbox_counters(fixture->outbox).full[LANE_COMMAND], 2);
    for (int i = 0; i < 5; i++) /* the newest notice of a topic replaces the one before: never full */
        assert_int_equal(put(fixture, LANE_NOTICE, "update/esp32", 0), DROVER_OK);
    assert_int_equal(put(fixture, LANE_NOTICE, "update/esp8266", 0), DROVER_OK);
    assert_int_equal(put(fixture, LANE_NOTICE, "update/rp2040", 0), DROVER_FULL);
    assert_int_equal(outbox_counters(fixture->outbox).replaced, 4);
    fixture_free(fixture);
}

static void test_a_stalled_window_opens(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 2, .stall_ms = 50});
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    outbox_set_online(fixture->outbox, true);
    for (int i = 0; i < 3; i++)
        put(fixture, LANE_COMMAND, "c", 0);
    while (fixture->count < 3 && clock_mono_ms() < deadline)
        outbox_pump(fixture->outbox, clock_mono_ms() + 10);
    assert_int_equal(fixture->count, 3);
    assert_true(outbox_counters(fixture->outbox).stalls >= 1);
    outbox_confirmed(fixture->outbox, fixture->sent[0].ticket, true); /* of the old window: counts for nothing */
    assert_int_equal(outbox_counters(fixture->outbox).unconfirmed, 1);
    outbox_confirmed(fixture->outbox, fixture->sent[2].ticket, true);
    assert_int_equal(outbox_counters(fixture->outbox).unconfirmed, 0);
    fixture_free(fixture);
}

/* --- a sending thread, a confirming thread, and the loop --- */

#define MANY 3000
static atomic_bool ended;

static void *pump_run(void *arg)
{
    struct fixture *fixture = arg;

    while (!atomic_load(&ended))
        outbox_pump(fixture->outbox, clock_mono_ms() + 1000);
    return NULL;
}

static void *confirm_run(void *arg)
{
    struct fixture *fixture = arg;
    size_t confirmed = 0;

    while (!atomic_load(&ended)) {
        if (confirmed == atomic_load(&fixture->count)) {
            usleep(50);
            continue;
        }
        pthread_mutex_lock(&fixture->lock);
        fixture->inflight--;
        pthread_mutex_unlock(&fixture->lock);
        outbox_confirmed(fixture->outbox, fixture->sent[confirmed++].ticket, true);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 7});
    int64_t deadline = clock_mono_ms() + 30000;
    pthread_t pumping, confirming;
    char topic[32];

    (void)state;
    outbox_set_online(fixture->outbox, true);
    pthread_create(&pumping, NULL, pump_run, fixture);
    pthread_create(&confirming, NULL, confirm_run, fixture);
    for (int i = 0; i < MANY; i++) {
        snprintf(topic, sizeof topic, "c/%d", i);
        assert_int_equal(put(fixture, LANE_COMMAND, topic, 0), DROVER_OK);
    }
    while ((atomic_load(&fixture->count) < MANY || outbox_counters(fixture->outbox).unconfirmed > 0) && clock_mono_ms() < deadline)
        usleep(1000);
    atomic_store(&ended, true);
    outbox_kick(fixture->outbox);
    pthread_join(pumping, NULL);
    pthread_join(confirming, NULL);
    assert_int_equal(fixture->count, MANY);
    assert_true(fixture->inflight_max <= 7);
    for (int i = 0; i < MANY; i++) {
        snprintf(topic, sizeof topic, "c/%d", i);
        assert_string_equal(fixture->sent[i].topic, topic);
    }
    fixture_free(fixture);
}

/* --- the speaker --- */

static void test_speaker(void **state)
{
    struct fixture *fixture = fixture_new((struct outbox_config){.window = 10});
    struct speaker *speaker = speaker_new(fixture->outbox);
    struct speaker_port port = speaker_port(speaker);
    struct command command = {.kind = COMMAND_CANCEL, .upgrade_id = "00112233", .rollout = "r1", .attempt = 2, .version = "1.1.0",
                              .deadline_ms = clock_unix_ms() + 5000}, read_command;
    struct notice notice = {.rollout = "r1", .model = "esp32", .version = "1.1.0", .url = "http://h/firmware/latest", .size_bytes = 5,
                            .sha256 = "", .share_pct = 10, .spread_s = 3, .epoch = 7, .expires_ms = 99};
    struct event event = {.rollout = "-", .kind = "alarm", .device_id = "d1"};

    (void)state;
    memset(notice.sha256, 'a', 64);
    outbox_set_online(fixture->outbox, true);
    port.command(port.speaker, "esp32", "d1", &command);
    pump(fixture);
    assert_string_equal(fixture->sent[0].topic, "update/esp32/d1");
    assert_int_equal(fixture->sent[0].qos, 1);
    assert_false(fixture->sent[0].retain);
    assert_int_equal(command_read(fixture->sent[0].payload, strlen(fixture->sent[0].payload), &read_command, NULL), DROVER_OK);
    assert_int_equal(read_command.attempt, 2);
    assert_true(speaker_notice(speaker, "esp32", &notice));
    pump(fixture);
    assert_string_equal(fixture->sent[1].topic, "update/esp32");
    assert_true(fixture->sent[1].retain);
    assert_non_null(strstr(fixture->sent[1].payload, "\"epoch\":7"));
    assert_true(speaker_notice(speaker, "esp32", NULL));
    pump(fixture);
    assert_true(fixture->sent[2].retain);
    assert_string_equal(fixture->sent[2].payload, "");
    port.event(port.speaker, &event); /* about no rollout: there is no topic for it */
    snprintf(event.rollout, sizeof event.rollout, "r1");
    port.event(port.speaker, &event);
    pump(fixture);
    assert_int_equal(fixture->count, 4);
    assert_string_equal(fixture->sent[3].topic, "fleet/event/r1");
    assert_int_equal(fixture->sent[3].qos, 0);
    command.deadline_ms = 1; /* long past: not worth sending */
    port.command(port.speaker, "esp32", "d1", &command);
    usleep(3000);
    pump(fixture);
    assert_int_equal(fixture->count, 4);
    assert_int_equal(outbox_counters(fixture->outbox).expired[LANE_COMMAND], 1);
    speaker_free(speaker);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_go_by_importance),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_without_a_connection),
        cmocka_unit_test(test_not_now_keeps_the_order),
        cmocka_unit_test(test_limits_are_counted),
        cmocka_unit_test(test_a_stalled_window_opens),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_speaker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
