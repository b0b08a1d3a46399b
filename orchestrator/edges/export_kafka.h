/* A channel of export.h: one Kafka message an event, by librdkafka. Key: the device's id (of an event about no device: its rollout's, else its model's), so that
 * what concerns one device is in one partition, in order. acks=all and the idempotent producer; the batch counts as delivered when every delivery report is in.
 *
 * Messages do not time out one by one inside librdkafka (a later one might be written without an earlier one): when the reports are not all in after
 * KAFKA_BATCH_MS, the producer is thrown away with all that it still holds, and the whole batch is sent again by a new one. */
#pragma once

#include "common/error.h"
#include "orchestrator/edges/export.h"

#define KAFKA_BATCH_MS 30000

struct kafka_config {
    const char *brokers;           /* "host:port,host:port"; all copied */
    const char *topic;
    const char *properties_file;   /* name=value a line; "": none */
    const char *instance;          /* client.id */
};

/* DROVER_UNKNOWN: this droverd was built without librdkafka. A property that librdkafka does not take is DROVER_SYNTAX with its name. */
MUST_USE enum drover_error kafka_new(const struct kafka_config *config, struct export_channel *ret_channel, struct problem *ret_problem);
