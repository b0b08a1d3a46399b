/* Settings from file, environment and command line: what is taken, and what a refusal says. */
#include "check.h"

#include <unistd.h>

#include "settings_sample.h"

static void defaults_come_from_the_table(void **state)
{
    struct sample sample = sample_defaults();

    (void)state;
    assert_string_equal(sample.redis_url, "redis://127.0.0.1:6379");
    assert_int_equal(sample.redis_timeout_ms, 1000);
    assert_int_equal(sample.log_format, 0);
    assert_false(sample.log_color);
    assert_int_equal(sample.redis_pool_size, -1);
}

static void names_in_all_spellings(void **state)
{
    (void)state;
    assert_ptr_equal(settings_find(&sample_table, "redis.url"), &sample_rows[0]);
    assert_ptr_equal(settings_find(&sample_table, "redis-url"), &sample_rows[0]);
    assert_ptr_equal(settings_find(&sample_table, "redis-timeout-ms"), &sample_rows[1]);
    assert_ptr_equal(settings_find(&sample_table, "check"), &sample_rows[7]);
    assert_null(settings_find(&sample_table, "redis"));
    assert_null(settings_find(&sample_table, "redis.urls"));
    assert_null(settings_find(&sample_table, "Redis.url"));
    assert_null(settings_find(&sample_table, ""));
}

