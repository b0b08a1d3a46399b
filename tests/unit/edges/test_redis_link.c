/* The Redis link against a real Redis that is killed, frozen, emptied, full and read-only. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/redis_errors.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/redis_url.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 10000
#define CALLS 20

static struct redis_server server;
static struct event_base *base;
static struct redis_link *link_;
static bool ready, lost;
static unsigned ready_count;

struct answer {
    bool done;
    unsigned times;
    enum drover_error error;
    long long integer;
    char text[160];
};

static void changed(void *arg, bool is_ready, const char *why)
{
    (void)arg, (void)why;
    ready = is_ready;
    lost = !is_ready;
    ready_count += is_ready;
}

static void answered(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct answer *answer = arg;
    answer->done = true;
    answer->times++;
    answer->error = error;
    assert_true(!reply == (error != DROVER_OK));
    answer->integer = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    snprintf(answer->text, sizeof answer->text, "%s", text);
}

static void call(struct answer *answer, int64_t deadline_ms, int argc, const char *const *argv)
{
    *answer = (struct answer){0};
    redis_link_call(link_, argc, argv, NULL, answered, answer, deadline_ms);
    assert_int_equal(answer->times, 0);   /* never from inside the call */
}
#define CALL(answer, deadline_ms, ...) \
    call(answer, deadline_ms, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void ask(struct answer *answer, const char *command)
{
    CALL(answer, 0, command);
    assert_true(loop_until(base, &answer->done, WAIT_MS));
}

static void call_script(struct answer *answer)
{
    struct redis_args args;
    *answer = (struct answer){0};
    redis_args_init(&args);
    redis_script_begin(&args, SCRIPT_LEADER_TAKE, 2);
    redis_args_add_text(&args, "drover:v1:");
    redis_args_add_text(&args, "drover:priv:");
    redis_args_add_text(&args, "me");
    redis_args_add_i64(&args, 60000);
    redis_script_call(link_, SCRIPT_LEADER_TAKE, &args, answered, answer, 0);
    redis_args_done(&args);
    assert_int_equal(answer->times, 0);
}

static void link_open(struct redis_link_config config)
{
    struct problem problem;
    config.base = base;
    config.url = config.url ? config.url : server.url;
    config.changed = changed;
    config.backoff_base_ms = 10;
    config.backoff_cap_ms = 50;
    assert_int_equal(redis_link_new(&config, &link_, &problem), DROVER_OK);
    redis_link_start(link_);
}

static int start(void **state)
{
    (void)state;
    ready = lost = false;
    ready_count = 0;
    base = event_base_new();
    redis_server_start(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_link_free(link_);
    link_ = NULL;
    event_base_free(base);
    redis_server_done(&server);
    return 0;
}

static void link_open_ready(struct redis_link_config config)
{
    link_open(config);
    assert_true(loop_until(base, &ready, WAIT_MS));
}

/* --- */

static void test_connects_and_prepares(void **state)
{
    (void)state;
    struct answer answer;
    link_open_ready((struct redis_link_config){0});
    assert_string_equal(redis_link_why(link_), "");
    assert_int_equal(redis_server_ask(&server, "HGET drover:schema version"), 1);
    CALL(&answer, 0, "INCRBY", "n", "41");
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_OK);
    assert_int_equal(answer.integer, 41);
    call_script(&answer);
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.integer, 1);
    assert_int_equal(redis_link_counters(link_, false).noscript, 0);
    assert_int_equal(redis_link_outstanding(link_), 0);
}

static void test_not_connected(void **state)
{
    (void)state;
    struct answer answer;
    redis_server_kill(&server);
    link_open((struct redis_link_config){0});
    ask(&answer, "PING");
    assert_int_equal(answer.error, DROVER_UNAVAILABLE);
    assert_true(loop_until(base, &lost, WAIT_MS));
    assert_non_null(strstr(redis_link_why(link_), "refused"));
    redis_server_start_again(&server);
    assert_true(loop_until(base, &ready, WAIT_MS));
    ask(&answer, "PING");
    assert_int_equal(answer.error, DROVER_OK);
}

