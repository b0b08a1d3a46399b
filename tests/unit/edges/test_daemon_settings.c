/* The table of droverd's settings, where their values come from, and what the command line makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "orchestrator/edges/daemon_options.h"
#include "orchestrator/edges/secret.h"

#define W(text) ((char *)(text)) /* argv and the environment are not const */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static enum drover_error load(const char *file, char *const *environment, const char *name, const char *value,
                              struct daemon_settings *ret, struct problem *ret_problem)
{
    const struct daemon_settings_source source = {file, environment, &name, &value, name != NULL};

    return daemon_settings_load(&source, ret, ret_problem);
}

static void file_write(char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void rows_are_sound(void **state)
{
    const struct settings_table *table = &daemon_settings_table;

    (void)state;
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];

        assert_true(row->help && row->help[0] && row->help[strlen(row->help) - 1] == '.');
        assert_non_null(row->unit);
        assert_true(row->kind != SETTING_INTEGER || row->min <= row->max);
        assert_true(row->offset + row->size <= sizeof(struct daemon_settings));
        assert_ptr_equal(settings_find(table, row->name), row);
        for (size_t j = 0; j < i; j++) /* no two rows share a field */
            assert_true(row->offset >= table->rows[j].offset + table->rows[j].size ||
                        table->rows[j].offset >= row->offset + row->size);
    }
}

/* Every member of the policy is a setting: the rows of flow.* cover the struct. */
static void policy_is_covered(void **state)
{
    size_t covered = 0;

    (void)state;
    for (size_t i = 0; i < daemon_settings_table.count; i++)
        if (strncmp(daemon_settings_table.rows[i].name, "flow.", 5) == 0)
            covered += daemon_settings_table.rows[i].size;
    assert_int_equal(covered, offsetof(struct policy, stopped_ms)); /* behind it stands what is no setting */
}

static void defaults_are_those_of_the_contract(void **state)
{
    struct daemon_settings settings;
    struct problem problem;

    (void)state;
    assert_int_equal(load(NULL, NULL, NULL, NULL, &settings, &problem), DROVER_OK);
    assert_string_equal(settings.instance, "drover-1");
    assert_string_equal(settings.redis_url, "redis://127.0.0.1:6379/0");
    assert_string_equal(settings.http_listen, "0.0.0.0:8080");
    assert_string_equal(settings.api_listen, "127.0.0.1:8081");
    assert_string_equal(settings.mqtt_share_group, "");
    assert_int_equal(settings.mqtt_window, 500);
    assert_int_equal(settings.ring_heartbeats_mib, 256);
    assert_int_equal(settings.events_keep, 1000000);
    assert_int_equal(settings.log_level, 1);
    assert_int_equal(settings.flow.heartbeat_ms, 30000);
    assert_int_equal(settings.flow.lost_give_up_ms, 7 * 24 * 3600 * 1000LL);
    assert_int_equal(settings.flow.boot_loop_max, 4);
}

static void file_environment_and_options_rank(void **state)
{
    char path[] = "/tmp/drover-settings-XXXXXX";
    char *const environment[] = {W("PATH=/bin"), W("DROVER_MQTT_WINDOW=200"), W("DROVER_INSTANCE=from-environment"), W("DROVER_PORT=tcp://10.0.0.1"), NULL};
    struct daemon_settings settings;
    struct problem problem;

    (void)state;
    file_write(path, "instance = from-file\n[mqtt]\nwindow = 100\nkeepalive_s = 30\n");
    assert_int_equal(load(path, environment, "instance", "from-option", &settings, &problem), DROVER_OK);
    assert_int_equal(settings.mqtt_keepalive_s, 30);
    assert_int_equal(settings.mqtt_window, 200);
    assert_string_equal(settings.instance, "from-option");
    unlink(path);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *name, *value, *where;
    } rows[] = {
        {"mqtt.window", "0", "mqtt.window"},
        {"mqtt.window", "12x", "mqtt.window"},
        {"log.level", "loud", "log.level"},
        {"instance", "", "instance"},
        {"instance", "two words", "instance"},
        {"mqtt.share_group", "a/b", "mqtt.share_group"},
        {"mqtt.url", "127.0.0.1:1883", "mqtt.url"},
        {"redis.url", "http://x", "redis.url"},
        {"redis.url", "unix://", "redis.url"},
        {"http.public_url", "ftp://x", "http.public_url"},
        {"http.listen", "8080", "http.listen"},
        {"http.listen", "0.0.0.0:99999", "http.listen"},
        {"http.listen", "::1:8080", "http.listen"},
        {"api.listen", "0.0.0.0:8080", "api.listen"},
        {"flow.offline_after_ms", "30000", "flow.offline_after_ms"},
        {"flow.silent_after_ms", "200", "flow.silent_after_ms"},
        {"flow.retry_cap_ms", "9999", "flow.retry_cap_ms"},
        {"flow.download_total_ms", "200000", "flow.download_total_ms"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct daemon_settings settings = {.instance = "untouched"};
        struct problem problem = {.error = DROVER_OK};

        if (load(NULL, NULL, rows[i].name, rows[i].value, &settings, &problem) == DROVER_OK)
            fail_msg("%s=%s was taken", rows[i].name, rows[i].value);
        assert_string_equal(problem.where, rows[i].where);
        assert_string_equal(settings.instance, "untouched");
    }
}

