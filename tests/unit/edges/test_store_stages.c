/* Staged rollouts through the store, against a real Redis: plans are read once, stages as their scripts count them, what gates leave out, the control group, readings kept.
 * Then the shelf of plans by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "orchestrator/core/stage.h"
#include "orchestrator/edges/store.h"
#include "orchestrator/edges/store_gates.h"
#include "orchestrator/edges/store_plans.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 10000

static struct redis_server server;
static struct event_base *base;
static struct redis_link *link_;
static struct store *store;
static bool ready;

static struct {
    bool done;
    enum drover_error error;
    size_t count;
    struct rollout rollout;          /* the first; holds its plan */
    struct fleet_health health;
} got;

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
    struct redis_link_config config = {.base = base, .url = server.url, .timeout_ms = 5000, .changed = changed, .backoff_base_ms = 10, .backoff_cap_ms = 50};
    assert_int_equal(redis_link_new(&config, &link_, &problem), DROVER_OK);
    store = store_new(link_, &(struct store_config){.instance = "drover-1"});
    redis_link_start(link_);
    assert_true(loop_until(base, &ready, WAIT_MS));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rollout_drop(&got.rollout);
    redis_link_free(link_);
    store_free(store);
    event_base_free(base);
    redis_server_done(&server);
    return 0;
}

/* --- calls --- */

static void begin(void)
{
    rollout_drop(&got.rollout);
    memset(&got, 0, sizeof got);
}

static void end(enum drover_error error)
{
    assert_true(loop_until(base, &got.done, WAIT_MS));
    assert_int_equal(got.error, error);
}

static void listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    (void)arg;
    got.done = true;
    got.error = error;
    got.count = count;
    if (count)
        rollout_keep(&got.rollout, &rollouts[0]);
}

static void moved(void *arg, enum drover_error error, const struct rollout *rollout)
{
    listed(arg, error, rollout, rollout ? 1 : 0);
}

static void health_read(void *arg, enum drover_error error, const struct fleet_health *health)
{
    (void)arg;
    got.done = true;
    got.error = error;
    if (health)
        got.health = *health;
}

static void written(void *arg, enum drover_error error)
{
    (void)arg;
    got.done = true;
    got.error = error;
}

static void read_known(void)
{
    begin();
    store_rollouts(store, ROLLOUTS_KNOWN, listed, NULL);
    end(DROVER_OK);
}

static struct plan *plan_of(const char *canary)
{
    char json[1024];
    struct plan *plan;
    struct plan_problems problems;
    int length = snprintf(json, sizeof json, "{\"schema\":1,\"id\":\"r1\",\"model\":\"esp32\",\"version\":\"1.1.0\",\"stages\":[{\"name\":\"canary\",%s},{\"name\":\"rest\"}]}", canary);
    assert_int_equal(plan_read(json, (size_t)length, &plan, &problems), DROVER_OK);
    return plan;
}

static void open_staged(const char *canary)
{
    struct rollout rollout;
    struct plan *plan = plan_of(canary);
    redis_server_ask(&server, "HSET drover:v1:release:esp32:1.1.0 model esp32 version 1.1.0 manifest_sha256 e size 100");
    rollout_begin(&rollout, plan, 1000);
    plan_drop(plan);
    begin();
    store_rollout_open(store, &rollout, false, NULL, moved, NULL);
    end(DROVER_OK);
    rollout_drop(&rollout);
}

static void move(enum rollout_event on, enum rollout_state to, const struct rollout *next, const struct plan *edited)
{
    struct rollout_change change = {.id = "r1", .on = on, .to = to, .why = "test", .at_ms = 9000, .next = next, .edited = edited};
    begin();
    store_rollout_move(store, &change, moved, NULL);
    end(DROVER_OK);
}

/* --- plans --- */

static void a_plan_is_read_once(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    read_known();
    assert_int_equal(got.count, 1);
    assert_non_null(got.rollout.plan);
    assert_string_equal(got.rollout.plan->stages[0].name, "canary");
    struct plan *first = plan_hold(got.rollout.plan);
    read_known();
    assert_ptr_equal(got.rollout.plan, first);
    redis_server_ask(&server, "SET drover:v1:rollout:r1:plan garbage");   /* nobody asks for what is known */
    read_known();
    assert_ptr_equal(got.rollout.plan, first);
    plan_drop(first);
}

static void an_edit_brings_another_one(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    read_known();
    struct rollout next = got.rollout;
    struct plan *edited = plan_of("\"percent\":20");
    rollout_keep(&next, &got.rollout);
    next.plan_revision = 2;
    move(ROLLOUT_EVENT_EDIT, ROLLOUT_RUNNING, &next, edited);
    read_known();
    assert_int_equal(got.rollout.plan->stages[0].percent_x100, 2000);
    rollout_drop(&next);
    plan_drop(edited);
}

