/* The store against a real Redis: what the flow and the operators' API see of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/facts_cache.h"
#include "orchestrator/edges/store.h"
#include "orchestrator/edges/store_records.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 10000

static struct redis_server server;
static struct event_base *base;
static struct redis_link *link_;
static struct store *store;
static struct store_port port;
static bool ready;

static void changed(void *arg, bool is_ready, const char *why)
{
    (void)arg, (void)why;
    ready = is_ready;
}

static int start(void **state)
{
    (void)state;
    struct problem problem;
    ready = false;
    base = event_base_new();
    redis_server_start(&server);
    struct redis_link_config config = {.base = base, .url = server.url, .timeout_ms = 500, .changed = changed, .backoff_base_ms = 10, .backoff_cap_ms = 50};
    assert_int_equal(redis_link_new(&config, &link_, &problem), DROVER_OK);
    store = store_new(link_, &(struct store_config){.instance = "drover-1"});
    port = store_port(store);
    redis_link_start(link_);
    assert_true(loop_until(base, &ready, WAIT_MS));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_link_free(link_);
    store_free(store);
    event_base_free(base);
    redis_server_done(&server);
    return 0;
}

/* --- answers are copied out, since they live only in the callback --- */

#define COPIES 64
static struct {
    bool done;
    enum drover_error error;
    size_t count;
    enum recorded outcomes[COPIES];
    struct device devices[COPIES];
    struct upgrade upgrades[COPIES];
    bool found;
    struct device_row rows[COPIES];
    struct event events[COPIES];
    struct release releases[COPIES];
    struct rollout rollouts[COPIES];
    struct model_summary models[COPIES];
    int64_t fleet_devices, fleet_online;
    char next[STORE_CURSOR_SIZE];
    struct events_gap gap;
    bool yes;
} got;

static void begin(void)
{
    memset(&got, 0, sizeof got);
}

static enum drover_error end(void)
{
    assert_true(loop_until(base, &got.done, WAIT_MS));
    return got.error;
}

static void finish(enum drover_error error, size_t count)
{
    assert_false(got.done);   /* exactly once */
    got.done = true;
    got.error = error;
    got.count = count;
    assert_true(count <= COPIES);
}

static void recorded(void *arg, enum drover_error error, const struct recorded_beat *beats, size_t count)
{
    (void)arg;
    finish(error, count);
    for (size_t i = 0; i < count; i++) {
        got.outcomes[i] = beats[i].outcome;
        assert_int_equal(beats[i].outcome == RECORDED_LOADED, beats[i].device != NULL);
        if (beats[i].device) {
            got.devices[i] = *beats[i].device;
            got.upgrades[i] = *beats[i].upgrade;
        }
    }
}

static void loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade)
{
    (void)arg;
    finish(error, 0);
    got.found = device;
    if (device) {
        got.devices[0] = *device;
        got.upgrades[0] = *upgrade;
    }
}

static void saved(void *arg, enum drover_error error, const struct upgrade *upgrade)
{
    (void)arg;
    finish(error, 0);
    assert_int_equal(error == DROVER_OK, upgrade != NULL);
    if (upgrade)
        got.upgrades[0] = *upgrade;
}

static void dues_taken(void *arg, enum drover_error error, const struct due *dues, size_t count)
{
    (void)arg;
    finish(error, count);
    for (size_t i = 0; i < count; i++) {
        got.devices[i] = *dues[i].device;
        got.upgrades[i] = *dues[i].upgrade;
    }
}

static void rows_listed(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next)
{
    (void)arg;
    finish(error, count);
    if (count)
        memcpy(got.rows, rows, count * sizeof *rows);
    snprintf(got.next, sizeof got.next, "%s", next);
}

static void events_listed(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next)
{
    (void)arg;
    finish(error, count);
    if (count)
        memcpy(got.events, events, count * sizeof *events);
    snprintf(got.next, sizeof got.next, "%s", next);
}

static void events_were_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next, const struct events_gap *gap)
{
    events_listed(arg, error, events, count, next);
    got.gap = gap ? *gap : (struct events_gap){.resume = ""};
}

static void release_added(void *arg, enum drover_error error, const struct release *release, bool created)
{
    (void)arg;
    finish(error, 1);
    got.yes = created;
    got.releases[0] = *release;
}

static void releases_listed(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    (void)arg;
    finish(error, count);
    if (count)
        memcpy(got.releases, releases, count * sizeof *releases);
}

static void rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    (void)arg;
    finish(error, count);
    if (count)
        memcpy(got.rollouts, rollouts, count * sizeof *rollouts);
}

static void rollout_changed(void *arg, enum drover_error error, const struct rollout *rollout)
{
    (void)arg;
    finish(error, 0);
    assert_int_equal(error == DROVER_OK, rollout != NULL);
    if (rollout)
        got.rollouts[0] = *rollout;
}

static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    (void)arg;
    finish(error, count);
    got.fleet_devices = devices;
    got.fleet_online = online;
    if (count)
        memcpy(got.models, models, count * sizeof *models);
}

static void written(void *arg, enum drover_error error)
{
    (void)arg;
    finish(error, 0);
}

static void led(void *arg, enum drover_error error, bool leader)
{
    (void)arg;
    finish(error, 0);
    got.yes = leader;
}

static void swept(void *arg, enum drover_error error, size_t count)
{
    (void)arg;
    finish(error, count);
}

/* --- what tests are made of --- */

