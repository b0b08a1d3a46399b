/* Gates against published intervals (Newcombe, Statistics in Medicine 17, 1998: 857-872, table I method 3; 873-890, table II method 10), and every verdict. */
#include "tests/unit/core/fixture.h"

#include <math.h>
#include <string.h>

#include "orchestrator/core/gate.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void near(double value, double expected, double within)
{
    if (!(fabs(value - expected) <= within))
        fail_msg("%.6f is not %.6f", value, expected);
}

static void wilson_as_published(void **state)
{
    static const struct {
        int64_t hits, of;
        double low, high;
    } rows[] = {
        {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611}, {1, 29, 0.0061, 0.1718}, {20, 20, 0.8389, 1.0000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct interval interval = wilson_interval(rows[i].hits, rows[i].of, confidence_z(95));
        near(interval.low, rows[i].low, 0.00005);
        near(interval.high, rows[i].high, 0.00005);
    }
    struct interval none = wilson_interval(0, 0, confidence_z(95));
    assert_true(none.low == 0 && none.high == 1);
}

/* Wilson's bounds are those shares p of which the observed one is z standard errors away. Checked by that definition, for every confidence. */
static void wilson_by_its_definition(void **state)
{
    static const int64_t confidences[] = {80, 90, 95, 99};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(confidences); i++) {
        double z = confidence_z(confidences[i]);
        near(erf(z / sqrt(2)), (double)confidences[i] / 100, 1e-12);
        for (int64_t hits = 1; hits < 40; hits++) {
            struct interval interval = wilson_interval(hits, 40, z);
            double p = (double)hits / 40;
            near(p - interval.low, z * sqrt(interval.low * (1 - interval.low) / 40), 1e-12);
            near(interval.high - p, z * sqrt(interval.high * (1 - interval.high) / 40), 1e-12);
        }
    }
}

static void differences_as_published(void **state)
{
    static const struct {
        int64_t left, left_of, right, right_of;
        double low, high;
    } rows[] = {
        {56, 70, 48, 80, 0.0524, 0.3339},  {9, 10, 3, 10, 0.1705, 0.8090},   {6, 7, 2, 7, 0.0582, 0.8062},   {5, 56, 0, 29, -0.0381, 0.1926},
        {0, 10, 0, 20, -0.1611, 0.2775},   {0, 10, 0, 10, -0.2775, 0.2775},  {10, 10, 0, 20, 0.6791, 1.0000}, {10, 10, 0, 10, 0.6075, 1.0000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct interval interval = newcombe_difference(rows[i].left, rows[i].left_of, rows[i].right, rows[i].right_of, confidence_z(95));
        near(interval.low, rows[i].low, 0.00005);
        near(interval.high, rows[i].high, 0.00005);
    }
    struct interval none = newcombe_difference(1, 10, 0, 0, confidence_z(95));
    assert_true(none.low == -1 && none.high == 1);
}

/* --- verdicts --- */

static struct plan_gate gate_of(enum gate_measure measure, int64_t limit)
{
    return (struct plan_gate){.measure = measure, .limit = limit, .min_sample = 20, .confidence_pct = 95};
}

#define PCT 10000   /* millionths */

static void verdicts_on_failures(void **state)
{
    static const struct {
        const char *row;
        int64_t succeeded, failed, rolled_back, lost, rejected, limit_pct;
        enum gate_state verdict;
        bool doubt;
    } rows[] = {
        {"nothing settled", 0, 0, 0, 0, 0, 5, GATE_OPEN, false},
        {"all well, too few", 19, 0, 0, 0, 0, 5, GATE_OPEN, false},
        {"all failed, too few: no verdict, but a doubt", 0, 5, 0, 0, 0, 5, GATE_OPEN, true},
        {"just enough, and well", 20, 0, 0, 0, 0, 5, GATE_HELD, false},
        {"at the limit", 95, 5, 0, 0, 0, 5, GATE_HELD, false},
        {"over it, perhaps by chance", 94, 6, 0, 0, 0, 5, GATE_OPEN, true},
        {"11 of 100: 6.3 % at least", 89, 11, 0, 0, 0, 5, GATE_BROKEN, false},
        {"lost and rolled back ones count", 89, 2, 4, 5, 0, 5, GATE_BROKEN, false},
        {"rejected ones settle, but do not fail", 0, 1, 0, 0, 99, 5, GATE_HELD, false},
        {"0 %: one of 100 is 0.2 % at least", 99, 1, 0, 0, 0, 0, GATE_BROKEN, false},
        {"100 % is never broken", 0, 100, 0, 0, 0, 100, GATE_HELD, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plan_gate gate = gate_of(GATE_FAILURE_RATE, rows[i].limit_pct * PCT);
        struct gate_readings readings = {0};
        struct gate_reading reading;
        int64_t *states = readings.counts.states;
        states[STATE_SUCCEEDED] = rows[i].succeeded, states[STATE_FAILED] = rows[i].failed, states[STATE_ROLLED_BACK] = rows[i].rolled_back;
        states[STATE_LOST] = rows[i].lost, states[STATE_REJECTED] = rows[i].rejected;
        gate_read(&gate, &readings, &reading);
        if (reading.state != rows[i].verdict || reading.doubt != rows[i].doubt)
            fail_msg("%s: %s", rows[i].row, reading.text);
    }
}

static void of_one_error_code(void **state)
{
    struct plan_gate gate = gate_of(GATE_FAILURE_RATE, 10 * PCT);
    struct gate_readings readings = {.counts.states = {[STATE_SUCCEEDED] = 60, [STATE_FAILED] = 40}, .counts.errors = {[E_BOOT] = 10, [E_CRC] = 30}};
    struct gate_reading reading;
    (void)state;
    gate.error = E_BOOT;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_HELD);
    assert_string_equal(reading.text, "failure_rate E_BOOT 10.0 % of 100 (5.5 .. 17.4 %), limit 10.0 %: held");
    gate.error = E_CRC;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
    readings.counts = (struct rollout_counts){.errors = {[E_CRC] = 1}};   /* settled before a resume, and got another error since */
    gate_read(&gate, &readings, &reading);
    assert_true(reading.state == GATE_OPEN && !reading.doubt && reading.value == 0);
}

static void success_must_be_high(void **state)
{
    struct plan_gate gate = gate_of(GATE_SUCCESS_RATE, 90 * PCT);
    struct gate_readings readings = {.counts.states = {[STATE_SUCCEEDED] = 95, [STATE_FAILED] = 5}};
    struct gate_reading reading;
    (void)state;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_HELD);
    readings.counts.states[STATE_FAILED] = 15;
    gate_read(&gate, &readings, &reading);
    assert_true(reading.state == GATE_OPEN && reading.doubt);
    readings.counts.states[STATE_REJECTED] = 15;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
}

