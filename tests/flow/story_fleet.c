/* Input lines about many devices, and about rollouts with stages. */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/engine.h"
#include "tests/flow/story.h"

#define EACH_MS 30000
#define APART_MS 100   /* the heartbeats of a range of devices */

/* --- "fleet > d1..d9 keeps sending 1.0.0 hw_rev=A obeys=20000 fails=1.1.0", "fleet > d1..d3 falls silent", "... speaks again" --- */

struct range {
    char prefix[ID_SIZE];
    long from, to;
};

static bool read_range(const char *text, struct range *ret)
{
    size_t letters = strcspn(text, "0123456789");
    char *end;
    if (letters >= sizeof ret->prefix)
        return false;
    memcpy(ret->prefix, text, letters);
    ret->prefix[letters] = '\0';
    ret->from = ret->to = strtol(text + letters, &end, 10);
    if (!strncmp(end, "..", 2))
        ret->to = strtol(end + 2 + strcspn(end + 2, "0123456789"), &end, 10);
    return !*end && ret->from <= ret->to;
}

static void begin_sending(struct world *world, const struct words *words, const char *device_id, int64_t after_ms)
{
    struct heartbeat heartbeat;
    story_read_heartbeat(world, words, words_at(words, 5), &heartbeat);
    text_copy(heartbeat.device_id, sizeof heartbeat.device_id, device_id);
    if (!heartbeat.boot_id[0])
        text_copy(heartbeat.boot_id, sizeof heartbeat.boot_id, "boot-0");
    struct sender *sender = world_keep_sending(world, &heartbeat, words_number(words, "each", EACH_MS), world->begin_ms + words_number(words, "until", INT64_MAX / 2));
    sender->next_ms = world->store.now_ms + after_ms;
    sender->obeys_ms = words_number(words, "obeys", 0);
    text_copy(sender->fails, sizeof sender->fails, words_text(words, "fails", ""));
    text_copy(sender->dies_of, sizeof sender->dies_of, words_text(words, "dies_of", ""));
}

bool story_act_fleet(struct world *world, const struct words *words)
{
    const char *what = words_at(words, 3);
    struct range range;
    bool fine = read_range(words_at(words, 2), &range);
    for (long i = range.from; fine && i <= range.to; i++) {
        char id[ID_SIZE + 24];
        snprintf(id, sizeof id, "%s%ld", range.prefix, i);
        if (!strcmp(what, "keeps"))
            begin_sending(world, words, id, (i - range.from) * APART_MS);
        else if (!strcmp(what, "falls") || !strcmp(what, "speaks"))
            fine = world_silence(world, id, *what == 'f');
        else
            fine = false;
    }
    return fine;
}

/* --- "operator > promotes r1", "operator > counts r1" --- */

static const struct {
    const char *word;
    enum rollout_event on;
} moves[] = {
    {"pauses", ROLLOUT_EVENT_PAUSE}, {"resumes", ROLLOUT_EVENT_RESUME}, {"cancels", ROLLOUT_EVENT_CANCEL}, {"promotes", ROLLOUT_EVENT_PROMOTE},
};

bool story_move_rollout(struct world *world, const struct words *words, bool *ret_fine)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    for (size_t i = 0; world->engine && rollout && i < sizeof moves / sizeof moves[0]; i++) {
        if (strcmp(words_at(words, 2), moves[i].word))
            continue;
        memory_store_show_stages(&world->store);
        *ret_fine = world_move_rollout(world, rollout, moves[i].on, rollout->stage + 1, "operator");
        return true;
    }
    return false;
}

bool story_measure_rollout(struct world *world, const char *rollout_id)
{
    const struct memory_store *store = &world->store;
    const struct rollout *rollout = memory_store_rollout(&world->store, rollout_id);
    if (rollout)
        world_say(world, "answer  < %s: %lld at work, at most %lld at a time; %lld held", rollout_id, (long long)rollout_places_taken(rollout),
                  (long long)store->most_places[rollout - store->rollouts], (long long)rollout->counts.states[STATE_HELD]);
    return rollout != NULL;
}

/* How many devices of its model run what, and the rollout's own counts of each stage. */
bool story_count_rollout(struct world *world, const char *rollout_id)
{
    struct memory_store *store = &world->store;
    const struct rollout *rollout = memory_store_rollout(store, rollout_id);
    unsigned on_target = 0;
    if (!rollout)
        return false;
    for (size_t i = 0; i < store->device_count; i++)
        on_target += !strcmp(store->devices[i].device.last.version, rollout->version);
    world_say(world, "answer  < %s: %u of %zu devices run %s", rollout->id, on_target, store->device_count, rollout->version);
    for (unsigned i = 0; rollout->plan && i < rollout->plan->stage_count; i++) {
        const struct rollout_counts *counts = &store->stages[rollout - store->rollouts][i].counts;
        world_say(world, "answer  < stage %u: taken %lld, succeeded %lld, failed %lld, lost %lld", i + 1, (long long)counts->opened,
                  (long long)counts->states[STATE_SUCCEEDED], (long long)(rollout_counts_failed(counts) - counts->states[STATE_LOST]), (long long)counts->states[STATE_LOST]);
    }
    return true;
}

/* "operator > reads r1": the gates of its current stage. */
bool story_read_gates(struct world *world, const char *rollout_id)
{
    const struct rollout *rollout = memory_store_rollout(&world->store, rollout_id);
    struct fleet_health health;
    struct engine_move move;
    if (!rollout || !rollout->plan)
        return false;
    memory_store_show_stages(&world->store);
    memory_store_health(&world->store, rollout, world->policy.offline_after_ms, &health);
    engine_decide(rollout, &health, world->policy.offline_after_ms, world->store.now_ms, &move);
    for (unsigned i = 0; i < move.gate_count; i++)
        world_say(world, "answer  < gate %u: %s", i + 1, move.gates[i].text);
    return true;
}
