/* A dry run counts whom a rollout would take, as the real one does, and how long that takes by its limits. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/forecast.h"

#define NEW_PLAN "{\"schema\":1,\"id\":\"r1\",\"model\":\"esp32\",\"version\":\"2.0.0\","

struct dry {
    struct fixture fixture;
    struct rollout rollout;
    struct forecast *forecast;
};

static void begin(struct dry *dry, const char *members)
{
    char text[1024];
    struct plan_problems problems;
    struct plan *plan;
    fixture_init(&dry->fixture);
    snprintf(text, sizeof text, NEW_PLAN "%s}", members);
    if (plan_read(text, strlen(text), &plan, &problems) != DROVER_OK)
        fail_msg("%s: %s", problems.items[0].where, problems.items[0].what);
    rollout_begin(&dry->rollout, plan, NOW);
    plan_drop(plan);
    dry->rollout.release = dry->fixture.rollout.release;
    dry->forecast = forecast_new(&dry->fixture.policy, &dry->rollout, NOW);
    assert_non_null(dry->forecast);
}

static void end(struct dry *dry)
{
    forecast_free(dry->forecast);
    rollout_drop(&dry->rollout);
}

static void show(struct dry *dry, int i, const char *version, const char *hw_rev, const char *network)
{
    struct device device = dry->fixture.device;
    struct heartbeat *heartbeat = &device.last;
    device.online = i % 2 == 0;
    snprintf(heartbeat->device_id, sizeof heartbeat->device_id, "device-%05d", i);
    snprintf(heartbeat->model, sizeof heartbeat->model, "esp32");
    snprintf(heartbeat->version, sizeof heartbeat->version, "%s", version);
    snprintf(heartbeat->hw_rev, sizeof heartbeat->hw_rev, "%s", hw_rev);
    snprintf(heartbeat->network, sizeof heartbeat->network, "%s", network);
    forecast_device(dry->forecast, &device, NULL);
}

static int64_t count_of(const struct forecast_table *table, const char *word)
{
    for (unsigned i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].word, word) == 0)
            return table->rows[i].devices;
    return 0;
}

static void stages_take_their_devices_in_turn(void **state)
{
    (void)state;
    struct dry dry;
    begin(&dry, "\"stages\":[{\"count\":3,\"per\":\"hw_rev\"},{\"percent\":10},{}]");
    for (int i = 0; i < 10000; i++)
        show(&dry, i, "1.0.0", i % 4 ? "b1" : "b2", "wifi");
    const struct forecast_result *result = forecast_result(dry.forecast);
    assert_int_equal(result->looked, 10000);
    assert_int_equal(result->taken, 10000);
    assert_int_equal(result->stages[0].devices, 6);
    assert_in_range(result->stages[1].devices, 850, 1150);
    assert_int_equal(result->stages[2].devices, 10000 - 6 - result->stages[1].devices);
    assert_int_equal(result->stages[0].online + result->stages[1].online + result->stages[2].online, 5000);
    end(&dry);
}

static void those_not_taken_have_a_reason(void **state)
{
    (void)state;
    struct dry dry;
    begin(&dry, "\"target\":{\"hw_revs\":[\"b1\",\"b2\"]},\"stages\":[{\"filter\":{\"hw_revs\":[\"b1\"]}}]");
    show(&dry, 1, "1.0.0", "b1", "wifi");
    show(&dry, 2, "1.2.0", "b1", "");
    show(&dry, 3, "2.0.0", "b1", "wifi");   /* it runs it */
    show(&dry, 4, "3.0.0", "b1", "wifi");   /* or a newer one */
    show(&dry, 5, "1.0.0", "b3", "wifi");   /* not meant */
    show(&dry, 6, "1.0.0", "b2", "wifi");   /* meant, but in no stage */
    const struct forecast_result *result = forecast_result(dry.forecast);
    assert_int_equal(result->taken, 2);
    assert_int_equal(count_of(&result->versions, "1.0.0"), 1);
    assert_int_equal(count_of(&result->versions, "1.2.0"), 1);
    assert_int_equal(count_of(&result->networks, "wifi"), 1);
    assert_int_equal(count_of(&result->networks, "-"), 1);
    assert_int_equal(count_of(&result->reasons, "version"), 2);
    assert_int_equal(count_of(&result->reasons, "target"), 1);
    assert_int_equal(count_of(&result->reasons, "stage"), 1);
    end(&dry);
}