static void lost_ones_are_of_all_that_were_taken(void **state)
{
    struct plan_gate gate = gate_of(GATE_LOST_RATE, 5 * PCT);
    struct gate_readings readings = {.counts.states = {[STATE_LOST] = 4, [STATE_DISPATCHED] = 96}};
    struct gate_reading reading;
    (void)state;
    gate_read(&gate, &readings, &reading);
    assert_true(reading.state == GATE_HELD && reading.sample == 100);
    readings.counts.states[STATE_LOST] = 20;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
}

/* 30 of 1000 fail, and say so at once; the others need a minute to prove themselves. */
static void those_under_way_may_end_well(void **state)
{
    struct plan_gate failures = gate_of(GATE_FAILURE_RATE, 5 * PCT), successes = gate_of(GATE_SUCCESS_RATE, 95 * PCT);
    struct gate_readings readings = {.counts.states = {[STATE_FAILED] = 30, [STATE_VERIFYING] = 900, [STATE_RETRY_WAIT] = 70}};
    struct gate_reading reading;
    (void)state;
    gate_read(&failures, &readings, &reading);
    assert_true(reading.state == GATE_OPEN && reading.doubt);
    assert_string_equal(reading.text, "failure_rate 100.0 % of 30 and 970 under way (88.6 .. 100.0 %), limit 5.0 %: open");
    gate_read(&successes, &readings, &reading);
    assert_true(reading.state == GATE_OPEN && reading.doubt);
    readings.counts.states[STATE_FAILED] = 100;   /* too many, whatever becomes of the others */
    gate_read(&failures, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
    gate_read(&successes, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
}

/* --- the control group --- */

static struct gate_reading compare(enum gate_measure measure, int64_t limit, struct group_health updated, struct group_health control)
{
    struct plan_gate gate = gate_of(measure, limit);
    struct gate_readings readings = {.health = {updated, control}};
    struct gate_reading reading;
    gate_read(&gate, &readings, &reading);
    return reading;
}

static void heartbeats_get_lost(void **state)
{
    struct group_health control = {.devices = 1000, .offline = 20};
    (void)state;
    struct gate_reading reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 2}, control);
    assert_int_equal(reading.state, GATE_HELD);
    assert_int_equal(reading.sample, 100);
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 6}, control);
    assert_true(reading.state == GATE_OPEN && reading.doubt);
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 12}, control);
    assert_int_equal(reading.state, GATE_BROKEN);
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 12}, (struct group_health){.devices = 1000, .offline = 120});
    assert_int_equal(reading.state, GATE_HELD);   /* the network is down for all */
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 50}, (struct group_health){0});
    assert_true(reading.state == GATE_OPEN && !reading.doubt);   /* nobody is left to compare with */
}

/* A tenth of the control group lies in a drawer: that must not excuse the updated ones. */
static void what_was_so_before_does_not_count(void **state)
{
    struct group_health control = {.devices = 1000, .offline = 100, .offline_before = 100};
    (void)state;
    struct gate_reading reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 8}, control);
    assert_int_equal(reading.state, GATE_BROKEN);
    control.offline_before = 0;
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 8}, control);
    assert_int_equal(reading.state, GATE_HELD);
    reading = compare(GATE_HEARTBEAT_LOSS, 2 * PCT, (struct group_health){.devices = 100, .offline = 3, .offline_before = 5}, control);
    near(reading.value, 0 - 0.1, 1e-9);   /* some came back: no fewer than none */
}

