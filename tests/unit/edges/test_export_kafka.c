/* The Kafka channel with librdkafka's built-in mock cluster: keys and partitions, order, brokers that fail in every way, messages that are too large,
 * a cluster that goes away in the middle of a batch; and configuration files. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/export.h"
#include "orchestrator/edges/export_kafka.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 40000
#define TOPIC "drover.events"
#define PARTITIONS 3
#define DEVICES 5
#define SEEN_MAX 4096

static struct redis_server server;
static rd_kafka_t *cluster_owner;
static rd_kafka_mock_cluster_t *cluster;

static struct seen {
    long long number;      /* at_ms */
    int partition;
    char key[32];
} seen[SEEN_MAX];
static int seen_count;

static int start(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)state;
    redis_server_start(&server);
    (void)redis_server_ask(&server, "SET drover:priv:leader drover-1");
    (void)redis_server_ask(&server, "SET drover:priv:export:kafka 0-0");
    cluster_owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    assert_non_null(cluster_owner);
    cluster = rd_kafka_mock_cluster_new(cluster_owner, 3);
    assert_non_null(cluster);
    assert_int_equal(rd_kafka_mock_topic_create(cluster, TOPIC, PARTITIONS, 3), RD_KAFKA_RESP_ERR_NO_ERROR);
    seen_count = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(cluster_owner);
    redis_server_done(&server);
    return 0;
}

static struct exporter *exporter_of(const char *properties_file)
{
    const struct kafka_config kafka = {rd_kafka_mock_cluster_bootstraps(cluster), TOPIC, properties_file, "drover-1"};
    struct exporter_config config = {.instance = "drover-1", .redis = {.url = server.url, .timeout_ms = 2000}, .backoff_base_ms = 5, .backoff_cap_ms = 100,
                                     .give_up_ms = 100000000000000, .dead_keep = 1000};
    struct problem problem;
    struct exporter *exporter = NULL;

    if (kafka_new(&kafka, &config.channel, &problem) != DROVER_OK || exporter_start(&config, &exporter, &problem) != DROVER_OK)
        fail_msg("%s: %s", problem.where, problem.what);
    return exporter;
}

static void events_add(int from, int to)
{
    for (int i = from; i < to; i++)
        (void)redis_server_ask(&server, "XADD drover:v1:events * at_ms %d kind move device d%d model m rollout r upgrade u from none to pending on open attempt 0 "
                                        "revision 1 version 1.0.0 error - why x prev - instance i stage 0", i, i % DEVICES);
}

static void wait_for(struct exporter *exporter, uint64_t delivered, uint64_t dead)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;
    const struct timespec pause = {.tv_nsec = 10000000};

    for (;;) {
        const struct exporter_counters counters = exporter_counters(exporter);

        if (counters.delivered >= delivered && counters.dead >= dead)
            return;
        if (clock_mono_ms() >= end_ms)
            fail_msg("delivered %llu, dead %llu, failures %llu", (unsigned long long)counters.delivered, (unsigned long long)counters.dead, (unsigned long long)counters.failures);
        (void)nanosleep(&pause, NULL);
    }
}

/* --- reading it back --- */

static void message_take(const rd_kafka_message_t *message)
{
    const char *at = strstr(message->payload, "\"at_ms\":");
    struct seen *row = &seen[seen_count++];

    assert_true(seen_count < SEEN_MAX && at != NULL && message->key_len < sizeof row->key);
    row->number = atoll(at + strlen("\"at_ms\":"));
    row->partition = message->partition;
    memcpy(row->key, message->key, message->key_len);
    row->key[message->key_len] = '\0';
}

