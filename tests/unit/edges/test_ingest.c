/* Ingest over real rings, with a flow that the test plays: it answers late, in any order, with errors, or not at all.
 * What must hold: `committed` never passes a message that the flow has not answered for good, and every message is answered. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "orchestrator/edges/ingest.h"
#include "orchestrator/edges/ring_file.h"

#define MANY 6000
#define DEVICES 400
#define LONG_AGO_MS INT64_C(1700000000000)

/* --- the flow that the test plays; linked instead of the core's --- */

struct pending {
    flow_done *done;
    ingest_online_done *online_done;
    void *arg;
    size_t count;
    uint32_t numbers[STORE_BATCH_MAX];    /* of the messages in it: their seq */
    uint16_t devices[STORE_BATCH_MAX];
};

static int64_t first_ms;                  /* when message 0 arrived; each next one a millisecond later */

static struct {
    struct pending pending[512];
    size_t pending_count;
    bool down;                            /* refuses at once */
    uint64_t random;
    bool answered_heartbeat[MANY + 1];    /* for good, by number */
    bool answered_report[MANY + 1];
    int64_t newest[DEVICES];              /* seq that was recorded last, by device */
    uint32_t last_report;                 /* number of the last report handed over, to see their order */
    size_t batches, batch_max, pending_max;
    uint64_t heartbeat_ends[MANY + 1];    /* where each record ends in its ring */
    uint64_t report_ends[MANY + 1];
} fake;

static uint64_t roll(uint64_t limit)
{
    return hash_mix(++fake.random) % limit;
}

static struct pending *pending_add(void *arg)
{
    struct pending *pending = &fake.pending[fake.pending_count++];

    assert_true(fake.pending_count < sizeof fake.pending / sizeof fake.pending[0]);
    if (fake.pending_count > fake.pending_max)
        fake.pending_max = fake.pending_count;
    *pending = (struct pending){.arg = arg};
    return pending;
}

void flow_heartbeats(struct flow *flow, struct beat *beats, size_t count, flow_done *done, void *arg)
{
    struct pending *pending = pending_add(arg);

    (void)flow;
    assert_true(count > 0 && count <= STORE_BATCH_MAX);
    fake.batches++;
    if (count > fake.batch_max)
        fake.batch_max = count;
    pending->done = done;
    pending->count = count;
    for (size_t i = 0; i < count; i++) {
        pending->numbers[i] = (uint32_t)beats[i].heartbeat.seq;
        assert_int_equal(beats[i].at_ms, first_ms + beats[i].heartbeat.seq); /* arrival, however long ago */
        pending->devices[i] = (uint16_t)atoi(beats[i].heartbeat.device_id + 1);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(pending->devices[i], pending->devices[j]); /* no device twice */
    }
}

/* Reports and online messages share a ring and their numbers: none is skipped, and it goes back only by a rewind. */
static void assert_in_order(uint32_t number)
{
    assert_true(number <= fake.last_report + 1);
    fake.last_report = number;
}

void flow_report(struct flow *flow, const struct report *report, flow_done *done, void *arg)
{
    struct pending *pending = pending_add(arg);

    (void)flow;
    pending->done = done;
    pending->count = 1;
    assert_in_order((uint32_t)report->seq);
    pending->numbers[0] = (uint32_t)report->seq;
}

void flow_served(struct flow *flow, const struct served *served, flow_done *done, void *arg)
{
    struct pending *pending = pending_add(arg);
    uint32_t number = (uint32_t)atoi(served->device_id + 1);

    (void)flow;
    pending->done = done;
    pending->count = 1;
    assert_in_order(number);
    assert_string_equal(served->upgrade_id, "u1");
    assert_int_equal(served->attempt, 7);
    assert_int_equal(served->progress_pct, number % 101);
    assert_int_equal(served->whole, number % 2);
    assert_int_equal(served->at_ms, first_ms + number);
    pending->numbers[0] = number;
}

