/* Zones: the days on which clocks change, rules for the far future, files that are not sound. The expected instants are those of tzdata, worked out by hand
 * from each zone's law; tests/unit/common/time_zone_all.py compares every zone with another reader. */
#include "check.h"

#include "common/text.h"
#include "common/time_zone.h"

static int64_t at(const char *text)
{
    int64_t ms;

    if (!text_time_read(text, &ms))
        fail_msg("%s is no time", text);
    return ms / 1000;
}

static struct time_zones *zones;

static const struct time_zone *zone_of(const char *name)
{
    const struct time_zone *zone = NULL;

    if (!time_zones_find(zones, name, &zone))
        fail_msg("no zone %s: is tzdata installed?", name);
    return zone;
}

/* Offsets just before and at each change, from the file, from its rule far ahead, and long before any law. */
static void clocks_change(void **state)
{
    static const struct {
        const char *zone, *at;
        int64_t before_s, after_s;
    } rows[] = {
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 3600, 7200},
        {"Europe/Berlin", "2026-10-25T01:00:00Z", 7200, 3600},
        {"Europe/Berlin", "2097-03-31T01:00:00Z", 3600, 7200},
        {"Europe/Berlin", "2097-10-27T01:00:00Z", 7200, 3600},
        {"Europe/Berlin", "1980-04-06T01:00:00Z", 3600, 7200},
        {"America/New_York", "2026-03-08T07:00:00Z", -18000, -14400},
        {"America/New_York", "2026-11-01T06:00:00Z", -14400, -18000},
        {"America/New_York", "2100-03-14T07:00:00Z", -18000, -14400},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 39600, 37800},
        {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", 37800, 39600},
        {"Australia/Lord_Howe", "2098-10-04T15:30:00Z", 37800, 39600},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", -36000, 50400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct time_zone *zone = zone_of(rows[i].zone);
        int64_t change_s = at(rows[i].at);

        CHECK_ROW(time_zone_offset_s(zone, change_s - 1) == rows[i].before_s, rows[i].at);
        CHECK_ROW(time_zone_offset_s(zone, change_s) == rows[i].after_s, rows[i].at);
        CHECK_ROW(time_zone_change_s(zone, change_s - 1) == change_s, rows[i].at);
        CHECK_ROW(time_zone_change_s(zone, change_s) > change_s, rows[i].at);
    }
}

static void some_never_change(void **state)
{
    (void)state;
    assert_int_equal(time_zone_offset_s(NULL, 1), 0);
    assert_true(time_zone_change_s(NULL, 1) == INT64_MAX);
    assert_int_equal(time_zone_offset_s(zone_of("Asia/Kolkata"), at("2050-01-01")), 19800);
    assert_true(time_zone_change_s(zone_of("Asia/Kolkata"), at("2026-01-01")) == INT64_MAX);
    assert_int_equal(time_zone_offset_s(zone_of("Etc/UTC"), at("2026-01-01")), 0);
}

