/* Peer (a) of the ingest benchmark: a Paho client that only counts. It subscribes like droverd does (MQTT 5, QoS 1, the
 * same filter) and does nothing with a message but count it.
 *   count_client URL FILTER EXPECTED WARM [quiet]
 * The clock begins behind the first WARM messages. quiet: Paho's trace is off, as in droverd; without it Paho's defaults hold.
 * Prints "subscribed", then at EXPECTED messages or SIGTERM one line of JSON: count, begin and last arrival (monotonic s). */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <MQTTAsync.h>

static const char *filter;
static uint64_t expected, warm;
static atomic_uint_fast64_t count;
static double first_s, last_s;
static atomic_bool finished;

static double mono_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void subscribed(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    puts("subscribed");
    fflush(stdout);
}

static void failed(void *context, MQTTAsync_failureData5 *data)
{
    fprintf(stderr, "count_client: %s failed: %d\n", (const char *)context, data ? data->code : 0);
    _exit(1);
}

static void connected(void *context, char *cause)
{
    (void)cause;
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.onSuccess5 = subscribed;
    response.onFailure5 = failed;
    response.context = (void *)"subscribe";
    MQTTAsync_subscribe(context, filter, 1, &response);
}

static int arrived(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    (void)context;
    (void)topic_length;
    uint64_t now = atomic_fetch_add(&count, 1) + 1;
    if (now == warm + 1)
        first_s = mono_s();
    if (now == expected) {
        last_s = mono_s();
        atomic_store(&finished, true);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static volatile sig_atomic_t stop;
static void stopped(int number)
{
    (void)number;
    stop = 1;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: count_client URL FILTER EXPECTED WARM [quiet]\n");
        return 2;
    }
    filter = argv[2];
    expected = strtoull(argv[3], NULL, 10);
    warm = strtoull(argv[4], NULL, 10);
    if (argc > 5 && strcmp(argv[5], "quiet") == 0)
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    signal(SIGTERM, stopped);

    MQTTAsync client;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    if (MQTTAsync_createWithOptions(&client, argv[1], "count-client", MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) != MQTTASYNC_SUCCESS)
        return 1;
    MQTTAsync_setCallbacks(client, NULL, NULL, arrived, NULL);
    MQTTAsync_setConnected(client, client, connected);
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty receive_maximum = {.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, .value.integer2 = 65535};
    MQTTProperties_add(&properties, &receive_maximum);
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    connect.keepAliveInterval = 60;
    connect.cleanstart = 1;
    connect.connectProperties = &properties;
    connect.onFailure5 = failed;
    connect.context = (void *)"connect";
    if (MQTTAsync_connect(client, &connect) != MQTTASYNC_SUCCESS)
        return 1;

    while (!stop && !atomic_load(&finished))
        usleep(5000);
    printf("{\"count\":%" PRIu64 ",\"first_s\":%.6f,\"last_s\":%.6f}\n", (uint64_t)atomic_load(&count), first_s, last_s > 0 ? last_s : mono_s());
    fflush(stdout);
    _exit(0);   /* MQTTAsync_destroy may take seconds, and there is nothing left to save */
}
