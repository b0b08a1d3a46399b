/* Random stories: devices that fail in every way, two orchestrators that die, a store that goes away and loses answers.
 * Afterwards all trouble ends. Then, whatever had happened: every upgrade comes to its end, counters fit the devices, each
 * history is a path through the table, nothing was spoken that was not saved, and who succeeded runs the new version. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/truth.h"
#include "tests/flow/chaos.h"
#include "tests/flow/world.h"

#define DEVICES 6
#define STEPS 150
#define SEEDS 600
#define QUIET_MS 14400000 /* longer than lost_give_up_ms and all attempts together */

/* What a device really is. */
struct thing {
    char id[ID_SIZE];
    const char *version;
    unsigned boot;
    bool boots_known, silent;
};

static struct world world;
static struct thing things[DEVICES];
static uint64_t dice_seed, dice_count;

static unsigned dice(unsigned sides)
{
    return (unsigned)(hash_mix(dice_seed * 1000003 + ++dice_count) % sides);
}

static void hear_nothing(void *arg, int64_t now_ms, const char *line)
{
    (void)arg, (void)now_ms, (void)line;
}

static void ignore_done(void *arg, enum drover_error error, const char *why)
{
    (void)arg, (void)error, (void)why;
}

static void ignore_answer(void *arg, enum drover_error error, const struct flow_offer *offer)
{
    (void)arg, (void)error, (void)offer;
}

static void fill_heartbeat(const struct thing *thing, const char *status, struct heartbeat *ret)
{
    *ret = (struct heartbeat){.uptime_s = ABSENT, .rssi_dbm = ABSENT, .battery_pct = ABSENT, .seq = ++world.seq};
    text_copy(ret->device_id, ID_SIZE, thing->id);
    snprintf(ret->model, ID_SIZE, "esp32");
    snprintf(ret->version, VERSION_SIZE, "%s", thing->version);
    snprintf(ret->status, WORD_SIZE, "%s", status);
    if (thing->boots_known)
        snprintf(ret->boot_id, BOOT_ID_SIZE, "boot-%u", thing->boot);
}

static void beat(const struct thing *thing, const char *status)
{
    struct heartbeat heartbeat;
    fill_heartbeat(thing, status, &heartbeat);
    if (!thing->silent)
        world_heartbeat(&world, dice(2), &heartbeat);
}

static void report(const struct thing *thing)
{
    const struct memory_device *known = memory_store_device(&world.store, thing->id);
    struct flow *flow = world_flow(&world, dice(2));
    if (!known || !flow)
        return;
    struct report said = {.attempt = known->upgrade.attempt - (dice(10) == 0), .seq = dice(10) ? ++world.seq : 1, .progress = dice(2) ? 100 : dice(101),
                          .state = (enum report_state)dice(REPORT_STATE_COUNT)};
    if (said.state == REPORT_SUCCEEDED || said.state == REPORT_ROLLED_BACK)
        said.state = (enum report_state)dice(REPORT_STATE_COUNT);
    if (said.state == REPORT_FAILED || dice(20) == 0)
        said.error = (enum error_code)dice(ERROR_CODE_COUNT);
    snprintf(said.device_id, ID_SIZE, "%s", thing->id);
    memcpy(said.upgrade_id, known->upgrade.upgrade_id, sizeof said.upgrade_id);
    flow_report(flow, &said, ignore_done, NULL);
}

static void reboot(struct thing *thing)
{
    static const char *const versions[] = {"1.0.0", "1.0.0", "1.1.0", "1.1.0", "1.1.0", "1.0.7"}, *const on_stones[] = {"1.0.0", CHAOS_STONE, CHAOS_STONE, "1.1.0", "1.1.0", "1.0.7"};
    unsigned which = dice(dice(10) ? 5 : 6);
    thing->boot++;
    thing->version = world.store.rollouts[0].stones ? on_stones[which] : versions[which];
}

static void ask(const struct thing *thing)
{
    struct flow *flow = world_flow(&world, dice(2));
    if (flow)
        flow_ask(flow, thing->id, "esp32", thing->version, ignore_answer, NULL);
}

