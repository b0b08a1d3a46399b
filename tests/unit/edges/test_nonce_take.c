/* nonce_take against a real Redis: once each, also when it is asked twice in one breath, and refused when nobody can say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/text.h"
#include "orchestrator/edges/nonce.h"
#include "orchestrator/edges/redis_link.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 10000

static struct redis_server server;
static struct event_base *base;
static struct redis_link *link_;
static bool ready;

static void changed(void *arg, bool is_ready, const char *why)
{
    (void)arg, (void)why;
    ready = is_ready;
}

static int start(void **state)
{
    (void)state;
    ready = false;
    base = event_base_new();
    redis_server_start(&server);
    struct redis_link_config config = {.base = base, .url = server.url, .timeout_ms = 500, .changed = changed, .backoff_base_ms = 10, .backoff_cap_ms = 50};
    assert_int_equal(redis_link_new(&config, &link_, NULL), DROVER_OK);
    redis_link_start(link_);
    assert_true(loop_until(base, &ready, WAIT_MS));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_link_free(link_);
    event_base_free(base);
    redis_server_done(&server);
    return 0;
}

struct answer {
    bool came;
    enum drover_error error;
};

static void taken(void *arg, enum drover_error error)
{
    struct answer *answer = arg;
    assert_false(answer->came);
    *answer = (struct answer){true, error};
}

static struct nonce_claim claim_of(const char *name)
{
    struct nonce_claim claim = {.keep_ms = 60000, .window_ms = 30000, .most = 3};
    (void)text_copy(claim.name, sizeof claim.name, name);
    (void)text_copy(claim.holder, sizeof claim.holder, "holder");
    return claim;
}

static enum drover_error take(const char *name)
{
    struct answer answer = {0};
    struct nonce_claim claim = claim_of(name);
    nonce_take(link_, &claim, taken, &answer);
    assert_false(answer.came);   /* never from inside the call */
    assert_true(loop_until(base, &answer.came, WAIT_MS));
    return answer.error;
}

static void each_counts_once(void **state)
{
    (void)state;
    assert_int_equal(take("a"), DROVER_OK);
    assert_int_equal(take("a"), DROVER_REFUSED);
    assert_int_equal(take("b"), DROVER_OK);
    assert_true(redis_server_ask(&server, "PTTL drover:priv:nonce:a") > 50000);
}

static void of_two_in_one_breath_one_counts(void **state)
{
    (void)state;
    struct answer first = {0}, second = {0};
    struct nonce_claim claim = claim_of("a");
    nonce_take(link_, &claim, taken, &first);
    nonce_take(link_, &claim, taken, &second);
    assert_true(loop_until(base, &second.came, WAIT_MS));
    assert_true(first.came);
    assert_int_equal(first.error, DROVER_OK);
    assert_int_equal(second.error, DROVER_REFUSED);
}

static void a_holder_takes_only_so_many(void **state)
{
    (void)state;
    assert_int_equal(take("a"), DROVER_OK);
    assert_int_equal(take("b"), DROVER_OK);
    assert_int_equal(take("c"), DROVER_OK);
    assert_int_equal(take("d"), DROVER_FULL);
    assert_int_equal(take("a"), DROVER_REFUSED);
}

static void without_redis_nothing_counts(void **state)
{
    (void)state;
    assert_int_equal(take("a"), DROVER_OK);
    redis_server_freeze(&server, true);
    assert_int_equal(take("b"), DROVER_UNAVAILABLE);
    redis_server_freeze(&server, false);
    while (!redis_link_is_ready(link_)) {
        ready = false;
        assert_true(loop_until(base, &ready, WAIT_MS));
    }
    assert_int_equal(take("a"), DROVER_REFUSED);
    redis_server_kill(&server);
    assert_int_equal(take("c"), DROVER_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_counts_once, start, stop),
        cmocka_unit_test_setup_teardown(of_two_in_one_breath_one_counts, start, stop),
        cmocka_unit_test_setup_teardown(a_holder_takes_only_so_many, start, stop),
        cmocka_unit_test_setup_teardown(without_redis_nothing_counts, start, stop),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