static struct beat beat_of(const char *id, int64_t seq)
{
    struct beat beat = {.at_ms = 1000000 + seq * 1000,
                        .heartbeat = {.model = "esp32", .version = "1.0.0", .hw_rev = "r2", .status = "idle", .slot = 'a', .boot_id = "boot-1", .uptime_s = seq,
                                      .seq = seq, .network = "wifi", .rssi_dbm = -61, .battery_pct = 80, .priority = "low", .tags = "x,y", .kind = KIND_MANAGED}};
    snprintf(beat.heartbeat.device_id, ID_SIZE, "%s", id);
    return beat;
}

static enum recorded record(struct beat beat)
{
    begin();
    port.record(port.store, &beat, 1, recorded, NULL);
    assert_false(got.done);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    return got.outcomes[0];
}

static void add_release(const char *version, int64_t created_ms)
{
    struct release release = {.model = "esp32", .size_bytes = 4711, .created_ms = created_ms, .trust_version = 1, .delta_count = 1};
    memset(release.manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    memset(release.trust_sha256, 'c', SHA256_HEX_SIZE - 1);
    snprintf(release.version, VERSION_SIZE, "%s", version);
    memset(release.sha256, 'a', SHA256_HEX_SIZE - 1);
    snprintf(release.deltas[0].base_version, VERSION_SIZE, "1.0.0");
    memset(release.deltas[0].sha256, 'd', SHA256_HEX_SIZE - 1);
    release.deltas[0].size_bytes = 99;
    begin();
    store_release_add(store, &release, release_added, NULL);
    end();
}

static struct rollout plan_of(const char *id, const char *version, int64_t created_ms)
{
    struct rollout plan = {.model = "esp32", .created_ms = created_ms, .share_pct = 50, .max_in_flight = 3, .max_attempts = 4, .error_budget_pct = 20,
                           .confirmations = 2, .soak_ms = 20000, .spread_s = 60};
    snprintf(plan.id, ID_SIZE, "%s", id);
    snprintf(plan.version, VERSION_SIZE, "%s", version);
    return plan;
}

static enum drover_error open_rollout(const char *id, const char *version, int64_t created_ms, bool supersede)
{
    struct rollout plan = plan_of(id, version, created_ms);
    begin();
    store_rollout_open(store, &plan, supersede, NULL, rollout_changed, NULL);
    return end();
}

static struct upgrade_save first_save(const char *device_id)
{
    struct upgrade_save save = {.upgrade = {.upgrade_id = "0123456789abcdef", .rollout = "r1", .model = "esp32", .from_version = "1.0.0", .version = "1.1.0",
                                            .state = STATE_PENDING, .deadline_ms = 5000, .report_seq = -1, .why = "its turn"},
                                .from = STATE_NONE, .on = EVENT_OPEN, .why = "the rollout reached this device", .at_ms = 4000};
    snprintf(save.upgrade.device_id, ID_SIZE, "%s", device_id);
    snprintf(save.upgrade.token, TOKEN_SIZE, "token-%s", device_id);
    return save;
}

/* It is told; was: as first_save left it. */
static struct upgrade_save second_save(const char *device_id, struct upgrade *was)
{
    struct upgrade_save save = first_save(device_id);
    *was = save.upgrade;
    save.was = was;
    save.expected_revision = 1;
    save.from = STATE_PENDING;
    save.upgrade.state = STATE_DISPATCHED;
    return save;
}

static enum drover_error save_open(const struct upgrade_save *save)
{
    begin();
    port.open(port.store, save, &(struct open_limits){.max_in_flight = 3}, saved, NULL);
    return end();
}

static enum drover_error save_move(const struct upgrade_save *save)
{
    begin();
    port.move(port.store, save, saved, NULL);
    return end();
}

/* A device with a pending upgrade in rollout r1. */
static void prepare(const char *device_id)
{
    record(beat_of(device_id, 1));
    add_release("1.1.0", 10);
    open_rollout("r1", "1.1.0", 20, false);
    struct upgrade_save save = first_save(device_id);
    assert_int_equal(save_open(&save), DROVER_OK);
}

/* --- heartbeats --- */

static void assert_heartbeat(const struct heartbeat *is, const struct heartbeat *expected)
{
    struct buffer left, right;
    buffer_init(&left, 0);
    buffer_init(&right, 0);
    heartbeat_write(is, &left);
    heartbeat_write(expected, &right);
    assert_string_equal(left.bytes, right.bytes);
    assert_string_equal(is->device_id, expected->device_id);
    buffer_done(&left);
    buffer_done(&right);
}

static void test_heartbeat_comes_back_whole(void **state)
{
    (void)state;
    struct beat beat = beat_of("d1", 7);
    beat.want = true;
    assert_int_equal(record(beat), RECORDED_LOADED);
    const struct device *device = &got.devices[0];
    assert_heartbeat(&device->last, &beat.heartbeat);
    assert_true(device->online);
    assert_int_equal(device->first_seen_ms, beat.at_ms);
    assert_int_equal(device->seen_ms, beat.at_ms);
    assert_int_equal(got.upgrades[0].state, STATE_NONE);

    begin();
    port.load(port.store, "d1", loaded, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_true(got.found);
    assert_heartbeat(&got.devices[0].last, &beat.heartbeat);
    assert_int_equal(got.devices[0].seen_ms, beat.at_ms);
}

static void test_sparse_heartbeat_comes_back_sparse(void **state)
{
    (void)state;
    struct beat beat = {.at_ms = 1000, .want = true, .heartbeat = {.device_id = "d1", .model = "m", .version = "1.0.0", .uptime_s = ABSENT, .seq = ABSENT,
                                                                   .rssi_dbm = ABSENT, .battery_pct = ABSENT}};
    assert_int_equal(record(beat), RECORDED_LOADED);
    assert_heartbeat(&got.devices[0].last, &beat.heartbeat);
}

static void test_forms_and_outcomes(void **state)
{
    (void)state;
    assert_int_equal(record(beat_of("d1", 1)), RECORDED_SAME);
    assert_int_equal(record(beat_of("d1", 2)), RECORDED_SAME);
    assert_int_equal(record(beat_of("d1", 2)), RECORDED_STALE);
    struct store_counters counters = store_counters(store);
    assert_int_equal(counters.beats_long, 1);
    assert_int_equal(counters.beats_short, 2);

    struct beat moved = beat_of("d1", 3);
    moved.heartbeat.rssi_dbm = -69;   /* still in the same ten */
    assert_int_equal(record(moved), RECORDED_SAME);
    assert_int_equal(store_counters(store).beats_long, 1);
    snprintf(moved.heartbeat.version, VERSION_SIZE, "1.1.0");
    moved.heartbeat.seq = 4;
    assert_int_equal(record(moved), RECORDED_SAME);
    assert_int_equal(store_counters(store).beats_long, 2);
}

static void test_redis_asks_for_what_it_does_not_know(void **state)
{
    (void)state;
    struct beat beats[3] = {beat_of("a", 1), beat_of("b", 1), beat_of("c", 1)};
    begin();
    port.record(port.store, beats, 3, recorded, NULL);
    assert_int_equal(end(), DROVER_OK);
    redis_server_ask(&server, "DEL drover:v1:device:b");   /* Redis lost its last second */
    for (int i = 0; i < 3; i++)
        beats[i].heartbeat.seq = 2;
    beats[1].want = beats[2].want = true;
    begin();
    port.record(port.store, beats, 3, recorded, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.outcomes[0], RECORDED_SAME);
    assert_int_equal(got.outcomes[1], RECORDED_LOADED);
    assert_int_equal(got.outcomes[2], RECORDED_LOADED);
    assert_string_equal(got.devices[1].last.device_id, "b");
    assert_string_equal(got.devices[2].last.device_id, "c");
    assert_int_equal(store_counters(store).beats_asked, 1);
}

static void test_clash(void **state)
{
    (void)state;
    struct beat one = beat_of("d1", 1), other = beat_of("d1", 1);
    snprintf(other.heartbeat.boot_id, BOOT_ID_SIZE, "boot-2");
    record(one);
    record(other);
    enum recorded last = RECORDED_SAME;
    for (int64_t seq = 2; seq < 5; seq++) {   /* they take turns */
        one.heartbeat.seq = other.heartbeat.seq = seq;
        other.at_ms += 20;
        assert_int_not_equal(record(other), RECORDED_STALE);
        one.at_ms = other.at_ms + 10;
        last = record(one);
    }
    assert_int_equal(last, RECORDED_CLASH);
    begin();
    store_events(store, "", 10, events_were_read, NULL);
    end();
    assert_int_equal(got.count, 1);
    assert_string_equal(got.events[0].kind, "alarm");
    assert_string_equal(got.events[0].device_id, "d1");
}

static void test_full_batch(void **state)
{
    (void)state;
    static struct beat beats[STORE_BATCH_MAX];
    for (int i = 0; i < STORE_BATCH_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "d%d", i);
        beats[i] = beat_of(id, 1);
    }
    begin();
    port.record(port.store, beats, COPIES, recorded, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(store_counters(store).beats_same, COPIES);
    begin();
    store_fleet(store, fleet_read, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.fleet_devices, COPIES);
}

/* A hint may be forgotten, never wrong. */
static void test_facts_cache(void **state)
{
    (void)state;
    static const size_t sizes[] = {4096, 1 << 17};
    for (size_t i = 0; i < 2; i++) {
        struct facts_cache *cache = facts_cache_new(sizes[i]);
        size_t kept = 0;
        for (int round = 0; round < 2; round++) {
            for (int n = 1; n <= 50000; n++) {
                char id[16];
                snprintf(id, sizeof id, "d%d", n);
                int64_t had = facts_cache_swap(cache, id, n);
                assert_true(had == 0 || (round && had == n));
                kept += had != 0;
            }
        }
        assert_in_range(facts_cache_count(cache), 1, sizes[i]);
        assert_int_equal(facts_cache_evicted(cache) > 0, kept < 50000);
        if (i == 1)
            assert_in_range(kept, 49900, 50000);
        facts_cache_free(cache);
    }
}

/* --- upgrades --- */

/* Every row of the table gets a value of its own, is saved and must come back. */
static void fill(struct upgrade *upgrade)
{
    for (size_t i = 0; i < upgrade_record.count; i++) {
        const struct record_field *field = &upgrade_record.fields[i];
        char *member = (char *)upgrade + field->offset;
        switch (field->kind) {
        case RECORD_TEXT: snprintf(member, field->size, "v%zu", i); break;
        case RECORD_I64: *(int64_t *)member = 1000 + (int64_t)i; break;
        case RECORD_BOOL: *(bool *)member = true; break;
        case RECORD_WORD: *(int *)member = 3; break;
        case RECORD_SLOT: *member = 'b'; break;
        }
    }
}

/* It is in Redis as it was asked for, and as the store gave it back. */
static void assert_stored(const struct upgrade *asked, int64_t revision)
{
    struct upgrade expected = *asked, returned = got.upgrades[0];
    expected.revision = revision;
    assert_string_not_equal(returned.last_event, "");
    snprintf(expected.last_event, EVENT_ID_SIZE, "%s", returned.last_event);

    begin();
    store_device(store, "d1", loaded, NULL);
    assert_int_equal(end(), DROVER_OK);
    const struct upgrade *sides[] = {&returned, &got.upgrades[0]};
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < upgrade_record.count; i++) {
            const struct record_field *field = &upgrade_record.fields[i];
            const char *left = (const char *)&expected + field->offset, *right = (const char *)sides[side] + field->offset;
            if (field->kind == RECORD_TEXT)
                assert_string_equal(left, right);
            else
                assert_memory_equal(left, right, field->size);
        }
    }
}