/* Orders that come on top of pausing and going on; each move one of the table. */
static void orders(const struct thing *thing, struct rollout *rollout, struct flow *flow)
{
    static const enum rollout_event events[] = {ROLLOUT_EVENT_ROLL_BACK, ROLLOUT_EVENT_PAUSE, ROLLOUT_EVENT_RESUME, ROLLOUT_EVENT_REOPEN};
    struct memory_device *known = memory_store_device(&world.store, thing->id);
    enum rollout_event on = events[dice(4)];
    switch (dice(8)) {
    case 0:
        world.store.stopped = !world.store.stopped;
        break;
    case 1:
        world.permit_pending = !world.permit_pending;
        break;
    case 2:
        if (known && flow && dice(2)) {
            text_copy(known->device.excluded, sizeof known->device.excluded, rollout->id);
            flow_withdraw(flow, thing->id, rollout->id, "ann", ignore_done, NULL);
        }
        break;
    default:
        if (on == ROLLOUT_EVENT_ROLL_BACK && dice(4))
            on = ROLLOUT_EVENT_REOPEN;
        if (world_move_rollout(&world, rollout, on, 0, "ann") && on == ROLLOUT_EVENT_REOPEN)
            rollout->retry_ms = world.store.now_ms;
    }
}

static void people(const struct thing *thing)
{
    struct rollout *rollout = &world.store.rollouts[0];
    struct flow *flow = world_flow(&world, 0);
    if (dice(3) == 0 && flow)
        flow_rollback(flow, thing->id, "ann", ignore_done, NULL);
    else if (dice(20) == 0)
        rollout->state = dice(2) ? ROLLOUT_CANCELLED : ROLLOUT_SUPERSEDED;
    else if (dice(2))
        orders(thing, rollout, flow);
    else if (rollout->state <= ROLLOUT_PAUSED)
        rollout->state = rollout->state == ROLLOUT_PAUSED ? ROLLOUT_RUNNING : ROLLOUT_PAUSED;
    world_tell_rollouts(&world);
}

static void trouble(void)
{
    struct store_trouble *trouble = &world.store.trouble;
    size_t index = dice(2);
    switch (dice(6)) {
    case 0:
        trouble->unreachable = !trouble->unreachable;
        break;
    case 1:
        trouble->read_only = !trouble->read_only;
        break;
    case 2:
        trouble->lose_replies = (int)dice(4);
        break;
    case 3:
        world.lose_commands = (int)dice(4);
        break;
    default:
        if (world.orchestrators[index].flow)
            world_kill(&world, index);
        else
            world_start(&world, index);
    }
}

/* Trouble is short, else nothing would happen. */
static void mend(void)
{
    if (dice(4) == 0)
        world.store.trouble = (struct store_trouble){.lose_replies = 0};
    for (size_t i = 0; i < 2; i++)
        if (!world.orchestrators[i].flow && dice(4) == 0)
            world_start(&world, i);
    if (world.store.rollouts[0].state == ROLLOUT_PAUSED && dice(6) == 0)
        world.store.rollouts[0].state = ROLLOUT_RUNNING;
    world.store.stopped = world.store.stopped && dice(6) > 0;
    world.permit_pending = world.permit_pending && dice(6) > 0;
    for (int i = 0; i < DEVICES; i++)
        things[i].silent = things[i].silent && dice(20) > 0;
}

static void step(void)
{
    static const char *const words[] = {"idle", "idle", "idle", "unhealthy", "starting"};
    struct thing *thing = &things[dice(DEVICES)];
    static const int64_t waits[] = {1, 3, 10, 1000, 1000, 10000, 10000, 30000, 200000};
    mend();
    world_run(&world, world.store.now_ms + waits[dice(sizeof waits / sizeof waits[0])]);
    switch (dice(12)) {
    case 0:
        reboot(thing);
        break;
    case 1:
        thing->silent = !thing->silent;
        break;
    case 2:
        ask(thing);
        break;
    case 3:
        if (dice(5) == 0)
            people(thing);
        break;
    case 4:
        if (dice(2) == 0)
            trouble();
        break;
    case 5:
    case 6:
        report(thing);
        break;
    default:
        beat(thing, words[dice(5)]);
    }
}

/* Everything works again, the devices stay what they are. */
static void calm(void)
{
    world.store.trouble = (struct store_trouble){.lose_replies = 0};
    world.lose_commands = 0;
    for (size_t i = 0; i < 2; i++)
        if (!world.orchestrators[i].flow)
            world_start(&world, i);
    world.store.stopped = world.permit_pending = false;
    if (world.store.rollouts[0].state == ROLLOUT_PAUSED)
        world.store.rollouts[0].state = ROLLOUT_RUNNING;
    if (world.store.rollouts[0].state == ROLLOUT_ROLLBACK_PAUSED)
        world.store.rollouts[0].state = ROLLOUT_ROLLING_BACK;
    world_tell_rollouts(&world);
    for (int i = 0; i < DEVICES; i++) {
        struct heartbeat heartbeat;
        fill_heartbeat(&things[i], "idle", &heartbeat);
        if (!things[i].silent)
            world_keep_sending(&world, &heartbeat, 30000, world.store.now_ms + QUIET_MS);
    }
    world_run(&world, world.store.now_ms + QUIET_MS);
    world_run(&world, world.store.now_ms + 100);
}

