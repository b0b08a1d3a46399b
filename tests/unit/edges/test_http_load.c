/* Buckets, the table of clients, appointments, places, networks, slow readers: what stands behind 429 and 503, on a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/depot_places.h"
#include "orchestrator/edges/http_reading.h"
#include "orchestrator/edges/networks.h"
#include "orchestrator/edges/rate_limit.h"
#include "orchestrator/edges/waiting_line.h"

#define SECOND INT64_C(1000000)
#define BEGIN (1000 * SECOND)

/* --- one bucket --- */

static void a_bucket_lets_a_burst_through_and_then_its_rate(void **state)
{
    const struct rate rate = {10, 5};
    int64_t bucket = 0, wait_us = 0;
    unsigned taken = 0;
    (void)state;
    for (int i = 0; i < 20; i++)
        taken += rate_take(&bucket, &rate, BEGIN, &wait_us);
    assert_int_equal(taken, 5);
    assert_int_equal(wait_us, SECOND / 10);
    assert_false(rate_take(&bucket, &rate, BEGIN + wait_us - 1, &wait_us));
    assert_int_equal(wait_us, 1);
    assert_true(rate_take(&bucket, &rate, BEGIN + SECOND / 10, &wait_us));   /* the wait that was said is true */
    for (int64_t now = BEGIN; now < BEGIN + 60 * SECOND; now += 1000)
        taken += rate_take(&bucket, &rate, now, &wait_us);
    assert_in_range(taken, 600, 606);
    assert_true(rate_take(&bucket, &(struct rate){0, 0}, BEGIN, &wait_us));
}

/* --- many clients in a small table --- */

static void millions_of_addresses_do_not_grow_it_and_win_nothing(void **state)
{
    const struct rate rate = {1, 10};
    struct rate_table *table = rate_table_new(64);
    int64_t wait_us;
    uint64_t busy = rate_table_key(table, 0, "busy", 4);
    unsigned strangers = 0, taken = 0;
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(rate_table_take(table, busy, &rate, BEGIN, &wait_us));
    for (uint64_t i = 0; i < 2000000; i++) {
        strangers += rate_table_take(table, rate_table_key(table, 0, &i, sizeof i), &rate, BEGIN, &wait_us);
        if (i % 1000 == 0)
            taken += rate_table_take(table, busy, &rate, BEGIN, &wait_us);
    }
    assert_int_equal(taken, 0);                       /* nobody flushes what he has used out of it */
    assert_in_range(strangers, 64, 64 * 10);          /* 64 places, ten each: all of them together */
    assert_true(rate_table_take(table, busy, &rate, BEGIN + 11 * SECOND, &wait_us));
    rate_table_free(table);
}

static void a_request_given_back_is_not_counted(void **state)
{
    const struct rate rate = {1, 3};
    struct rate_table *table = rate_table_new(8);
    uint64_t key = rate_table_key(table, 0, "a", 1);
    int64_t wait_us;
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_true(rate_table_take(table, key, &rate, BEGIN, &wait_us));
        rate_table_give_back(table, key, &rate);
    }
    assert_int_not_equal(key, rate_table_key(table, 1, "a", 1));
    rate_table_free(table);
}

static void who_is_connected_keeps_his_place(void **state)
{
    const struct rate rate = {1, 10};
    struct rate_table *table = rate_table_new(8);
    uint64_t key = rate_table_key(table, 0, "a", 1);
    int64_t wait_us;
    bool counted;
    (void)state;
    assert_true(rate_table_connect(table, key, 2, &counted) && counted);
    assert_true(rate_table_connect(table, key, 2, &counted) && counted);
    for (uint64_t i = 0; i < 1000; i++)
        (void)rate_table_take(table, rate_table_key(table, 0, &i, sizeof i), &rate, BEGIN, &wait_us);
    assert_false(rate_table_connect(table, key, 2, &counted));
    assert_false(counted);
    rate_table_disconnect(table, key);
    assert_true(rate_table_connect(table, key, 2, &counted) && counted);
    for (uint64_t i = 0; i < 7; i++)
        assert_true(rate_table_connect(table, rate_table_key(table, 1, &i, sizeof i), 2, &counted) && counted);
    assert_true(rate_table_connect(table, rate_table_key(table, 1, "x", 1), 2, &counted));
    assert_false(counted);                            /* no place is left for him */
    rate_table_free(table);
}

/* --- appointments --- */