static void values_are_checked_by_their_row(void **state)
{
    static const struct {
        const char *name, *value;
        enum drover_error error;
        const char *what; /* part of it */
    } rows[] = {
        {"redis.url", "1234567890123456789012345678901234567890", DROVER_OK, ""},
        {"redis.url", "12345678901234567890123456789012345678901", DROVER_TOO_LONG, "41 bytes; at most 40"},
        {"redis.url", "", DROVER_RANGE, "at least 1"},
        {"redis.url", "a\nb", DROVER_SYNTAX, "control"},
        {"redis.url", "a\xFF", DROVER_SYNTAX, "UTF-8"},
        {"redis.url", "a ;b", DROVER_SYNTAX, "' ;'"},
        {"redis.url", "a;b", DROVER_OK, ""},
        {"redis.url", " a", DROVER_SYNTAX, "space"},
        {"redis.url", "a ", DROVER_SYNTAX, "space"},
        {"redis.timeout_ms", "10", DROVER_OK, ""},
        {"redis.timeout_ms", "60000", DROVER_OK, ""},
        {"redis.timeout_ms", "9", DROVER_RANGE, "9 is not in 10 .. 60000 ms"},
        {"redis.timeout_ms", "60001", DROVER_RANGE, "10 .. 60000 ms"},
        {"redis.timeout_ms", "1e3", DROVER_TYPE, "'1e3' is not an integer"},
        {"redis.timeout_ms", "010", DROVER_TYPE, "integer"},
        {"redis.timeout_ms", "", DROVER_TYPE, "integer"},
        {"redis.timeout_ms", "99999999999999999999", DROVER_TYPE, "integer"},
        {"redis.pool_size", "-1", DROVER_OK, ""},
        {"redis.pool_size", "-2", DROVER_RANGE, "-1 .. 8"},
        {"log.format", "json", DROVER_OK, ""},
        {"log.format", "JSON", DROVER_UNKNOWN, "none of logfmt|json"},
        {"log.format", "logfmt|json", DROVER_UNKNOWN, "none of"},
        {"log.format", "", DROVER_UNKNOWN, "none of"},
        {"log.color", "true", DROVER_OK, ""},
        {"log.color", "off", DROVER_OK, ""},
        {"log.color", "1", DROVER_TYPE, "true or false"},
        {"admin.token", "1234567890123456789012345678901", DROVER_OK, ""},
        {"admin.token", "12345678901234567890123456789012", DROVER_TOO_LONG, "at most 31"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sample sample = sample_defaults();
        struct problem problem = {0};

        CHECK_PROBLEM(settings_set(&sample_table, rows[i].name, rows[i].value, &sample, &problem), problem, rows[i].error,
                      rows[i].name, rows[i].value);
        CHECK_ROW(strstr(problem.what, rows[i].what) != NULL, problem.what);
    }
}

static void values_arrive_in_their_fields(void **state)
{
    struct sample sample = sample_defaults();
    struct problem problem;
    char value[300];

    (void)state;
    assert_int_equal(settings_set(&sample_table, "log-format", "json", &sample, NULL), DROVER_OK);
    assert_int_equal(settings_set(&sample_table, "log.color", "on", &sample, NULL), DROVER_OK);
    assert_int_equal(settings_set(&sample_table, "redis_pool_size", "8", &sample, NULL), DROVER_OK);
    assert_int_equal(sample.log_format, 1);
    assert_true(sample.log_color);
    assert_int_equal(sample.redis_pool_size, 8);
    CHECK_PROBLEM(settings_set(&sample_table, "no.such", "1", &sample, &problem), problem, DROVER_UNKNOWN, "no.such", "no.such");
    memset(value, 'x', sizeof value);
    value[186] = '\0'; /* "long_path = " and 186 bytes are 198: the longest line of a file */
    assert_int_equal(settings_set(&sample_table, "long_path", value, &sample, NULL), DROVER_OK);
    value[186] = 'x';
    value[187] = '\0';
    CHECK_PROBLEM(settings_set(&sample_table, "long_path", value, &sample, &problem), problem, DROVER_TOO_LONG, "long_path", "187");
}

static void files(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        const char *where, *what;
    } rows[] = {
        {"", DROVER_OK, "", ""},
        {"# only\n; comments\n\n", DROVER_OK, "", ""},
        {"check = yes\n[redis]\nurl = x ; comment\r\ntimeout_ms=20\n[log]\nformat: json", DROVER_OK, "", ""},
        {"\xEF\xBB\xBF[redis]\nurl=x\n", DROVER_OK, "", ""},
        {"[redis]\n\nurls = x\n", DROVER_UNKNOWN, "droverd.conf:3", "redis.urls: no such setting"},
        {"url = x\n", DROVER_UNKNOWN, "droverd.conf:1", "url: no such setting"},
        {"[redis]\ntimeout_ms = 5\n", DROVER_RANGE, "droverd.conf:2", "redis.timeout_ms: 5 is not in 10 .. 60000 ms"},
        {"[redis]\nurl = a\nurl = b\n", DROVER_DUPLICATE, "droverd.conf:3", "redis.url: given twice"},
        {"[redis]\nurl = a\n[log]\ncolor=on\n[redis]\nurl = b\n", DROVER_DUPLICATE, "droverd.conf:6", "redis.url"},
        {"[redis]\nurl = a\n  b\n", DROVER_DUPLICATE, "droverd.conf:3", "indented"},
        {"[redis]\nurl\n", DROVER_SYNTAX, "droverd.conf:2", "neither"},
        {"[redis\nurl = a\n", DROVER_SYNTAX, "droverd.conf:1", "neither"},
        {"[redis]\nurl =\n", DROVER_RANGE, "droverd.conf:2", "at least 1"},
        {"[log]\ncolor=maybe\nformat=x\n", DROVER_TYPE, "droverd.conf:2", "log.color"}, /* the first one counts */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sample sample = sample_defaults();
        struct problem problem = {0};

        CHECK_PROBLEM(settings_read_text(&sample_table, "/etc/drover/droverd.conf", rows[i].text, strlen(rows[i].text), &sample,
                                         &problem),
                      problem, rows[i].error, rows[i].where, rows[i].text);
        CHECK_ROW(strstr(problem.what, rows[i].what) != NULL, problem.what);
    }
    assert_int_equal(settings_read_text(&sample_table, "f", "check=\0yes", 10, &(struct sample){0}, NULL), DROVER_SYNTAX);
}

static void file_values_arrive(void **state)
{
    static const char text[] = "check = yes\n[redis]\nurl = x y ; comment\ntimeout_ms=20\n[log]\nformat: json";
    struct sample sample = sample_defaults();

    (void)state;
    assert_int_equal(settings_read_text(&sample_table, "f", text, sizeof text - 1, &sample, NULL), DROVER_OK);
    assert_true(sample.check);
    assert_string_equal(sample.redis_url, "x y");
    assert_int_equal(sample.redis_timeout_ms, 20);
    assert_int_equal(sample.log_format, 1);
}

