/* What the lines of a story say about operators' control: back, another turn, out, quarantine, stop, approval. */
#include <string.h>

#include "tests/flow/story.h"

static void withdrawn(void *arg, enum drover_error error, const char *why)
{
    world_say(arg, "answer  < %d %s", error == DROVER_OK ? 200 : 409, why);
}

static bool move(struct world *world, const struct words *words, enum rollout_event on)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    return rollout && world_move_rollout(world, rollout, on, 0, words_text(words, "why", "operator"));
}

/* "rolls_back r1": not possible in its state is an answer, too. */
static bool tries(struct world *world, const struct words *words, enum rollout_event on)
{
    if (!move(world, words, on))
        world_say(world, "answer  < 409");
    return true;
}

static bool rolls_back(struct world *world, const struct words *words)
{
    return tries(world, words, ROLLOUT_EVENT_ROLL_BACK);
}

static bool holds(struct world *world, const struct words *words)
{
    return tries(world, words, ROLLOUT_EVENT_PAUSE);
}

static bool goes_on(struct world *world, const struct words *words)
{
    return tries(world, words, ROLLOUT_EVENT_RESUME);
}

static bool aborts(struct world *world, const struct words *words)
{
    return tries(world, words, ROLLOUT_EVENT_CANCEL);
}

static bool retries(struct world *world, const struct words *words)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    if (rollout)
        rollout->retry_ms = world->store.now_ms;
    return tries(world, words, ROLLOUT_EVENT_REOPEN);
}

/* "approves r1 by=bob" */
static bool approves(struct world *world, const struct words *words)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3)), next;
    enum rollout_event on;
    if (!rollout)
        return false;
    const char *refusal = rollout_approve(rollout, words_text(words, "by", ""), &next, &on);
    if (refusal) {
        world_say(world, "answer  < 403 %s", refusal);
        return true;
    }
    *rollout = next;
    return world_move_rollout(world, rollout, on, 0, words_text(words, "by", ""));
}

/* "excludes r1 d1" */
static bool excludes(struct world *world, const struct words *words)
{
    struct memory_device *known = memory_store_device(&world->store, words_at(words, 4));
    struct flow *flow = world_flow(world, 0);
    if (!known || !flow)
        return false;
    text_copy(known->device.excluded, sizeof known->device.excluded, words_at(words, 3));
    flow_withdraw(flow, words_at(words, 4), words_at(words, 3), words_text(words, "by", ""), withdrawn, world);
    return true;
}

static bool includes(struct world *world, const struct words *words)
{
    struct memory_device *known = memory_store_device(&world->store, words_at(words, 4));
    if (known)
        known->device.excluded[0] = '\0';
    return known != NULL;
}

/* "quarantines d1 1.1.0 for_ms=600000" */
static bool quarantines(struct world *world, const struct words *words)
{
    struct memory_device *known = memory_store_device(&world->store, words_at(words, 3));
    int64_t for_ms = words_number(words, "for_ms", 0);
    if (!known)
        return false;
    text_copy(known->device.quarantine, sizeof known->device.quarantine, words_at(words, 4));
    known->device.quarantine_ms = for_ms ? world->store.now_ms + for_ms : 0;
    known->device.quarantine_auto = false;
    return true;
}

static bool readmits(struct world *world, const struct words *words)
{
    struct memory_device *known = memory_store_device(&world->store, words_at(words, 3));
    if (known)
        known->device.quarantine[0] = '\0';
    return known != NULL;
}

/* At once in the store; orchestrators hear of it when they look next. */
static bool stops_all(struct world *world, const struct words *words)
{
    (void)words;
    world->store.stopped = true;
    return true;
}

static bool starts_all(struct world *world, const struct words *words)
{
    (void)words;
    world->store.stopped = false;
    world_tell_rollouts(world);
    return true;
}

/* The store knows; orchestrators hear of it when they look next. "silently paused r1" */
static bool silently(struct world *world, const struct words *words)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 4));
    return rollout && rollout_state_read(words_at(words, 3), &rollout->state);
}

/* Likewise. "edits r1 plan={...}" */
static bool edits(struct world *world, const struct words *words)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    struct plan *plan = rollout && rollout->plan ? story_read_plan(words, rollout) : NULL;
    if (!plan)
        return false;
    plan_drop(rollout->plan);
    rollout->plan = plan;
    rollout->plan_revision++;
    rollout_enter_stage(rollout, rollout->stage, world->store.now_ms);
    return true;
}

/* "permits pending", "permits p1": what going back is given. */
static bool permits(struct world *world, const struct words *words)
{
    world->permit_pending = !strcmp(words_at(words, 3), "pending");
    text_copy(world->permit, sizeof world->permit, world->permit_pending ? "" : words_at(words, 3));
    return true;
}

static bool makes_offline(struct world *world, const struct words *words)
{
    struct memory_device *known = memory_store_device(&world->store, words_at(words, 3));
    if (known)
        known->device.online = false;
    return known != NULL;
}

static const struct {
    const char *word;
    bool (*act)(struct world *world, const struct words *words);
} orders[] = {
    {"rolls_back", rolls_back}, {"holds", holds},           {"goes_on", goes_on},   {"aborts", aborts},     {"retries", retries},
    {"approves", approves},     {"excludes", excludes},     {"includes", includes}, {"silently", silently}, {"quarantines", quarantines},
    {"readmits", readmits},     {"stops_all", stops_all},   {"starts_all", starts_all}, {"permits", permits}, {"sweeps_offline", makes_offline},
    {"edits", edits},
};

bool story_control(struct world *world, const struct words *words, bool *ret_fine)
{
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(words_at(words, 2), orders[i].word))
            continue;
        *ret_fine = orders[i].act(world, words);
        return true;
    }
    return false;
}