static void test_killed_redis_ends_everything_once(void **state)
{
    (void)state;
    struct answer answers[CALLS], after;
    link_open_ready((struct redis_link_config){0});
    redis_server_ask(&server, "CLIENT PAUSE 60000 ALL");
    for (int i = 0; i < CALLS; i++)
        CALL(&answers[i], 0, "INCR", "n");
    redis_server_kill(&server);
    for (int i = 0; i < CALLS; i++) {
        assert_true(loop_until(base, &answers[i].done, WAIT_MS));
        assert_int_equal(answers[i].error, DROVER_UNAVAILABLE);
    }
    assert_true(lost);
    redis_server_start_again(&server);
    assert_true(loop_until(base, &ready, WAIT_MS));
    ask(&after, "PING");
    assert_int_equal(after.error, DROVER_OK);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(answers[i].times, 1);
    assert_int_equal(ready_count, 2);
    assert_int_equal(redis_link_counters(link_, false).losses, 1);
}

static void test_frozen_redis_is_given_up_in_time(void **state)
{
    (void)state;
    struct answer answer;
    link_open_ready((struct redis_link_config){.timeout_ms = 400});
    redis_server_freeze(&server, true);
    int64_t began = clock_mono_ms();
    CALL(&answer, 0, "PING");
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_UNAVAILABLE);
    assert_in_range(clock_mono_ms() - began, 400, 2000);
    assert_int_equal(redis_link_counters(link_, false).watchdog, 1);
    redis_server_freeze(&server, false);
    assert_true(loop_until(base, &ready, WAIT_MS));
    ask(&answer, "PING");
    assert_int_equal(answer.error, DROVER_OK);
}

static void test_own_deadline_keeps_the_connection(void **state)
{
    (void)state;
    struct answer slow, next;
    link_open_ready((struct redis_link_config){0});
    redis_server_ask(&server, "CLIENT PAUSE 600 ALL");
    CALL(&slow, 100, "INCR", "n");
    CALL(&next, 0, "INCR", "n");
    assert_true(loop_until(base, &slow.done, 550));
    assert_int_equal(slow.error, DROVER_UNAVAILABLE);
    assert_true(loop_until(base, &next.done, WAIT_MS));
    assert_int_equal(next.error, DROVER_OK);
    assert_int_equal(next.integer, 2);   /* the first was done: its outcome was unknown, not "no" */
    assert_int_equal(slow.times, 1);
    assert_int_equal(redis_link_counters(link_, false).timeouts, 1);
    assert_int_equal(ready_count, 1);
}

static void test_forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    struct answer answers[CALLS];
    link_open_ready((struct redis_link_config){0});
    redis_server_ask(&server, "SCRIPT FLUSH");
    for (int i = 0; i < CALLS; i++)
        call_script(&answers[i]);
    for (int i = 0; i < CALLS; i++) {
        assert_true(loop_until(base, &answers[i].done, WAIT_MS));
        assert_int_equal(answers[i].error, DROVER_OK);
        assert_int_equal(answers[i].integer, 1);
        assert_int_equal(answers[i].times, 1);
    }
    assert_in_range(redis_link_counters(link_, false).noscript, 1, CALLS);
}

static void expect_refused(const char *word)
{
    struct answer answer;
    call_script(&answer);
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_STORE);
    assert_non_null(strstr(answer.text, word));
    assert_int_equal(redis_server_ask(&server, "EXISTS drover:priv:leader"), 0);
    assert_true(redis_link_is_ready(link_));
}

static void test_full_memory_and_read_only(void **state)
{
    (void)state;
    struct answer answer;
    link_open_ready((struct redis_link_config){0});
    redis_server_ask(&server, "CONFIG SET maxmemory 1");
    expect_refused("OOM");
    redis_server_ask(&server, "CONFIG SET maxmemory 0");
    redis_server_ask(&server, "CONFIG SET min-replicas-to-write 1");
    expect_refused("NOREPLICAS");
    redis_server_ask(&server, "CONFIG SET min-replicas-to-write 0");
    redis_server_ask(&server, "REPLICAOF 127.0.0.1 1");
    expect_refused("READONLY");
    redis_server_ask(&server, "REPLICAOF NO ONE");
    call_script(&answer);
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_OK);
    struct redis_link_counters counters = redis_link_counters(link_, true);
    assert_int_equal(counters.errors_oom, 1);
    assert_int_equal(counters.errors_readonly, 2);
    assert_true(counters.max_us > 0);
    assert_int_equal(redis_link_counters(link_, false).max_us, 0);
}