/* Whatever the day: the wall shows a weekday and a second of it. */
static void walls_have_clocks(void **state)
{
    static const struct {
        const char *zone, *at, *shows;
        int weekday;
    } rows[] = {
        {"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59Z", 6},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z", 6},
        {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04T02:30:00Z", 6},
        {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", "2026-04-05T01:59:59Z", 6},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-05T01:30:00Z", 6},
        {"America/New_York", "2026-01-01T04:59:59Z", "2025-12-31T23:59:59Z", 2},
        {"America/New_York", "1969-12-31T23:00:00Z", "1969-12-31T18:00:00Z", 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct local_time local;
        int64_t when_s = strcmp(rows[i].at, "1969-12-31T23:00:00Z") ? at(rows[i].at) : -3600;
        int64_t shows_s = strcmp(rows[i].at, "1969-12-31T23:00:00Z") ? at(rows[i].shows) : -21600;

        time_zone_local(zone_of(rows[i].zone), when_s, &local);
        CHECK_ROW(local.day * 86400 + local.second == shows_s, rows[i].at);
        CHECK_ROW(local.second >= 0 && local.second < 86400 && local.weekday == rows[i].weekday, rows[i].at);
    }
}

static void rules_are_read_strictly(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"UTC0", true}, {"CET-1CEST,M3.5.0,M10.5.0/3", true}, {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", true}, {"EST5EDT,0/0,J365/25", true},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true}, {"IST-1GMT0,M10.5.0,M3.5.0/1", true}, {"XXX-167", false}, {"", false}, {"UTC", false}, {"U0", false},
        {"CET-1CEST", false}, {"CET-1CEST,M3.5.0", false}, {"CET-1CEST,M13.5.0,M10.5.0", false}, {"CET-1CEST,M3.6.0,M10.5.0", false},
        {"CET-1CEST,M3.5.7,M10.5.0", false}, {"CET-1CEST,J0,J365", false}, {"CET-1CEST,366,1", false}, {"CET-1CEST,M3.5.0/168,M10.5.0", false},
        {"CET-1:60", false}, {"<+0-1", false}, {"CET-1CEST,M3.5.0,M10.5.0 ", false}, {"CET-25", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct time_rule rule;

        CHECK_ROW(time_rule_read(rows[i].text, &rule) == rows[i].good, rows[i].text);
    }
}

/* Summer time all year (RFC 8536, 3.3.1), half an hour, a change before midnight of the day before, days counted in other ways. */
static void rules_mean_what_they_say(void **state)
{
    static const struct {
        const char *rule, *at;
        int64_t offset_s;
    } rows[] = {
        {"EST5EDT,0/0,J365/25", "2030-01-01", -14400}, {"EST5EDT,0/0,J365/25", "2030-07-01", -14400}, {"EST5EDT,0/0,J365/25", "2030-12-31T23:59:59Z", -14400},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200}, {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
        {"AAA0BBB,J60/0,J61/0", "2024-03-01T00:00:00Z", 3600}, {"AAA0BBB,J60/0,J61/0", "2024-02-29T12:00:00Z", 0},
        {"AAA0BBB,59/0,60/1", "2024-02-29T12:00:00Z", 3600}, {"AAA0BBB,59/0,60/1", "2023-03-01T12:00:00Z", 3600},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct time_rule rule;

        CHECK_ROW(time_rule_read(rows[i].rule, &rule), rows[i].rule);
        CHECK_ROW(time_rule_offset_s(&rule, at(rows[i].at)) == rows[i].offset_s, rows[i].at);
    }
}

static void names_cannot_leave_the_folder(void **state)
{
    static const char *const bad[] = {"", "/", "/etc/passwd", "Europe/", "..", "Europe/../../etc", "a//b", "./UTC", "Europe/Ber lin", "CET-1,M3", "x\n",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *const nowhere[] = {"Europe", "Mars/Base", "tzdata+zi", "right/Europe/Berlin", "posixrulesX"};
    const struct time_zone *zone = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_ROW(!time_zone_name_fits(bad[i]), bad[i]);
        CHECK_ROW(!time_zones_find(zones, bad[i], &zone), bad[i]);
    }
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT_OF(nowhere); i++) {
            CHECK_ROW(time_zone_name_fits(nowhere[i]), nowhere[i]);
            CHECK_ROW(!time_zones_find(zones, nowhere[i], &zone), nowhere[i]);
        }
    assert_null(zone);
    assert_ptr_equal(zone_of("Europe/Berlin"), zone_of("Europe/Berlin"));
}

/* --- files made by hand --- */

struct file {
    uint8_t bytes[400];
    size_t length;
};

static void put(struct file *file, const void *bytes, size_t length)
{
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

static void put_header(struct file *file, char version, const uint8_t counts[6])
{
    put(file, "TZif", 4);
    put(file, (char[16]){version}, 16);
    for (unsigned i = 0; i < 6; i++)
        put(file, (uint8_t[4]){0, 0, 0, counts[i]}, 4);
}

/* Two changes, two types, "AAA" and "BBB", and a rule. */
static struct file sound_file(void)
{
    static const uint8_t none[6] = {0, 0, 0, 0, 1, 1}, some[6] = {0, 0, 0, 2, 2, 8};
    static const uint8_t types[12] = {0, 0, 0x0E, 0x10, 0, 0, 0xFF, 0xFF, 0xF1, 0xF0, 1, 4};
    struct file file = {.length = 0};

    put_header(&file, '2', none);
    put(&file, (uint8_t[7]){0}, 7);
    put_header(&file, '2', some);
    put(&file, (uint8_t[8]){0, 0, 0, 0, 0, 0, 0, 100}, 8);
    put(&file, (uint8_t[8]){0, 0, 0, 0, 0, 0, 0, 200}, 8);
    put(&file, (uint8_t[2]){1, 0}, 2);
    put(&file, types, sizeof types);
    put(&file, "AAA\0BBB", 8);
    put(&file, "\nAAA-1\n", 7);
    return file;
}

static enum drover_error read_file(const struct file *file)
{
    struct time_zone *zone = NULL;
    struct problem problem = {0};
    enum drover_error error = time_zone_read(file->bytes, file->length, &zone, &problem);

    assert_true(error ? !zone && problem.error == error && problem.what[0] : zone != NULL);
    time_zone_free(zone);
    return error;
}

static void files_are_read_strictly(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t byte;
        enum drover_error error;
    } rows[] = {
        {"as it is", 0, 'T', DROVER_OK},          {"another kind of file", 0, 'X', DROVER_SYNTAX}, {"an unknown version", 4, '9', DROVER_SYNTAX},
        {"two versions", 55, '3', DROVER_SYNTAX}, {"leap seconds", 82, 1, DROVER_REFUSED},         {"a million changes", 84, 15, DROVER_TOO_LONG},
        {"changes out of order", 102, 250, DROVER_SYNTAX}, {"no such type", 111, 2, DROVER_SYNTAX}, {"an offset of years", 113, 9, DROVER_SYNTAX},
        {"summer time is 2", 117, 2, DROVER_SYNTAX}, {"a name outside", 118, 8, DROVER_SYNTAX},    {"a name without an end", 132, 'B', DROVER_SYNTAX},
        {"no last line", 133, 'x', DROVER_SYNTAX}, {"no rule of POSIX", 134, '?', DROVER_SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file file = sound_file();

        file.bytes[rows[i].at] = rows[i].byte;
        if (rows[i].error == DROVER_REFUSED)   /* the count's last byte */
            file.bytes[rows[i].at] = 0, file.bytes[51 + 31] = 1;
        enum drover_error got = read_file(&file);
        if (got != rows[i].error)
            fail_msg("%s: %s, not %s", rows[i].what, drover_error_name(got), drover_error_name(rows[i].error));
    }
    for (size_t length = 0; length < sound_file().length; length++) {
        struct file file = sound_file();

        file.length = length;
        assert_int_not_equal(read_file(&file), DROVER_OK);
    }
}

static void files_mean_what_they_say(void **state)
{
    struct file file = sound_file();
    struct time_zone *zone;

    (void)state;
    assert_int_equal(time_zone_read(file.bytes, file.length, &zone, NULL), DROVER_OK);
    assert_int_equal(time_zone_offset_s(zone, -5), 3600);
    assert_int_equal(time_zone_offset_s(zone, 99), 3600);
    assert_int_equal(time_zone_offset_s(zone, 100), -3600);
    assert_int_equal(time_zone_offset_s(zone, 200), 3600);
    assert_int_equal(time_zone_change_s(zone, 99), 100);
    assert_int_equal(time_zone_change_s(zone, 100), 200);
    assert_true(time_zone_change_s(zone, 200) == INT64_MAX);
    time_zone_free(zone);
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
        cmocka_unit_test(clocks_change),
        cmocka_unit_test(some_never_change),
        cmocka_unit_test(walls_have_clocks),
        cmocka_unit_test(rules_are_read_strictly),
        cmocka_unit_test(rules_mean_what_they_say),
        cmocka_unit_test(names_cannot_leave_the_folder),
        cmocka_unit_test(files_are_read_strictly),
        cmocka_unit_test(files_mean_what_they_say),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