static void fake_online(void *arg, const char *device_id, bool online, int64_t at_ms, ingest_online_done *done, void *done_arg)
{
    struct pending *pending = pending_add(done_arg);

    (void)arg;
    (void)online;
    assert_true(at_ms > 0);
    pending->online_done = done;
    pending->count = 1;
    assert_in_order((uint32_t)atoi(device_id + 1));
    pending->numbers[0] = (uint32_t)atoi(device_id + 1); /* an online message's number is its device's */
}

static bool is_for_good(enum drover_error error)
{
    return error != DROVER_UNAVAILABLE && error != DROVER_STORE && error != DROVER_FULL;
}

static void note_answer(const struct pending *pending, bool is_batch)
{
    for (size_t i = 0; i < pending->count; i++) {
        (is_batch ? fake.answered_heartbeat : fake.answered_report)[pending->numbers[i]] = true;
        if (is_batch && fake.newest[pending->devices[i]] < pending->numbers[i])
            fake.newest[pending->devices[i]] = pending->numbers[i];
    }
}

/* Answers the pending call `at`. */
static void answer(size_t at, enum drover_error error)
{
    struct pending pending = fake.pending[at];
    bool is_batch = pending.count > 1 || (pending.done && pending.devices[0] > 0);

    memmove(&fake.pending[at], &fake.pending[at + 1], (--fake.pending_count - at) * sizeof pending);
    if (is_for_good(error))
        note_answer(&pending, is_batch);
    if (pending.done)
        pending.done(pending.arg, error, "the test says so");
    else
        pending.online_done(pending.arg, error);
}

/* --- fixture --- */

struct fixture {
    char folder[64];
    struct event_base *base;
    struct ring *heartbeats, *reports;
    struct ingest *ingest;
    uint32_t heartbeat_count, report_count;   /* put so far; numbers begin with 1 */
};

static struct ring *ring_make(const struct fixture *fixture, const char *name, size_t size_bytes)
{
    char path[96];
    struct ring_config config = {.path = path, .size_bytes = size_bytes};
    struct ring *ring;

    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    assert_int_equal(ring_open(&config, &ring, NULL, NULL), DROVER_OK);
    return ring;
}

static struct fixture *fixture_new(size_t ring_bytes)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct ingest_config config = {.online = fake_online};

    memset(&fake, 0, sizeof fake);
    first_ms = LONG_AGO_MS;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/drover-ingest-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    config.base = fixture->base = event_base_new();
    config.heartbeats = fixture->heartbeats = ring_make(fixture, "heartbeats.ring", ring_bytes);
    config.reports = fixture->reports = ring_make(fixture, "reports.ring", ring_bytes);
    fixture->ingest = ingest_new(&config);
    assert_non_null(fixture->ingest);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    char path[96];

    assert_int_equal(ingest_outstanding(fixture->ingest), 0);
    ingest_free(fixture->ingest);
    ring_close(fixture->heartbeats);
    ring_close(fixture->reports);
    event_base_free(fixture->base);
    snprintf(path, sizeof path, "%s/heartbeats.ring", fixture->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/reports.ring", fixture->folder);
    unlink(path);
    rmdir(fixture->folder);
    free(fixture);
}

static bool put_raw(struct ring *ring, const char *topic, const void *payload, size_t length, bool oversized, uint32_t number)
{
    struct ring_record record = {.topic = topic, .topic_length = strlen(topic), .payload = payload, .payload_length = length,
                                 .arrived_ms = first_ms + number, .oversized = oversized};

    return ring_put(ring, &record);
}

static void put_heartbeat(struct fixture *fixture, unsigned device, const char *status)
{
    char topic[64], payload[256];
    uint32_t number = ++fixture->heartbeat_count;

    snprintf(topic, sizeof topic, "device/d%u/heartbeat", device);
    snprintf(payload, sizeof payload, "{\"schema\":1,\"model\":\"esp32\",\"version\":\"1.0.0\",\"boot_id\":\"b\",\"seq\":%u,\"status\":\"%s\"}", number, status);
    assert_true(put_raw(fixture->heartbeats, topic, payload, strlen(payload), false, number));
    fake.heartbeat_ends[number] = atomic_load(&fixture->heartbeats->header->head);
}

