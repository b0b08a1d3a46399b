/* 10,000 devices, four stages, a bad release: its canary fails, nobody but the canary is touched, and everybody ends on the old version. Then a good release goes through
 * all stages; at each of them nobody is touched whose stage has not begun. Some devices are offline meanwhile and come when all is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/flow/world.h"

#define DEVICES 10000
#define CANARY 100              /* per hardware revision, of which there are two */
#define OBEYS_MS 40000
#define HEARTBEAT_MS 30000
#define STAGES 4

struct thing {
    struct heartbeat heartbeat;
    bool offline;
    struct command told;
    int64_t acts_ms;            /* 0: it was told nothing */
    unsigned boots;
};

static struct thing things[DEVICES];
static struct world world;
static const char *bad_version = "1.1.0";
static size_t told_bad, told_good;          /* devices, once each */
static bool was_told_bad[DEVICES], was_told_good[DEVICES];
static unsigned promotions;
static bool wrong;

static void fail(const char *what, long long value, long long limit)
{
    fprintf(stderr, "[%lld] %s: %lld, must be %lld\n", (long long)world.store.now_ms / 1000, what, value, limit);
    wrong = true;
}

/* --- devices --- */

static void hears(struct world *unused, const char *device_id, const struct command *command)
{
    (void)unused;
    size_t index = strtoul(device_id + 1, NULL, 10);
    struct thing *thing = &things[index];
    bool update = command->kind == COMMAND_UPDATE, bad = !strcmp(command->version, bad_version);
    bool *was_told = bad ? was_told_bad : was_told_good;
    if (update && !was_told[index]) {
        was_told[index] = true;
        told_bad += bad;
        told_good += !bad;
    }
    thing->told = *command;
    thing->acts_ms = command->kind == COMMAND_CANCEL ? 0 : world.store.now_ms + OBEYS_MS;
}

static void ignore_done(void *arg, enum drover_error error, const char *why)
{
    (void)arg, (void)error, (void)why;
}

static void report_failure(const struct thing *thing)
{
    struct report report = {.attempt = thing->told.attempt, .seq = ++world.seq, .progress = ABSENT, .state = REPORT_FAILED, .error = E_INCOMPATIBLE};
    memcpy(report.device_id, thing->heartbeat.device_id, sizeof report.device_id);
    memcpy(report.upgrade_id, thing->told.upgrade_id, sizeof report.upgrade_id);
    flow_report(world_flow(&world, 0), &report, ignore_done, NULL);
}

/* The bad release works on three of four. */
static void act(struct thing *thing)
{
    thing->acts_ms = 0;
    if (thing->told.kind == COMMAND_UPDATE && !strcmp(thing->told.version, bad_version) && hash_text(thing->heartbeat.device_id, 5) % 4 == 0) {
        report_failure(thing);
        return;
    }
    memcpy(thing->heartbeat.version, thing->told.version, sizeof thing->heartbeat.version);
    snprintf(thing->heartbeat.boot_id, sizeof thing->heartbeat.boot_id, "boot-%u", ++thing->boots);
}

static void send(struct beat *beats, size_t count)
{
    if (count)
        flow_heartbeats(world_flow(&world, 0), beats, count, ignore_done, NULL);
}

/* Each device speaks once in 30 s, at a second of its own, and when it has come up. */
static void one_second(void)
{
    static struct beat beats[STORE_BATCH_MAX];
    size_t count = 0, second = (size_t)(world.store.now_ms / 1000) % (HEARTBEAT_MS / 1000);
    for (size_t i = 0; i < DEVICES; i++) {
        struct thing *thing = &things[i];
        if (thing->offline)
            continue;
        bool acts = thing->acts_ms && thing->acts_ms <= world.store.now_ms;
        if (acts)
            act(thing);
        if (!acts && i % (HEARTBEAT_MS / 1000) != second)
            continue;
        thing->heartbeat.seq = ++world.seq;
        beats[count++] = (struct beat){.heartbeat = thing->heartbeat, .at_ms = world.store.now_ms};
        if (count == STORE_BATCH_MAX) {
            send(beats, count);
            count = 0;
        }
    }
    send(beats, count);
    world_run(&world, world.store.now_ms + 1000);
}

static void begin_fleet(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        struct heartbeat *heartbeat = &things[i].heartbeat;
        *heartbeat = (struct heartbeat){.uptime_s = ABSENT, .rssi_dbm = ABSENT, .battery_pct = ABSENT, .model = "esp32", .version = "1.0.0", .boot_id = "boot-0", .status = "idle"};
        snprintf(heartbeat->device_id, sizeof heartbeat->device_id, "d%zu", i);
        snprintf(heartbeat->hw_rev, sizeof heartbeat->hw_rev, "%s", i % 3 ? "A" : "B");
        things[i].offline = i % 50 == 7;
    }
}

static size_t running(const char *version)
{
    size_t count = 0;
    for (size_t i = 0; i < DEVICES; i++)
        count += !strcmp(things[i].heartbeat.version, version);
    return count;
}

/* --- rollouts --- */