/* Every field goes in with the upgrade, those that may change go again with a move, and come back with the next. */
static void test_upgrade_comes_back_whole(void **state)
{
    (void)state;
    record(beat_of("d1", 1));
    add_release("1.1.0", 10);
    open_rollout("r1", "1.1.0", 20, false);
    struct upgrade_save bare = first_save("d1"), full = bare;
    fill(&full.upgrade);
    memcpy(full.upgrade.upgrade_id, bare.upgrade.upgrade_id, UPGRADE_ID_SIZE);
    memcpy(full.upgrade.rollout, bare.upgrade.rollout, ID_SIZE);
    memcpy(full.upgrade.model, bare.upgrade.model, ID_SIZE);
    full.upgrade.state = STATE_PENDING;
    assert_int_equal(save_open(&full), DROVER_OK);
    assert_stored(&full.upgrade, 1);

    struct upgrade was = got.upgrades[0];
    memcpy(bare.upgrade.version, was.version, VERSION_SIZE);
    memcpy(bare.upgrade.site, was.site, sizeof was.site);
    bare.upgrade.stage = was.stage;
    bare.was = &was;
    bare.from = STATE_PENDING;
    bare.expected_revision = 1;
    bare.kind = KIND_SIMPLE;
    assert_int_equal(save_move(&bare), DROVER_OK);
    assert_stored(&bare.upgrade, 2);
    assert_int_equal(got.devices[0].last.kind, KIND_SIMPLE);

    was = got.upgrades[0];
    full.was = &was;
    full.from = STATE_PENDING;
    full.expected_revision = 2;
    assert_int_equal(save_move(&full), DROVER_OK);
    assert_stored(&full.upgrade, 3);
}

