/* Any bytes as a plan: refused with every problem's words, or read, written and read again to the same text. */
#include "fuzz.h"

#include "proto/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char nothing[1];
    struct plan *plan, *again;
    struct plan_problems problems;
    struct buffer first, second;

    if (plan_read(length ? (const char *)bytes : nothing, length, &plan, &problems) != DROVER_OK) {
        MUST(!plan && problems.count > 0);
        for (unsigned i = 0; i < problems.count && i < PLAN_PROBLEMS_MAX; i++)
            MUST(problems.items[i].what[0] && (problems.items[i].where[0] == '/' || !problems.items[i].where[0]));
        return 0;
    }
    MUST(problems.count == 0 && plan->stage_count > 0 && plan->stage_count <= PLAN_STAGES_MAX);
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    plan_write(plan, &first);
    MUST(!first.failed);
    if (first.length <= PLAN_BYTES_MAX) { /* escapes and defaults may make it longer than what was read */
        MUST(plan_read(first.bytes, first.length, &again, &problems) == DROVER_OK);
        plan_write(again, &second);
        MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
        plan_drop(again);
    }
    plan_drop(plan);
    buffer_done(&first);
    buffer_done(&second);
    return 0;
}