static void one_that_cannot_be_read_is_left_out(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    redis_server_ask(&server, "SET drover:v1:rollout:r1:plan {}");
    redis_server_ask(&server, "HSET drover:v1:rollout:r1 plan_revision 7");
    read_known();
    assert_int_equal(got.count, 0);
    assert_true(store_counters(store).bad_records > 0);
}

static void a_stage_that_the_plan_has_not_is_refused(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    redis_server_ask(&server, "HSET drover:v1:rollout:r1 stage 3");
    read_known();
    assert_int_equal(got.count, 0);
}

/* --- stages --- */

static void a_stage_is_read_whole(void **state)
{
    (void)state;
    open_staged("\"count\":2,\"per\":\"hw_rev\"");
    redis_server_ask(&server, "HSET drover:v1:rollout:r1:stage:1 opened 5 opened@A 2 opened@B 1 state:failed 3 state:succeeded 2 error:E_BOOT 3 opened_ms 11 settled_ms 12 "
                              "resumed_ms 13 before:opened 4 before:state:failed 1 before:error:E_BOOT 1");
    redis_server_ask(&server, "ZADD drover:priv:rollout:r1:queue 1 d8 2 d9");
    read_known();
    const struct rollout *is = &got.rollout;
    assert_true(is->staged.opened == 5 && is->staged.states[STATE_FAILED] == 3 && is->staged.errors[E_BOOT] == 3);
    assert_true(is->before.opened == 4 && is->before.states[STATE_FAILED] == 1 && is->before.errors[E_BOOT] == 1);
    assert_true(is->opened_ms == 11 && is->settled_ms == 12 && is->resumed_ms == 13 && is->waiting == 2);
    struct rollout_counts counts;
    rollout_gate_counts(is, &counts);
    assert_true(counts.opened == 1 && counts.states[STATE_FAILED] == 2 && counts.states[STATE_SUCCEEDED] == 2 && counts.errors[E_BOOT] == 2);
    struct heartbeat a = {.device_id = "d1", .hw_rev = "A", .version = "1.0.0"}, b = {.device_id = "d1", .hw_rev = "B", .version = "1.0.0"};
    assert_int_equal(stage_of(is, &a), STAGE_NOT_YET);
    assert_int_equal(stage_of(is, &b), 1);
}

static void a_resume_leaves_out_what_was(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    redis_server_ask(&server, "HSET drover:v1:rollout:r1:stage:1 opened 5 state:failed 5");
    move(ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED, NULL, NULL);
    read_known();
    assert_true(got.rollout.before.opened == 0 && got.rollout.resumed_ms == 0);
    move(ROLLOUT_EVENT_RESUME, ROLLOUT_RUNNING, NULL, NULL);
    read_known();
    assert_true(got.rollout.before.opened == 5 && got.rollout.before.states[STATE_FAILED] == 5 && got.rollout.resumed_ms == 9000);
    struct rollout next;
    rollout_after(&got.rollout, ROLLOUT_EVENT_PROMOTE, 2, 9500, &next);
    struct plan *held = plan_hold(next.plan);
    move(ROLLOUT_EVENT_PROMOTE, ROLLOUT_RUNNING, &next, NULL);
    plan_drop(held);
    read_known();
    assert_true(got.rollout.stage == 2 && got.rollout.stage_ms == 9500 && got.rollout.before.opened == 0 && got.rollout.staged.opened == 0);
    redis_server_ask(&server, "HSET drover:v1:rollout:r1 opened 7");
    move(ROLLOUT_EVENT_COMPLETE, ROLLOUT_COMPLETED, NULL, NULL);
    read_known();
    assert_true(got.rollout.before.opened == 7 && got.rollout.state == ROLLOUT_COMPLETED);
}

/* --- gates --- */

static void the_control_group(void **state)
{
    (void)state;
    open_staged("\"percent\":5");
    read_known();
    struct rollout rollout;
    rollout_keep(&rollout, &got.rollout);
    redis_server_ask(&server, "HSET drover:v1:model:esp32 version:1.0.0 9 version:1.1.0 3");
    redis_server_ask(&server, "HSET drover:v1:model:esp32:on:1.0.0 devices 9 online 7 unhealthy 1 reboots 4");
    redis_server_ask(&server, "HSET drover:v1:model:esp32:on:1.1.0 devices 3 online 3 reboots 1");
    begin();
    store_rollout_health(store, &rollout, 5000, health_read, NULL);
    end(DROVER_OK);
    assert_true(got.health.control.devices == 9 && got.health.control.offline == 2 && got.health.control.offline_before == 2 && got.health.control.unhealthy == 1);
    redis_server_ask(&server, "HSET drover:v1:model:esp32:on:1.1.0 devices 3 online 2 reboots 6");
    begin();
    store_rollout_health(store, &rollout, 7000, health_read, NULL);
    end(DROVER_OK);
    assert_true(got.health.updated.devices == 3 && got.health.updated.offline == 1 && got.health.updated.offline_before == 0);
    assert_true(got.health.updated.reboots == 5 && got.health.updated.device_ms == 6000 && got.health.control.device_ms == 18000);
    begin();
    store_rollout_health_last(store, "r1", health_read, NULL);
    end(DROVER_OK);
    assert_true(got.health.updated.reboots == 5 && got.health.control.devices == 9);
    rollout.resumed_ms = 8000;
    begin();
    store_rollout_health(store, &rollout, 8000, health_read, NULL);
    end(DROVER_OK);
    assert_true(got.health.updated.reboots == 0 && got.health.updated.offline_before == 1);   /* begins anew with a resume */
    begin();
    store_rollout_health_last(store, "r9", health_read, NULL);
    end(DROVER_OK);
    assert_int_equal(got.health.control.devices, 0);
    rollout_drop(&rollout);
}