static void line_limit_is_exact(void **state)
{
    struct sample sample = sample_defaults();
    struct problem problem;
    char text[400];
    int length;

    (void)state;
    length = snprintf(text, sizeof text, "\n# %0196d\ncheck=yes\n", 7); /* a line of 198 bytes */
    assert_int_equal(settings_read_text(&sample_table, "f", text, (size_t)length, &sample, NULL), DROVER_OK);
    assert_true(sample.check);
    length = snprintf(text, sizeof text, "\n# %0197d\ncheck=yes\n", 7);
    CHECK_PROBLEM(settings_read_text(&sample_table, "f", text, (size_t)length, &sample, &problem), problem, DROVER_TOO_LONG, "f:2", "199");
}

static void read_from_disk(void **state)
{
    char path[] = "/tmp/drover-settings-XXXXXX";
    struct sample sample = sample_defaults();
    struct problem problem;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[redis]\nurl = q\n", 16), 16);
    assert_int_equal(settings_read_file(&sample_table, path, &sample, NULL), DROVER_OK);
    assert_string_equal(sample.redis_url, "q");
    assert_int_equal(ftruncate(fd, 256 * 1024 + 1), 0);
    CHECK_PROBLEM(settings_read_file(&sample_table, path, &sample, &problem), problem, DROVER_TOO_LONG, path, "too long");
    close(fd);
    unlink(path);
    CHECK_PROBLEM(settings_read_file(&sample_table, path, &sample, &problem), problem, DROVER_IO, path, "gone");
    assert_non_null(strstr(problem.what, "No such file"));
    CHECK_PROBLEM(settings_read_file(&sample_table, "/tmp", &sample, &problem), problem, DROVER_IO, "/tmp", "folder");
}

static void environment(void **state)
{
    static const struct {
        const char *variable;
        enum drover_error error;
        const char *where, *what;
    } rows[] = {
        {"DROVER_REDIS_URL=from-env", DROVER_OK, "", ""},
        {"DROVER_REDIS_POOL_SIZE=3", DROVER_OK, "", ""},
        {"DROVER_REDIS_ADDRESS=x", DROVER_UNKNOWN, "DROVER_REDIS_ADDRESS", "redis_address: no such setting"},
        {"DROVER_REDIS_TIMEOUT_MS=0", DROVER_RANGE, "DROVER_REDIS_TIMEOUT_MS", "redis.timeout_ms: 0 is not in 10 .. 60000 ms"},
        {"DROVER_=1", DROVER_UNKNOWN, "DROVER_", "no such"},
        {"DROVER_NOTHING", DROVER_UNKNOWN, "DROVER_NOTHING", "no such"},
        {"DROVERS=1", DROVER_OK, "", ""},
        {"PATH=/bin", DROVER_OK, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char variable[64];
        char *variables[] = {(char[]){"HOME=/"}, variable, NULL};
        struct sample sample = sample_defaults();
        struct problem problem = {0};

        (void)snprintf(variable, sizeof variable, "%s", rows[i].variable);
        CHECK_PROBLEM(settings_read_environment(&sample_table, variables, &sample, &problem), problem, rows[i].error,
                      rows[i].where, rows[i].variable);
        CHECK_ROW(strstr(problem.what, rows[i].what) != NULL, problem.what);
        if (i == 0)
            assert_string_equal(sample.redis_url, "from-env");
        if (i == 1)
            assert_int_equal(sample.redis_pool_size, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table),    cmocka_unit_test(names_in_all_spellings),
        cmocka_unit_test(values_are_checked_by_their_row), cmocka_unit_test(values_arrive_in_their_fields),
        cmocka_unit_test(files),                           cmocka_unit_test(file_values_arrive),
        cmocka_unit_test(line_limit_is_exact),             cmocka_unit_test(read_from_disk),
        cmocka_unit_test(environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
