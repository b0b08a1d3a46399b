/* What the depot served goes through the reports ring too: nobody would say it again if droverd were killed before it is saved.
 * Its record has a topic that no device can publish to us, and a payload that only this file writes and reads. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/ingest_parts.h"

#define PREFIX "served/"
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define PAYLOAD_SIZE 96

bool ingest_put_served(struct ring *reports, const struct served *served)
{
    char topic[PREFIX_LENGTH + ID_SIZE], payload[PAYLOAD_SIZE];
    int topic_length = snprintf(topic, sizeof topic, PREFIX "%s", served->device_id);
    int payload_length = snprintf(payload, sizeof payload, "%s %" PRId64 " %" PRId64 " %d", served->upgrade_id, served->attempt,
                                  served->progress_pct, served->whole);
    struct ring_record record = {.topic = topic, .topic_length = (size_t)topic_length, .payload = payload,
                                 .payload_length = (size_t)payload_length, .arrived_ms = served->at_ms};

    return topic_length < (int)sizeof topic && payload_length < (int)sizeof payload && ring_put(reports, &record);
}

bool served_is(const struct ring_record *record)
{
    return record->topic_length > PREFIX_LENGTH && memcmp(record->topic, PREFIX, PREFIX_LENGTH) == 0;
}

/* The file may be damaged like any other: what does not read back exactly is refused. */
enum drover_error served_read(const struct ring_record *record, struct served *ret_served, struct problem *ret_problem)
{
    struct served served = {.at_ms = record->arrived_ms};
    char payload[PAYLOAD_SIZE];
    int whole = 0, end = 0;

    if (!text_is_id(record->topic + PREFIX_LENGTH, record->topic_length - PREFIX_LENGTH) ||
        !text_copy_n(served.device_id, sizeof served.device_id, record->topic + PREFIX_LENGTH, record->topic_length - PREFIX_LENGTH))
        return problem_set(ret_problem, DROVER_SYNTAX, "device", "is no id");
    if (!text_copy_n(payload, sizeof payload, record->payload, record->payload_length) ||
        sscanf(payload, "%32s %" SCNd64 " %" SCNd64 " %1d%n", served.upgrade_id, &served.attempt, &served.progress_pct, &whole, &end) != 4 ||
        payload[end] != '\0')
        return problem_set(ret_problem, DROVER_SYNTAX, "payload", "is not what was written");
    served.whole = whole == 1;
    *ret_served = served;
    return DROVER_OK;
}
