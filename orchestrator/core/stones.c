/* Which stone is next, and what is against the way to it. Versions are compared as SemVer does: whoever runs a stone, or anything newer, has passed it. */
#include "orchestrator/core/stones.h"

#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

static const char no_release[] = "its stepping stone has no release";

struct stones *stones_new(unsigned count)
{
    struct stones *stones = calloc(1, sizeof *stones + count * sizeof stones->releases[0]);
    if (!stones)
        return NULL;
    stones->references = 1;
    stones->count = count;
    return stones;
}

struct stones *stones_hold(struct stones *stones)
{
    if (stones)
        stones->references++;
    return stones;
}

void stones_drop(struct stones *stones)
{
    if (stones && --stones->references == 0)
        free(stones);
}

unsigned stones_count(const struct rollout *rollout)
{
    return rollout->plan ? rollout->plan->step_count : 0;
}

const char *stones_next(const struct rollout *rollout, const char *version)
{
    for (unsigned i = 0; i < stones_count(rollout); i++)
        if (semver_compare(version, rollout->plan->steps[i]) < 0)
            return rollout->plan->steps[i];
    return "";
}

unsigned stones_number(const struct rollout *rollout, const char *stone)
{
    for (unsigned i = 0; i < stones_count(rollout); i++)
        if (!strcmp(rollout->plan->steps[i], stone))
            return i + 1;
    return 0;
}

const struct release *stones_release(const struct rollout *rollout, const char *stone)
{
    unsigned number = stones_number(rollout, stone);
    bool read = number > 0 && rollout->stones && number <= rollout->stones->count;
    const struct release *release = read ? &rollout->stones->releases[number - 1] : NULL;
    return release && release->model[0] ? release : NULL;
}

const char *stones_last(const struct rollout *rollout, const char *version)
{
    unsigned count = stones_count(rollout);
    const char *last = count > 0 ? rollout->plan->steps[count - 1] : version;
    return semver_compare(version, last) < 0 ? last : version;
}

const char *stones_refusal(const struct policy *policy, const struct rollout *rollout, const struct heartbeat *heartbeat, int64_t now_ms, const char **ret_stone)
{
    const char *version = heartbeat->version, *stone, *against = NULL;
    while (!against && (stone = stones_next(rollout, version))[0]) {
        const struct release *release = stones_release(rollout, stone);
        against = release ? release_refusal(policy, release, now_ms) : no_release;
        if (!against)
            against = release_device_refusal(release, heartbeat->hw_rev, version);
        version = stone;
    }
    if (against)
        *ret_stone = version;
    return against;
}

const struct release *stones_leg_release(const struct rollout *rollout, const struct upgrade *upgrade)
{
    return upgrade->via[0] ? stones_release(rollout, upgrade->via) : &rollout->release;
}

const char *stones_leg_refusal(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, int64_t now_ms)
{
    const struct release *release = stones_leg_release(rollout, upgrade);
    return release ? release_refusal(policy, release, now_ms) : no_release;
}

int64_t stones_largest_bytes(const struct rollout *rollout)
{
    int64_t largest = rollout->release.size_bytes;
    for (unsigned i = 0; rollout->stones && i < rollout->stones->count; i++)
        if (rollout->stones->releases[i].size_bytes > largest)
            largest = rollout->stones->releases[i].size_bytes;
    return largest;
}
