/* Lines as they leave: stderr is a pipe here. Rate limiting is seen by its counts, never by waiting for a moment. */
#include "check.h"

#include <cJSON.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

static int saved_stderr, pipe_ends[2];

static int capture_start(void **state)
{
    (void)state;
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || pipe(pipe_ends) != 0 || dup2(pipe_ends[1], STDERR_FILENO) < 0)
        return -1;
    return fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
}

static int capture_end(void **state)
{
    (void)state;
    (void)dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    log_configure(LOG_INFO, LOG_LOGFMT, "");
    return 0;
}

/* What was written since the last call. */
static size_t captured(char *dst, size_t size)
{
    ssize_t got = read(pipe_ends[0], dst, size - 1);
    size_t length = got > 0 ? (size_t)got : 0;

    dst[length] = '\0';
    return length;
}

/* Checks the time in front and returns what follows it. */
static const char *behind_time(const char *line)
{
    int year, month, day, hour, minute, second, ms, end = 0;

    assert_int_equal(sscanf(line, "ts=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &ms, &end), 7);
    assert_in_range(year, 2020, 2200);
    assert_in_range(month, 1, 12);
    assert_int_equal(end, 28);
    return line + end;
}

static void logfmt_quotes_what_needs_it(void **state)
{
    char line[4096];

    (void)state;
    log_configure(LOG_INFO, LOG_LOGFMT, "");
    log_event(LOG_INFO, "logfmt_values", LOG_TEXT("bare", "unix:/run/x.sock"), LOG_TEXT("empty", ""), LOG_TEXT("null", NULL),
              LOG_TEXT("space", "a b"), LOG_TEXT("quote", "a\"b=\\"), LOG_TEXT("lines", "a\nlevel=error\x1b\x7f"),
              LOG_TEXT("utf8", "\xC3\xA4\xC2\x9B"), LOG_TEXT("broken", "a\xFF"), LOG_NUMBER("number", INT64_MIN));
    captured(line, sizeof line);
    assert_string_equal(behind_time(line),
                        "level=info event=logfmt_values bare=unix:/run/x.sock empty=\"\" null=\"\" space=\"a b\" "
                        "quote=\"a\\\"b=\\\\\" lines=\"a\\nlevel=error\\u001b\\u007f\" utf8=\"\xC3\xA4\\u009b\" "
                        "broken=\"a\\ufffd\" number=-9223372036854775808\n");
}

static void json_lines_are_strict_json(void **state)
{
    char line[4096], text[64];
    cJSON *object;
    size_t length;

    (void)state;
    log_configure(LOG_INFO, LOG_JSON, "droverd-1");
    log_event(LOG_ERROR, "json_values", LOG_TEXT("odd", "a\"\\\n\x01\xFF\xC3\xA4"), LOG_NUMBER("number", -7));
    length = captured(line, sizeof line);
    assert_int_equal(line[length - 1], '\n');
    assert_int_equal(json_parse(line, length, &json_api_limits, &object, NULL), DROVER_OK);
    assert_int_equal(json_get_text(object, "odd", true, text, sizeof text, NULL), DROVER_OK);
    assert_string_equal(text, "a\"\\\n\x01\xEF\xBF\xBD\xC3\xA4");
    assert_int_equal(json_get_text(object, "level", true, text, sizeof text, NULL), DROVER_OK);
    assert_string_equal(text, "error");
    assert_int_equal(json_get_text(object, "instance", true, text, sizeof text, NULL), DROVER_OK);
    assert_string_equal(text, "droverd-1");
    cJSON_Delete(object);
}

static void level_decides(void **state)
{
    char line[4096];

    (void)state;
    log_configure(LOG_WARN, LOG_LOGFMT, "");
    log_event(LOG_INFO, "too_low", LOG_NUMBER("n", 1));
    assert_int_equal(captured(line, sizeof line), 0);
    log_event(LOG_WARN, "high_enough", LOG_NUMBER("n", 1));
    captured(line, sizeof line);
    assert_string_equal(behind_time(line), "level=warn event=high_enough n=1\n");
    assert_true(log_is_on(LOG_ERROR));
    assert_false(log_is_on(LOG_DEBUG));
}

static void lines_are_bounded(void **state)
{
    char longest[4000], line[8192];
    size_t length;
    cJSON *object;

    (void)state;
    memset(longest, '\x01', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    log_configure(LOG_INFO, LOG_JSON, "");
    log_event(LOG_INFO, "bounded", LOG_NUMBER("first", 1), LOG_TEXT("no_room", longest), LOG_NUMBER("last", 2));
    length = captured(line, sizeof line);
    assert_true(length < 2048);
    assert_int_equal(json_parse(line, length, &json_api_limits, &object, NULL), DROVER_OK);
    assert_null(cJSON_GetObjectItemCaseSensitive(object, "no_room"));
    assert_non_null(cJSON_GetObjectItemCaseSensitive(object, "last"));
    cJSON_Delete(object);
    memset(longest, 'x', sizeof longest - 1);
    log_configure(LOG_INFO, LOG_LOGFMT, "");
    longest[200] = '\0';
    log_event(LOG_INFO, "bounded", LOG_TEXT("whole", longest));
    captured(line, sizeof line);
    assert_non_null(strstr(line, longest));
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_flood_is_held_back_and_counted(void **state)
{
    static char text[65536];
    unsigned written = 0, suppressed = 0, said = 1000;
    int64_t deadline_mono_ms = clock_mono_ms() + 10000;
    const char *field;

    (void)state;
    log_configure(LOG_INFO, LOG_LOGFMT, "");
    for (unsigned i = 0; i < said; i++)
        log_event(LOG_INFO, "flood", LOG_NUMBER("i", i));
    log_event(LOG_INFO, "another", LOG_NUMBER("i", 0));
    captured(text, sizeof text);
    written = count_lines(text);
    assert_in_range(written, 11, 200); /* 10 of the flood and the other event; more on a stalled machine */
    assert_non_null(strstr(text, "event=another"));
    assert_null(strstr(text, "i=999\n"));
    do { /* the next second lets one through, which says how many were held back */
        log_event(LOG_INFO, "flood", LOG_NUMBER("i", said));
        said++;
        (void)usleep(20000);
        captured(text, sizeof text);
        field = strstr(text, "suppressed=");
        written += count_lines(text);
    } while (!field && clock_mono_ms() < deadline_mono_ms);
    assert_non_null(field);
    suppressed = (unsigned)strtoul(field + strlen("suppressed="), NULL, 10);
    assert_int_equal(written - 1 + suppressed, said);
}

enum { THREADS = 4, LINES = 10 };

static void *thread_logs(void *arg)
{
    const char *name = arg;

    for (int i = 0; i < LINES; i++)
        log_event(LOG_INFO, name, LOG_TEXT("text", "0123456789 0123456789"), LOG_NUMBER("i", i));
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    static const char *const names[THREADS] = {"thread_a", "thread_b", "thread_c", "thread_d"};
    static char text[65536];
    pthread_t threads[THREADS];
    unsigned lines = 0;

    (void)state;
    log_configure(LOG_INFO, LOG_LOGFMT, "");
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_logs, (void *)(uintptr_t)names[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    captured(text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        char name[16], rest[64];
        int i;

        assert_int_equal(sscanf(behind_time(line), "level=info event=%15s text=\"0123456789 0123456789\" i=%d%63s", name, &i, rest), 2);
    }
    assert_int_equal(lines, THREADS * LINES);
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture_start, capture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(logfmt_quotes_what_needs_it), CAPTURED(json_lines_are_strict_json),
        CAPTURED(level_decides),               CAPTURED(lines_are_bounded),
        CAPTURED(a_flood_is_held_back_and_counted), CAPTURED(threads_do_not_mix_their_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
