/* Any bytes as a TZif file, and as the rule at its end: what is taken has offsets under two days, and its changes go forward. */
#include "fuzz.h"

#include "common/time_zone.h"

static const int64_t moments[] = {INT64_MIN / 2, -1, 0, 1, 951782400, 1774746000, 4102444800, INT64_C(1) << 53, INT64_MAX / 2};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct problem problem = {0};
    struct time_zone *zone;
    struct time_rule rule;
    struct local_time local;
    char text[64] = "";

    memcpy(text, bytes, length < sizeof text ? length : sizeof text - 1);
    if (time_rule_read(text, &rule))
        for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
            MUST(time_rule_change_s(&rule, moments[i]) > moments[i]);
    if (time_zone_read(bytes, length, &zone, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        int64_t offset_s = time_zone_offset_s(zone, moments[i]);

        MUST(offset_s > -2 * 86400 && offset_s < 2 * 86400);
        MUST(time_zone_change_s(zone, moments[i]) > moments[i]);
        time_zone_local(zone, moments[i], &local);
        MUST(local.second >= 0 && local.second < 86400 && local.weekday >= 0 && local.weekday < 7);
    }
    time_zone_free(zone);
    return 0;
}
