/* The flow's limits and queues, with a store that answers when the test says so. What it does in order is told by the stories. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/core/flow.h"

#define CALLS_MAX 64

/* A store that keeps calls until they are answered by hand. */
static struct {
    struct fixture f;
    store_loaded *loaded[CALLS_MAX];
    void *load_arg[CALLS_MAX];
    char load_id[CALLS_MAX][ID_SIZE];
    size_t loads, loads_answered;
    store_saved *saved;
    void *save_arg;
    struct upgrade_save save;
    size_t moves, opens;
    store_recorded *recorded;
    void *record_arg;
    struct beat beats[STORE_BATCH_MAX];
    size_t beat_count;
    unsigned commands, events;
    unsigned done_count;
    enum drover_error done_error;
    char done_why[128];
} t;

static void port_load(void *store, const char *device_id, store_loaded *done, void *arg)
{
    (void)store;
    assert_true(t.loads < CALLS_MAX);
    t.loaded[t.loads] = done;
    t.load_arg[t.loads] = arg;
    snprintf(t.load_id[t.loads++], ID_SIZE, "%s", device_id);
}

static void port_move(void *store, const struct upgrade_save *save, store_saved *done, void *arg)
{
    (void)store;
    t.save = *save;
    t.saved = done;
    t.save_arg = arg;
    t.moves++;
}

static void port_open(void *store, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg)
{
    (void)limits;
    port_move(store, save, done, arg);
    t.moves--;
    t.opens++;
}

static void port_record(void *store, const struct beat *beats, size_t count, store_recorded *done, void *arg)
{
    (void)store;
    memcpy(t.beats, beats, count * sizeof *beats);
    t.beat_count = count;
    t.recorded = done;
    t.record_arg = arg;
}

static void heard_command(void *speaker, const char *model, const char *device_id, const struct command *command)
{
    (void)speaker, (void)model, (void)device_id, (void)command;
    t.commands++;
}

static void heard_event(void *speaker, const struct event *event)
{
    (void)speaker, (void)event;
    t.events++;
}

static int64_t now_ms(void *arg)
{
    (void)arg;
    return NOW;
}

static void done(void *arg, enum drover_error error, const char *why)
{
    (void)arg;
    t.done_count++;
    t.done_error = error;
    snprintf(t.done_why, sizeof t.done_why, "%s", why);
}

static int setup(void **state)
{
    memset(&t, 0, sizeof t);
    fixture_init(&t.f);
    struct flow_config config = {
        .store = {.load = port_load, .move = port_move, .open = port_open, .record = port_record},
        .speaker = {.command = heard_command, .event = heard_event},
        .policy = t.f.policy, .instance = "test", .public_url = "http://depot", .work_max = 4, .seed = 1, .now_ms = now_ms,
    };
    *state = flow_new(&config);
    flow_set_rollouts(*state, &t.f.rollout, 1);
    return *state == NULL;
}

static int teardown(void **state)
{
    flow_free(*state);
    return 0;
}

static void report(struct flow *flow, const char *device_id, int64_t seq, enum report_state said, enum error_code code)
{
    struct report text = {.attempt = 1, .seq = seq, .state = said, .progress = ABSENT, .error = code};
    snprintf(text.device_id, ID_SIZE, "%s", device_id);
    memcpy(text.upgrade_id, t.f.upgrade.upgrade_id, sizeof text.upgrade_id);
    flow_report(flow, &text, done, NULL);
}

/* Answers the oldest load that waits, with the fixture's device in this state. */
static void answer_load(enum upgrade_state state)
{
    fixture_enter(&t.f, state);
    size_t at = t.loads_answered++;
    assert_true(at < t.loads);
    t.loaded[at](t.load_arg[at], DROVER_OK, &t.f.device, &t.f.upgrade);
}

static void answer_save(enum drover_error error)
{
    struct upgrade saved = t.save.upgrade;
    saved.revision = t.save.expected_revision + 1;
    snprintf(saved.last_event, EVENT_ID_SIZE, "1-1");
    t.saved(t.save_arg, error, error == DROVER_OK ? &saved : NULL);
}

static uint64_t counter(struct flow *flow, const char *name, const char *label);

static void heartbeat(struct flow *flow, int64_t at_ms)
{
    flow_heartbeats(flow, &(struct beat){.heartbeat = t.f.device.last, .at_ms = at_ms}, 1, done, NULL);
}

