/* The leader's engine on the virtual clock: each second a look at each staged rollout, as orchestrator/edges/chores_engine.c does; and what operators do with rollouts. */
#include <ctype.h>
#include <string.h>

#include "orchestrator/core/engine.h"
#include "tests/flow/world.h"

/* --- moves --- */

static struct rollout *holder_of(struct memory_store *store, const struct rollout *rollout)
{
    for (size_t i = 0; i < store->rollout_count; i++) {
        struct rollout *other = &store->rollouts[i];
        if (other != rollout && rollout_state_is_open(other->state) && !strcmp(other->model, rollout->model))
            return other;
    }
    return NULL;
}

/* The model's one place, for a rollout that starts. */
static bool take_place(struct world *world, const struct rollout *rollout)
{
    struct rollout *other = holder_of(&world->store, rollout);
    if (other && other->state != ROLLOUT_COMPLETED && !(rollout->plan && rollout->plan->supersede))
        return false;
    if (other)
        world_move_rollout(world, other, ROLLOUT_EVENT_SUPERSEDE, 0, "overtaken by a newer rollout");
    return true;
}

static void say_moved(struct world *world, const struct rollout *rollout, enum rollout_state from, enum rollout_event on)
{
    char stage[32] = "";
    if (rollout->plan)
        snprintf(stage, sizeof stage, " stage %lld", (long long)rollout->stage);
    world_say(world, "rollout > %s %s -> %s%s  %s: %s", rollout->id, rollout_state_name(from), rollout_state_name(rollout->state), stage,
              rollout_event_name(on), rollout->why);
}

bool world_move_rollout(struct world *world, struct rollout *rollout, enum rollout_event on, int64_t stage, const char *why)
{
    enum rollout_state from = rollout->state, to;
    struct rollout next;
    if (!rollout_move_find(from, on, &to) || (on == ROLLOUT_EVENT_START && !take_place(world, rollout)))
        return false;
    memory_store_leave_out(&world->store, rollout, on);
    rollout_after(rollout, on, stage, world->store.now_ms, &next);
    next.state = to;
    next.revision++;
    next.epoch = world->store.now_ms;
    text_copy(next.why, sizeof next.why, why);
    *rollout = next;
    say_moved(world, rollout, from, on);
    world_tell_rollouts(world);
    return true;
}

/* --- the engine --- */

/* Words without their numbers: what merely counts down is said once. */
static bool same_words(const char *left, const char *right)
{
    for (;;) {
        left += strspn(left, "0123456789");
        right += strspn(right, "0123456789");
        if (*left != *right)
            return false;
        if (!*left)
            return true;
        left++, right++;
    }
}

static void say_why(struct world *world, size_t index, const struct engine_move *move)
{
    char *said = world->said[index];
    if (same_words(said, move->why))
        return;
    text_copy(said, sizeof world->said[index], move->why);
    world_say(world, "rollout = %s stage %lld: %s", world->store.rollouts[index].id, (long long)move->stage, move->why);
}

static void look_at(struct world *world, size_t index)
{
    struct rollout *rollout = &world->store.rollouts[index];
    struct fleet_health health;
    struct engine_move move;
    memory_store_health(&world->store, rollout, world->policy.offline_after_ms, &health);
    engine_decide(rollout, &health, world->policy.offline_after_ms, world->store.now_ms, &move);
    if (!move.moves)
        say_why(world, index, &move);
    else if (world_move_rollout(world, rollout, move.on, move.stage, move.why))
        world->said[index][0] = '\0';
}

void world_run_engine(struct world *world)
{
    memory_store_show_stages(&world->store);
    for (size_t i = 0; i < world->store.rollout_count && !world->store.stopped && !world->store.trouble.unreachable; i++)
        if (world->store.rollouts[i].plan && !rollout_state_is_ended(world->store.rollouts[i].state))
            look_at(world, i);
}

/* --- those that go back --- */

void world_end_backs(struct world *world)
{
    for (size_t i = 0; i < world->store.rollout_count; i++)
        if (rollout_is_back(&world->store.rollouts[i]))
            (void)world_move_rollout(world, &world->store.rollouts[i], ROLLOUT_EVENT_BACK, 0, "nobody is left to take back");
}