static void exec(struct answer *answer, const char *commands, unsigned count)
{
    *answer = (struct answer){0};
    redis_link_send_exec(link_, commands, strlen(commands), count, answered, answer, 0);
    assert_true(loop_until(base, &answer->done, WAIT_MS));
}

/* One answer for all of it; one command that Redis refuses spoils the whole, and says as what. */
static void test_transactions(void **state)
{
    (void)state;
    struct answer answer;
    link_open_ready((struct redis_link_config){0});
    exec(&answer, "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nt\r\n*2\r\n$4\r\nINCR\r\n$1\r\nt\r\n*1\r\n$4\r\nEXEC\r\n", 4);
    assert_int_equal(answer.error, DROVER_OK);
    assert_int_equal(answer.times, 1);
    exec(&answer, "*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nINCR\r\n*2\r\n$4\r\nINCR\r\n$1\r\nt\r\n*1\r\n$4\r\nEXEC\r\n", 4);
    assert_int_equal(answer.error, DROVER_STORE);
    CALL(&answer, 0, "INCRBY", "t", "10");
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.integer, 12);   /* the next one gets its own answer */
}

static void test_limits(void **state)
{
    (void)state;
    struct answer answers[6];
    link_open_ready((struct redis_link_config){.requests_max = 4, .bytes_max = 1000});
    redis_server_ask(&server, "CLIENT PAUSE 300 ALL");
    for (int i = 0; i < 6; i++)
        CALL(&answers[i], 0, "INCR", "n");
    for (int i = 0; i < 6; i++) {
        assert_true(loop_until(base, &answers[i].done, WAIT_MS));
        assert_int_equal(answers[i].error, i < 4 ? DROVER_OK : DROVER_FULL);
    }
    char big[1001];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    CALL(&answers[0], 0, "SET", "n", big);
    assert_true(loop_until(base, &answers[0].done, WAIT_MS));
    assert_int_equal(answers[0].error, DROVER_FULL);
}

static void test_foreign_schema_is_refused(void **state)
{
    (void)state;
    struct answer answer;
    redis_server_ask(&server, "HSET drover:schema version 2");
    link_open((struct redis_link_config){0});
    assert_true(loop_until(base, &lost, WAIT_MS));
    assert_non_null(strstr(redis_link_why(link_), "version 2"));
    ask(&answer, "PING");
    assert_int_equal(answer.error, DROVER_UNAVAILABLE);
    redis_server_ask(&server, "HSET drover:schema version 1");
    assert_true(loop_until(base, &ready, WAIT_MS));
}

static void test_login_and_database(void **state)
{
    (void)state;
    struct answer answer;
    char url[128];
    redis_server_ask(&server, "ACL SETUSER drover on >secret ~drover:* resetchannels -@all +@read +@write +@scripting +@connection -@dangerous");
    snprintf(url, sizeof url, "%s?db=3", server.url);
    link_open((struct redis_link_config){.url = url, .username = "drover", .password = "wrong"});
    assert_true(loop_until(base, &lost, WAIT_MS));
    assert_non_null(strstr(redis_link_why(link_), "WRONGPASS"));
    redis_link_free(link_);
    link_open_ready((struct redis_link_config){.url = url, .username = "drover", .password = "secret"});
    call_script(&answer);
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.integer, 1);
    assert_int_equal(redis_server_ask(&server, "EXISTS drover:priv:leader"), 0);   /* it is in database 3 */
    CALL(&answer, 0, "INCR", "n");
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_STORE);   /* not its key */
    assert_non_null(strstr(answer.text, "NOPERM"));
}