static void one_piece_at_a_time_per_device(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_DISPATCHED);
    report(flow, "d1", 1, REPORT_DOWNLOADING, E_NONE);
    report(flow, "d1", 2, REPORT_INSTALLING, E_NONE);
    assert_int_equal(t.loads, 1); /* the second waits for the first */
    report(flow, "d2", 1, REPORT_DOWNLOADING, E_NONE);
    assert_int_equal(t.loads, 2); /* another device does not */
    assert_int_equal(flow_work_count(flow), 3);
    answer_load(STATE_DISPATCHED);
    assert_int_equal(t.loads, 2);
    answer_save(DROVER_OK);
    assert_int_equal(t.done_count, 1);
    assert_int_equal(t.loads, 3); /* now the second of d1 loads */
    assert_string_equal(t.load_id[2], "d1");
    assert_int_equal(flow_work_count(flow), 2);
}

static void reports_are_refused_when_it_has_its_fill(void **state)
{
    struct flow *flow = *state;
    for (int i = 0; i < 4; i++)
        report(flow, "d1", i, REPORT_DOWNLOADING, E_NONE);
    assert_int_equal(t.done_count, 0);
    report(flow, "d1", 9, REPORT_DOWNLOADING, E_NONE);
    assert_int_equal(t.done_error, DROVER_FULL);
    assert_int_equal(flow_work_count(flow), 4);
    assert_int_equal(counter(flow, "work_full", ""), 1);
}

static void heartbeats_beyond_that_are_dropped_and_counted(void **state)
{
    struct flow *flow = *state;
    for (int i = 0; i < 4; i++)
        report(flow, "d2", i, REPORT_DOWNLOADING, E_NONE);
    heartbeat(flow, NOW);
    fixture_enter(&t.f, STATE_VERIFYING);
    struct recorded_beat beat = {RECORDED_LOADED, &t.f.device, &t.f.upgrade};
    t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    assert_int_equal(t.done_error, DROVER_OK); /* it is recorded all the same */
    assert_int_equal(counter(flow, "work_dropped", ""), 1);
}

static void a_conflict_loads_again_five_times_at_most(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_DISPATCHED);
    report(flow, "d1", 1, REPORT_DOWNLOADING, E_NONE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(t.loads, i + 1);
        answer_load(STATE_DISPATCHED);
        answer_save(DROVER_CONFLICT);
    }
    assert_int_equal(t.loads, 5);
    assert_int_equal(t.done_error, DROVER_CONFLICT);
    assert_int_equal(t.events, 0);
    assert_int_equal(flow_work_count(flow), 0);
}

static void an_unknown_outcome_is_sent_again_once_with_its_token(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_DISPATCHED);
    report(flow, "d1", 1, REPORT_DOWNLOADING, E_NONE);
    answer_load(STATE_DISPATCHED);
    char token[TOKEN_SIZE];
    memcpy(token, t.save.upgrade.token, sizeof token);
    assert_int_equal(strlen(token), 32);
    answer_save(DROVER_UNAVAILABLE);
    assert_int_equal(t.moves, 2);
    assert_string_equal(t.save.upgrade.token, token);
    answer_save(DROVER_UNAVAILABLE);
    assert_int_equal(t.moves, 2);
    assert_int_equal(t.done_error, DROVER_UNAVAILABLE);
    assert_int_equal(t.events, 0);
}

static void what_the_store_refuses_is_not_spoken(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_DOWNLOADING);
    report(flow, "d1", 1, REPORT_FAILED, E_SIGNATURE);
    answer_load(STATE_DOWNLOADING);
    answer_save(DROVER_STORE);
    assert_int_equal(t.done_error, DROVER_STORE);
    assert_int_equal(t.events + t.commands, 0);
    assert_int_equal(counter(flow, "store_refused", ""), 1);
}

static void a_heartbeat_opens_and_dispatches_at_once(void **state)
{
    struct flow *flow = *state;
    heartbeat(flow, NOW);
    assert_true(t.beats[0].want);
    struct recorded_beat beat = {RECORDED_LOADED, &t.f.device, &t.f.upgrade};
    t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    assert_int_equal(t.opens, 1);
    assert_int_equal(t.commands, 0);
    answer_save(DROVER_OK);
    assert_int_equal(t.moves, 1);
    assert_int_equal(t.commands, 0); /* save first */
    answer_save(DROVER_OK);
    assert_int_equal(t.commands, 1);
    assert_int_equal(t.events, 2);
    assert_int_equal(flow_work_count(flow), 0);
    assert_int_equal(counter(flow, "moves", "dispatch"), 1);
}

