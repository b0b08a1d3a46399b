/* The link as the loop sees it: made, looked at, ended. */
#include "orchestrator/edges/mqtt_link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "orchestrator/edges/mqtt_parts.h"

#define PAHO_QUEUE 30000   /* most messages that Paho holds for its own sending thread */

static int thread_start(struct mqtt_link *link)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* inherited by the thread, and from it by Paho's */
    code = pthread_create(&link->thread, NULL, mqtt_thread_run, link);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        (void)pthread_setname_np(link->thread, "mqtt-tx");
    return code;
}

static enum drover_error client_make(struct mqtt_link *link, struct problem *ret_problem)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    int code;

    /* By default Paho writes each packet as text into a trace buffer that nobody reads, a quarter of its CPU time. Set before
     * the client is made, so that MQTT_C_CLIENT_TRACE_LEVEL still has its way. */
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    options.maxBufferedMessages = PAHO_QUEUE;
    code = MQTTAsync_createWithOptions(&link->client, link->identity.url, link->identity.client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (code != MQTTASYNC_SUCCESS)
        return problem_set(ret_problem, DROVER_SYNTAX, "mqtt.url", "the MQTT library refuses it: %d", code);
    MQTTAsync_setConnectionLostCallback(link->client, link, mqtt_connection_lost);
    MQTTAsync_setMessageArrivedCallback(link->client, &link->receiver, mqtt_received);
    MQTTAsync_setDisconnected(link->client, link, mqtt_broker_disconnected);
    return DROVER_OK;
}

static void link_drop(struct mqtt_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    pthread_mutex_destroy(&link->lock);
    free(link);
}

enum drover_error mqtt_link_new(const struct mqtt_link_config *config, struct mqtt_link **ret_link, struct problem *ret_problem)
{
    struct mqtt_link *link = calloc(1, sizeof *link);
    enum drover_error error;

    if (!link)
        return problem_set(ret_problem, DROVER_MEMORY, "mqtt", "no memory");
    pthread_mutex_init(&link->lock, NULL);
    link->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    link->receiver.heartbeats = config->heartbeats;
    link->receiver.reports = config->reports;
    link->outbox = config->outbox;
    link->retry_base_ms = config->retry_base_ms > 0 ? config->retry_base_ms : 500;
    link->retry_cap_ms = config->retry_cap_ms > 0 ? config->retry_cap_ms : 5000;
    topic_filters(config->share_group, link->filters);
    error = link->fd < 0 ? problem_set(ret_problem, DROVER_IO, "mqtt", "no eventfd: %s", strerror(errno))
                         : mqtt_identity_make(config, &link->identity, ret_problem);
    if (!error)
        error = client_make(link, ret_problem);
    if (!error) {
        outbox_set_send(link->outbox, mqtt_send, link);
        if (thread_start(link) != 0) {
            MQTTAsync_destroy(&link->client);
            error = problem_set(ret_problem, DROVER_MEMORY, "mqtt", "no thread");
        }
    }
    if (error) {
        link_drop(link);
        return error;
    }
    *ret_link = link;
    return DROVER_OK;
}

enum drover_error mqtt_link_free(struct mqtt_link *link, int64_t wait_ms)
{
    struct timespec until = {.tv_nsec = 0};

    if (!link)
        return DROVER_OK;
    pthread_mutex_lock(&link->lock);
    link->goodbye_mono_ms = clock_mono_ms() + wait_ms;
    pthread_mutex_unlock(&link->lock);
    ring_release(link->receiver.heartbeats); /* a callback that waits now never returns: its message was not stored */
    ring_release(link->receiver.reports);
    outbox_kick(link->outbox);
    until.tv_sec = (time_t)((clock_unix_ms() + wait_ms + 2 * MQTT_GOODBYE_MS) / 1000 + 1); /* pthread_timedjoin_np goes by wall time */
    if (pthread_timedjoin_np(link->thread, NULL, &until) != 0)
        return DROVER_TIMEOUT;
    link_drop(link);
    return DROVER_OK;
}

int mqtt_link_fd(const struct mqtt_link *link)
{
    return link->fd;
}

void mqtt_link_seen(struct mqtt_link *link)
{
    uint64_t count;

    while (read(link->fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

void mqtt_link_state(struct mqtt_link *link, struct mqtt_link_state *ret_state)
{
    pthread_mutex_lock(&link->lock);
    *ret_state = link->state;
    pthread_mutex_unlock(&link->lock);
    ret_state->received_heartbeats = atomic_load(&link->receiver.heartbeat_count);
    ret_state->received_reports = atomic_load(&link->receiver.report_count);
    ret_state->received_bytes = atomic_load(&link->receiver.byte_count);
    ret_state->oversized = atomic_load(&link->receiver.oversized_count);
}