static void put_served(struct fixture *fixture, uint32_t number)
{
    struct served served = {.upgrade_id = "u1", .attempt = 7, .progress_pct = number % 101, .whole = number % 2, .at_ms = first_ms + number};

    snprintf(served.device_id, sizeof served.device_id, "d%u", number);
    assert_true(ingest_put_served(fixture->reports, &served));
}

/* Every third online message is one of the depot's instead. */
static void put_report(struct fixture *fixture, bool is_online)
{
    char topic[64], payload[256];
    uint32_t number = ++fixture->report_count;

    snprintf(topic, sizeof topic, "device/d%u/%s", number, is_online ? "online" : "report");
    if (is_online)
        snprintf(payload, sizeof payload, "{\"online\":true}");
    else
        snprintf(payload, sizeof payload, "{\"schema\":1,\"upgrade_id\":\"u1\",\"attempt\":1,\"seq\":%u,\"state\":\"downloading\"}", number);
    if (is_online && number % 3 == 0)
        put_served(fixture, number);
    else
        assert_true(put_raw(fixture->reports, topic, payload, strlen(payload), false, number));
    fake.report_ends[number] = atomic_load(&fixture->reports->header->head);
}

static void turn(struct fixture *fixture)
{
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static uint64_t committed(const struct ring *ring)
{
    return atomic_load(&ring->header->committed);
}

/* --- the stories --- */

static void test_quiet_times_send_at_once(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);

    (void)state;
    ingest_resume(fixture->ingest);
    turn(fixture);
    put_heartbeat(fixture, 1, "idle");
    turn(fixture); /* the ring's wake-up: no timer in between */
    assert_int_equal(fake.pending_count, 1);
    assert_true(committed(fixture->heartbeats) < fake.heartbeat_ends[1]);
    answer(0, DROVER_OK);
    assert_int_equal(committed(fixture->heartbeats), fake.heartbeat_ends[1]);
    fixture_free(fixture);
}

