/* Any bytes as a topic: refused with a reason, or put together again to the same bytes. */
#include "fuzz.h"

#include "proto/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[TOPIC_SIZE];
    struct topic topic;
    struct problem problem = {0};

    if (topic_read((const char *)bytes, length, &topic, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(topic_write(&topic, text) == length);
    MUST(memcmp(text, bytes, length) == 0);
    return 0;
}