static void unhealthy_ones(void **state)
{
    struct group_health control = {.devices = 500, .unhealthy = 5};
    (void)state;
    assert_int_equal(compare(GATE_UNHEALTHY, PCT, (struct group_health){.devices = 50, .unhealthy = 0}, control).state, GATE_HELD);
    assert_int_equal(compare(GATE_UNHEALTHY, PCT, (struct group_health){.devices = 50, .unhealthy = 10}, control).state, GATE_BROKEN);
    assert_int_equal(compare(GATE_UNHEALTHY, PCT, (struct group_health){.devices = 19, .unhealthy = 19}, control).state, GATE_OPEN);
    assert_int_equal(compare(GATE_UNHEALTHY, PCT, (struct group_health){.devices = 50, .unhealthy = 10, .unhealthy_before = 10}, control).state, GATE_HELD);
}

#define DAY INT64_C(86400000)

static void reboots_by_time(void **state)
{
    struct group_health control = {.devices = 1000, .reboots = 100, .device_ms = 1000 * DAY};
    (void)state;
    struct gate_reading reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 10, .device_ms = 100 * DAY}, control);
    assert_int_equal(reading.state, GATE_HELD);
    near(reading.value, 1, 1e-9);
    assert_string_equal(reading.text, "reboots 1.00 times of 100 (0.53 .. 1.89), limit 2.00: held");
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 25, .device_ms = 100 * DAY}, control);
    assert_true(reading.state == GATE_OPEN && reading.doubt);
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 40, .device_ms = 100 * DAY}, control);
    assert_int_equal(reading.state, GATE_BROKEN);
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 40, .device_ms = 400 * DAY}, control);
    assert_int_equal(reading.state, GATE_HELD);   /* as many in a longer time */
}

static void few_reboots_say_nothing(void **state)
{
    struct group_health calm = {.devices = 1000, .device_ms = 1000 * DAY};
    (void)state;
    struct gate_reading reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 4, .device_ms = 10 * DAY}, calm);
    assert_true(reading.state == GATE_OPEN && !reading.doubt);
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 5, .device_ms = 10 * DAY}, calm);
    assert_int_equal(reading.state, GATE_BROKEN);   /* 5 in 10 days, none in 1000 */
    assert_true(isinf(reading.value) && isinf(reading.bounds.high) && reading.bounds.low > 2);
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .device_ms = 10 * DAY}, calm);
    assert_int_equal(reading.state, GATE_HELD);
    reading = compare(GATE_REBOOTS, 2000, (struct group_health){.devices = 100, .reboots = 9}, (struct group_health){0});
    assert_true(reading.state == GATE_OPEN && !reading.doubt);
}

static void who_compares(void **state)
{
    (void)state;
    for (int i = 0; i < GATE_MEASURE_COUNT; i++) {
        struct plan_gate gate = gate_of((enum gate_measure)i, 1);
        assert_int_equal(gate_compares(&gate), i >= GATE_HEARTBEAT_LOSS);
    }
    assert_string_equal(gate_state_name(GATE_BROKEN), "broken");
    assert_string_equal(gate_state_name((enum gate_state)9), "unknown");
}

/* The longest text there can be still says its verdict. */
static void texts_fit(void **state)
{
    struct gate_readings readings = {.counts.states = {[STATE_FAILED] = 10000000, [STATE_PENDING] = 10000}, .counts.errors = {[E_DOWNLOAD_TIMEOUT] = 10000000}};
    struct plan_gate gate = gate_of(GATE_FAILURE_RATE, 99 * PCT);
    struct gate_reading reading;
    (void)state;
    gate.error = E_DOWNLOAD_TIMEOUT;
    gate_read(&gate, &readings, &reading);
    assert_int_equal(reading.state, GATE_BROKEN);
    assert_string_equal(reading.text, "failure_rate E_DOWNLOAD_TIMEOUT 100.0 % of 10000000 and 10000 under way (100.0 .. 100.0 %), limit 99.0 %: broken");
    assert_string_equal(reading.brief, "failure_rate E_DOWNLOAD_TIMEOUT 100.0 %, limit 99.0 %");
    assert_true(strlen("in doubt: ") + strlen(reading.brief) < sizeof((struct rollout *)0)->why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_as_published),
        cmocka_unit_test(wilson_by_its_definition),
        cmocka_unit_test(differences_as_published),
        cmocka_unit_test(verdicts_on_failures),
        cmocka_unit_test(of_one_error_code),
        cmocka_unit_test(success_must_be_high),
        cmocka_unit_test(lost_ones_are_of_all_that_were_taken),
        cmocka_unit_test(those_under_way_may_end_well),
        cmocka_unit_test(heartbeats_get_lost),
        cmocka_unit_test(what_was_so_before_does_not_count),
        cmocka_unit_test(unhealthy_ones),
        cmocka_unit_test(reboots_by_time),
        cmocka_unit_test(few_reboots_say_nothing),
        cmocka_unit_test(who_compares),
        cmocka_unit_test(texts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
