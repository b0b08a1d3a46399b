/* Moves the clock from one thing to the next: calls of the store, heartbeats, looks for due work. */
#include "tests/flow/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct policy default_policy = {
    .heartbeat_ms = 30000, .offline_after_ms = 90000, .silent_after_ms = 180000, .lost_give_up_ms = 604800000,
    .pending_ms = 5000, .acknowledge_ms = 30000, .acknowledge_repeats = 2, .start_ms = 300000,
    .download_stall_ms = 300000, .download_total_ms = 7200000, .install_ms = 900000, .verify_ms = 300000, .ready_ms = 30000,
    .unhealthy_max = 3, .boot_loop_max = 4, .rollback_ms = 60000, .rollback_repeats = 2,
    .retry_base_ms = 10000, .retry_cap_ms = 900000, .busy_ms = 60000, .busy_max = 20, .clash_ms = 3600000, .queue_max = 1000,
};

void world_say(struct world *world, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (world->hushed && strncmp(line, "rollout ", 8) != 0 && strncmp(line, "answer ", 7) != 0)
        return;
    world->log(world->log_arg, world->store.now_ms - world->begin_ms, line);
}

static void store_told(void *arg, const char *line)
{
    world_say(arg, "%s", line);
}

void world_init(struct world *world, void (*log)(void *arg, int64_t now_ms, const char *line), void *arg)
{
    *world = (struct world){.policy = default_policy, .orchestrator_count = 1, .work_max = 64, .hears = world_thing_hears, .log = log, .log_arg = arg};
    memory_store_init(&world->store, store_told, world);
    world->zones = time_zones_new("/usr/share/zoneinfo");
    if (!world->zones)
        abort();
}

void world_done(struct world *world)
{
    for (size_t i = 0; i < ORCHESTRATORS_MAX; i++)
        world_kill(world, i);
    for (size_t i = 0; i < world->store.rollout_count; i++)
        rollout_drop(&world->store.rollouts[i]);
    memory_store_done(&world->store);
    time_zones_free(world->zones);
}

/* --- the speaker: what the broker hears, and whether it was saved before --- */

static void broken(struct world *world, const char *what, const char *device_id)
{
    fprintf(stderr, "[%6lld] %s: %s\n", (long long)world->store.now_ms, device_id, what);
    world->broken = true;
}

static bool is_saved(struct world *world, const char *device_id, const struct command *command)
{
    const struct memory_device *known = memory_store_device(&world->store, device_id);
    return known && !strcmp(known->upgrade.upgrade_id, command->upgrade_id) && known->upgrade.attempt >= command->attempt;
}

static void say_window(const struct command *command, char *ret, size_t size)
{
    char after[TEXT_TIME_SIZE] = "now", before[TEXT_TIME_SIZE] = "ever";
    if (command->install_after_ms)
        text_time(command->install_after_ms, after);
    if (command->install_before_ms)
        text_time(command->install_before_ms, before);
    snprintf(ret, size, ", installs from %s to %s", after, before);
}

static void heard_command(void *arg, const char *model, const char *device_id, const struct command *command)
{
    struct world *world = arg;
    static const char *const names[] = {[COMMAND_UPDATE] = "update", [COMMAND_CANCEL] = "cancel", [COMMAND_ROLLBACK] = "rollback to"};
    if (!is_saved(world, device_id, command))
        broken(world, "a command was spoken that is not saved", device_id);
    bool lost = world->lose_commands > 0;
    world->lose_commands -= lost;
    char topic[160], package[160] = "";
    snprintf(topic, sizeof topic, "update/%s/%s", model, device_id);
    if (command->kind == COMMAND_UPDATE)
        snprintf(package, sizeof package, ", attempt %lld, %s%s", (long long)command->attempt, command->delta ? "delta from " : "full",
                 command->base_version);
    if (command->install_after_ms || command->install_before_ms)
        say_window(command, package + strlen(package), sizeof package - strlen(package));
    if (command->permit && command->permit[0])
        snprintf(package, sizeof package, ", permit %.60s", command->permit);
    world_say(world, "broker  %c %-28s %s %s%s", lost ? 'x' : '<', topic, names[command->kind], command->version, package);
    if (!lost)
        world->hears(world, device_id, command);
}

static void heard_event(void *arg, const struct event *event)
{
    struct world *world = arg;
    struct memory_event *entry = memory_store_event(&world->store, event->id);
    if (!entry || strcmp(entry->event.to, event->to) || strcmp(entry->event.on, event->on) || strcmp(entry->event.prev, event->prev))
        broken(world, "an event was spoken that is not saved so", event->device_id);
    else
        entry->spoken = true;
}

/* --- orchestrators --- */

static int64_t world_now(void *arg)
{
    const struct world *world = arg;
    return world->store.now_ms;
}

static bool zone_find(void *zones, const char *name, const struct time_zone **ret)
{
    return time_zones_find(zones, name, ret);
}

static const char *world_permit(void *arg, const struct rollout *rollout, const char *from_version, const char *to_version)
{
    const struct world *world = arg;
    (void)rollout, (void)from_version, (void)to_version;
    return world->permit_pending ? NULL : world->permit;
}

