/* The sealer against a real Redis: blocks by size and by age, restarts, trimmed streams, two leaders that change places; and what it makes verifies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_reply.h"
#include "orchestrator/edges/redis_scripts.h"
#include "orchestrator/edges/sealer.h"
#include "proto/event_chain.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 20000

static struct redis_server server;
static struct redis_sync *redis;

static int start(void **state)
{
    (void)state;
    redis_server_start(&server);
    assert_int_equal(redis_sync_new(&(struct redis_sync_config){.url = server.url}, &redis, NULL), DROVER_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_sync_free(redis);
    redis_server_done(&server);
    return 0;
}

static struct sealer *sealer_of(const char *instance, int64_t seal_ms)
{
    const struct sealer_config config = {.instance = instance, .redis = {.url = server.url, .timeout_ms = 2000}, .seal_ms = seal_ms, .keep = {1000, 1000}, .seals_keep = 1000};
    struct problem problem;
    struct sealer *sealer;

    if (sealer_start(&config, &sealer, &problem) != DROVER_OK)
        fail_msg("%s: %s", problem.where, problem.what);
    return sealer;
}

static void lead(const char *instance)
{
    (void)redis_server_ask(&server, "SET drover:priv:leader %s", instance);
}

/* redis_server_ask takes words apart at blanks: the script has none. */
static void events_add(int count, const char *why)
{
    (void)redis_server_ask(&server, "EVAL %s 0 %d %s", "for\ti=1,ARGV[1]\tdo\tredis.call('XADD','drover:v1:events','*','at_ms',i,'kind','move','why',ARGV[2])end", count, why);
}

static long long seal_count(void)
{
    return redis_server_ask(&server, "XLEN drover:v1:seals");
}

static void pause_ms(int ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&pause, NULL);
}

static void wait_for_seals(long long count)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;

    while (seal_count() < count) {
        assert_true(clock_mono_ms() < end_ms);
        pause_ms(10);
    }
}

static void wait_for_entries(struct sealer *sealer, uint64_t count)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;

    while (sealer_counters(sealer, SEALED_EVENTS).entries < count) {
        assert_true(clock_mono_ms() < end_ms);
        pause_ms(10);
    }
}

/* --- verifying --- */

static struct redisReply *all_of(const char *key)
{
    struct redisReply *reply = NULL;
    struct redis_args args;

    redis_args_init(&args);
    redis_args_add_text(&args, "XRANGE");
    redis_args_add_text(&args, key);
    redis_args_add_text(&args, "-");
    redis_args_add_text(&args, "+");
    assert_int_equal(redis_sync_call(redis, &args, &reply), DROVER_OK);
    redis_args_done(&args);
    return reply;
}

static enum drover_error feed_until(struct event_chain *chain, const struct redisReply *events, size_t *at, const char *last, struct problem *ret_problem)
{
    struct stream_id end = {UINT64_MAX, UINT64_MAX}, id;
    enum drover_error error = DROVER_OK;

    if (last)
        assert_true(stream_id_read(last, strlen(last), &end));
    for (; *at < events->elements && !error; (*at)++) {
        struct stream_entry entry;

        assert_true(redis_reply_entry(events->element[*at], &entry));
        assert_true(stream_id_read(entry.id.bytes, entry.id.length, &id));
        if (stream_id_compare(&id, &end) > 0)
            break;
        error = event_chain_entry(chain, &entry, ret_problem);
    }
    return error;
}

static enum drover_error verify_log(struct event_chain *chain, const char *log, const char *log_seals, struct problem *ret_problem)
{
    struct redisReply *events = all_of(log), *seals = all_of(log_seals);
    enum drover_error error = event_chain_init(chain, 0, "");
    size_t at = 0;

    for (size_t i = 0; i < seals->elements && !error; i++) {
        struct stream_entry entry;
        struct seal seal;

        assert_true(redis_reply_entry(seals->element[i], &entry));
        assert_int_equal(seal_read(&entry, &seal, NULL), DROVER_OK);
        error = event_chain_seal(chain, &seal, ret_problem);
        if (!error)
            error = feed_until(chain, events, &at, seal.last, ret_problem);
    }
    if (!error)
        error = feed_until(chain, events, &at, NULL, ret_problem);
    if (!error)
        error = event_chain_end(chain, ret_problem);
    event_chain_done(chain);
    redis_reply_free(events);
    redis_reply_free(seals);
    return error;
}