static void test_open_and_move(void **state)
{
    (void)state;
    prepare("d1");
    struct upgrade_save save = first_save("d1");
    assert_int_equal(save_open(&save), DROVER_OK);   /* the same token: the first try had worked */
    snprintf(save.upgrade.token, TOKEN_SIZE, "another");
    assert_int_equal(save_open(&save), DROVER_REFUSED);

    const struct upgrade was = save.upgrade;
    save.was = &was;
    save.expected_revision = 1;
    save.from = STATE_PENDING;
    save.upgrade.state = STATE_DISPATCHED;
    save.upgrade.attempt = 1;
    assert_int_equal(save_move(&save), DROVER_OK);
    assert_int_equal(got.upgrades[0].revision, 2);
    assert_int_equal(save_move(&save), DROVER_OK);
    assert_int_equal(store_counters(store).move_repeats, 2);
    snprintf(save.upgrade.token, TOKEN_SIZE, "a third");
    assert_int_equal(save_move(&save), DROVER_CONFLICT);
    assert_int_equal(store_counters(store).move_conflicts, 1);
}

/* Words of a command are told apart by spaces, so the script has none. */
static bool last_entry_says(const char *facts)
{
    return redis_server_ask(&server, "EVAL %s 0 %s",
                            "local\te=redis.call('XREVRANGE','drover:v1:events','+','-','COUNT',1)[1][2]\n"
                            "for\ti=1,#e,2\tdo\tif\te[i]=='facts'\tand\te[i+1]==ARGV[1]\tthen\treturn\t1\tend\tend\treturn\t0", facts) == 1;
}

static void test_where_a_leg_leads_to_is_in_the_log(void **state)
{
    static const struct {
        const char *from_version, *via, *facts;
    } legs[] = {
        {"1.0.0", "1.0.5", "{\"set\":[\"via\",\"1.0.5\"]}"},
        {"1.0.0", "1.0.5", "-"},
        {"1.0.5", "1.0.7", "{\"set\":[\"from_version\",\"1.0.5\",\"via\",\"1.0.7\"]}"},
        {"1.0.7", "", "{\"set\":[\"from_version\",\"1.0.7\"],\"unset\":[\"via\"]}"},
    };
    (void)state;
    prepare("d1");
    struct upgrade_save save = first_save("d1");
    snprintf(save.upgrade.from_version, VERSION_SIZE, "1.0.0");
    save.from = STATE_PENDING;
    for (unsigned i = 0; i < sizeof legs / sizeof legs[0]; i++) {
        struct upgrade was = got.upgrades[0];
        save.was = &was;
        save.expected_revision = 1 + i;
        snprintf(save.upgrade.token, TOKEN_SIZE, "t%u", i);
        snprintf(save.upgrade.from_version, VERSION_SIZE, "%s", legs[i].from_version);
        snprintf(save.upgrade.via, VERSION_SIZE, "%s", legs[i].via);
        assert_int_equal(save_move(&save), DROVER_OK);
        assert_true(last_entry_says(legs[i].facts));
        begin();
        port.load(port.store, "d1", loaded, NULL);
        assert_int_equal(end(), DROVER_OK);
        assert_string_equal(got.upgrades[0].via, legs[i].via);
        assert_string_equal(got.upgrades[0].from_version, legs[i].from_version);
    }
}