/* What is held against a device by operators, its past, or another one with its identity: as the real rollout does. */
static void who_is_kept_from_it_is_not_taken(void **state)
{
    (void)state;
    struct dry dry;
    struct device device;
    begin(&dry, "\"spread_s\":0");
    device = dry.fixture.device;
    snprintf(device.quarantine, sizeof device.quarantine, "2.0.0");
    forecast_device(dry.forecast, &device, NULL);
    device.quarantine_ms = NOW + 1;
    forecast_device(dry.forecast, &device, NULL);
    device.quarantine_ms = NOW;   /* it is over */
    forecast_device(dry.forecast, &device, NULL);
    snprintf(device.quarantine, sizeof device.quarantine, "1.9.0");   /* another release */
    device.quarantine_ms = 0;
    forecast_device(dry.forecast, &device, NULL);
    device = dry.fixture.device;
    device.clash_ms = NOW - 1;
    forecast_device(dry.forecast, &device, NULL);
    device.clash_ms = NOW - dry.fixture.policy.clash_ms;   /* long ago */
    forecast_device(dry.forecast, &device, NULL);
    device = dry.fixture.device;
    snprintf(device.excluded, sizeof device.excluded, "r1");
    forecast_device(dry.forecast, &device, NULL);
    snprintf(device.excluded, sizeof device.excluded, "r2");   /* from another rollout */
    forecast_device(dry.forecast, &device, NULL);
    const struct forecast_result *result = forecast_result(dry.forecast);
    assert_int_equal(result->looked, 8);
    assert_int_equal(result->taken, 4);
    assert_int_equal(count_of(&result->reasons, "quarantine"), 2);
    assert_int_equal(count_of(&result->reasons, "clash"), 1);
    assert_int_equal(count_of(&result->reasons, "excluded"), 1);
    assert_int_equal(result->held.count, 0);
    end(&dry);
}

/* It is asked before its start, in any state: what counts is what it would do. */
static void what_passes_by_time_is_no_refusal(void **state)
{
    (void)state;
    struct dry dry;
    begin(&dry, "\"approvals\":2,\"start\":99999999999999,\"conditions\":{\"networks\":[\"wifi\"]}");
    assert_int_equal(dry.rollout.state, ROLLOUT_AWAITING_APPROVAL);
    show(&dry, 1, "1.0.0", "", "wifi");
    show(&dry, 2, "1.0.0", "", "cellular");
    const struct forecast_result *result = forecast_result(dry.forecast);
    assert_int_equal(result->taken, 2);
    assert_int_equal(count_of(&result->held, "conditions"), 1);
    assert_int_equal(result->reasons.count, 0);
    end(&dry);
}

static void more_words_than_rows_are_others(void **state)
{
    (void)state;
    struct dry dry;
    begin(&dry, "\"spread_s\":0");
    for (int i = 0; i < 40; i++) {
        char version[16];
        snprintf(version, sizeof version, "1.%d.0", i);
        show(&dry, i, version, "", "");
    }
    assert_int_equal(forecast_result(dry.forecast)->versions.count, FORECAST_ROWS_MAX);
    assert_int_equal(forecast_result(dry.forecast)->versions.others, 40 - FORECAST_ROWS_MAX);
    end(&dry);
}

static void durations_follow_the_limits(void **state)
{
    static const struct {
        const char *members;
        int64_t devices, upgrade_s, duration_s;
    } rows[] = {
        {"\"limits\":{\"max_in_flight\":10}", 100, 300, 3000},                        /* ten rounds */
        {"\"limits\":{\"max_in_flight\":1000}", 100, 300, 300},                          /* all at once */
        {"\"limits\":{\"max_in_flight\":1000,\"per_minute\":10}", 100, 300, 900},        /* ten minutes to tell them, five for the last */
        {"\"limits\":{\"max_in_flight\":10,\"per_minute\":10}", 100, 300, 3000},      /* the slower one counts */
        {"\"limits\":{\"max_in_flight\":1000,\"per_minute\":10,\"growth_pct\":100,\"per_minute_max\":40}", 110, 60, 240},   /* 10 + 20 + 40 + 40 */
        {"\"limits\":{\"max_in_flight\":1000},\"stages\":[{\"soak_s\":600}]", 1, 300, 900},
        {"\"stages\":[{\"soak_s\":600}]", 0, 300, 600},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dry dry;
        begin(&dry, rows[i].members);
        int64_t duration_s = forecast_stage_s(&dry.rollout, 1, rows[i].devices, rows[i].upgrade_s);
        if (llabs(duration_s - rows[i].duration_s) > 60)   /* told within a minute, not at its end */
            fail_msg("%s: %lld s, not %lld", rows[i].members, (long long)duration_s, (long long)rows[i].duration_s);
        end(&dry);
    }
}