static void test_free_ends_what_is_outstanding(void **state)
{
    (void)state;
    struct answer answers[3];
    link_open_ready((struct redis_link_config){0});
    redis_server_ask(&server, "CLIENT PAUSE 60000 ALL");
    for (int i = 0; i < 3; i++)
        CALL(&answers[i], i == 1 ? 50 : 0, "PING");
    redis_link_free(link_);
    link_ = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_int_equal(answers[i].error, DROVER_UNAVAILABLE);
    }
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void test_over_tcp(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    int port = free_port();
    redis_server_ask(&server, "CONFIG SET port %d", port);
    snprintf(url, sizeof url, "redis://localhost:%d/2", port);
    link_open_ready((struct redis_link_config){.url = url});
    CALL(&answer, 0, "INCR", "n");
    assert_true(loop_until(base, &answer.done, WAIT_MS));
    assert_int_equal(answer.error, DROVER_OK);
}

/* --- */

static void test_error_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum drover_error error;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", DROVER_UNAVAILABLE}, {"BUSY Redis is busy running a script.", DROVER_UNAVAILABLE},
        {"MASTERDOWN Link with MASTER is down", DROVER_UNAVAILABLE}, {"BUSYGROUP Consumer Group name already exists", DROVER_STORE},
        {"OOM command not allowed", DROVER_STORE}, {"READONLY", DROVER_STORE}, {"", DROVER_STORE},
        {"ERR user_script:3: Script attempted to access nonexistent global variable 'x' script: 12ab, on @user_script:3.", DROVER_STORE},
    };
    struct redis_link_counters counters = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(redis_error_classify(rows[i].text, &counters), rows[i].error);
    assert_int_equal(counters.errors_busy, 3);
    assert_int_equal(counters.errors_oom, 1);
    assert_int_equal(counters.errors_readonly, 1);
    assert_int_equal(counters.errors_script, 1);
    assert_int_equal(counters.errors_other, 2);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok, is_unix;
        const char *place;
        int port, database;
    } rows[] = {
        {"unix:///run/redis.sock", true, true, "/run/redis.sock", 0, 0},
        {"unix:///run/redis.sock?db=4", true, true, "/run/redis.sock", 0, 4},
        {"redis://localhost", true, false, "localhost", 6379, 0},
        {"redis://h:1/2", true, false, "h", 1, 2},
        {"redis://[::1]:7/", true, false, "::1", 7, 0},
        {"redis://[::1]", true, false, "::1", 6379, 0},
        {"", false}, {"unix://", false}, {"unix://run", false}, {"unix:///a?db=x", false}, {"unix:///a?x=1", false},
        {"redis://", false}, {"redis://:1", false}, {"redis://h:0", false}, {"redis://h:65536", false}, {"redis://h:1/x", false},
        {"redis://h:", false}, {"redis://u:p@h:1", false}, {"redis://[::1", false}, {"redis://[::1]x", false}, {"rediss://h", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_url url;
        struct problem problem;
        assert_int_equal(redis_url_read(rows[i].text, &url, &problem) == DROVER_OK, rows[i].ok);
        if (!rows[i].ok)
            continue;
        assert_int_equal(url.is_unix, rows[i].is_unix);
        assert_string_equal(rows[i].is_unix ? url.path : url.host, rows[i].place);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.database, rows[i].database);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    log_configure(LOG_ERROR, LOG_LOGFMT, "");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_words),
        cmocka_unit_test(test_urls),
        cmocka_unit_test_setup_teardown(test_connects_and_prepares, start, stop),
        cmocka_unit_test_setup_teardown(test_not_connected, start, stop),
        cmocka_unit_test_setup_teardown(test_killed_redis_ends_everything_once, start, stop),
        cmocka_unit_test_setup_teardown(test_frozen_redis_is_given_up_in_time, start, stop),
        cmocka_unit_test_setup_teardown(test_own_deadline_keeps_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_forgotten_scripts_are_loaded_again, start, stop),
        cmocka_unit_test_setup_teardown(test_full_memory_and_read_only, start, stop),
        cmocka_unit_test_setup_teardown(test_transactions, start, stop),
        cmocka_unit_test_setup_teardown(test_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_foreign_schema_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_login_and_database, start, stop),
        cmocka_unit_test_setup_teardown(test_free_ends_what_is_outstanding, start, stop),
        cmocka_unit_test_setup_teardown(test_over_tcp, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
