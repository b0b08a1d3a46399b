/* The exporter against a real Redis, with a channel that does as it is told: order, repeats, refusals, giving up, two leaders, a death between delivery
 * and cursor, gaps. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/export.h"
#include "orchestrator/edges/export_webhook.h"
#include "orchestrator/edges/webhook_url.h"
#include "proto/event.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 20000
#define SEEN_MAX 4096

static struct redis_server server;

/* What the channels were handed, in order; and what they answer. */
static struct {
    pthread_mutex_t mutex;
    long long seen[SEEN_MAX];        /* at_ms of each event: its number */
    int seen_count, calls;
    int later;                       /* so many calls fail first; -1: all */
    int refuse;                      /* so many calls are refused next */
    long long refused_event;         /* this one is refused by itself; 0: none */
    int die_in_call;                 /* SIGKILL in this call; 0: never */
    int64_t retry_after_ms;
} channel = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static enum export_verdict deliver(void *arg, struct stream_worker *worker, const struct export_event *events, size_t count, struct export_answer *answer)
{
    enum export_verdict verdict = EXPORT_DELIVERED;

    (void)arg, (void)worker;
    pthread_mutex_lock(&channel.mutex);
    channel.calls++;
    for (size_t i = 0; i < count && channel.seen_count < SEEN_MAX; i++) {
        struct event read;

        if (event_read(events[i].json, events[i].json_length, &read, NULL) != DROVER_OK || strcmp(read.id, events[i].event.id) != 0)
            abort();
        channel.seen[channel.seen_count++] = events[i].event.at_ms;
        answer->refused[i] = events[i].event.at_ms == channel.refused_event;
    }
    if (channel.later != 0) {
        channel.later -= channel.later > 0;
        verdict = EXPORT_LATER;
    } else if (channel.refuse > 0) {
        channel.refuse--;
        verdict = EXPORT_REFUSED;
    }
    answer->retry_after_ms = channel.retry_after_ms;
    (void)snprintf(answer->why, sizeof answer->why, "as told");
    if (channel.calls == channel.die_in_call)
        (void)raise(SIGKILL);
    pthread_mutex_unlock(&channel.mutex);
    return verdict;
}

static void done(void *arg)
{
    (void)arg;
}

static struct exporter *exporter_of(const char *instance, int64_t give_up_ms)
{
    const struct exporter_config config = {
        .instance = instance,
        .redis = {.url = server.url, .timeout_ms = 2000},
        .channel = {.name = "test", .batch_max = 10, .deliver = deliver, .done = done},
        .backoff_base_ms = 5, .backoff_cap_ms = 20, .give_up_ms = give_up_ms, .dead_keep = 1000};
    struct problem problem;
    struct exporter *exporter;

    if (exporter_start(&config, &exporter, &problem) != DROVER_OK)
        fail_msg("%s: %s", problem.where, problem.what);
    return exporter;
}

static int start(void **state)
{
    (void)state;
    redis_server_start(&server);
    channel.seen_count = channel.calls = channel.later = channel.refuse = channel.die_in_call = 0;
    channel.refused_event = 0;
    channel.retry_after_ms = 0;
    (void)redis_server_ask(&server, "SET drover:priv:leader drover-1");
    (void)redis_server_ask(&server, "SET drover:priv:export:test 0-0");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_done(&server);
    return 0;
}

/* Events number `from` to `to` - 1 of seven devices. */
static void events_add(int from, int to)
{
    for (int i = from; i < to; i++)
        (void)redis_server_ask(&server, "XADD drover:v1:events * at_ms %d kind move device d%d model m rollout r upgrade u from none to pending on open attempt 0 "
                                        "revision 1 version 1.0.0 error - why x prev - instance i stage 0", i, i % 7);
}

static void pause_until(bool (*condition)(void *arg), void *arg)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;
    const struct timespec pause = {.tv_nsec = 5000000};

    while (!condition(arg)) {
        assert_true(clock_mono_ms() < end_ms);
        (void)nanosleep(&pause, NULL);
    }
}

static bool last_came(void *arg)
{
    const long long *wanted = arg;
    bool came;

    pthread_mutex_lock(&channel.mutex);
    came = channel.seen_count > 0 && channel.seen[channel.seen_count - 1] == *wanted;
    pthread_mutex_unlock(&channel.mutex);
    return came;
}

struct want {
    struct exporter *exporter;
    uint64_t delivered, dead;
};

