/* In place of export_kafka.c where librdkafka was not there at build time. */
#include "orchestrator/edges/export_kafka.h"

enum drover_error kafka_new(const struct kafka_config *config, struct export_channel *ret_channel, struct problem *ret_problem)
{
    (void)config, (void)ret_channel;
    return problem_set(ret_problem, DROVER_UNKNOWN, "kafka.brokers", "this droverd was built without librdkafka");
}
