/* What --print-config gives reads back to the same values; the printed docs; what a reload finds changed. */
#include "check.h"

#include "settings_sample.h"

static char *print(void (*printer)(const struct settings_table *table, const void *values, FILE *out), const void *values)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    printer(&sample_table, values, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void docs_print(const struct settings_table *table, const void *values, FILE *out)
{
    (void)values;
    settings_print_docs(table, out);
}

static void prints_an_ini_file(void **state)
{
    struct sample sample = sample_defaults();
    char *text = print(settings_print, &sample);

    (void)state;
    assert_string_equal(text, "long_path = \ncheck = false\n"
                              "\n[redis]\nurl = redis://127.0.0.1:6379\ntimeout_ms = 1000\npool_size = -1\n"
                              "\n[log]\nformat = logfmt\ncolor = false\n"
                              "\n[admin]\n# token = ***\n");
    free(text);
}

static void reads_back_to_the_same_values(void **state)
{
    static const char *const values[][2] = {
        {"redis.url", "unix:/run/redis;x#y=z:1"}, {"redis.timeout_ms", "60000"}, {"redis.pool_size", "8"},
        {"log.format", "json"}, {"log.color", "true"}, {"check", "yes"}, {"long_path", "# \xC3\xA4 \"quoted\" [x]"},
    };
    struct sample before = sample_defaults(), after = sample_defaults();
    struct problem problem;
    char *text;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_int_equal(settings_set(&sample_table, values[i][0], values[i][1], &before, NULL), DROVER_OK);
    text = print(settings_print, &before);
    CHECK_PROBLEM(settings_read_text(&sample_table, "printed", text, strlen(text), &after, &problem), problem, DROVER_OK, "", text);
    free(text);
    assert_string_equal(after.redis_url, before.redis_url);
    assert_string_equal(after.long_path, before.long_path);
    assert_int_equal(after.redis_timeout_ms, 60000);
    assert_int_equal(after.redis_pool_size, 8);
    assert_int_equal(after.log_format, 1);
    assert_true(after.log_color);
    assert_true(after.check);
}

static void secrets_are_not_printed(void **state)
{
    struct sample sample = sample_defaults();
    char *text;

    (void)state;
    assert_int_equal(settings_set(&sample_table, "admin.token", "hush", &sample, NULL), DROVER_OK);
    text = print(settings_print, &sample);
    assert_null(strstr(text, "hush"));
    free(text);
}

static void docs_have_a_row_for_each_setting(void **state)
{
    char *text = print(docs_print, NULL);

    (void)state;
    assert_string_equal(text,
        "| setting | default | allowed | reload | meaning |\n|---|---|---|---|---|\n"
        "| `redis.url` | `redis://127.0.0.1:6379` | text, at most 40 bytes | restart | Where Redis listens. |\n"
        "| `redis.timeout_ms` | `1000` | 10 .. 60000 ms | yes | Longest wait for an answer. |\n"
        "| `log.format` | `logfmt` | logfmt, json | restart | How lines look. |\n"
        "| `log.color` | `false` | true, false | yes | Colours on a terminal. |\n"
        "| `admin.token` | (empty) | text, at most 31 bytes | restart | Who has it may do everything. |\n"
        "| `long_path` | (empty) | text, at most 299 bytes | restart | A text longer than a line of a file. |\n"
        "| `redis.pool_size` | `-1` | -1 .. 8 | restart | Connections. |\n"
        "| `check` | `no` | true, false | restart | Only check. |\n");
    free(text);
}

static void collect(const struct setting *row, void *arg)
{
    char *names = arg;

    strcat(strcat(names, row->name), " ");
}

static void compare_calls_for_what_differs(void **state)
{
    struct sample before = sample_defaults(), after = sample_defaults();
    char names[256] = "";

    (void)state;
    memset(after.redis_url + 30, 'x', 10); /* behind the NUL: no difference */
    settings_compare(&sample_table, &before, &after, collect, names);
    assert_string_equal(names, "");
    after.check = true;
    after.log_format = 1;
    after.redis_timeout_ms++;
    after.redis_url[0] = 'R';
    settings_compare(&sample_table, &before, &after, collect, names);
    assert_string_equal(names, "redis.url redis.timeout_ms log.format check ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_an_ini_file),
        cmocka_unit_test(reads_back_to_the_same_values),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(docs_have_a_row_for_each_setting),
        cmocka_unit_test(compare_calls_for_what_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