static bool is_there(void *arg)
{
    const struct want *want = arg;
    const struct exporter_counters counters = exporter_counters(want->exporter);

    return counters.delivered >= want->delivered && counters.dead >= want->dead;
}

static void wait_for(struct exporter *exporter, uint64_t delivered, uint64_t dead)
{
    struct want want = {exporter, delivered, dead};

    pause_until(is_there, &want);
}

/* All of from .. to-1, the first of each in its turn. */
static void saw_all(int from, int to)
{
    int next = from;

    for (int i = 0; i < channel.seen_count; i++) {
        assert_true(channel.seen[i] <= next);
        next += channel.seen[i] == next;
    }
    assert_int_equal(next, to);
}

/* --- tests --- */

static void everything_in_order_and_the_cursor_behind_it(void **state)
{
    struct exporter *exporter = exporter_of("drover-1", 1000);

    (void)state;
    events_add(1, 36);
    wait_for(exporter, 35, 0);
    events_add(36, 41);
    wait_for(exporter, 40, 0);
    exporter_free(exporter);
    saw_all(1, 41);
    assert_int_equal(channel.seen_count, 40);
    exporter = exporter_of("drover-1", 1000);   /* goes on from the cursor */
    events_add(41, 43);
    wait_for(exporter, 2, 0);
    assert_int_equal(exporter_counters(exporter).lag_ms, 0);
    exporter_free(exporter);
    saw_all(1, 43);
}

static void a_new_one_begins_at_the_end(void **state)
{
    struct exporter *exporter;

    (void)state;
    (void)redis_server_ask(&server, "DEL drover:priv:export:test");
    events_add(1, 20);
    exporter = exporter_of("drover-1", 1000);
    while (redis_server_ask(&server, "EXISTS drover:priv:export:test") == 0)
        ;
    events_add(20, 25);
    wait_for(exporter, 5, 0);
    exporter_free(exporter);
    saw_all(20, 25);
}

static void what_fails_is_tried_again_whole(void **state)
{
    struct exporter *exporter;

    (void)state;
    channel.later = 4;
    events_add(1, 26);
    exporter = exporter_of("drover-1", 1000000);
    wait_for(exporter, 25, 0);
    assert_int_equal(exporter_counters(exporter).failures, 4);
    assert_false(exporter_counters(exporter).failing);
    exporter_free(exporter);
    saw_all(1, 26);
    assert_int_equal(channel.seen_count, 25 + 4 * 10);
}

static void a_wish_to_wait_is_granted(void **state)
{
    struct exporter *exporter;
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    channel.later = 1;
    channel.retry_after_ms = 700;
    events_add(1, 3);
    exporter = exporter_of("drover-1", 1000000);
    wait_for(exporter, 2, 0);
    exporter_free(exporter);
    assert_true(clock_mono_ms() - begun_ms >= 700);
}

static void what_is_refused_becomes_dead_letters(void **state)
{
    struct exporter *exporter;

    (void)state;
    channel.refuse = 1;
    channel.refused_event = 14;
    events_add(1, 26);
    exporter = exporter_of("drover-1", 1000000);
    wait_for(exporter, 14, 11);   /* the first batch of 10 and number 14 */
    exporter_free(exporter);
    saw_all(1, 26);
    assert_int_equal(channel.seen_count, 25);
    assert_int_equal(redis_server_ask(&server, "XLEN drover:v1:export:test:dead"), 11);
}

/* at_ms of these events is long ago. */
static void an_old_one_is_given_up_after_ten_tries(void **state)
{
    struct exporter *exporter;

    (void)state;
    channel.later = -1;
    events_add(1, 6);
    exporter = exporter_of("drover-1", 1000);
    wait_for(exporter, 0, 5);
    pthread_mutex_lock(&channel.mutex);
    channel.later = 0;
    assert_int_equal(channel.calls, 10);
    pthread_mutex_unlock(&channel.mutex);
    events_add(6, 9);
    wait_for(exporter, 3, 5);
    exporter_free(exporter);
    saw_all(1, 9);
}

static void an_entry_that_is_no_event_does_not_stop_it(void **state)
{
    struct exporter *exporter;

    (void)state;
    events_add(1, 4);
    (void)redis_server_ask(&server, "XADD drover:v1:events * at_ms tomorrow kind move");
    events_add(4, 7);
    exporter = exporter_of("drover-1", 1000);
    wait_for(exporter, 6, 1);
    exporter_free(exporter);
    saw_all(1, 7);
    assert_int_equal(redis_server_ask(&server, "XLEN drover:v1:export:test:dead"), 1);
}