static void appointments_are_as_far_apart_as_places_get_free(void **state)
{
    struct waiting_line line = {0};
    int64_t now = BEGIN;
    int last = 0;
    (void)state;
    for (int i = 0; i < 100; i++) {   /* ten a second get free, and are taken at once */
        waiting_line_filled(&line, now);
        now += SECOND / 10;
        waiting_line_freed(&line, now);
    }
    waiting_line_filled(&line, now);
    assert_in_range(waiting_line_book(&line, now, 0), 1, 1);
    for (int i = 1; i < 300; i++)
        last = waiting_line_book(&line, now, 0);
    assert_in_range(last, 29, 31);                    /* the three-hundredth: after thirty seconds */
    assert_in_range(waiting_line_ahead_us(&line, now), 29 * SECOND, 31 * SECOND);
    for (int i = 0; i < 300; i++)
        waiting_line_served(&line, now);
    assert_int_equal(waiting_line_ahead_us(&line, now), 0);
}

static void while_nothing_gets_free_appointments_move_away(void **state)
{
    struct waiting_line line = {0};
    (void)state;
    waiting_line_filled(&line, BEGIN);
    assert_in_range(waiting_line_book(&line, BEGIN, 0), 1, 2);
    assert_in_range(waiting_line_book(&line, BEGIN + 40 * SECOND, 0), 40, 50);
    for (int i = 0; i < 1000; i++)
        assert_in_range(waiting_line_book(&line, BEGIN + 40 * SECOND, (uint64_t)i * 7919), 1, WAITING_LINE_MAX_S + WAITING_LINE_MAX_S / 4 + 2);
    assert_in_range(waiting_line_book(&line, BEGIN + 40 * SECOND, 5), WAITING_LINE_MAX_S / 2, WAITING_LINE_MAX_S);
}

/* --- places --- */

static enum drover_error take(struct depot_places *places, const char *device, int64_t now_us, unsigned *ret_place)
{
    int retry_s = 0;
    enum drover_error error = depot_places_take(places, device, now_us, 0, ret_place, &retry_s);
    assert_true(error == DROVER_OK || retry_s >= 1);
    return error;
}

static void a_device_has_one_place_for_all_its_ranges(void **state)
{
    struct depot_places *places = depot_places_new(2, 3);
    unsigned a[3], b, c;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(places, "a", BEGIN, &a[i]), DROVER_OK);
    assert_int_equal(take(places, "a", BEGIN, &c), DROVER_REFUSED);
    assert_int_equal(take(places, "b", BEGIN, &b), DROVER_OK);
    assert_int_equal(take(places, "c", BEGIN, &c), DROVER_FULL);
    for (int i = 0; i < 3; i++)
        depot_places_leave(places, a[i], false, BEGIN);
    assert_int_equal(take(places, "c", BEGIN, &c), DROVER_FULL);   /* a is between two ranges */
    assert_int_equal(take(places, "a", BEGIN + SECOND, &a[0]), DROVER_OK);
    depot_places_leave(places, a[0], false, BEGIN + SECOND);
    int64_t gone = BEGIN + SECOND + DEPOT_LINGER_MS * 1000;
    assert_int_equal(take(places, "c", gone - 1, &c), DROVER_FULL);
    assert_int_equal(take(places, "c", gone, &c), DROVER_OK);
    assert_int_equal(take(places, "a", gone, &a[0]), DROVER_FULL);
    depot_places_leave(places, b, true, gone);        /* the package's last byte: it needs no more */
    assert_int_equal(take(places, "a", gone, &a[0]), DROVER_OK);
    struct depot_places_state seen = depot_places_state(places, gone);
    assert_int_equal(seen.used, 2);
    assert_int_equal(seen.replies, 2);
    depot_places_free(places);
}

static void places_are_never_lost(void **state)
{
    enum { DEVICES = 40, PLACES = 16 };
    struct depot_places *places = depot_places_new(PLACES, 2);
    unsigned held[DEVICES][2], count[DEVICES] = {0}, replies = 0;
    uint64_t random = 88172645463325252u;
    int64_t now = BEGIN;
    (void)state;
    for (int step = 0; step < 200000; step++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        unsigned device = (unsigned)(random % DEVICES);
        char name[8];
        snprintf(name, sizeof name, "d%u", device);
        now += (int64_t)(random >> 40) % 400000;
        if (random & 0x100000 && count[device] > 0) {
            depot_places_leave(places, held[device][--count[device]], random & 0x200000, now);
            replies--;
        } else if (take(places, device == 0 ? "" : name, now, &held[device][count[device] % 2]) == DROVER_OK) {
            assert_true(count[device] < 2 || device == 0);
            if (device == 0)   /* nobody's: let go at once, or it could not be found again */
                depot_places_leave(places, held[0][0], false, now);
            else
                count[device]++, replies++;
        }
        struct depot_places_state seen = depot_places_state(places, now);
        assert_int_equal(seen.replies, replies);
        assert_true(seen.used <= PLACES);
    }
    for (unsigned device = 1; device < DEVICES; device++)
        while (count[device] > 0)
            depot_places_leave(places, held[device][--count[device]], true, now);
    assert_int_equal(depot_places_state(places, now + 10 * SECOND).used, 0);
    depot_places_free(places);
}

