/* Windows on the days on which clocks change, in three zones, both ways; who comes when inside a window; weights, pace, and the bound of the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"
#include "orchestrator/core/schedule.h"

#define EVERY_DAY 0x7F
#define SUNDAYS 0x40
#define MINUTE_MS 60000

static struct time_zones *zones;

static int64_t at(const char *text)
{
    int64_t ms;

    if (!text_time_read(text, &ms))
        fail_msg("%s is no time", text);
    return ms;
}

static const char *shown(int64_t ms)
{
    static char text[2][TEXT_TIME_SIZE];
    static unsigned turn;

    turn ^= 1;
    text_time(ms, text[turn]);
    return ms ? text[turn] : "never";
}

static const struct time_zone *zone_of(const char *name)
{
    const struct time_zone *zone = NULL;

    if (!time_zones_find(zones, name, &zone))
        fail_msg("no zone %s: is tzdata installed?", name);
    return zone;
}

static struct plan_windows one_window(enum window_use use, unsigned days, int from_min, int to_min)
{
    return (struct plan_windows){.count = 1, .windows = {{use, days, from_min, to_min}}};
}

/* Place 0: the window as the plan has it. Expected instants by hand: Berlin is UTC+1, in summer +2; New York -5, -4; Lord Howe +10:30, +11. */
static void windows_on_days_when_clocks_change(void **state)
{
    static const struct {
        const char *what, *zone;
        unsigned days;
        int from_min, to_min;
        const char *now;
        bool open;
        const char *change;
    } rows[] = {
        {"before the night", "Europe/Berlin", EVERY_DAY, 60, 240, "2026-03-28T23:59:00Z", false, "2026-03-29T00:00:00Z"},
        {"spring: an hour shorter", "Europe/Berlin", EVERY_DAY, 60, 240, "2026-03-29T00:00:00Z", true, "2026-03-29T02:00:00Z"},
        {"autumn: an hour longer", "Europe/Berlin", EVERY_DAY, 60, 240, "2026-10-24T23:00:00Z", true, "2026-10-25T03:00:00Z"},
        {"within the hour that is not there", "Europe/Berlin", EVERY_DAY, 120, 180, "2026-03-29T00:30:00Z", false, "2026-03-30T00:00:00Z"},
        {"the same on Sundays alone: a week", "Europe/Berlin", SUNDAYS, 120, 180, "2026-03-29T00:30:00Z", false, "2026-04-05T00:00:00Z"},
        {"begins in it", "Europe/Berlin", EVERY_DAY, 150, 210, "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z"},
        {"ends in it", "Europe/Berlin", EVERY_DAY, 90, 150, "2026-03-29T00:30:00Z", true, "2026-03-29T01:00:00Z"},
        {"comes twice: the first time", "Europe/Berlin", EVERY_DAY, 135, 150, "2026-10-25T00:15:00Z", true, "2026-10-25T00:30:00Z"},
        {"comes twice: between", "Europe/Berlin", EVERY_DAY, 135, 150, "2026-10-25T00:30:00Z", false, "2026-10-25T01:15:00Z"},
        {"comes twice: the second time", "Europe/Berlin", EVERY_DAY, 135, 150, "2026-10-25T01:29:59Z", true, "2026-10-25T01:30:00Z"},
        {"two hours long without a gap", "Europe/Berlin", EVERY_DAY, 120, 180, "2026-10-25T00:00:00Z", true, "2026-10-25T02:00:00Z"},
        {"New York, spring", "America/New_York", EVERY_DAY, 60, 240, "2026-03-08T06:00:00Z", true, "2026-03-08T08:00:00Z"},
        {"New York, skipped", "America/New_York", EVERY_DAY, 120, 180, "2026-03-08T06:59:59Z", false, "2026-03-09T06:00:00Z"},
        {"New York, autumn", "America/New_York", EVERY_DAY, 60, 105, "2026-11-01T05:45:00Z", false, "2026-11-01T06:00:00Z"},
        {"Lord Howe, half an hour less", "Australia/Lord_Howe", EVERY_DAY, 90, 180, "2026-10-03T15:00:00Z", true, "2026-10-03T16:00:00Z"},
        {"Lord Howe, the half hour that is not there", "Australia/Lord_Howe", EVERY_DAY, 120, 150, "2026-10-03T15:29:00Z", false, "2026-10-04T15:00:00Z"},
        {"Lord Howe, half an hour more", "Australia/Lord_Howe", EVERY_DAY, 90, 120, "2026-04-04T14:30:00Z", true, "2026-04-04T15:30:00Z"},
        {"over midnight, its first half", "Europe/Berlin", SUNDAYS, 1320, 120, "2026-06-14T20:00:00Z", true, "2026-06-15T00:00:00Z"},
        {"over midnight: belongs to the day it began", "Europe/Berlin", SUNDAYS, 1320, 120, "2026-06-13T22:30:00Z", false, "2026-06-14T20:00:00Z"},
        {"over midnight and over the change", "Europe/Berlin", EVERY_DAY, 1320, 210, "2026-03-28T21:00:00Z", true, "2026-03-29T01:30:00Z"},
        {"a whole day", "America/New_York", SUNDAYS, 0, 1440, "2026-03-08T05:00:00Z", true, "2026-03-09T04:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plan_windows windows = one_window(WINDOW_BOTH, rows[i].days, rows[i].from_min, rows[i].to_min);
        const struct time_zone *zone = zone_of(rows[i].zone);
        bool open = schedule_is_open(&windows, WINDOW_DOWNLOAD, zone, 0, at(rows[i].now));
        int64_t change_ms = schedule_change_ms(&windows, WINDOW_DOWNLOAD, zone, 0, at(rows[i].now));

        if (open != rows[i].open || change_ms != at(rows[i].change))
            fail_msg("%s: %s, changes %s, not %s", rows[i].what, open ? "open" : "closed", shown(change_ms), rows[i].change);
    }
}

/* Minute by minute over both changes of a year, in each zone: open is what the clock on the wall says, and the next change is the next minute that differs. */
static void the_next_change_is_the_next_that_differs(void **state)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"};
    static const char *const days[] = {"2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"};
    static const struct plan_windows windows = {.count = 3, .windows = {{WINDOW_BOTH, EVERY_DAY, 100, 170}, {WINDOW_DOWNLOAD, SUNDAYS, 1380, 95}, {WINDOW_INSTALL, EVERY_DAY, 0, 1440}}};

    (void)state;
    for (size_t z = 0; z < sizeof names / sizeof names[0]; z++)
        for (size_t d = 0; d < sizeof days / sizeof days[0]; d++) {
            const struct time_zone *zone = zone_of(names[z]);
            int64_t from_ms = at(days[d]), expected_ms = 0;

            for (int minute = 3 * 1440; minute >= 0; minute--) {
                int64_t now_ms = from_ms + (int64_t)minute * MINUTE_MS;
                bool open = schedule_is_open(&windows, WINDOW_DOWNLOAD, zone, 0, now_ms);
                struct local_time local;

                time_zone_local(zone, now_ms / 1000, &local);
                int of_day = (int)local.second / 60;
                bool sunday = (SUNDAYS >> local.weekday & 1) && of_day >= 1380, monday = local.weekday == 0 && of_day < 95;
                assert_int_equal(open, (of_day >= 100 && of_day < 170) || sunday || monday);
                if (schedule_is_open(&windows, WINDOW_DOWNLOAD, zone, 0, now_ms + MINUTE_MS) != open)
                    expected_ms = now_ms + MINUTE_MS;
                if (expected_ms && schedule_change_ms(&windows, WINDOW_DOWNLOAD, zone, 0, now_ms) != expected_ms)
                    fail_msg("%s at %s: not %s", names[z], shown(now_ms), shown(expected_ms));
            }
        }
}