static void a_stream_trimmed_beyond_the_cursor_is_a_gap(void **state)
{
    struct exporter *exporter = exporter_of("drover-1", 1000);

    (void)state;
    events_add(1, 6);
    wait_for(exporter, 5, 0);
    exporter_free(exporter);
    events_add(6, 20);
    (void)redis_server_ask(&server, "XTRIM drover:v1:events MAXLEN 5");
    exporter = exporter_of("drover-1", 1000);
    wait_for(exporter, 5, 0);
    assert_int_equal(exporter_counters(exporter).gaps, 1);
    exporter_free(exporter);
    assert_int_equal(channel.seen[channel.seen_count - 5], 15);
}

/* The lease changes hands while both work: all of it comes, each first time in its turn. */
static void two_instances_lose_nothing(void **state)
{
    struct exporter *first = exporter_of("drover-1", 1000000), *second = exporter_of("drover-2", 1000000);

    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        (void)redis_server_ask(&server, "SET drover:priv:leader drover-%d", 1 + turn % 2);
        events_add(1 + turn * 20, 21 + turn * 20);
    }
    (void)redis_server_ask(&server, "SET drover:priv:leader drover-2");
    events_add(401, 402);
    pause_until(last_came, &(long long){401});
    exporter_free(first);
    exporter_free(second);
    saw_all(1, 402);
}

/* kill -9 when the receiver has the batch and the cursor has not moved: the batch comes again. */
static void a_death_between_delivery_and_cursor_repeats_and_loses_nothing(void **state)
{
    struct exporter *exporter;
    int status;
    pid_t child;

    (void)state;
    events_add(1, 36);
    child = fork();
    if (child == 0) {
        channel.die_in_call = 2;
        (void)exporter_of("drover-1", 1000);
        for (;;)
            (void)pause();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    exporter = exporter_of("drover-1", 1000);
    wait_for(exporter, 25, 0);   /* all but the child's first batch */
    exporter_free(exporter);
    assert_int_equal(channel.seen[0], 11);
    saw_all(11, 36);
}

static void it_waits_for_a_redis_that_is_away(void **state)
{
    struct exporter *exporter = exporter_of("drover-1", 1000);

    (void)state;
    events_add(1, 6);
    wait_for(exporter, 5, 0);
    redis_server_kill(&server);
    redis_server_start_again(&server);
    events_add(6, 11);
    wait_for(exporter, 10, 0);
    exporter_free(exporter);
    saw_all(1, 11);
}

/* --- webhooks: what is pure --- */

static void signatures_are_as_documented(void **state)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];

    (void)state;
    /* Made with: printf '1700000000.{"schema":1}' | openssl dgst -sha256 -hmac sesame */
    assert_true(webhook_sign("sesame", "1700000000", "{\"schema\":1}", 12, signature));
    assert_string_equal(signature, "v1=b693f6607a30dfa8855d4c824059171a6eb25cc8dfca33547eceb62606e9c3c4");
}

static void urls_that_travel_in_the_clear_are_refused(void **state)
{
    static const char *const good[] = {"https://hooks.example/x", "http://127.0.0.1:8080/x", "http://localhost", "http://[::1]/x"};
    static const char *const bad[] = {"http://hooks.example/x", "http://127.0.0.1.example/x", "http://localhost.example", "https://", "ftp://x", "file:///etc/passwd", ""};

    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(webhook_url_is_safe(good[i]));
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(webhook_url_is_safe(bad[i]));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(everything_in_order_and_the_cursor_behind_it),
        TEST(a_new_one_begins_at_the_end),
        TEST(what_fails_is_tried_again_whole),
        TEST(a_wish_to_wait_is_granted),
        TEST(what_is_refused_becomes_dead_letters),
        TEST(an_old_one_is_given_up_after_ten_tries),
        TEST(an_entry_that_is_no_event_does_not_stop_it),
        TEST(a_stream_trimmed_beyond_the_cursor_is_a_gap),
        TEST(two_instances_lose_nothing),
        TEST(a_death_between_delivery_and_cursor_repeats_and_loses_nothing),
        TEST(it_waits_for_a_redis_that_is_away),
        cmocka_unit_test(signatures_are_as_documented),
        cmocka_unit_test(urls_that_travel_in_the_clear_are_refused),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    log_configure(LOG_ERROR, LOG_LOGFMT, "test");
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