/* Everything that is in the topic now. */
static void consume(void)
{
    char brokers[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(PARTITIONS);
    int ends = 0;
    rd_kafka_t *consumer;

    seen_count = 0;
    (void)snprintf(brokers, sizeof brokers, "%s", rd_kafka_mock_cluster_bootstraps(cluster));
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "test", NULL, 0), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "enable.auto.commit", "false", NULL, 0), RD_KAFKA_CONF_OK);
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    assert_non_null(consumer);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(partitions, TOPIC, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(consumer, partitions), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(partitions);
    for (int64_t end_ms = clock_mono_ms() + WAIT_MS; ends < PARTITIONS;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 200);

        assert_true(clock_mono_ms() < end_ms);
        if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ends++;
        else if (message && !message->err)
            message_take(message);
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

/* Of each device: all of from .. to-1 that are its, the first of each in its turn, all in one partition. */
static void saw_all(int from, int to)
{
    for (int device = 0; device < DEVICES; device++) {
        char key[8];
        int next = from + ((device - from) % DEVICES + DEVICES) % DEVICES, partition = -1;

        (void)snprintf(key, sizeof key, "d%d", device);
        for (int i = 0; i < seen_count; i++) {
            if (strcmp(seen[i].key, key) != 0)
                continue;
            assert_true(partition < 0 || partition == seen[i].partition);
            partition = seen[i].partition;
            assert_int_equal(seen[i].number % DEVICES, device);
            assert_true(seen[i].number <= next);
            next += seen[i].number == next ? DEVICES : 0;
        }
        assert_true(next >= to);
    }
}

/* --- tests --- */

static void every_event_under_its_devices_key(void **state)
{
    struct exporter *exporter = exporter_of("");
    bool used[PARTITIONS] = {false};
    int count = 0;

    (void)state;
    events_add(1, 121);
    wait_for(exporter, 120, 0);
    exporter_free(exporter);
    consume();
    assert_int_equal(seen_count, 120);
    saw_all(1, 121);
    for (int i = 0; i < seen_count; i++)
        used[seen[i].partition] = true;
    for (int i = 0; i < PARTITIONS; i++)
        count += used[i];
    assert_true(count > 1);   /* five devices fall on more than one of three partitions */
}

/* Errors that a broker answers to a produce request; librdkafka's own retries hide most of them. */
static void brokers_that_fail(void **state)
{
    struct exporter *exporter = exporter_of("");

    (void)state;
    rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    events_add(1, 61);
    wait_for(exporter, 60, 0);
    exporter_free(exporter);
    consume();
    saw_all(1, 61);
}

static void a_broker_that_is_gone_for_a_while(void **state)
{
    struct exporter *exporter;

    (void)state;
    for (int broker = 1; broker <= 3; broker++)
        assert_int_equal(rd_kafka_mock_broker_set_down(cluster, broker), RD_KAFKA_RESP_ERR_NO_ERROR);
    exporter = exporter_of("");
    events_add(1, 31);
    {
        const struct timespec pause = {.tv_nsec = 700000000};

        (void)nanosleep(&pause, NULL);
        assert_int_equal(exporter_counters(exporter).delivered, 0);
        assert_true(exporter_counters(exporter).lag_ms > 0);
    }
    for (int broker = 1; broker <= 3; broker++)
        assert_int_equal(rd_kafka_mock_broker_set_up(cluster, broker), RD_KAFKA_RESP_ERR_NO_ERROR);
    wait_for(exporter, 30, 0);
    exporter_free(exporter);
    consume();
    saw_all(1, 31);
}

/* What a broker says it will never take becomes dead letters, message by message; what it takes is delivered, and nothing is both or neither. */
static void messages_that_are_too_large(void **state)
{
    char path[] = "/tmp/drover-kafka-XXXXXX";
    int fd = mkstemp(path);
    struct exporter *exporter;
    long long dead;

    (void)state;
    assert_true(fd >= 0 && dprintf(fd, "# one message a request\n\n  batch.num.messages = 1\r\ncompression.type=none\n") > 0);
    (void)close(fd);
    rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 2, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    events_add(1, 21);
    exporter = exporter_of(path);
    wait_for(exporter, 19, 1);
    exporter_free(exporter);
    (void)unlink(path);
    dead = redis_server_ask(&server, "XLEN drover:v1:export:kafka:dead");
    assert_int_equal(dead, 1);
    consume();
    for (int number = 1; number < 21; number++)
        for (int i = 0; i < seen_count; i++)
            dead += seen[i].number == number;
    assert_int_equal(dead, 20);
}

/* Stopped while no broker answers: it does not wait for them. */
static void it_ends_at_once(void **state)
{
    struct exporter *exporter;
    int64_t begun_ms;
    const struct timespec pause = {.tv_nsec = 500000000};

    (void)state;
    for (int broker = 1; broker <= 3; broker++)
        assert_int_equal(rd_kafka_mock_broker_set_down(cluster, broker), RD_KAFKA_RESP_ERR_NO_ERROR);
    exporter = exporter_of("");
    events_add(1, 3);
    (void)nanosleep(&pause, NULL);
    begun_ms = clock_mono_ms();
    exporter_free(exporter);
    assert_true(clock_mono_ms() - begun_ms < 3000);
    assert_int_equal(redis_server_ask(&server, "XLEN drover:v1:events"), 2);
}

static void properties_that_are_wrong(void **state)
{
    static const struct {
        const char *text, *where;
    } rows[] = {{"no.such.property=1\n", "no.such.property"}, {"just words\n", "kafka.properties_file"}, {"linger.ms=for ever\n", "linger.ms"}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[] = "/tmp/drover-kafka-XXXXXX";
        int fd = mkstemp(path);
        const struct kafka_config config = {"127.0.0.1:1", TOPIC, path, "drover-1"};
        struct export_channel channel;
        struct problem problem;

        assert_true(fd >= 0 && write(fd, rows[i].text, strlen(rows[i].text)) > 0);
        (void)close(fd);
        assert_int_equal(kafka_new(&config, &channel, &problem), DROVER_SYNTAX);
        assert_string_equal(problem.where, rows[i].where);
        (void)unlink(path);
    }
    {
        const struct kafka_config config = {"127.0.0.1:1", TOPIC, "/nonexistent", "drover-1"};
        struct export_channel channel;

        assert_int_equal(kafka_new(&config, &channel, NULL), DROVER_IO);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(every_event_under_its_devices_key),
        TEST(brokers_that_fail),
        TEST(a_broker_that_is_gone_for_a_while),
        TEST(messages_that_are_too_large),
        TEST(it_ends_at_once),
        cmocka_unit_test(properties_that_are_wrong),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    log_configure(LOG_ERROR, LOG_LOGFMT, "test");
    return cmocka_run_group_tests_name("export to Kafka", tests, NULL, NULL);
}