static void test_due_and_live(void **state)
{
    (void)state;
    prepare("d1");
    begin();
    port.take_due(port.store, 4999, 1000, 10, dues_taken, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 0);
    for (int round = 0; round < 2; round++) {
        begin();
        port.take_due(port.store, 5000, 1000, 10, dues_taken, NULL);
        assert_int_equal(end(), DROVER_OK);
        assert_int_equal(got.count, round == 0);
    }
    begin();
    port.take_live(port.store, "r1", 5000, 60000, 10, dues_taken, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.upgrades[0].device_id, "d1");
    assert_int_equal(got.upgrades[0].state, STATE_PENDING);
    assert_string_equal(got.devices[0].last.version, "1.0.0");
    assert_int_equal(got.devices[0].seen_ms, beat_of("d1", 1).at_ms);
}

static struct waiter waiter_of(const char *device_id, int64_t score, bool leaves)
{
    struct waiter waiter = {.rollout = "r1", .score = score, .leaves = leaves};
    snprintf(waiter.device_id, ID_SIZE, "%s", device_id);
    return waiter;
}

static size_t take_waiting(int64_t now_ms, size_t most)
{
    begin();
    port.take_waiting(port.store, "r1", now_ms, 1000, most, dues_taken, NULL);
    assert_int_equal(end(), DROVER_OK);
    return got.count;
}