static enum drover_error verify(struct event_chain *chain, struct problem *ret_problem)
{
    return verify_log(chain, KEY_EVENTS, KEY_SEALS, ret_problem);
}

static void verifies(struct event_chain *ret_chain)
{
    struct problem problem = {.what = ""};

    if (verify(ret_chain, &problem) != DROVER_OK)
        fail_msg("%s: %s", problem.where, problem.what);
}

/* --- tests --- */

static void blocks_are_sealed_when_full_and_when_old(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 3600000);
    struct event_chain chain;

    (void)state;
    lead("drover-1");
    events_add(2 * SEAL_ENTRIES_MAX + 7, "x");
    wait_for_seals(2);
    sealer_free(sealer);
    verifies(&chain);
    assert_int_equal(chain.entries, 2 * SEAL_ENTRIES_MAX);
    assert_int_equal(chain.unsealed, 7);
    assert_int_equal(seal_count(), 2);   /* the rest is young */

    sealer = sealer_of("drover-1", 100);
    wait_for_seals(3);
    assert_int_equal(sealer_counters(sealer, SEALED_EVENTS).n, 3);
    sealer_free(sealer);
    verifies(&chain);
    assert_int_equal(chain.unsealed, 0);
    assert_int_equal(chain.seal.position, 2 * SEAL_ENTRIES_MAX + 7);
    assert_int_equal(chain.missed, 0);
}

static void only_the_leader_seals(void **state)
{
    struct sealer *idle = sealer_of("drover-2", 100);

    (void)state;
    lead("drover-1");
    events_add(5, "x");
    pause_ms(400);
    assert_int_equal(seal_count(), 0);
    lead("drover-2");
    wait_for_seals(1);
    sealer_free(idle);
}

/* The lease changes hands again and again while both seal as fast as they can. */
static void two_leaders_make_one_chain(void **state)
{
    struct sealer *first = sealer_of("drover-1", 100), *second = sealer_of("drover-2", 100);
    struct event_chain chain;

    (void)state;
    for (int turn = 0; turn < 30; turn++) {
        lead(turn % 2 ? "drover-1" : "drover-2");
        events_add(20, "x");
        pause_ms(40);
    }
    lead("drover-1");
    events_add(1, "last");
    wait_for_seals(5);
    pause_ms(400);
    sealer_free(first);
    sealer_free(second);
    verifies(&chain);
    assert_int_equal(chain.entries + chain.unsealed, 601);
    assert_true(chain.seals >= 5);
}

/* One that read the newest seal before another was added may not add its own. */
static void a_seal_behind_another_than_was_read_is_refused(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);

    (void)state;
    lead("drover-1");
    events_add(3, "x");
    wait_for_seals(1);
    sealer_free(sealer);
    {
        struct redisReply *reply = NULL;
        struct redis_args args;

        redis_args_init(&args);
        redis_args_add_text(&args, "EVAL");
        redis_args_add_text(&args, redis_script_texts[SCRIPT_SEAL_ADD].text);
        redis_args_add_text(&args, "2");
        redis_args_add_text(&args, KEY_PREFIX);
        redis_args_add_text(&args, KEY_PREFIX_PRIVATE);
        redis_args_add_text(&args, "drover-1");
        redis_args_add_text(&args, "");   /* as if there were none yet */
        redis_args_add_text(&args, "1000");
        redis_args_add_text(&args, "seals");
        redis_args_add_text(&args, "n");
        redis_args_add_text(&args, "1");
        assert_int_equal(redis_sync_call(redis, &args, &reply), DROVER_OK);
        assert_true(redis_reply_is(reply, "CONFLICT"));
        redis_reply_free(reply);
        redis_args_done(&args);
    }
    assert_int_equal(seal_count(), 1);
}

static void it_goes_on_from_a_trimmed_stream(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);
    struct event_chain chain;

    (void)state;
    lead("drover-1");
    events_add(2500, "x");
    wait_for_entries(sealer, 2500);
    (void)redis_server_ask(&server, "XTRIM drover:v1:events MAXLEN 1200");
    events_add(300, "y");
    wait_for_entries(sealer, 2800);
    sealer_free(sealer);
    verifies(&chain);
    assert_int_equal(chain.trimmed_blocks, 1);
    assert_true(chain.entries + chain.partial == 1500);
    (void)redis_server_ask(&server, "XTRIM drover:v1:events MAXLEN 900");   /* more than trimming ever takes */
    {
        struct problem problem;

        assert_int_equal(verify(&chain, &problem), DROVER_MISMATCH);
        assert_string_equal(problem.where, "beginning");
    }
}

