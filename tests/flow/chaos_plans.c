/* See chaos.h: the plans of random stories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/chaos.h"

/* What of its plan is beside the numbers it has already: members, as JSON. */
static void give_plan(struct rollout *rollout, const char *members)
{
    char json[1280];
    struct plan_problems problems;
    int length = snprintf(json, sizeof json, "{\"schema\":1,\"id\":\"r1\",\"model\":\"esp32\",\"version\":\"1.1.0\",\"limits\":{\"max_in_flight\":%lld},\"confirmations\":%lld,"
                          "\"soak_ms\":%lld,%s}", (long long)rollout->max_in_flight, (long long)rollout->confirmations, (long long)rollout->soak_ms, members);
    if (plan_read(json, (size_t)length, &rollout->plan, &problems) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problems.items[0].where, problems.items[0].what);
        abort();
    }
    rollout->plan_revision = 1;
    rollout_enter_stage(rollout, 1, 0);
}

/* Now and then there are windows, for installations alone or for all: half an hour of each one, from the beginning on. */
void chaos_give_windows(struct rollout *rollout, const char *use)
{
    char members[1024];
    int length = snprintf(members, sizeof members, "\"windows\":{\"weekly\":[");
    for (int hour = 0; hour < 8; hour++)
        length += snprintf(members + length, sizeof members - (size_t)length, "%s{\"use\":\"%s\",\"from\":\"%02d:30\",\"to\":\"%02d:00\"}", hour ? "," : "", use, hour, hour + 1);
    snprintf(members + length, sizeof members - (size_t)length, "]}");
    give_plan(rollout, members);
}

/* And now and then a stepping stone. */
void chaos_give_stone(struct rollout *rollout)
{
    give_plan(rollout, "\"stepping_stones\":[\"" CHAOS_STONE "\"]");
    rollout->stones = stones_new(1);
    if (!rollout->stones)
        abort();
    rollout->stones->releases[0] = rollout->release;
    snprintf(rollout->stones->releases[0].model, ID_SIZE, "esp32");
    snprintf(rollout->stones->releases[0].version, VERSION_SIZE, CHAOS_STONE);
}