static const struct rollout *rollout_now(void)
{
    begin();
    store_rollout(store, "r1", rollouts_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    return &got.rollouts[0];
}

static void test_the_line(void **state)
{
    (void)state;
    prepare("d0");
    record(beat_of("d1", 1));
    record(beat_of("d2", 1));
    const struct waiter waiters[] = {waiter_of("d1", 5000, false), waiter_of("d2", -5000, false), waiter_of("d0", 0, false)};
    begin();
    port.wait(port.store, waiters, 3, 100, written, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(rollout_now()->waiting, 2);   /* d0 has a live upgrade */
    assert_int_equal(take_waiting(10000, 1), 1);
    assert_string_equal(got.devices[0].last.device_id, "d2");
    assert_int_equal(got.upgrades[0].state, STATE_NONE);

    struct upgrade_save save = first_save("d2");
    snprintf(save.upgrade.upgrade_id, UPGRADE_ID_SIZE, "fedcba9876543210");
    begin();
    port.open(port.store, &save, &(struct open_limits){.max_in_flight = 9, .per_minute = 60, .bytes_places = 1}, saved, NULL);
    assert_int_equal(end(), DROVER_FULL);
    begin();
    port.open(port.store, &save, &(struct open_limits){.max_in_flight = 9, .plan_revision = 1}, saved, NULL);   /* decided by another plan */
    assert_int_equal(end(), DROVER_FULL);
    begin();
    port.open(port.store, &save, &(struct open_limits){.max_in_flight = 9, .per_minute = 60, .bytes_places = 2}, saved, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(rollout_now()->waiting, 1);
    assert_int_equal(rollout_now()->paced_ms, save.at_ms + 1000);

    const struct waiter leaves = waiter_of("d1", 0, true);
    begin();
    port.wait(port.store, &leaves, 1, 100, written, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(take_waiting(99999, 10), 0);
    assert_int_equal(rollout_now()->waiting, 0);
}

/* --- the operators' side --- */

static void test_releases(void **state)
{
    (void)state;
    add_release("1.1.0", 10);
    assert_int_equal(got.error, DROVER_OK);
    assert_true(got.yes);
    add_release("1.1.0", 11);
    assert_int_equal(got.error, DROVER_OK);
    assert_false(got.yes);
    assert_int_equal(got.releases[0].created_ms, 10);
    struct release other = got.releases[0];
    other.deltas[0].size_bytes++;
    begin();
    store_release_add(store, &other, release_added, NULL);
    assert_int_equal(end(), DROVER_CONFLICT);
    assert_int_equal(got.releases[0].deltas[0].size_bytes, 99);

    add_release("1.2.0", 12);
    begin();
    store_release(store, "esp32", "1.2.0", releases_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_string_equal(got.releases[0].version, "1.2.0");
    assert_int_equal(got.releases[0].delta_count, 1);
    assert_string_equal(got.releases[0].deltas[0].base_version, "1.0.0");
    begin();
    store_release(store, "esp32", "9.9.9", releases_listed, NULL);
    assert_int_equal(end(), DROVER_NOT_FOUND);
    begin();
    store_releases(store, "esp32", releases_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.releases[0].version, "1.2.0");
}

static void release_changed(void *arg, enum drover_error error, const struct release *release)
{
    (void)arg;
    finish(error, release != NULL);
    if (release)
        got.releases[0] = *release;
}

/* Everything a manifest says, the longest list of hardware included, comes back. */
static void test_releases_change(void **state)
{
    (void)state;
    struct release release = {.model = "cam", .version = "2.0.0", .created_ms = 5, .size_bytes = 1, .release_counter = 9, .min_version = "1.0.0", .expires_ms = 77,
                              .encrypted = true, .trust_version = 3, .delta_count = 2};
    memset(release.manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    memset(release.trust_sha256, 'c', SHA256_HEX_SIZE - 1);
    for (int i = 0; i < 32; i++)
        snprintf(release.hw_revs + strlen(release.hw_revs), sizeof release.hw_revs - strlen(release.hw_revs), "%srev-%d-%.*s", i ? "," : "", i, i, "0123456789012345678901234567890123456789");
    for (unsigned i = 0; i < 2; i++) {
        release.deltas[i].state = RELEASE_DELTA_QUEUED;
        snprintf(release.deltas[i].base_version, VERSION_SIZE, "1.0.%u", i);
    }
    begin();
    store_release_add(store, &release, release_added, NULL);
    assert_int_equal(end(), DROVER_OK);
    begin();
    store_releases_due(store, RELEASES_WANT_DELTAS, 0, "", 0, 10, releases_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    assert_int_equal(strlen(got.releases[0].hw_revs), strlen(release.hw_revs));
    assert_non_null(strstr(got.releases[0].hw_revs, "rev-31-"));
    assert_true(got.releases[0].encrypted);
    assert_int_equal(got.releases[0].expires_ms, 77);
    assert_string_equal(got.releases[0].min_version, "1.0.0");
    assert_int_equal(got.releases[0].delta_count, 2);

    struct release_delta delta = release.deltas[0];
    delta.state = RELEASE_DELTA_DERIVED;
    delta.size_bytes = 12;
    memset(delta.sha256, 'd', SHA256_HEX_SIZE - 1);
    begin();
    store_release_delta(store, &release, &delta, release_changed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(release_delta(&got.releases[0], "1.0.0")->state, RELEASE_DELTA_DERIVED);
    assert_int_equal(release_delta(&got.releases[0], "1.0.0")->size_bytes, 12);
    struct release judged = got.releases[0];
    begin();
    store_release_delta(store, &release, &delta, release_changed, NULL);
    assert_int_equal(end(), DROVER_CONFLICT);

    begin();
    store_releases_due(store, RELEASES_UNPROVED, 3, release.trust_sha256, 0, 10, releases_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 0);
    judged.trust_version = 4;
    snprintf(judged.refused, sizeof judged.refused, "E_SIGNATURE: gone");
    for (unsigned i = 0; i < judged.delta_count; i++)
        if (release_delta_is_kept(&judged.deltas[i]))
            judged.deltas[i].state = RELEASE_DELTA_FAILED;
    begin();
    store_release_judge(store, &judged, release_changed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_string_equal(got.releases[0].refused, "E_SIGNATURE: gone");
    assert_int_equal(release_delta(&got.releases[0], "1.0.0")->state, RELEASE_DELTA_FAILED);
    assert_string_equal(release_delta(&got.releases[0], "1.0.0")->sha256, "");
    judged.trust_version = 3;
    begin();
    store_release_judge(store, &judged, release_changed, NULL);
    assert_int_equal(end(), DROVER_STALE);
}

static enum drover_error move_rollout(const char *id, enum rollout_state to, int64_t revision)
{
    begin();
    static const enum rollout_event ons[ROLLOUT_STATE_COUNT] = {
        [ROLLOUT_RUNNING] = ROLLOUT_EVENT_RESUME, [ROLLOUT_PAUSED] = ROLLOUT_EVENT_PAUSE, [ROLLOUT_CANCELLED] = ROLLOUT_EVENT_CANCEL};
    const struct rollout_change change = {.id = id, .on = ons[to], .to = to, .expected_revision = revision, .why = "operator", .at_ms = 500};
    store_rollout_move(store, &change, rollout_changed, NULL);
    return end();
}

static size_t list_rollouts(enum rollout_list list)
{
    begin();
    store_rollouts(store, list, rollouts_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    return got.count;
}

static void test_rollouts(void **state)
{
    (void)state;
    assert_int_equal(open_rollout("r1", "1.1.0", 20, false), DROVER_NOT_FOUND);
    prepare("d1");
    assert_int_equal(open_rollout("r1", "1.1.0", 20, false), DROVER_DUPLICATE);
    assert_int_equal(open_rollout("r2", "1.1.0", 21, false), DROVER_CONFLICT);
    begin();
    store_rollout(store, "r1", rollouts_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    struct rollout plan = plan_of("r1", "1.1.0", 20), *is = &got.rollouts[0];
    assert_string_equal(is->id, "r1");
    assert_int_equal(is->state, ROLLOUT_RUNNING);
    assert_int_equal(is->revision, 1);
    assert_int_equal(is->epoch, 20);
    assert_int_equal(is->soak_ms, plan.soak_ms);
    assert_int_equal(is->error_budget_pct, plan.error_budget_pct);
    assert_int_equal(is->counts.opened, 1);
    assert_int_equal(is->counts.states[STATE_PENDING], 1);
    assert_int_equal(is->release.size_bytes, 4711);
    begin();
    store_rollout(store, "r9", rollouts_listed, NULL);
    assert_int_equal(end(), DROVER_NOT_FOUND);

    assert_int_equal(move_rollout("r1", ROLLOUT_RUNNING, 0), DROVER_REFUSED);
    assert_int_equal(move_rollout("r1", ROLLOUT_PAUSED, 9), DROVER_CONFLICT);
    assert_int_equal(move_rollout("r9", ROLLOUT_PAUSED, 0), DROVER_NOT_FOUND);
    assert_int_equal(move_rollout("r1", ROLLOUT_SUPERSEDED, 0), DROVER_REFUSED);
    assert_int_equal(move_rollout("r1", ROLLOUT_PAUSED, 1), DROVER_OK);
    assert_int_equal(got.rollouts[0].state, ROLLOUT_PAUSED);
    assert_int_equal(got.rollouts[0].revision, 2);
    assert_string_equal(got.rollouts[0].why, "operator");
    assert_int_equal(open_rollout("r2", "1.1.0", 30, true), DROVER_OK);
    assert_int_equal(list_rollouts(ROLLOUTS_ACTIVE), 1);
    assert_int_equal(list_rollouts(ROLLOUTS_ENDING), 1);
    assert_int_equal(list_rollouts(ROLLOUTS_KNOWN), 2);
    assert_string_equal(got.rollouts[1].id, "r2");
    assert_int_equal(list_rollouts(ROLLOUTS_ALL), 2);
    assert_string_equal(got.rollouts[0].id, "r2");
}

static void test_devices_and_history(void **state)
{
    (void)state;
    prepare("d1");
    record(beat_of("d2", 1));
    begin();
    store_devices(store, NULL, "", 10, rows_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.next, "");
    begin();
    store_devices(store, &(struct device_filter){.state = "pending", .online = 1}, "", 10, rows_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.rows[0].device.last.device_id, "d1");
    assert_string_equal(got.rows[0].target, "1.1.0");
    assert_int_equal(got.rows[0].state, STATE_PENDING);
    begin();
    store_devices(store, NULL, "junk", 10, rows_listed, NULL);
    assert_int_equal(end(), DROVER_SYNTAX);
    begin();
    store_history(store, "d1", 10, events_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.events[0].to, "pending");
    assert_string_equal(got.events[0].why, "the rollout reached this device");
    begin();
    store_history(store, "d2", 10, events_listed, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 0);
    begin();
    store_history(store, "nobody", 10, events_listed, NULL);
    assert_int_equal(end(), DROVER_NOT_FOUND);
    begin();
    store_device(store, "nobody", loaded, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_false(got.found);
}

static void gap_after(const char *after)
{
    begin();
    store_events(store, after, 10, events_were_read, NULL);
    assert_int_equal(end(), DROVER_OK);
}

/* Whoever resumes behind what was trimmed is told; nobody else is. */
static void test_gaps_in_the_events(void **state)
{
    (void)state;
    for (int i = 1; i <= 5; i++)
        (void)redis_server_ask(&server, "XADD drover:v1:events %d-3 at_ms %d kind alarm why x", 1000 * i, i);
    gap_after("500-0");
    assert_string_equal(got.gap.resume, "");   /* nothing was ever trimmed */
    (void)redis_server_ask(&server, "XTRIM drover:v1:events MAXLEN 2");
    gap_after("1000-3");
    assert_string_equal(got.gap.resume, "4000-2");
    assert_string_equal(got.gap.first, "4000-3");
    assert_int_equal(got.count, 2);
    gap_after("2000");
    assert_string_equal(got.gap.first, "4000-3");
    static const char *const fine[] = {"", "0", "0-0", "4000-2", "4000-3", "5000-3", "9000-0"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        gap_after(fine[i]);
        assert_string_equal(got.gap.resume, "");
    }
    (void)redis_server_ask(&server, "XTRIM drover:v1:events MAXLEN 0");
    gap_after("4000-3");
    assert_string_equal(got.gap.resume, "5000-3");
    assert_string_equal(got.gap.first, "");
    assert_string_equal(got.next, "5000-3");
    (void)redis_server_ask(&server, "XADD drover:v1:events 6000-0 at_ms 1 kind alarm why x");
    gap_after("4000-3");
    assert_string_equal(got.gap.resume, "5999-9223372036854775807");
    gap_after("5999-9223372036854775807");
    assert_string_equal(got.gap.resume, "");
}

static void test_events(void **state)
{
    (void)state;
    begin();
    store_events(store, "$", 10, events_were_read, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_string_equal(got.next, "0");
    for (int i = 0; i < 3; i++) {
        struct event event = {.at_ms = i, .kind = "alarm", .device_id = "-", .model = "m", .rollout = "-", .upgrade_id = "-", .from = "none", .to = "none",
                              .on = "-", .version = "-", .error = "-", .why = "words, words"};
        begin();
        store_event_add(store, &event, written, NULL);
        assert_int_equal(end(), DROVER_OK);
    }
    begin();
    store_events(store, "", 2, events_were_read, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.events[1].instance, "drover-1");
    assert_string_equal(got.next, got.events[1].id);
    char after[STORE_CURSOR_SIZE];
    memcpy(after, got.next, sizeof after);
    for (int round = 0; round < 2; round++) {
        begin();
        store_events(store, after, 10, events_were_read, NULL);
        assert_int_equal(end(), DROVER_OK);
        assert_int_equal(got.count, round == 0);
        memcpy(after, got.next, sizeof after);
    }
    begin();
    store_events(store, "$", 10, events_were_read, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 0);
    assert_string_equal(got.next, after);
}

static void test_fleet_online_and_chores(void **state)
{
    (void)state;
    record(beat_of("d1", 1));
    record(beat_of("d2", 2));
    begin();
    store_online(store, "d1", false, beat_of("d1", 1).at_ms, written, NULL);
    assert_int_equal(end(), DROVER_OK);
    begin();
    store_fleet(store, fleet_read, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.fleet_devices, 2);
    assert_int_equal(got.fleet_online, 1);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.models[0].versions[0].version, "1.0.0");
    assert_int_equal(got.models[0].versions[0].devices, 2);
    assert_int_equal(record(beat_of("d1", 3)), RECORDED_SAME);   /* back on, though only the time changed */
    begin();
    store_sweep_offline(store, beat_of("d2", 2).at_ms + 90000, 90000, 10, swept, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(got.count, 1);
    begin();
    store_fleet(store, fleet_read, NULL);
    end();
    assert_int_equal(got.fleet_online, 1);

    begin();
    store_leader(store, 60000, led, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_true(got.yes);
    redis_server_ask(&server, "SET drover:priv:leader another");
    begin();
    store_leader(store, 60000, led, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_false(got.yes);
    begin();
    store_leader_resign(store, written, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(redis_server_ask(&server, "EXISTS drover:priv:leader"), 1);
    begin();
    store_series_add(store, (struct series_field[]){{"heartbeats", 12}, {"lag_ms", 3}}, 2, written, NULL);
    assert_int_equal(end(), DROVER_OK);
    assert_int_equal(redis_server_ask(&server, "XLEN drover:v1:series"), 1);
}

/* --- Redis away --- */

static void test_everything_ends_when_redis_freezes(void **state)
{
    (void)state;
    prepare("d1");
    redis_server_freeze(&server, true);
    struct upgrade was;
    struct upgrade_save save = second_save("d1", &was);
    snprintf(save.upgrade.token, TOKEN_SIZE, "second");
    assert_int_equal(save_move(&save), DROVER_UNAVAILABLE);
    struct beat beat = beat_of("d1", 2);
    begin();
    port.record(port.store, &beat, 1, recorded, NULL);
    assert_int_equal(end(), DROVER_UNAVAILABLE);
    redis_server_freeze(&server, false);
    assert_true(loop_until(base, &ready, WAIT_MS));
    /* the move had reached Redis or not: either way once */
    assert_int_equal(save_move(&save), DROVER_OK);
    assert_int_equal(got.upgrades[0].revision, 2);
    assert_int_equal(redis_server_ask(&server, "HGET drover:v1:rollout:r1 state:dispatched"), 1);
    assert_int_equal(record(beat_of("d1", 3)), RECORDED_LOADED);
}

/* More than may be outstanding is no limit of a rollout: the flow tries again. */
static void test_a_full_link_is_not_a_full_rollout(void **state)
{
    (void)state;
    struct problem problem;
    struct redis_link *narrow;
    prepare("d1");
    const struct redis_link_config config = {.base = base, .url = server.url, .requests_max = 1};
    assert_int_equal(redis_link_new(&config, &narrow, &problem), DROVER_OK);
    redis_link_start(narrow);
    const int64_t end_ms = clock_mono_ms() + WAIT_MS;
    while (!redis_link_is_ready(narrow) && clock_mono_ms() < end_ms)
        event_base_loop(base, EVLOOP_ONCE);
    struct store *other = store_new(narrow, &(struct store_config){.instance = "drover-2"});
    struct store_port full = store_port(other);
    struct upgrade was;
    struct upgrade_save save = second_save("d1", &was);
    redis_link_call(narrow, 1, (const char *[]){"PING"}, NULL, NULL, NULL, 0);
    begin();
    full.move(full.store, &save, saved, NULL);
    assert_int_equal(end(), DROVER_UNAVAILABLE);
    assert_int_equal(redis_server_ask(&server, "HGET drover:v1:rollout:r1 state:pending"), 1);
    redis_link_free(narrow);
    store_free(other);
}

static void test_killed_redis_keeps_what_was_answered(void **state)
{
    (void)state;
    prepare("d1");
    redis_server_kill(&server);
    struct upgrade was;
    struct upgrade_save save = second_save("d1", &was);
    assert_int_equal(save_move(&save), DROVER_UNAVAILABLE);
    redis_server_start_again(&server);
    ready = false;
    assert_true(loop_until(base, &ready, WAIT_MS));
    assert_int_equal(save_move(&save), DROVER_OK);
    assert_int_equal(redis_server_ask(&server, "HGET drover:v1:rollout:r1 state:dispatched"), 1);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    log_configure(LOG_ERROR, LOG_LOGFMT, "");
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_cache),
        TEST(test_heartbeat_comes_back_whole),
        TEST(test_sparse_heartbeat_comes_back_sparse),
        TEST(test_forms_and_outcomes),
        TEST(test_redis_asks_for_what_it_does_not_know),
        TEST(test_clash),
        TEST(test_full_batch),
        TEST(test_upgrade_comes_back_whole),
        TEST(test_open_and_move),
        TEST(test_where_a_leg_leads_to_is_in_the_log),
        TEST(test_due_and_live),
        TEST(test_the_line),
        TEST(test_releases),
        TEST(test_releases_change),
        TEST(test_rollouts),
        TEST(test_devices_and_history),
        TEST(test_events),
        TEST(test_gaps_in_the_events),
        TEST(test_fleet_online_and_chores),
        TEST(test_everything_ends_when_redis_freezes),
        TEST(test_a_full_link_is_not_a_full_rollout),
        TEST(test_killed_redis_keeps_what_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