/* Devices 1 .. count; every second one is online, and hw_rev b2 is none of them. Which stages stand, as letters: n(obody), o(ffline), f(ew), - none. */
static void a_stage_that_does_not_pass_by_itself_says_so(void **state)
{
    static const struct {
        const char *stages, *stands;
        int devices;
    } rows[] = {
        {"{\"filter\":{\"hw_revs\":[\"b2\"]}},{}", "n-", 10},
        {"{\"count\":2},{\"filter\":{\"hw_revs\":[\"b2\"]}},{}", "-n-", 10},
        {"{\"count\":2,\"per\":\"hw_rev\",\"filter\":{\"hw_revs\":[\"b2\"]}},{}", "n-", 10},
        {"{\"count\":20},{}", "f-", 10},                 /* the last one: nobody is left, but somebody was taken */
        {"{\"count\":2},{\"count\":20}", "-f", 10},
        {"{\"count\":10},{}", "--", 10},
        {"{\"count\":2},{}", "--", 10},
        {"{\"count\":1},{}", "on", 1},
        {"{\"count\":1},{}", "--", 2},                  /* the first one is offline, but the other one would be taken */
        {"{\"filter\":{\"hw_revs\":[\"b1\"]}},{}", "on", 1},
        {"{}", "n", 0},
        {"{\"count\":5,\"per\":\"hw_rev\"},{}", "--", 3},   /* that strata hold fewer is usual */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dry dry;
        char members[256];
        snprintf(members, sizeof members, "\"stages\":[%s]", rows[i].stages);
        begin(&dry, members);
        for (int device = 1; device <= rows[i].devices; device++)
            show(&dry, device, "1.0.0", "b1", "wifi");
        const struct forecast_result *result = forecast_result(dry.forecast);
        assert_int_equal(result->stage_count, strlen(rows[i].stands));
        for (unsigned stage = 0; stage < result->stage_count; stage++) {
            const char *stands = forecast_stands(dry.forecast, stage, result->stages[stage].devices);
            char letter = !stands ? '-' : strstr(stands, "no device") ? 'n' : strstr(stands, "online") ? 'o' : 'f';
            if (letter != rows[i].stands[stage])
                fail_msg("%s: stage %u: %s", rows[i].stages, stage + 1, stands ? stands : "passes");
            if (stands)
                assert_int_equal(strstr(stands, "complete") != NULL, stage + 1 == result->stage_count);
        }
        end(&dry);
    }
}

/* --- with windows; it is Tuesday, 22:13:20 UTC --- */

#define NIGHTLY "\"windows\":{\"time_zone\":\"UTC\",\"weekly\":[{\"from\":\"02:00\",\"to\":\"05:00\""
#define MINUTE_MS INT64_C(60000)
#define TWO_MS (NOW + (3 * 60 + 46) * MINUTE_MS + 40000)   /* 02:00 of Wednesday */
#define DAY_MS (1440 * MINUTE_MS)

/* So many devices that are online, every second one of the other zone. Their spread is 45 minutes of three hours. */
static void show_online(struct dry *dry, int devices, const struct time_zone *other)
{
    struct device device = dry->fixture.device;
    device.online = true;
    for (int i = 0; i < devices; i++) {
        snprintf(device.last.device_id, sizeof device.last.device_id, "device-%05d", i);
        forecast_device(dry->forecast, &device, i % 2 ? other : NULL);
    }
}

static int64_t ends_ms(struct dry *dry, int64_t begins_ms, bool *ret_longer)
{
    return forecast_stage_ends_ms(dry->forecast, 0, forecast_result(dry->forecast)->stages[0].online, begins_ms, 300, ret_longer);
}

static void assert_about(int64_t ms, int64_t expected_ms)
{
    if (llabs(ms - expected_ms) > 8 * MINUTE_MS)
        fail_msg("%lld min after NOW, not %lld", (long long)((ms - NOW) / MINUTE_MS), (long long)((expected_ms - NOW) / MINUTE_MS));
}

static void a_stage_waits_for_its_windows(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int devices;
        int64_t begins_ms, ends_ms;
    } rows[] = {
        {NIGHTLY "}]}", 400, NOW, TWO_MS + 40 * MINUTE_MS + 5 * MINUTE_MS},                               /* all as soon as they come */
        {NIGHTLY "}]}", 400, TWO_MS + 240 * MINUTE_MS, TWO_MS + DAY_MS + 45 * MINUTE_MS},                 /* too late for this night */
        {NIGHTLY "}]}", 400, NOW + 10 * DAY_MS, TWO_MS + 10 * DAY_MS + 45 * MINUTE_MS},                   /* it starts in ten days */
        {NIGHTLY "}]},\"limits\":{\"per_minute\":1}", 400, NOW, TWO_MS + 2 * DAY_MS + 66 * MINUTE_MS},      /* some 175 a night */
        {NIGHTLY "}]},\"limits\":{\"max_in_flight\":10}", 700, NOW, TWO_MS + DAY_MS + 185 * MINUTE_MS},      /* 35 rounds of five minutes a night */
        {NIGHTLY ",\"use\":\"install\"}]}", 400, NOW, TWO_MS + 45 * MINUTE_MS},                           /* told at once, installed at night */
        {NIGHTLY ",\"use\":\"install\"}]},\"limits\":{\"per_minute\":1}", 500, NOW, TWO_MS + DAY_MS + 45 * MINUTE_MS},   /* the last ones have missed it */
        {NIGHTLY "}]},\"stages\":[{\"soak_s\":3600}]", 400, NOW, TWO_MS + 105 * MINUTE_MS},
        {NIGHTLY "}]}", 0, NOW, NOW},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dry dry;
        bool longer;
        begin(&dry, rows[i].members);
        show_online(&dry, rows[i].devices, NULL);
        assert_about(ends_ms(&dry, rows[i].begins_ms, &longer), rows[i].ends_ms);
        assert_false(longer);
        end(&dry);
    }
}