static void what_a_window_is_for(void **state)
{
    struct plan_windows windows = one_window(WINDOW_INSTALL, EVERY_DAY, 1320, 240), none = {.count = 0};
    int64_t after_ms, before_ms, noon_ms = at("2026-06-10T12:00:00Z");

    (void)state;
    assert_true(schedule_is_open(&none, WINDOW_DOWNLOAD, NULL, 0, noon_ms) && schedule_change_ms(&none, WINDOW_DOWNLOAD, NULL, 0, noon_ms) == 0);
    assert_true(schedule_is_open(&windows, WINDOW_DOWNLOAD, NULL, 0, noon_ms));
    assert_false(schedule_is_open(&windows, WINDOW_INSTALL, NULL, 0, noon_ms));
    schedule_install(&windows, NULL, 0, noon_ms, &after_ms, &before_ms);
    assert_true(after_ms == at("2026-06-10T22:00:00Z") && before_ms == at("2026-06-11T04:00:00Z"));
    schedule_install(&windows, NULL, 0, at("2026-06-10T23:00:00Z"), &after_ms, &before_ms);
    assert_true(after_ms == 0 && before_ms == at("2026-06-11T04:00:00Z"));
    windows.windows[0].use = WINDOW_DOWNLOAD;
    schedule_install(&windows, NULL, 0, noon_ms, &after_ms, &before_ms);
    assert_true(after_ms == 0 && before_ms == 0);
    windows = one_window(WINDOW_BOTH, EVERY_DAY, 0, 1440);
    assert_true(schedule_change_ms(&windows, WINDOW_DOWNLOAD, NULL, 0, noon_ms) == 0);
}

