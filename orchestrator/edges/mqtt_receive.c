/* Paho's callback for messages: into a ring, and nothing else. It returns 1 always: Paho acknowledges whatever it returns,
 * and 0 makes it keep the message in a queue of its own where it may stay for good.
 *
 * No room: the callback waits, which withholds the acknowledgement and, through Receive Maximum, stops the broker, who keeps
 * the rest in the session. When droverd ends meanwhile, the callback never returns: what was not stored is not acknowledged. */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "orchestrator/edges/mqtt_parts.h"
#include "proto/heartbeat.h"

static bool topic_ends(const char *topic, size_t length, const char *end)
{
    size_t end_length = strlen(end);

    return length >= end_length && memcmp(topic + length - end_length, end, end_length) == 0;
}

static void count(_Atomic uint64_t *counter, uint64_t add) /* one writer: no need for a locked instruction */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + add, memory_order_relaxed);
}

int mqtt_received(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct mqtt_receiver *receiver = context;
    size_t length = topic_length > 0 ? (size_t)topic_length : strlen(topic);
    bool is_heartbeat = topic_ends(topic, length, "/heartbeat");
    struct ring_record record = {.topic = topic, .topic_length = length < TOPIC_SIZE ? length : TOPIC_SIZE - 1,
                                 .payload = message->payload, .payload_length = (size_t)message->payloadlen,
                                 .arrived_ms = clock_unix_ms(), .oversized = message->payloadlen > MESSAGE_SIZE};

    count(&receiver->byte_count, record.payload_length);
    if (record.oversized) {
        count(&receiver->oversized_count, 1);
        record.payload_length = 0;
    }
    if (!ring_put_wait(is_heartbeat ? receiver->heartbeats : receiver->reports, &record))
        for (;;)
            pause();
    count(is_heartbeat ? &receiver->heartbeat_count : &receiver->report_count, 1);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}
