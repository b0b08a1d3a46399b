/* librdkafka's producer, which has threads of its own; this one hands over a batch and waits for its delivery reports. */
#include "orchestrator/edges/export_kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "orchestrator/edges/stream_worker.h"

#define BATCH_MAX EXPORT_BATCH_MAX
#define POLL_MS 100
#define METADATA_MS 10000
#define PROPERTY_BYTES 4096
#define PROPERTIES_MAX 200

struct kafka {
    char *topic;                       /* owned */
    rd_kafka_conf_t *conf;             /* owned: what each producer is made from */
    rd_kafka_t *producer;              /* owned; NULL: none now */
    /* Of the present batch; the reports come on this thread, from rd_kafka_poll. */
    struct export_answer *answer;
    size_t reported;
    rd_kafka_resp_err_t passing;       /* an error that may go better another time; NO_ERROR: none */
};

/* --- delivery reports --- */

/* This message will never be taken, whatever happens to the others. */
static bool is_the_messages_own(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
           error == RD_KAFKA_RESP_ERR_INVALID_RECORD || error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
}

static void why_note(struct kafka *kafka, const char *why)
{
    (void)text_excerpt(kafka->answer->why, sizeof kafka->answer->why, why, strlen(why));
}

/* opaque: 1 + its place in the batch. A report of an older batch cannot come: its producer is gone. */
static void reported(rd_kafka_t *producer, const rd_kafka_message_t *message, void *arg)
{
    struct kafka *kafka = arg;
    size_t at = (size_t)message->_private - 1;

    (void)producer;
    if (!kafka->answer)
        return;
    kafka->reported++;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    why_note(kafka, rd_kafka_err2str(message->err));
    if (is_the_messages_own(message->err) && at < BATCH_MAX)
        kafka->answer->refused[at] = true;
    else
        kafka->passing = message->err;
}

static void logged(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
    char said[160];

    (void)producer;
    (void)text_excerpt(said, sizeof said, text, strlen(text));
    log_event(level <= 3 ? LOG_WARN : LOG_DEBUG, "kafka", LOG_TEXT("facility", facility), LOG_TEXT("text", said));
}

/* --- the producer --- */

/* What it still holds is purged: it is not delivered, or is, and comes again with the batch. */
static void producer_drop(struct kafka *kafka)
{
    kafka->answer = NULL;
    if (!kafka->producer)
        return;
    (void)rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy_flags(kafka->producer, 0);
    kafka->producer = NULL;
}

static bool producer_make(struct kafka *kafka)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(kafka->conf);

    kafka->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!kafka->producer) {
        rd_kafka_conf_destroy(conf);
        why_note(kafka, why);
    }
    return kafka->producer != NULL;
}

/* Before the first message of a producer: while the topic is unknown, messages fail one by one, and those that come later might not. */
static bool topic_is_there(struct kafka *kafka, struct stream_worker *worker)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka->producer, kafka->topic, NULL);
    rd_kafka_resp_err_t error = topic ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_last_error();
    int64_t end_ms = clock_mono_ms() + METADATA_MS;

    while (topic && error == RD_KAFKA_RESP_ERR__TIMED_OUT && clock_mono_ms() < end_ms && !stream_worker_is_stopping(worker))
        error = rd_kafka_metadata(kafka->producer, 0, topic, &metadata, POLL_MS * 5);
    if (!error && (metadata->topic_cnt != 1 || metadata->topics[0].err || metadata->topics[0].partition_cnt == 0))
        error = metadata->topic_cnt == 1 && metadata->topics[0].err ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (error)
        why_note(kafka, rd_kafka_err2str(error));
    return !error;
}

/* --- a batch --- */

static bool is_said(const char *text)
{
    return text[0] && strcmp(text, "-") != 0;
}

static const char *key_of(const struct event *event)
{
    return is_said(event->device_id) ? event->device_id : is_said(event->rollout) ? event->rollout : event->model;
}

static rd_kafka_resp_err_t event_produce(struct kafka *kafka, const struct export_event *event, size_t at)
{
    const char *key = key_of(&event->event);
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = kafka->topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, strlen(key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)event->json, event->json_length}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = event->event.at_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"drover-event", event->event.id, (ssize_t)strlen(event->event.id)}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(at + 1)},
    };
    rd_kafka_error_t *failure = rd_kafka_produceva(kafka->producer, fields, sizeof fields / sizeof fields[0]);
    rd_kafka_resp_err_t error = rd_kafka_error_code(failure);   /* NULL: NO_ERROR */

    if (failure)
        rd_kafka_error_destroy(failure);
    return error;
}

/* False: the queue is full or the producer is broken; the batch is tried again. */
static bool event_send(struct kafka *kafka, const struct export_event *event, size_t at)
{
    rd_kafka_resp_err_t error = event_produce(kafka, event, at);

    if (!error)
        return true;
    why_note(kafka, rd_kafka_err2str(error));
    if (!is_the_messages_own(error))
        return false;
    kafka->answer->refused[at] = true;
    kafka->reported++;
    return true;
}

static bool batch_send(struct kafka *kafka, const struct export_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!event_send(kafka, &events[i], i))
            return false;
    return true;
}