/* --- networks --- */

static bool is_in(const char *list, const char *address)
{
    struct networks networks, one;
    struct problem problem;
    assert_int_equal(networks_read(list, "x", &networks, &problem), DROVER_OK);
    assert_int_equal(networks_read(address, "x", &one, &problem), DROVER_OK);
    return networks_have(&networks, one.list[0].address);
}

static void networks_hold_addresses(void **state)
{
    static const char *const wrong[] = {"10.0.0.0/33", "10.1.0.0/8", "10.0.0/8", "::/129", "x", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8/8", "fe80::1%eth0",
                                        "1.2.3.4;5.6.7.8", "2001:db8::1/32"};
    struct networks networks;
    struct problem problem;
    char many[8 * (NETWORKS_MAX + 2)] = "";
    (void)state;
    assert_true(is_in("10.0.0.0/8, 192.0.2.7 2001:db8::/32", "10.255.0.1"));
    assert_true(is_in("10.0.0.0/8, 192.0.2.7 2001:db8::/32", "192.0.2.7"));
    assert_true(is_in("10.0.0.0/8, 192.0.2.7 2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(is_in("10.0.0.0/8, 192.0.2.7 2001:db8::/32", "11.0.0.0"));
    assert_false(is_in("10.0.0.0/8, 192.0.2.7 2001:db8::/32", "192.0.2.6"));
    assert_true(is_in("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(is_in("0.0.0.0/0", "8.8.8.8"));
    assert_false(is_in("0.0.0.0/0", "2001:db8::1"));
    assert_true(is_in("10.128.0.0/9", "10.200.0.0"));
    assert_false(is_in("10.128.0.0/9", "10.100.0.0"));
    assert_false(is_in("", "1.2.3.4"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(networks_read(wrong[i], "http.shared_addresses", &networks, &problem), DROVER_SYNTAX);
    for (int i = 0; i <= NETWORKS_MAX; i++)
        strcat(many, "1.2.3.4 ");
    assert_int_equal(networks_read(many, "x", &networks, &problem), DROVER_TOO_LONG);
}

/* --- readers --- */

static void only_bytes_that_wait_for_him_make_a_reader_slow(void **state)
{
    struct http_reading reading;
    (void)state;
    http_reading_begin(&reading, 1000000, 0);
    for (int64_t now = 1000; now <= 600000; now += 1000) {   /* we give him nothing: not his fault */
        assert_int_equal(http_reading_look(&reading, 1000000, false, now), 0);
        assert_false(http_reading_is_slow(&reading, 60000, 64));
    }
    int64_t left = 1000000, cut_ms = 0;
    for (int64_t now = 601000; now <= 700000 && cut_ms == 0; now += 1000) {   /* 50 bytes a second */
        left -= 50;
        assert_int_equal(http_reading_look(&reading, left, true, now), 50);
        if (http_reading_is_slow(&reading, 60000, 64))
            cut_ms = now;
    }
    assert_int_equal(cut_ms, 660000);
    http_reading_begin(&reading, 1000000, 0);
    for (int64_t now = 1000; now <= 600000; now += 1000) {   /* a hundred, in lumps of 5000 */
        (void)http_reading_look(&reading, 1000000 - now / 50000 * 5000, true, now);
        assert_false(http_reading_is_slow(&reading, 60000, 64));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_lets_a_burst_through_and_then_its_rate),
        cmocka_unit_test(millions_of_addresses_do_not_grow_it_and_win_nothing),
        cmocka_unit_test(a_request_given_back_is_not_counted),
        cmocka_unit_test(who_is_connected_keeps_his_place),
        cmocka_unit_test(appointments_are_as_far_apart_as_places_get_free),
        cmocka_unit_test(while_nothing_gets_free_appointments_move_away),
        cmocka_unit_test(a_device_has_one_place_for_all_its_ranges),
        cmocka_unit_test(places_are_never_lost),
        cmocka_unit_test(networks_hold_addresses),
        cmocka_unit_test(only_bytes_that_wait_for_him_make_a_reader_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