/* 10,000 devices and a window of six hours: spread over its first hour, nobody before it, nobody after that hour; all of them together at its end. */
static void devices_come_one_after_the_other(void **state)
{
    struct plan_windows windows = one_window(WINDOW_BOTH, EVERY_DAY, 1350, 270), short_one = one_window(WINDOW_BOTH, EVERY_DAY, 60, 80);
    int64_t opens_ms = at("2026-06-10T22:30:00Z");
    int in_minute[61] = {0};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char id[32];

        (void)snprintf(id, sizeof id, "device-%d", i);
        unsigned place = schedule_window_place("r1", id);
        int64_t turn_ms = schedule_change_ms(&windows, WINDOW_BOTH, NULL, place, opens_ms - 1000);
        assert_in_range(turn_ms, opens_ms, opens_ms + 3600000 - 1);
        in_minute[(turn_ms - opens_ms) / MINUTE_MS]++;
        assert_int_equal(schedule_change_ms(&windows, WINDOW_BOTH, NULL, place, turn_ms), at("2026-06-11T04:30:00Z"));
        assert_in_range(schedule_change_ms(&short_one, WINDOW_BOTH, NULL, place, at("2026-06-10T00:30:00Z")), at("2026-06-10T01:00:00Z"), at("2026-06-10T01:05:00Z") - 1);
    }
    for (int minute = 0; minute < 60; minute++)
        assert_in_range(in_minute[minute], 110, 230);
    assert_int_not_equal(schedule_window_place("r1", "device-1"), schedule_window_place("r2", "device-1"));
}

static void weights_come_from_the_first_row_that_fits(void **state)
{
    static const struct plan_priority own = {.count = 2, .ageing_s = 5, .weights = {{.priority = "critical", .weight = 70}, {.networks = {1, {"lora"}}, .weight = 3}}};
    static const struct plan_priority usual = {.ageing_s = 10}, normal = {.count = 1, .ageing_s = 5, .weights = {{.priority = "normal", .weight = 40}}};
    static const struct {
        const char *priority, *network;
        int64_t usual, own;
    } rows[] = {
        {"critical", "wifi", 90, 70}, {"critical", "ethernet", 90, 70}, {"critical", "cellular", 30, 70}, {"", "wifi", 60, 0}, {"normal", "ethernet", 60, 0},
        {"", "cellular", 30, 0}, {"", "", 30, 0}, {"normal", "lora", 30, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct heartbeat heartbeat = {.seq = 0};

        (void)text_copy(heartbeat.priority, sizeof heartbeat.priority, rows[i].priority);
        (void)text_copy(heartbeat.network, sizeof heartbeat.network, rows[i].network);
        assert_int_equal(schedule_weight(&usual, &heartbeat), rows[i].usual);
        assert_int_equal(schedule_weight(&own, &heartbeat), rows[i].own);
        assert_int_equal(schedule_weight(&normal, &heartbeat), strcmp(rows[i].priority, "critical") == 0 ? 0 : 40);   /* who names no class is normal */
        assert_int_equal(schedule_score(&own, &heartbeat, 1000000), 1000000 - rows[i].own * 5000);
    }
}

/* --- the line: whoever has the smallest score has its turn; one each second --- */

#define ARRIVALS 3000

struct arrival {
    int64_t came_ms, served_ms, weight, score;
};

static int by_score(const void *left_, const void *right_)
{
    const struct arrival *left = *(const struct arrival *const *)left_, *right = *(const struct arrival *const *)right_;
    return left->score < right->score ? -1 : left->score > right->score;
}

/* docs/rollouts.md, Order: served within (W - w) x ageing + A / r, A: who stood before it or came within that time. */
static void nobody_waits_for_longer_than_the_bound(void **state)
{
    static struct arrival arrivals[ARRIVALS], *line[ARRIVALS];

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        int64_t ageing_s = (int64_t)(hash_mix(seed) % 20), now_ms = 1000000;
        size_t count = 0, waiting = 0;

        for (unsigned second = 0; second < 6000 && (count < ARRIVALS || waiting > 0); second++, now_ms += 1000) {
            for (unsigned dice = hash_mix(seed * 7919 + second) % 5; dice > 1 && count < ARRIVALS; dice--) {   /* more than can be served */
                uint64_t random = hash_mix(seed * 104729 + count);
                struct plan_priority table = {.count = 1, .ageing_s = ageing_s, .weights = {{.weight = random % 3 ? 90 : (int64_t)(random / 8 % 91)}}};
                struct heartbeat heartbeat = {.seq = 0};

                arrivals[count] = (struct arrival){.came_ms = now_ms, .weight = table.weights[0].weight, .score = schedule_score(&table, &heartbeat, now_ms)};
                line[waiting++] = &arrivals[count++];
            }
            if (waiting == 0)
                continue;
            qsort(line, waiting, sizeof *line, by_score);
            line[0]->served_ms = now_ms;
            memmove(line, line + 1, --waiting * sizeof *line);
        }
        assert_int_equal(waiting, 0);
        for (size_t i = 0; i < count; i++) {
            const struct arrival *one = &arrivals[i];
            int64_t advance_ms = (90 - one->weight) * ageing_s * 1000, ahead = 0;

            for (size_t j = 0; j < count; j++)
                ahead += j != i && arrivals[j].served_ms >= one->came_ms && arrivals[j].came_ms <= one->came_ms + advance_ms;
            assert_true(one->served_ms - one->came_ms <= advance_ms + 1000 * ahead);
        }
    }
}