static const char plan_json[] =
    "{\"schema\":1,\"id\":\"%s\",\"model\":\"esp32\",\"version\":\"%s\",\"confirmations\":1,\"limits\":{\"max_in_flight\":1000},"
    "\"gates\":[{\"measure\":\"failure_rate\",\"max_pct\":5,\"then\":\"roll_back\"},{\"measure\":\"lost_rate\",\"max_pct\":5}],\"stages\":["
    "{\"name\":\"canary\",\"count\":%d,\"per\":\"hw_rev\",\"soak_s\":300},{\"name\":\"tenth\",\"percent\":10,\"soak_s\":120},{\"name\":\"half\",\"percent\":50},{\"name\":\"rest\"}]}";

static struct rollout *start(const char *id, const char *version)
{
    char json[1024];
    struct plan *plan;
    struct plan_problems problems;
    struct rollout *rollout = &world.store.rollouts[world.store.rollout_count++];
    int length = snprintf(json, sizeof json, plan_json, id, version, CANARY);
    if (plan_read(json, (size_t)length, &plan, &problems) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problems.items[0].where, problems.items[0].what);
        abort();
    }
    rollout_begin(rollout, plan, world.store.now_ms);
    plan_drop(plan);
    memset(rollout->release.manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    memset(rollout->release.sha256, 'f', SHA256_HEX_SIZE - 1);
    rollout->release.size_bytes = 1000000;
    world_tell_rollouts(&world);
    return rollout;
}

/* Most devices that may have been told while this stage runs: canaries, and those whose place is below its percentage. */
static size_t most_told(const struct rollout *rollout)
{
    size_t below = 2 * CANARY;
    const struct plan_stage *stage = &rollout->plan->stages[rollout->stage - 1];
    if (stage->kind == STAGE_EVERYBODY)
        return DEVICES;
    for (size_t i = 0; stage->kind == STAGE_PERCENT && i < DEVICES; i++)
        below += (int64_t)rollout_place(rollout->id, things[i].heartbeat.device_id) < stage->percent_x100;
    return below;
}

static void hear(void *arg, int64_t now_ms, const char *line)
{
    (void)arg;
    if (!strncmp(line, "rollout >", 9)) {
        printf("[%6lld s] %s\n", (long long)now_ms / 1000, line);
        promotions += strstr(line, "promote:") != NULL;
    }
}

/* Until it is in this state; at most so long. */
static void run_until(const struct rollout *rollout, enum rollout_state state, int64_t most_s)
{
    int64_t until_ms = world.store.now_ms + most_s * 1000;
    while (rollout->state != state && world.store.now_ms < until_ms && !wrong) {
        one_second();
        size_t most = rollout->state == ROLLOUT_RUNNING ? most_told(rollout) : DEVICES;
        if (strcmp(rollout->version, bad_version) && told_good > most)
            fail("told before their stage began", (long long)told_good, (long long)most);
    }
    if (rollout->state != state)
        fail("its state is not what it should have become", rollout->state, state);
}

static void the_bad_one(void)
{
    struct rollout *rollout = start("r1", bad_version);
    run_until(rollout, ROLLOUT_ROLLED_BACK, 7200);
    printf("%zu devices were told %s, of %d in the canary; %zu run 1.0.0\n", told_bad, bad_version, 2 * CANARY, running("1.0.0"));
    if (told_bad > 2 * CANARY)
        fail("devices told the bad release", (long long)told_bad, 2 * CANARY);
    if (running("1.0.0") != DEVICES)
        fail("devices on the old version", (long long)running("1.0.0"), DEVICES);
    if (promotions)
        fail("promotions of the bad release", promotions, 0);
}

static void the_good_one(void)
{
    struct rollout *rollout = start("r2", "1.2.0");
    run_until(rollout, ROLLOUT_COMPLETED, 36000);
    if (promotions != STAGES - 1)
        fail("promotions of the good release", promotions, STAGES - 1);
    size_t online = running("1.2.0");
    for (size_t i = 0; i < DEVICES; i++)
        things[i].offline = false;
    for (int i = 0; i < 600 && running("1.2.0") < DEVICES && !wrong; i++)
        one_second();
    printf("%zu devices run 1.2.0; %zu did when the last stage was passed, the rest came late\n", running("1.2.0"), online);
    if (running("1.2.0") != DEVICES)
        fail("devices on the new version", (long long)running("1.2.0"), DEVICES);
    if (rollout->state != ROLLOUT_COMPLETED || rollout->counts.opened != DEVICES)
        fail("devices that the rollout counts", rollout->counts.opened, DEVICES);
}

int main(void)
{
    world_init(&world, hear, NULL);
    memory_store_size(&world.store, DEVICES);
    world.work_max = 4096;
    world.engine = true;
    world.hears = hears;
    world_start(&world, 0);
    begin_fleet();
    the_bad_one();
    if (!wrong)
        the_good_one();
    for (int i = 0; i < 120; i++)
        one_second();
    bool fine = !wrong && !world.broken && memory_store_check(&world.store);
    world_done(&world);
    return fine ? 0 : 1;
}