static void a_mistake_in_a_file_has_its_line(void **state)
{
    char path[] = "/tmp/drover-settings-XXXXXX";
    struct daemon_settings settings;
    struct problem problem;
    char where[64];

    (void)state;
    file_write(path, "[mqtt]\n# window\nwindow = many\n");
    assert_int_not_equal(load(path, NULL, NULL, NULL, &settings, &problem), DROVER_OK);
    (void)snprintf(where, sizeof where, "%s:3", strrchr(path, '/') + 1);
    assert_string_equal(problem.where, where);
    assert_non_null(strstr(problem.what, "mqtt.window"));
    unlink(path);
}

static void printed_settings_read_back(void **state)
{
    struct daemon_settings settings, again;
    char path[] = "/tmp/drover-settings-XXXXXX";
    struct problem problem;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    (void)state;
    assert_int_equal(load(NULL, NULL, "redis.url", "unix:///run/redis.sock?db=3", &settings, &problem), DROVER_OK);
    settings.flow.ready_ms = 12345;
    settings_print(&daemon_settings_table, &settings, out);
    fclose(out);
    file_write(path, text);
    assert_int_equal(load(path, NULL, NULL, NULL, &again, &problem), DROVER_OK);
    assert_string_equal(again.redis_url, "unix:///run/redis.sock?db=3");
    assert_int_equal(again.flow.ready_ms, 12345);
    assert_memory_equal(&again.flow, &settings.flow, sizeof again.flow);
    unlink(path);
    free(text);
}

static void addresses_are_taken_apart(void **state)
{
    char host[64];
    uint16_t port;

    (void)state;
    assert_true(daemon_settings_listen("127.0.0.1:80", host, sizeof host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 80);
    assert_true(daemon_settings_listen("[::1]:65535", host, sizeof host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);
    assert_false(daemon_settings_listen("[::1:80", host, sizeof host, &port));
    assert_false(daemon_settings_listen(":80", host, sizeof host, &port));
    assert_false(daemon_settings_listen("[]:80", host, sizeof host, &port));
    assert_false(daemon_settings_listen("localhost", host, sizeof host, &port));
    assert_false(daemon_settings_listen("localhost:", host, sizeof host, &port));
}

static void note_unknown(const char *variable, void *arg)
{
    assert_string_equal(variable, "DROVER_PORT=tcp://10.0.0.1");
    ++*(unsigned *)arg;
}

static void foreign_variables_are_only_noted(void **state)
{
    char *const environment[] = {W("DROVER_API=http://x"), W("DROVER_TOKEN=t"), W("DROVER_TOKEN_FILE=f"), W("DROVER_API_TOKEN_FILE=/x"),
                                 W("DROVER_PORT=tcp://10.0.0.1"), W("OTHER=1"), NULL};
    unsigned count = 0;

    (void)state;
    daemon_settings_unknown(environment, note_unknown, &count);
    assert_int_equal(count, 1);
}

static void options_are_read(void **state)
{
    char *const argv[] = {W("droverd"), W("--config"), W("a.conf"), W("--set"), W("mqtt.window=7"), W("--redis-url=unix:///s"), W("--log.level"), W("debug"), W("--set=instance=x"), NULL};
    static struct daemon_options options;
    struct daemon_settings settings;
    struct problem problem;

    (void)state;
    assert_int_equal(daemon_options_read(9, argv, &options, &problem), DROVER_OK);
    assert_int_equal(options.task, TASK_RUN);
    assert_string_equal(options.file, "a.conf");
    assert_int_equal(options.count, 4);
    options.file = NULL;
    assert_int_equal(daemon_options_settings(&options, NULL, &settings, &problem), DROVER_OK);
    assert_int_equal(settings.mqtt_window, 7);
    assert_string_equal(settings.redis_url, "unix:///s");
    assert_int_equal(settings.log_level, 0);
    assert_string_equal(settings.instance, "x");
}

static void bad_options_are_refused(void **state)
{
    static const char *const rows[] = {"", "-", "--", "-v", "start", "--=x", "--nonsense", "--nonsense=1", "--config", "--set",
                                       "--set=x", "--set=nonsense=1", "--version=1", "--mqtt.window"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct daemon_options options;
        char *const argv[] = {W("droverd"), W(rows[i]), NULL};
        struct problem problem;

        if (daemon_options_read(2, argv, &options, &problem) == DROVER_OK)
            fail_msg("%s was taken", rows[i]);
    }
}

static void secrets_are_one_line(void **state)
{
    char path[] = "/tmp/drover-secret-XXXXXX";
    char empty[] = "/tmp/drover-secret-XXXXXX";
    struct problem problem;
    char secret[32];

    (void)state;
    file_write(path, "pass word\r\nsecond line\n");
    assert_int_equal(secret_read(path, secret, sizeof secret, &problem), DROVER_OK);
    assert_string_equal(secret, "pass word");
    assert_int_equal(secret_read(path, secret, 5, &problem), DROVER_TOO_LONG);
    file_write(empty, "\nx");
    assert_int_equal(secret_read(empty, secret, sizeof secret, &problem), DROVER_MISSING);
    assert_int_equal(secret_read("/nonexistent/x", secret, sizeof secret, &problem), DROVER_IO);
    unlink(path);
    unlink(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(policy_is_covered),
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(file_environment_and_options_rank),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_mistake_in_a_file_has_its_line),
        cmocka_unit_test(printed_settings_read_back),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(foreign_variables_are_only_noted),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(secrets_are_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