static bool reports_wait(struct kafka *kafka, struct stream_worker *worker, size_t count)
{
    int64_t end_ms = clock_mono_ms() + KAFKA_BATCH_MS;

    while (kafka->reported < count && kafka->passing == RD_KAFKA_RESP_ERR_NO_ERROR && clock_mono_ms() < end_ms && !stream_worker_is_stopping(worker))
        (void)rd_kafka_poll(kafka->producer, POLL_MS);
    if (kafka->reported < count && !kafka->answer->why[0])
        why_note(kafka, "not all delivery reports came in time");
    return kafka->reported == count && kafka->passing == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum export_verdict deliver(void *arg, struct stream_worker *worker, const struct export_event *events, size_t count, struct export_answer *answer)
{
    struct kafka *kafka = arg;
    bool delivered;

    kafka->answer = answer;
    kafka->reported = 0;
    kafka->passing = RD_KAFKA_RESP_ERR_NO_ERROR;
    delivered = kafka->producer || (producer_make(kafka) && topic_is_there(kafka, worker));
    delivered = delivered && batch_send(kafka, events, count) && reports_wait(kafka, worker, count) &&
                rd_kafka_fatal_error(kafka->producer, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!delivered)
        producer_drop(kafka);
    kafka->answer = NULL;
    return delivered ? EXPORT_DELIVERED : EXPORT_LATER;
}

/* --- configuration --- */

static enum drover_error property_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct problem *ret_problem)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_SYNTAX, name, "librdkafka: %s", why);
}

/* "name=value", blanks around both; empty lines and those that begin with # are skipped. */
static enum drover_error line_set(rd_kafka_conf_t *conf, char *line, struct problem *ret_problem)
{
    char *name = line + strspn(line, " \t"), *equals, *end;

    name[strcspn(name, "\r\n")] = '\0';
    if (!name[0] || name[0] == '#')
        return DROVER_OK;
    equals = strchr(name, '=');
    if (!equals)
        return problem_set(ret_problem, DROVER_SYNTAX, "kafka.properties_file", "a line is not name=value");
    for (end = equals; end > name && strchr(" \t", end[-1]); end--)
        ;
    *end = '\0';
    return property_set(conf, name, equals + 1 + strspn(equals + 1, " \t"), ret_problem);
}

static enum drover_error file_set(rd_kafka_conf_t *conf, const char *path, struct problem *ret_problem)
{
    FILE *file = fopen(path, "re");
    char line[PROPERTY_BYTES];
    enum drover_error error = DROVER_OK;
    int lines = 0;

    if (!file)
        return problem_set(ret_problem, DROVER_IO, "kafka.properties_file", "%.60s: %s", path, strerror(errno));
    while (!error && fgets(line, sizeof line, file)) {
        if (++lines > PROPERTIES_MAX || (!strchr(line, '\n') && !feof(file)))
            error = problem_set(ret_problem, DROVER_TOO_LONG, "kafka.properties_file", "over %d lines, or one over %d bytes", PROPERTIES_MAX, PROPERTY_BYTES - 2);
        else
            error = line_set(conf, line, ret_problem);
    }
    explicit_bzero(line, sizeof line); /* passwords of SASL */
    (void)fclose(file);
    return error;
}

/* What delivery relies on is set last: no file can take it back. */
static enum drover_error conf_fill(rd_kafka_conf_t *conf, const struct kafka_config *config, struct problem *ret_problem)
{
    const char *const before[][2] = {{"client.id", config->instance}, {"linger.ms", "5"}, {"batch.size", "65536"}, {"partitioner", "murmur2_random"}};
    const char *const after[][2] = {{"bootstrap.servers", config->brokers}, {"acks", "all"}, {"enable.idempotence", "true"}, {"message.timeout.ms", "0"}};
    enum drover_error error = DROVER_OK;

    for (size_t i = 0; i < sizeof before / sizeof before[0] && !error; i++)
        error = property_set(conf, before[i][0], before[i][1], ret_problem);
    if (!error && config->properties_file[0])
        error = file_set(conf, config->properties_file, ret_problem);
    for (size_t i = 0; i < sizeof after / sizeof after[0] && !error; i++)
        error = property_set(conf, after[i][0], after[i][1], ret_problem);
    return error;
}

static void kafka_done(void *arg)
{
    struct kafka *kafka = arg;

    if (!kafka)
        return;
    producer_drop(kafka);
    if (kafka->conf)
        rd_kafka_conf_destroy(kafka->conf);
    free(kafka->topic);
    free(kafka);
}

enum drover_error kafka_new(const struct kafka_config *config, struct export_channel *ret_channel, struct problem *ret_problem)
{
    struct kafka *kafka = calloc(1, sizeof *kafka);
    enum drover_error error = DROVER_MEMORY;

    if (kafka) {
        kafka->topic = strdup(config->topic);
        kafka->conf = rd_kafka_conf_new();
    }
    if (!kafka || !kafka->topic || !kafka->conf)
        (void)problem_set(ret_problem, error, "kafka.brokers", "out of memory");
    else
        error = conf_fill(kafka->conf, config, ret_problem);
    if (error) {
        kafka_done(kafka);
        return error;
    }
    rd_kafka_conf_set_opaque(kafka->conf, kafka);
    rd_kafka_conf_set_dr_msg_cb(kafka->conf, reported);
    rd_kafka_conf_set_log_cb(kafka->conf, logged);
    *ret_channel = (struct export_channel){.name = "kafka", .batch_max = BATCH_MAX, .deliver = deliver, .done = kafka_done, .arg = kafka};
    return DROVER_OK;
}