static void each_zone_has_its_own_night(void **state)
{
    (void)state;
    struct time_zones *zones = time_zones_new("/usr/share/zoneinfo");
    const struct time_zone *new_york;
    struct dry dry;
    bool longer;
    if (!time_zones_find(zones, "America/New_York", &new_york)) {
        time_zones_free(zones);
        skip();
    }
    begin(&dry, NIGHTLY "}]}");
    show_online(&dry, 400, new_york);
    assert_about(ends_ms(&dry, NOW, &longer), TWO_MS + 5 * 60 * MINUTE_MS + 45 * MINUTE_MS);   /* five hours behind */
    assert_false(longer);
    end(&dry);
    time_zones_free(zones);
}

/* It is 22:13 in UTC, and in New York five hours earlier, by day: whose window is open now is told by its own clock. */
static void who_is_held_back_now_is_told_by_its_own_clock(void **state)
{
    (void)state;
    struct time_zones *zones = time_zones_new("/usr/share/zoneinfo");
    const struct time_zone *new_york;
    struct dry dry;
    if (!time_zones_find(zones, "America/New_York", &new_york)) {
        time_zones_free(zones);
        skip();
    }
    begin(&dry, "\"windows\":{\"time_zone\":\"UTC\",\"weekly\":[{\"from\":\"16:00\",\"to\":\"18:00\"}]}");
    show_online(&dry, 10, new_york);
    const struct forecast_result *result = forecast_result(dry.forecast);
    assert_int_equal(result->taken, 10);
    assert_int_equal(count_of(&result->held, "window"), 5);   /* those in UTC */
    end(&dry);
    time_zones_free(zones);
}

/* A sample of 400 stands for 1600. */
static void a_sample_is_scaled(void **state)
{
    (void)state;
    struct dry dry;
    bool longer;
    begin(&dry, NIGHTLY "}]},\"limits\":{\"per_minute\":1}");
    show_online(&dry, 400, NULL);
    int64_t ends = forecast_stage_ends_ms(dry.forecast, 0, 1600, NOW, 300, &longer);
    assert_in_range(ends, TWO_MS + 8 * DAY_MS, TWO_MS + 9 * DAY_MS + 180 * MINUTE_MS);   /* 1600 of 175 a night */
    assert_false(longer);
    end(&dry);
}

static void the_search_has_an_end(void **state)
{
    (void)state;
    struct dry dry;
    bool longer;
    begin(&dry, NIGHTLY "}]},\"limits\":{\"per_minute\":1}");
    show_online(&dry, 400, NULL);
    int64_t ends = forecast_stage_ends_ms(dry.forecast, 0, 100000000, NOW, 300, &longer);
    assert_true(longer);
    assert_true(ends > NOW + 20 * DAY_MS);
    end(&dry);
}

/* 1.96 * sqrt(0.5 * 0.5 / 10000) = 0.0098, less what the correction for a finite fleet takes off. */
static void a_sample_says_its_error(void **state)
{
    (void)state;
    assert_int_equal(forecast_error_ppm(10000, 1000000000), 9800);
    assert_in_range(forecast_error_ppm(10000, 20000), 6929, 6931);
    assert_int_equal(forecast_error_ppm(10000, 10000), 0);
    assert_int_equal(forecast_error_ppm(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_take_their_devices_in_turn),
        cmocka_unit_test(those_not_taken_have_a_reason),
        cmocka_unit_test(who_is_kept_from_it_is_not_taken),
        cmocka_unit_test(what_passes_by_time_is_no_refusal),
        cmocka_unit_test(more_words_than_rows_are_others),
        cmocka_unit_test(durations_follow_the_limits),
        cmocka_unit_test(a_stage_that_does_not_pass_by_itself_says_so),
        cmocka_unit_test(a_stage_waits_for_its_windows),
        cmocka_unit_test(each_zone_has_its_own_night),
        cmocka_unit_test(who_is_held_back_now_is_told_by_its_own_clock),
        cmocka_unit_test(a_sample_is_scaled),
        cmocka_unit_test(the_search_has_an_end),
        cmocka_unit_test(a_sample_says_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