/* An entry that is deleted before it was sealed is missed, and the seal says so. */
static void what_is_removed_before_it_is_sealed_is_counted(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);
    struct event_chain chain;

    (void)state;
    lead("drover-1");
    (void)redis_server_ask(&server, "XADD drover:v1:events 1000-1 at_ms 1 kind move why x");
    wait_for_seals(1);
    lead("nobody");
    pause_ms(200);
    (void)redis_server_ask(&server, "XADD drover:v1:events 1000-2 at_ms 1 kind move why secret");
    assert_int_equal(redis_server_ask(&server, "XDEL drover:v1:events 1000-2"), 1);
    (void)redis_server_ask(&server, "XADD drover:v1:events 1000-3 at_ms 1 kind move why x");
    lead("drover-1");
    wait_for_seals(2);
    pause_ms(50);
    assert_int_equal(sealer_counters(sealer, SEALED_EVENTS).missed, 1);
    sealer_free(sealer);
    verifies(&chain);
    assert_int_equal(chain.missed, 1);
}

/* Two logs, two chains: each verifies by itself, and neither holds up the other. */
static void the_audit_has_a_chain_of_its_own(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);
    struct event_chain chain;
    struct problem problem;

    (void)state;
    lead("drover-1");
    (void)redis_server_ask(&server, "EVAL %s 0", "for\ti=1,1100\tdo\tredis.call('XADD','drover:v1:audit','*','at_ms',i,'who','ann')end");
    events_add(3, "x");
    wait_for_seals(1);
    for (int64_t end_ms = clock_mono_ms() + WAIT_MS; redis_server_ask(&server, "XLEN drover:v1:audit_seals") < 2; pause_ms(10))
        assert_true(clock_mono_ms() < end_ms);
    sealer_free(sealer);
    verifies(&chain);
    assert_int_equal(chain.entries, 3);
    assert_int_equal(verify_log(&chain, KEY_AUDIT, KEY_AUDIT_SEALS, &problem), DROVER_OK);
    assert_int_equal(chain.entries, 1100);
    assert_int_equal(chain.unsealed, 0);
    (void)redis_server_ask(&server, "EVAL %s 0", "local\te=redis.call('XRANGE','drover:v1:audit','-','+','COUNT',5)[5]redis.call('XDEL','drover:v1:audit',e[1])");
    assert_int_equal(verify_log(&chain, KEY_AUDIT, KEY_AUDIT_SEALS, &problem), DROVER_MISMATCH);
    assert_string_equal(problem.where, "block 1");
}

static void it_waits_for_a_redis_that_is_away(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);

    (void)state;
    lead("drover-1");
    events_add(3, "x");
    wait_for_seals(1);
    redis_server_kill(&server);
    pause_ms(300);
    redis_server_start_again(&server);
    events_add(3, "x");
    wait_for_seals(2);
    assert_true(sealer_counters(sealer, SEALED_EVENTS).failures > 0);
    sealer_free(sealer);
}

/* Told to end while Redis does not answer: it does not wait for it. */
static void it_ends_at_once(void **state)
{
    struct sealer *sealer = sealer_of("drover-1", 100);
    int64_t begun_ms;

    (void)state;
    lead("drover-1");
    events_add(3, "x");
    wait_for_seals(1);
    redis_server_freeze(&server, true);
    pause_ms(300);
    begun_ms = clock_mono_ms();
    sealer_free(sealer);
    assert_true(clock_mono_ms() - begun_ms < 1000);
    redis_server_freeze(&server, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_sealed_when_full_and_when_old),
        TEST(only_the_leader_seals),
        TEST(two_leaders_make_one_chain),
        TEST(a_seal_behind_another_than_was_read_is_refused),
        TEST(it_goes_on_from_a_trimmed_stream),
        TEST(what_is_removed_before_it_is_sealed_is_counted),
        TEST(the_audit_has_a_chain_of_its_own),
        TEST(it_waits_for_a_redis_that_is_away),
        TEST(it_ends_at_once),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    log_configure(LOG_ERROR, LOG_LOGFMT, "test");
    return cmocka_run_group_tests_name("sealer", tests, NULL, NULL);
}