static void want_stops_where_the_room_ends(void **state)
{
    struct flow *flow = *state;
    t.f.rollout.counts.states[STATE_DOWNLOADING] = 99;
    flow_set_rollouts(flow, &t.f.rollout, 1);
    heartbeat(flow, NOW);
    assert_true(t.beats[0].want);
    struct recorded_beat beat = {RECORDED_LOADED, &t.f.device, &t.f.upgrade};
    t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    answer_save(DROVER_OK); /* the hundredth is open, though the counts were not read again yet */
    heartbeat(flow, NOW);
    assert_false(t.beats[0].want);
}

/* After an outage heartbeats come late: the record says when the device spoke, not when it was heard of. */
static void a_heartbeat_keeps_the_time_of_its_arrival(void **state)
{
    heartbeat(*state, NOW - 600000);
    assert_int_equal(t.beats[0].at_ms, NOW - 600000);
}

static void a_heartbeat_behind_work_is_looked_at_once(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_DISPATCHED);
    report(flow, "d1", 1, REPORT_DOWNLOADING, E_NONE);
    for (int i = 0; i < 3; i++) {
        heartbeat(flow, NOW);
        struct recorded_beat beat = {RECORDED_LOADED, &t.f.device, &t.f.upgrade};
        t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    }
    assert_int_equal(flow_work_count(flow), 2);
    assert_int_equal(counter(flow, "heartbeats_coalesced", ""), 2);
}

/* The device fell back after its success, and the store did not take it: its next heartbeat says nothing new, but is loaded. */
static void what_was_not_saved_is_looked_at_again(void **state)
{
    struct flow *flow = *state;
    fixture_enter(&t.f, STATE_SUCCEEDED);
    t.f.rollout.state = ROLLOUT_PAUSED;
    flow_set_rollouts(flow, &t.f.rollout, 1);
    heartbeat(flow, NOW);
    assert_false(t.beats[0].want);
    struct recorded_beat beat = {RECORDED_LOADED, &t.f.device, &t.f.upgrade};
    t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    assert_int_equal(t.save.upgrade.state, STATE_ROLLED_BACK);
    answer_save(DROVER_STORE);
    heartbeat(flow, NOW);
    assert_true(t.beats[0].want);
    t.recorded(t.record_arg, DROVER_OK, &beat, 1);
    answer_save(DROVER_OK);
    heartbeat(flow, NOW);
    assert_false(t.beats[0].want);
}

static void a_batch_that_is_too_long_is_refused(void **state)
{
    struct flow *flow = *state;
    static struct beat many[STORE_BATCH_MAX + 1];
    flow_heartbeats(flow, many, STORE_BATCH_MAX + 1, done, NULL);
    assert_int_equal(t.done_error, DROVER_TOO_LONG);
    assert_int_equal(flow_work_count(flow), 0);
}

struct wanted {
    const char *name, *label;
    uint64_t value;
    bool found;
};

static void compare_counter(void *arg, const char *name, const char *label, uint64_t value)
{
    struct wanted *wanted = arg;
    if (!strcmp(name, wanted->name) && !strcmp(label, wanted->label)) {
        wanted->value = value;
        wanted->found = true;
    }
}

static uint64_t counter(struct flow *flow, const char *name, const char *label)
{
    struct wanted wanted = {.name = name, .label = label};
    flow_counters(flow, compare_counter, &wanted);
    assert_true(wanted.found);
    return wanted.value;
}

#define FLOW_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW_TEST(one_piece_at_a_time_per_device),
        FLOW_TEST(reports_are_refused_when_it_has_its_fill),
        FLOW_TEST(heartbeats_beyond_that_are_dropped_and_counted),
        FLOW_TEST(a_conflict_loads_again_five_times_at_most),
        FLOW_TEST(an_unknown_outcome_is_sent_again_once_with_its_token),
        FLOW_TEST(what_the_store_refuses_is_not_spoken),
        FLOW_TEST(a_heartbeat_opens_and_dispatches_at_once),
        FLOW_TEST(want_stops_where_the_room_ends),
        FLOW_TEST(a_heartbeat_keeps_the_time_of_its_arrival),
        FLOW_TEST(a_heartbeat_behind_work_is_looked_at_once),
        FLOW_TEST(what_was_not_saved_is_looked_at_again),
        FLOW_TEST(a_batch_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