static void the_pace_is_spread_evenly(void **state)
{
    struct plan plan = {.limits = {.per_minute = 60, .growth_pct = 50, .per_minute_max = 200}};
    struct rollout rollout = {.plan = &plan, .stage_ms = 0, .release = {.size_bytes = 1000}};
    int64_t paced_ms = 0, told = 0;

    (void)state;
    for (int64_t now_ms = 100000; now_ms < 160000; now_ms += 100)
        if (!schedule_paced_until_ms(60, paced_ms, now_ms)) {
            paced_ms = schedule_paced_next_ms(60, paced_ms, now_ms);
            told++;
        }
    assert_in_range(told, 60, 65);   /* a burst of 5 s at the beginning */
    assert_int_equal(schedule_paced_until_ms(60, 200000, 150000), 196000);
    assert_int_equal(schedule_paced_until_ms(0, 200000, 150000), 0);
    assert_int_equal(schedule_paced_until_ms(60, 3600000, 150000), 0);   /* the clock was set back by an hour */
    assert_int_equal(schedule_paced_next_ms(60, 3600000, 150000), 151000);
    assert_int_equal(schedule_per_minute(&rollout, 59999), 60);
    assert_int_equal(schedule_per_minute(&rollout, 60000), 90);
    assert_int_equal(schedule_per_minute(&rollout, 120000), 135);
    assert_int_equal(schedule_per_minute(&rollout, 3600000), 200);
    plan.limits.per_minute_max = 0;
    assert_in_range(schedule_per_minute(&rollout, INT64_MAX / 2), 1000000, INT32_MAX);
    assert_int_equal(schedule_bytes_places(&rollout), 0);
    plan.limits.bytes_in_flight = 3999;
    assert_int_equal(schedule_bytes_places(&rollout), 3);
    plan.limits.bytes_in_flight = 1;
    assert_int_equal(schedule_bytes_places(&rollout), 1);
}

static int open_zones(void **state)
{
    (void)state;
    zones = time_zones_new("/usr/share/zoneinfo");
    return zones ? 0 : -1;
}

static int close_zones(void **state)
{
    (void)state;
    time_zones_free(zones);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_on_days_when_clocks_change),
        cmocka_unit_test(the_next_change_is_the_next_that_differs),
        cmocka_unit_test(what_a_window_is_for),
        cmocka_unit_test(devices_come_one_after_the_other),
        cmocka_unit_test(weights_come_from_the_first_row_that_fits),
        cmocka_unit_test(nobody_waits_for_longer_than_the_bound),
        cmocka_unit_test(the_pace_is_spread_evenly),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
