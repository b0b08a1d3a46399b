/* The command line: defaults, both spellings of values, flags, shares, and what is refused. */
#include "check.h"

#include "sim/options.h"

static enum drover_error read_line(struct options *options, struct problem *problem, const char *const *arguments)
{
    char *argv[16] = {(char *)"drover-sim"};
    int argc = 1;

    while (*arguments)
        argv[argc++] = (char *)*arguments++;
    return options_read(options, argc, argv, problem);
}
#define READ(...) read_line(&options, &problem, (const char *const[]){__VA_ARGS__, NULL})

static struct options options;
static struct problem problem;

static void options_are_read(void **state)
{
    (void)state;
    assert_int_equal(READ("--devices=20", "--simple", "5", "--mqtt", "unix:///run/m.sock", "--json", "--share", "liar=10", "--share=reject=5",
                          "--heartbeat-ms", "250", "--mqtt-version=3.1.1"), DROVER_OK);
    assert_int_equal(options.devices, 20);
    assert_int_equal(options.simple, 5);
    assert_string_equal(options.mqtt, "unix:///run/m.sock");
    assert_true(options.json);
    assert_false(options.load);
    assert_int_equal(options.profile.count, 2);
    assert_int_equal(options.poll_ms, 250); /* as the heartbeats when it is not given */
    assert_int_equal(options.mqtt_version, 1);
    assert_int_equal(options.reboot_ms, 3000);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    assert_int_not_equal(READ("--nonsense", "1"), DROVER_OK);
    assert_int_not_equal(READ("devices", "1"), DROVER_OK);
    assert_int_not_equal(READ("--devices"), DROVER_OK);
    assert_int_not_equal(READ("--devices", "x"), DROVER_OK);
    assert_int_not_equal(READ("--devices", "0"), DROVER_OK);
    assert_int_not_equal(READ("--devices", "20001"), DROVER_OK);
    assert_int_not_equal(READ("--devices", "600000", "--simple", "600000", "--connections", "4"), DROVER_OK);
    assert_int_not_equal(READ("--prefix", "a/b"), DROVER_OK);
    assert_int_not_equal(READ("--faulty-version", "one"), DROVER_OK);
    assert_int_not_equal(READ("--obey"), DROVER_OK);
    assert_int_not_equal(READ("--share", "liar=70", "--share", "reject=40"), DROVER_OK);
    assert_int_not_equal(READ("--certificates", "/pki", "--connections", "4"), DROVER_OK);
    assert_int_not_equal(READ("--load", "--mqtt", "ssl://localhost"), DROVER_OK);
    assert_int_not_equal(READ("--load", "--mqtt", "mqtts://localhost"), DROVER_OK);
    assert_int_equal(READ("--ca", "/pki/ca.pem", "--certificates", "/pki", "--mqtt", "ssl://localhost"), DROVER_OK);
    assert_string_equal(options.certificates, "/pki");
    assert_int_equal(READ("--devices", "1000000", "--connections", "4"), DROVER_OK);
    assert_int_equal(READ("--devices", "1000000", "--load"), DROVER_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(bad_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