static bool wrong(uint64_t seed, const struct memory_device *known, const char *what)
{
    fprintf(stderr, "seed %" PRIu64 ": %s %s: %s\n", seed, known->device.last.device_id, upgrade_state_name(known->upgrade.state), what);
    return false;
}

/* It runs the version that its rollout went back from, in a boot in which that counts, and nobody was called who looks after it. */
static bool was_left_behind(const struct memory_device *known)
{
    const struct upgrade *upgrade = &known->upgrade;
    bool called = upgrade->state == STATE_FAILED && upgrade->lost_from == STATE_ROLLING_BACK;
    return rollout_state_goes_back(world.store.rollouts[0].state) && upgrade->state != STATE_NONE && !called &&
           !strcmp(known->device.last.version, upgrade->version) && !truth_same_boot(&known->device, upgrade);
}

static bool ended_well(uint64_t seed, const struct thing *thing)
{
    const struct memory_device *known = memory_store_device(&world.store, thing->id);
    if (!known)
        return true;
    enum upgrade_state state = known->upgrade.state;
    if (state != STATE_NONE && !upgrade_state_is_final(state))
        return wrong(seed, known, "never came to its end");
    if (!thing->silent && strcmp(known->device.last.version, thing->version))
        return wrong(seed, known, "runs another version than the store says");
    if (!thing->silent && state == STATE_SUCCEEDED && (!strcmp(thing->version, "1.0.0") || !strcmp(thing->version, CHAOS_STONE)))
        return wrong(seed, known, "is called succeeded on the old version, or on a stone");
    if (state == STATE_SUCCEEDED && known->upgrade.via[0])
        return wrong(seed, known, "is called succeeded, and has a stone before it");
    if (!thing->silent && was_left_behind(known))
        return wrong(seed, known, "stays on a version that its rollout went back from");
    if (!thing->silent && state == STATE_ROLLED_BACK && known->upgrade.revision < 2)
        return wrong(seed, known, "rolled back without a history");
    return true;
}

static bool nobody_is_silent(void)
{
    for (int i = 0; i < DEVICES; i++)
        if (things[i].silent)
            return false;
    return true;
}

static bool play(uint64_t seed)
{
    dice_seed = seed;
    dice_count = 0;
    world_init(&world, hear_nothing, NULL);
    world.orchestrator_count = 2;
    world.policy.lost_give_up_ms = 3600000;
    world.policy.clash_ms = 600000;
    struct rollout *rollout = &world.store.rollouts[world.store.rollout_count++];
    *rollout = (struct rollout){.id = "r1", .model = "esp32", .version = "1.1.0", .share_pct = 100, .max_in_flight = 4, .max_attempts = 3,
                                .confirmations = 1 + dice(3), .soak_ms = dice(2) * 60000, .spread_s = 30};
    memset(rollout->release.manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    if (seed % 25 == 0)
        chaos_give_windows(rollout, seed % 50 ? "install" : "both");
    else if (seed % 5 == 1)
        chaos_give_stone(rollout);
    for (int i = 0; i < DEVICES; i++) {
        things[i] = (struct thing){.version = "1.0.0", .boots_known = dice(3) > 0};
        snprintf(things[i].id, ID_SIZE, "d%d", i);
    }
    world_start(&world, 0);
    world_start(&world, 1);
    for (int i = 0; i < STEPS; i++)
        step();
    calm();
    chaos_note_moves(&world.store);
    bool fine = !world.broken && memory_store_check(&world.store);
    for (int i = 0; i < DEVICES; i++)
        fine = ended_well(seed, &things[i]) && fine;
    if (world.store.rollouts[0].state == ROLLOUT_ROLLING_BACK && nobody_is_silent())
        fine = wrong(seed, &world.store.devices[0], "its rollout never ended going back");
    if (world.store.rollouts[0].retry_ms > 0 && rollout_state_takes(world.store.rollouts[0].state))
        fine = wrong(seed, &world.store.devices[0], "its rollout never ended giving another turn");
    for (size_t i = 0; i < 2; i++)
        fine = flow_work_count(world.orchestrators[i].flow) == 0 && fine;
    world_done(&world);
    if (!fine)
        fprintf(stderr, "seed %" PRIu64 " went wrong\n", seed);
    return fine;
}

/* chaos [SEED]: all seeds, or one again. */
int main(int argc, char **argv)
{
    bool fine = true;
    uint64_t only = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        if (!only || seed == only)
            fine = play(seed) && fine;
    fine = (only || chaos_was_it()) && fine;
    return fine ? 0 : 1;
}