static void readings_are_kept(void **state)
{
    (void)state;
    struct engine_move said = {.stage = 1, .why = "soaks for 40 s more", .next_ms = 5000, .gate_count = 1, .gates = {{.text = "failure_rate 0.0 %"}}};
    open_staged("\"percent\":5");
    begin();
    store_gates_write(store, "r1", &said, 4000, written, NULL);
    end(DROVER_OK);
    assert_int_equal(redis_server_ask(&server, "HLEN drover:v1:rollout:r1:gates"), 5);
    assert_int_equal(redis_server_ask(&server, "HGET drover:v1:rollout:r1:gates at_ms"), 4000);
    assert_int_equal(redis_server_ask(&server, "HGET drover:v1:rollout:r1:gates next_ms"), 5000);
    assert_int_equal(redis_server_ask(&server, "HSTRLEN drover:v1:rollout:r1:gates 1"), 18);
}

/* --- the shelf --- */

static struct rollout shelved_rollout(const char *id, int64_t revision)
{
    struct rollout rollout = {.plan_revision = revision};
    snprintf(rollout.id, sizeof rollout.id, "%s", id);
    return rollout;
}

static bool give(struct plan_shelf *shelf, struct rollout *rollout, const char *json)
{
    struct redisReply reply = {.type = REDIS_REPLY_STRING, .str = (char *)json, .len = strlen(json)};
    return plan_shelf_give(shelf, &reply, rollout);
}

static void the_shelf_keeps_what_is_seen(void **state)
{
    static const char json[] = "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"stages\":[{\"name\":\"all\"}]}";
    struct plan_shelf shelf = {0};
    struct rollout one = shelved_rollout("r1", 1), two = shelved_rollout("r2", 1), newer = shelved_rollout("r1", 2), flat = shelved_rollout("r3", 0);
    (void)state;
    assert_true(give(&shelf, &one, json));
    assert_true(give(&shelf, &two, json));
    assert_int_equal(shelf.count, 2);
    plan_shelf_take(&shelf, &newer);
    assert_null(newer.plan);              /* another revision is another plan */
    assert_true(give(&shelf, &flat, "") && !flat.plan);
    plan_shelf_begin(&shelf);
    struct rollout again = shelved_rollout("r1", 1);
    assert_true(give(&shelf, &again, ""));
    assert_ptr_equal(again.plan, one.plan);
    plan_shelf_end(&shelf);
    assert_int_equal(shelf.count, 1);     /* r2 was not seen; whoever holds its plan keeps it */
    assert_string_equal(two.plan->stages[0].name, "all");
    assert_true(give(&shelf, &newer, json));
    assert_int_equal(shelf.count, 1);
    assert_ptr_not_equal(newer.plan, one.plan);
    struct rollout bad = shelved_rollout("r4", 1);
    assert_false(give(&shelf, &bad, "{\"schema\":1"));
    assert_null(bad.plan);
    struct rollout *all[] = {&one, &two, &newer, &again};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        rollout_drop(all[i]);
    plan_shelf_done(&shelf);
    assert_int_equal(shelf.count, 0);
}

static void the_shelf_grows(void **state)
{
    static const char json[] = "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"stages\":[{\"name\":\"all\"}]}";
    struct plan_shelf shelf = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "r%d", i);
        struct rollout rollout = shelved_rollout(id, 1);
        assert_true(give(&shelf, &rollout, json));
        rollout_drop(&rollout);
    }
    assert_int_equal(shelf.count, 100);
    plan_shelf_done(&shelf);
}

#define WITH_REDIS(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REDIS(a_plan_is_read_once),
        WITH_REDIS(an_edit_brings_another_one),
        WITH_REDIS(one_that_cannot_be_read_is_left_out),
        WITH_REDIS(a_stage_that_the_plan_has_not_is_refused),
        WITH_REDIS(a_stage_is_read_whole),
        WITH_REDIS(a_resume_leaves_out_what_was),
        WITH_REDIS(the_control_group),
        WITH_REDIS(readings_are_kept),
        cmocka_unit_test(the_shelf_keeps_what_is_seen),
        cmocka_unit_test(the_shelf_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