void world_start(struct world *world, size_t index)
{
    struct orchestrator *orchestrator = &world->orchestrators[index];
    orchestrator->link.store = &world->store;
    orchestrator->link.name = (char)('A' + index);
    orchestrator->link.named = world->orchestrator_count > 1;
    orchestrator->sweeping = false;
    struct flow_config config = {
        .store = memory_store_port(&orchestrator->link),
        .speaker = {.speaker = world, .command = heard_command, .event = heard_event},
        .policy = world->policy,
        .instance = index ? "drover-2" : "drover-1",
        .public_url = "http://depot",
        .work_max = world->work_max,
        .seed = 7 + index + 100 * orchestrator->link.life,
        .zones = {world->zones, zone_find},
        .now_ms = world_now,
        .permit = world_permit,
        .permit_arg = world,
        .now_arg = world,
    };
    orchestrator->flow = flow_new(&config);
    if (!orchestrator->flow)
        abort();
    world_tell_rollouts(world);
}

void world_kill(struct world *world, size_t index)
{
    struct orchestrator *orchestrator = &world->orchestrators[index];
    flow_free(orchestrator->flow);
    orchestrator->flow = NULL;
    orchestrator->link.life++;
}

/* Those that wait, are open, or have upgrades that are not over, as redis-scripts/rollouts_load.lua reads them. */
static size_t known_rollouts(const struct memory_store *store, struct rollout *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < store->rollout_count; i++) {
        const struct rollout *rollout = &store->rollouts[i];
        if (!rollout_state_is_ended(rollout->state) || rollout_in_flight(rollout) + rollout->counts.states[STATE_LOST] > 0)
            ret[count++] = *rollout;
    }
    return count;
}

void world_tell_rollouts(struct world *world)
{
    struct rollout known[ROLLOUTS_MAX];
    world->told_ms = world->store.now_ms;
    memory_store_show_stages(&world->store);
    size_t count = known_rollouts(&world->store, known);
    for (size_t i = 0; i < world->orchestrator_count; i++)
        if (world->orchestrators[i].flow)
            flow_set_stopped(world->orchestrators[i].flow, world->store.stopped ? world->store.now_ms : 0);
    for (size_t i = 0; i < world->orchestrator_count; i++)
        if (world->orchestrators[i].flow)
            flow_set_rollouts(world->orchestrators[i].flow, known, count);
}

struct flow *world_flow(struct world *world, size_t index)
{
    for (size_t i = index; i < world->orchestrator_count; i++)
        if (world->orchestrators[i].flow)
            return world->orchestrators[i].flow;
    return NULL;
}

/* --- heartbeats --- */

static void heartbeat_recorded(void *arg, enum drover_error error, const char *why)
{
    if (error != DROVER_OK)
        world_say(arg, "drover  = the heartbeat is not in the store: %s", why);
}

void world_heartbeat(struct world *world, size_t index, const struct heartbeat *heartbeat)
{
    struct flow *flow = world_flow(world, index);
    if (world->store.now_ms - world->told_ms >= TICK_MS)   /* nothing was due, but droverd reads them every second */
        world_tell_rollouts(world);
    if (flow)
        flow_heartbeats(flow, &(struct beat){.heartbeat = *heartbeat, .at_ms = world->store.now_ms}, 1, heartbeat_recorded, world);
    else
        world_say(world, "drover  = is dead; the broker keeps the heartbeat no longer");
}

/* --- due work --- */

static void swept(void *arg, enum drover_error error, const char *why)
{
    struct orchestrator *orchestrator = arg;
    (void)error, (void)why;
    orchestrator->sweeping = false;
}

static void tick(struct world *world)
{
    world->ticked_ms = world->store.now_ms;
    if (world->engine)
        world_run_engine(world);
    world_end_backs(world);
    world_tell_rollouts(world);
    for (size_t i = 0; i < world->orchestrator_count; i++) {
        struct orchestrator *orchestrator = &world->orchestrators[i];
        if (!orchestrator->flow || orchestrator->sweeping)
            continue;
        orchestrator->sweeping = true;
        flow_deadlines(orchestrator->flow, 100, swept, orchestrator);
    }
}

/* The first whole second at which a look would find something. */
static int64_t next_tick_ms(const struct world *world)
{
    int64_t due_ms = memory_store_due_ms(&world->store);
    if (due_ms == INT64_MAX)
        return INT64_MAX;
    int64_t earliest_ms = due_ms > world->ticked_ms ? due_ms : world->ticked_ms + 1;
    return (earliest_ms + TICK_MS - 1) / TICK_MS * TICK_MS;
}

static int64_t smallest(int64_t a, int64_t b, int64_t c)
{
    int64_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

void world_run(struct world *world, int64_t until_ms)
{
    for (;;) {
        int64_t things_ms = world_things_next_ms(world);
        int64_t call_ms = memory_store_next_ms(&world->store), tick_ms = next_tick_ms(world);
        int64_t next_ms = smallest(call_ms, tick_ms, things_ms);
        if (next_ms >= until_ms)
            break;
        if (next_ms > world->store.now_ms)
            world->store.now_ms = next_ms;
        if (next_ms == call_ms)
            memory_store_step(&world->store);
        else if (next_ms == tick_ms)
            tick(world);
        else
            world_things_step(world);
    }
    world->store.now_ms = until_ms;
}