static void test_batches_gather_while_one_is_on_its_way(void **state)
{
    struct fixture *fixture = fixture_new(1 << 20);
    struct ingest_counters counters;
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    ingest_resume(fixture->ingest);
    turn(fixture);
    put_heartbeat(fixture, 399, "idle");
    turn(fixture);
    for (unsigned i = 1; i <= 100; i++) {
        put_heartbeat(fixture, i, "idle");
        turn(fixture);
    }
    assert_int_equal(fake.pending_count, 1);
    answer(0, DROVER_OK);
    while (fake.pending_count == 0 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(fake.pending[0].count, 100);
    for (unsigned i = 1; i < 400; i++) /* a full one follows without waiting */
        put_heartbeat(fixture, i, "idle");
    while (fake.pending_count == 1 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(fake.pending_count, 2);
    assert_int_equal(fake.pending[1].count, STORE_BATCH_MAX);
    answer(1, DROVER_OK); /* out of order: nothing is committed before the first is answered */
    assert_int_equal(committed(fixture->heartbeats), fake.heartbeat_ends[1]);
    answer(0, DROVER_OK);
    assert_int_equal(committed(fixture->heartbeats), fake.heartbeat_ends[1 + 100 + 256]);
    while (fake.pending_count == 0 && clock_mono_ms() < deadline)
        turn(fixture);
    answer(0, DROVER_OK);
    assert_true(ingest_is_drained(fixture->ingest));
    ingest_counters(fixture->ingest, clock_unix_ms(), &counters);
    assert_int_equal(counters.recorded, 500);
    assert_int_equal(counters.batches, 4);
    assert_int_equal(counters.batch_sizes[0], 1);
    assert_int_equal(counters.batch_sizes[8], 2); /* 256 and 143 */
    fixture_free(fixture);
}

/* How many heartbeats the flow was given and has not answered. */
static size_t heartbeats_pending(void)
{
    size_t count = 0;

    for (size_t i = 0; i < fake.pending_count; i++)
        count += fake.pending[i].done && fake.pending[i].devices[0] > 0 ? fake.pending[i].count : 0;
    return count;
}

static void answer_all(enum drover_error error)
{
    while (fake.pending_count > 0)
        answer(0, error);
}

static void put_many_reports_and_a_later_heartbeat(struct fixture *fixture)
{
    for (unsigned i = 0; i < 300; i++)
        put_report(fixture, false);
    fixture->heartbeat_count = fixture->report_count;
    put_heartbeat(fixture, 5, "idle");
    turn(fixture);
    turn(fixture);
    assert_int_equal(fake.pending_count, 256);
    assert_int_equal(heartbeats_pending(), 0);
}

static void test_older_reports_go_before_heartbeats(void **state)
{
    struct fixture *fixture = fixture_new(1 << 20);
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    first_ms = clock_unix_ms();
    ingest_resume(fixture->ingest);
    turn(fixture);
    put_many_reports_and_a_later_heartbeat(fixture);
    for (unsigned i = 0; i < 43; i++)
        answer(0, DROVER_OK);
    turn(fixture);
    assert_int_equal(fake.pending_count, 256);
    assert_int_equal(heartbeats_pending(), 0);   /* report 300 is still unread */
    answer(0, DROVER_OK);
    while (heartbeats_pending() == 0 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(heartbeats_pending(), 1);   /* before the reports are answered */
    answer_all(DROVER_OK);

    put_many_reports_and_a_later_heartbeat(fixture);
    answer(0, DROVER_STORE);                     /* reports are read again later: heartbeats do not wait for that */
    while (heartbeats_pending() == 0 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(heartbeats_pending(), 1);
    while (!ingest_is_drained(fixture->ingest) && clock_mono_ms() < deadline) {
        answer_all(DROVER_OK);
        turn(fixture);
    }
    assert_true(ingest_is_drained(fixture->ingest));
    fixture_free(fixture);
}

static void test_a_flood_of_reports_does_not_hold_heartbeats_up_for_long(void **state)
{
    struct fixture *fixture = fixture_new(1 << 20);
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    first_ms = clock_unix_ms() - 30000;
    ingest_resume(fixture->ingest);
    for (unsigned i = 0; i < 300; i++)
        put_report(fixture, false);
    fixture->heartbeat_count = fixture->report_count;
    put_heartbeat(fixture, 5, "idle");
    while (heartbeats_pending() == 0 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(heartbeats_pending(), 1);
    assert_int_equal(fake.pending_count, 1 + 256);
    while (!ingest_is_drained(fixture->ingest) && clock_mono_ms() < deadline) {
        answer_all(DROVER_OK);
        turn(fixture);
    }
    fixture_free(fixture);
}

static void test_a_device_twice_in_a_batch(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    struct ingest_counters counters;
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    put_heartbeat(fixture, 1, "idle");
    put_heartbeat(fixture, 2, "idle");
    put_heartbeat(fixture, 1, "idle");    /* says nothing new: replaces the first */
    put_heartbeat(fixture, 1, "updating"); /* does: another batch, after the first */
    put_heartbeat(fixture, 2, "idle");
    ingest_resume(fixture->ingest);
    while (fake.pending_count < 1 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(fake.pending[0].count, 2);
    assert_int_equal(fake.pending[0].numbers[0], 3);
    assert_int_equal(fake.pending[0].numbers[1], 2);
    turn(fixture);
    answer(0, DROVER_OK);
    assert_int_equal(committed(fixture->heartbeats), fake.heartbeat_ends[3]);
    while (fake.pending_count < 1 && clock_mono_ms() < deadline)
        turn(fixture);
    assert_int_equal(fake.pending[0].count, 2);
    assert_int_equal(fake.pending[0].numbers[0], 4);
    answer(0, DROVER_OK);
    ingest_counters(fixture->ingest, clock_unix_ms(), &counters);
    assert_int_equal(counters.merged, 1);
    assert_int_equal(counters.recorded, 5);
    assert_true(ingest_is_drained(fixture->ingest));
    fixture_free(fixture);
}

static void test_garbage_is_counted_by_reason_and_done_with(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    struct ingest_counters counters;

    (void)state;
    ingest_resume(fixture->ingest);
    put_raw(fixture->heartbeats, "device/d1/heartbeat", "{", 1, false, 0);
    put_raw(fixture->heartbeats, "device/d1/heartbeat", "", 0, true, 0);
    put_raw(fixture->heartbeats, "device/d 1/heartbeat", "{}", 2, false, 0);
    put_raw(fixture->heartbeats, "other/heartbeat", "{}", 2, false, 0);
    put_raw(fixture->reports, "device/d1/report", "{\"schema\":1}", 12, false, 0);
    put_raw(fixture->reports, "device/d1/online", "no", 2, false, 0);
    put_raw(fixture->reports, "update/esp32", "{}", 2, false, 0);
    for (int i = 0; i < 5; i++)
        turn(fixture);
    assert_true(ingest_is_drained(fixture->ingest));
    assert_int_equal(fake.batches, 0);
    ingest_counters(fixture->ingest, clock_unix_ms(), &counters);
    assert_int_equal(counters.refused[INGEST_HEARTBEAT][DROVER_SYNTAX], 2);
    assert_int_equal(counters.refused[INGEST_HEARTBEAT][DROVER_TOO_LONG], 1);
    assert_int_equal(counters.refused[INGEST_HEARTBEAT][DROVER_UNKNOWN], 1);
    assert_int_equal(counters.refused[INGEST_REPORT][DROVER_MISSING], 1);
    assert_int_equal(counters.refused[INGEST_ONLINE][DROVER_SYNTAX] + counters.refused[INGEST_ONLINE][DROVER_TYPE], 1);
    assert_int_equal(counters.refused[INGEST_OTHER][DROVER_UNKNOWN], 1);
    assert_int_equal(counters.lag_ms, 0);
    fixture_free(fixture);
}

/* Garbage behind a message that was not answered: not committed before it. */
static void test_garbage_waits_for_what_is_before_it(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    int64_t deadline = clock_mono_ms() + 20000;

    (void)state;
    ingest_resume(fixture->ingest);
    put_report(fixture, false);
    put_raw(fixture->reports, "device/d1/report", "{", 1, false, 0);
    put_heartbeat(fixture, 1, "idle");
    while (fake.pending_count < 2 && clock_mono_ms() < deadline)
        turn(fixture);
    put_raw(fixture->heartbeats, "device/d1/heartbeat", "{", 1, false, 0);
    turn(fixture);
    assert_int_equal(committed(fixture->reports), 0);
    assert_int_equal(committed(fixture->heartbeats), 0);
    answer(0, DROVER_OK);
    answer(0, DROVER_STALE); /* a refusal by the core is an answer */
    while (!ingest_is_drained(fixture->ingest) && clock_mono_ms() < deadline)
        turn(fixture);
    assert_true(ingest_is_drained(fixture->ingest));
    fixture_free(fixture);
}

/* --- Redis comes and goes, answers come in any order --- */

static enum drover_error any_answer(void)
{
    static const enum drover_error errors[] = {DROVER_UNAVAILABLE, DROVER_STORE, DROVER_FULL, DROVER_STALE, DROVER_REFUSED};

    return roll(10) < 8 ? DROVER_OK : errors[roll(sizeof errors / sizeof errors[0])];
}

static void assert_committed_is_answered(const struct fixture *fixture)
{
    uint64_t heartbeats = committed(fixture->heartbeats), reports = committed(fixture->reports);

    for (uint32_t i = 1; i <= fixture->report_count && fake.report_ends[i] <= reports; i++)
        if (!fake.answered_report[i])
            fail_msg("report %u is committed, and was not answered", i);
    /* of heartbeats the newest of a device may answer for older ones that were merged into it */
    for (uint32_t i = 1; i <= fixture->heartbeat_count && fake.heartbeat_ends[i] <= heartbeats; i++)
        if (fake.newest[1 + i % (DEVICES - 1)] < i)
            fail_msg("heartbeat %u is committed, and was not answered", i);
}

static void test_nothing_is_lost_whatever_the_flow_answers(void **state)
{
    struct fixture *fixture = fixture_new(4 << 20);
    int64_t deadline = clock_mono_ms() + 60000;
    struct ingest_counters counters;

    (void)state;
    ingest_resume(fixture->ingest);
    while ((fixture->report_count < MANY || fixture->heartbeat_count < MANY || !ingest_is_drained(fixture->ingest)) &&
           clock_mono_ms() < deadline) {
        for (uint64_t i = roll(20); i > 0 && fixture->report_count < MANY; i--)
            put_report(fixture, roll(4) == 0);
        for (uint64_t i = roll(60); i > 0 && fixture->heartbeat_count < MANY; i--)
            put_heartbeat(fixture, 1 + (fixture->heartbeat_count + 1) % (DEVICES - 1), roll(50) ? "idle" : "busy");
        turn(fixture);
        for (uint64_t i = roll(40); i > 0 && fake.pending_count > 0; i--)
            answer(roll(fake.pending_count), any_answer());
        assert_committed_is_answered(fixture);
        if (roll(8) == 0)
            ingest_resume(fixture->ingest);
    }
    assert_true(ingest_is_drained(fixture->ingest));
    for (uint32_t i = 1; i <= MANY; i++)
        assert_true(fake.answered_report[i]);
    ingest_counters(fixture->ingest, clock_unix_ms(), &counters);
    assert_true(counters.rewinds > 10);
    assert_true(fake.pending_max <= 8 + 256);
    fixture_free(fixture);
}

static void test_the_backoff_ends_by_itself(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    int64_t deadline = clock_mono_ms() + 30000;
    unsigned tries = 0;

    (void)state;
    ingest_resume(fixture->ingest);
    put_report(fixture, false);
    while (tries < 4 && clock_mono_ms() < deadline) {
        event_base_loop(fixture->base, EVLOOP_ONCE);
        if (fake.pending_count > 0 && ++tries)
            answer(0, tries < 4 ? DROVER_STORE : DROVER_OK);
    }
    assert_int_equal(tries, 4);
    assert_true(ingest_is_drained(fixture->ingest));
    fixture_free(fixture);
}

static void test_stopping(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);

    (void)state;
    ingest_resume(fixture->ingest);
    put_report(fixture, false);
    turn(fixture);
    ingest_stop(fixture->ingest);
    put_report(fixture, false);
    turn(fixture);
    assert_int_equal(ingest_outstanding(fixture->ingest), 1);
    answer(0, DROVER_OK);
    turn(fixture);
    assert_int_equal(ingest_outstanding(fixture->ingest), 0);
    assert_int_equal(committed(fixture->reports), fake.report_ends[1]);
    assert_false(ingest_is_drained(fixture->ingest)); /* the second stays in the ring */
    fixture_free(fixture);
}

/* --- full rings while Redis is away --- */

struct producer {
    struct ring *ring;
    bool reports;
    uint32_t count;
};

static void *produce(void *arg)
{
    struct producer *producer = arg;
    char topic[64], payload[256];
    struct ring_record record = {.topic = topic, .payload = payload};

    for (uint32_t number = 1; number <= producer->count; number++) {
        record.topic_length = (size_t)snprintf(topic, sizeof topic, "device/d%u/%s", 1 + number % 50, producer->reports ? "report" : "heartbeat");
        record.payload_length = (size_t)snprintf(payload, sizeof payload,
            producer->reports ? "{\"schema\":1,\"upgrade_id\":\"u1\",\"attempt\":1,\"seq\":%u,\"state\":\"downloading\"}"
                              : "{\"schema\":1,\"model\":\"esp32\",\"version\":\"1.0.0\",\"boot_id\":\"b\",\"seq\":%u}", number);
        record.arrived_ms = first_ms + number;
        if (!ring_put_wait(producer->ring, &record))
            return NULL;
    }
    return producer;
}

static void refuse_all(void)
{
    while (fake.pending_count > 0)
        answer(0, DROVER_UNAVAILABLE);
}

/* 5000 heartbeats of 50 devices through a ring for 500, with nobody to take them: the producer is never stuck, and when Redis is
 * back it gets each device's newest. */
static void test_heartbeats_coalesce_when_the_ring_is_full(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    struct producer producer = {.ring = fixture->heartbeats, .count = 5000};
    int64_t deadline = clock_mono_ms() + 30000;
    struct ingest_counters counters;
    pthread_t thread;

    (void)state;
    ingest_resume(fixture->ingest);
    pthread_create(&thread, NULL, produce, &producer);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        assert_true(clock_mono_ms() < deadline);
        turn(fixture);
        refuse_all();
    }
    ingest_counters(fixture->ingest, clock_unix_ms(), &counters);
    assert_true(counters.coalesced > 1000);
    assert_true(counters.late > 0 && counters.late <= 50);
    assert_int_equal(counters.late_dropped, 0);
    assert_true(counters.stopped);
    while (!ingest_is_drained(fixture->ingest) && clock_mono_ms() < deadline) {
        turn(fixture);
        while (fake.pending_count > 0)
            answer(0, DROVER_OK);
    }
    assert_true(ingest_is_drained(fixture->ingest));
    for (uint32_t number = 4951; number <= 5000; number++)
        assert_int_equal(fake.newest[1 + number % 50], number);
    fixture_free(fixture);
}

/* The same with reports: the producer waits, and each one arrives. */
static void test_reports_wait_when_the_ring_is_full(void **state)
{
    struct fixture *fixture = fixture_new(1 << 16);
    struct producer producer = {.ring = fixture->reports, .reports = true, .count = 3000};
    int64_t deadline = clock_mono_ms() + 30000;
    pthread_t thread;

    (void)state;
    ingest_resume(fixture->ingest);
    pthread_create(&thread, NULL, produce, &producer);
    while (ring_state(fixture->reports).waits == 0 && clock_mono_ms() < deadline) {
        turn(fixture);
        refuse_all();
    }
    assert_true(ring_state(fixture->reports).waits > 0);
    while (!(pthread_tryjoin_np(thread, NULL) == 0 && (thread = 0, true))) {
        assert_true(clock_mono_ms() < deadline);
        turn(fixture);
        while (fake.pending_count > 0)
            answer(0, DROVER_OK);
    }
    while (!ingest_is_drained(fixture->ingest) && clock_mono_ms() < deadline) {
        turn(fixture);
        while (fake.pending_count > 0)
            answer(0, DROVER_OK);
    }
    for (uint32_t number = 1; number <= 3000; number++)
        assert_true(fake.answered_report[number]);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_times_send_at_once),
        cmocka_unit_test(test_batches_gather_while_one_is_on_its_way),
        cmocka_unit_test(test_older_reports_go_before_heartbeats),
        cmocka_unit_test(test_a_flood_of_reports_does_not_hold_heartbeats_up_for_long),
        cmocka_unit_test(test_a_device_twice_in_a_batch),
        cmocka_unit_test(test_garbage_is_counted_by_reason_and_done_with),
        cmocka_unit_test(test_garbage_waits_for_what_is_before_it),
        cmocka_unit_test(test_nothing_is_lost_whatever_the_flow_answers),
        cmocka_unit_test(test_the_backoff_ends_by_itself),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_heartbeats_coalesce_when_the_ring_is_full),
        cmocka_unit_test(test_reports_wait_when_the_ring_is_full),
    };

    log_configure(LOG_ERROR, LOG_LOGFMT, "");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
