/* Error replies: a table from the first word to what the caller is told and which counter it is. */
#include "orchestrator/edges/redis_errors.h"

#include <string.h>

struct row {
    const char *word;
    enum drover_error error;
    size_t counter;   /* offset in struct redis_link_counters */
};
#define COUNTER(name) offsetof(struct redis_link_counters, name)

static const struct row rows[] = {
    {"READONLY",    DROVER_STORE,       COUNTER(errors_readonly)},
    {"NOREPLICAS",  DROVER_STORE,       COUNTER(errors_readonly)},
    {"MISCONF",     DROVER_STORE,       COUNTER(errors_readonly)},   /* the last save to disk failed: writes are refused */
    {"OOM",         DROVER_STORE,       COUNTER(errors_oom)},
    {"NOSCRIPT",    DROVER_STORE,       COUNTER(noscript)},          /* redis_scripts.c loads it and asks again */
    {"LOADING",     DROVER_UNAVAILABLE, COUNTER(errors_busy)},
    {"BUSY",        DROVER_UNAVAILABLE, COUNTER(errors_busy)},
    {"MASTERDOWN",  DROVER_UNAVAILABLE, COUNTER(errors_busy)},
    {"TRYAGAIN",    DROVER_UNAVAILABLE, COUNTER(errors_busy)},
    {"CLUSTERDOWN", DROVER_UNAVAILABLE, COUNTER(errors_busy)},
};

enum drover_error redis_error_classify(const char *text, struct redis_link_counters *counters)
{
    size_t word = strcspn(text, " ");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].word) == word && memcmp(rows[i].word, text, word) == 0) {
            (*(uint64_t *)((char *)counters + rows[i].counter))++;
            return rows[i].error;
        }
    }
    if (strstr(text, "script"))
        counters->errors_script++;
    else
        counters->errors_other++;
    return DROVER_STORE;
}
