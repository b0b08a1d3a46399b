/* The time zone that a heartbeat names: the setting, the TZ variable, or what /etc/localtime leads to; never anything that is no name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/device_facts.h"

static const char *zone_said(const char *setting, const char *variable)
{
    static struct heartbeat heartbeat;
    static struct agent_settings settings;

    (void)text_copy(settings.device_time_zone, sizeof settings.device_time_zone, setting);
    assert_int_equal(variable ? setenv("TZ", variable, 1) : unsetenv("TZ"), 0);
    device_heartbeat(&settings, &heartbeat);
    return heartbeat.tz;
}

static void test_setting_before_variable_before_system(void **state)
{
    (void)state;
    assert_string_equal(zone_said("Asia/Kolkata", "Europe/Berlin"), "Asia/Kolkata");
    assert_string_equal(zone_said("", "Europe/Berlin"), "Europe/Berlin");
    assert_string_equal(zone_said("", ":America/New_York"), "America/New_York");
    assert_string_equal(zone_said("", "/usr/share/zoneinfo/Australia/Lord_Howe"), "Australia/Lord_Howe");
}

static void test_what_is_no_name_is_not_said(void **state)
{
    static const char *const variables[] = {"CET-1CEST,M3.5.0,M10.5.0/3", ":/etc/localtime", "<+03>-3", "../../etc/passwd", "Europe/Ber lin"};

    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        assert_string_equal(zone_said("", variables[i]), "");
}

static void test_the_systems_own(void **state)
{
    const char *said = zone_said("", NULL);

    (void)state;
    assert_true(said[0] == '\0' || time_zone_name_fits(said));   /* a machine may have none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting_before_variable_before_system),
        cmocka_unit_test(test_what_is_no_name_is_not_said),
        cmocka_unit_test(test_the_systems_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
