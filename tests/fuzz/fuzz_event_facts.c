/* Any bytes as the `facts` of an event: refused with a reason, or every name and value can be walked, and a plan lies inside. */
#include "fuzz.h"

#include "proto/event_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct stream_entry entry = {.id = entry_text("1-1"), .count = 1};
    char name[FACTS_NAME_SIZE], value[FACTS_VALUE_SIZE];
    struct problem problem = {0};
    struct event_facts facts;

    entry.fields[0] = (struct entry_field){entry_text("facts"), {(const char *)bytes, length}};
    if (event_facts_read(&entry, &facts, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(facts.known && facts.plan_bytes >= 0);
    if (facts.plan)
        MUST(facts.plan >= (const char *)bytes && facts.plan + facts.plan_length <= (const char *)bytes + length && facts.plan[0] == '{');
    while (event_facts_next_set(&facts, name, value))
        MUST(strlen(name) < sizeof name && strlen(value) < sizeof value);
    while (event_facts_next_unset(&facts, name))
        MUST(strlen(name) < sizeof name);
    MUST(facts.set.at == facts.set.end && facts.unset.at == facts.unset.end);   /* all of it was walked */
    return 0;
}
