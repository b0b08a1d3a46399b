/* Attack 21: a request that somebody overheard is sent again, at once, later, changed, to another instance. Library and Redis together. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/text.h"
#include "orchestrator/edges/auth.h"
#include "orchestrator/edges/redis_link.h"
#include "tests/unit/edges/redis_server.h"

#define WAIT_MS 10000
#define NOW_MS 1800000000000
#define WINDOW_MS 60000

static struct redis_server server;
static struct event_base *base;
static struct redis_link *link_;
static bool ready;
static struct auth_ring *ring;
static struct auth_keys *keys;
static struct auth_checker *instances[2];   /* two droverd beside one Redis */

static void changed(void *arg, bool is_ready, const char *why)
{
    (void)arg, (void)why;
    ready = is_ready;
}

static void file_put(const char *folder, const char *name, const char *text, char ret_path[96])
{
    snprintf(ret_path, 96, "%s/%s", folder, name);
    FILE *file = fopen(ret_path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void keys_make(void)
{
    char folder[] = "/tmp/drover-replay-XXXXXX", path[96], secret[96];
    assert_non_null(mkdtemp(folder));
    file_put(folder, "k", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", secret);
    file_put(folder, "keys.json",
             "{\"schema\":1,\"keys\":[{\"kid\":\"fleet\",\"algorithm\":\"HMAC-SHA256\",\"role\":\"device\",\"secret_file\":\"k\"}]}", path);
    assert_int_equal(auth_ring_new(path, &ring, NULL), DROVER_OK);
    assert_true(auth_ring_renew(ring, &keys));
    assert_int_equal(unlink(path) | unlink(secret) | rmdir(folder), 0);
}

static int start(void **state)
{
    (void)state;
    const struct auth_settings settings = {.requests = {.window_ms = WINDOW_MS, .nonces_max = 100}};
    base = event_base_new();
    redis_server_start(&server);
    struct redis_link_config config = {.base = base, .url = server.url, .timeout_ms = 2000, .changed = changed};
    assert_int_equal(redis_link_new(&config, &link_, NULL), DROVER_OK);
    redis_link_start(link_);
    keys_make();
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(auth_checker_new(ring, &settings, &instances[i]), DROVER_OK);
    return loop_until(base, &ready, WAIT_MS) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        auth_checker_free(instances[i]);
    auth_keys_free(keys);
    auth_ring_free(ring);
    redis_link_free(link_);
    event_base_free(base);
    redis_server_done(&server);
    return 0;
}

static const struct request_to_sign asked = {.method = "GET", .path = "/firmware/latest", .query = "device_model=m&current_version=1.0.0"};

/* What the honest device sends. */
static void header_write(char ret[512], const char *subject, int64_t timestamp_ms, const char *nonce)
{
    struct request_signature signature = {.key_id = "fleet", .timestamp_ms = timestamp_ms};
    uint8_t hmac[32];
    char hex[65];
    (void)text_copy(signature.subject, sizeof signature.subject, subject);
    (void)text_copy(signature.nonce, sizeof signature.nonce, nonce);
    assert_int_equal(request_hmac(auth_keys_find(keys, "fleet"), &asked, &signature, hmac, NULL), DROVER_OK);
    text_hex(hex, hmac, sizeof hmac);
    snprintf(ret, 512, REQUEST_SIGNATURE_SCHEME " key=fleet, subject=%s, timestamp=%lld, nonce=%s, signature=%s", subject, (long long)timestamp_ms,
             nonce, hex);
}

struct answer {
    bool came;
    enum drover_error error;
};

static void taken(void *arg, enum drover_error error)
{
    *(struct answer *)arg = (struct answer){true, error};
}

/* The whole way of a request at one instance. */
static enum drover_error receive(unsigned instance, const char *header, int64_t now_ms)
{
    struct auth_identity identity;
    struct problem problem;
    struct answer answer = {0};
    enum drover_error error = auth_check(instances[instance], header, &asked, now_ms, &identity, &problem);
    if (error != DROVER_OK)
        return error;
    assert_true(identity.has_nonce && identity.role == AUTH_DEVICE);
    nonce_take(link_, &identity.nonce, taken, &answer);
    assert_true(loop_until(base, &answer.came, WAIT_MS));
    return answer.error;
}

static void attack_21_the_same_request_again(void **state)
{
    (void)state;
    char header[512];
    header_write(header, "d1", NOW_MS, "nonce-0000000001");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
    assert_int_equal(receive(0, header, NOW_MS), DROVER_REFUSED);
    assert_int_equal(receive(1, header, NOW_MS + 1), DROVER_REFUSED);   /* the other instance knows it, too */
    assert_int_equal(receive(0, header, NOW_MS + WINDOW_MS), DROVER_REFUSED);
    assert_int_equal(receive(0, header, NOW_MS + WINDOW_MS + 1), DROVER_STALE);
}

static void attack_21_an_old_timestamp(void **state)
{
    (void)state;
    char header[512];
    header_write(header, "d1", NOW_MS - WINDOW_MS - 1, "nonce-0000000002");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_STALE);
    header_write(header, "d1", NOW_MS + WINDOW_MS + 1, "nonce-0000000003");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_STALE);
}

/* A nonce is known for as long as its request would pass the clock window, whatever the timestamp was. */
static void it_is_remembered_as_long_as_it_could_come_again(void **state)
{
    (void)state;
    static const int64_t shifts_ms[] = {-WINDOW_MS, -1, 0, WINDOW_MS};
    for (size_t i = 0; i < sizeof shifts_ms / sizeof shifts_ms[0]; i++) {
        struct auth_identity identity;
        char header[512], nonce[32];
        snprintf(nonce, sizeof nonce, "nonce-long-%06zu", i);
        header_write(header, "d1", NOW_MS + shifts_ms[i], nonce);
        assert_int_equal(auth_check(instances[0], header, &asked, NOW_MS, &identity, NULL), DROVER_OK);
        assert_true(NOW_MS + identity.nonce.keep_ms >= NOW_MS + shifts_ms[i] + 2 * WINDOW_MS);
        assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
        assert_true(redis_server_ask(&server, "PTTL drover:priv:nonce:%s", identity.nonce.name) > identity.nonce.keep_ms - WAIT_MS);
    }
}

static void attack_21_with_another_nonce_or_time(void **state)
{
    (void)state;
    struct auth_identity identity;
    char header[512], forged[512];
    header_write(header, "d1", NOW_MS, "nonce-0000000004");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
    (void)text_copy(forged, sizeof forged, header);
    strstr(forged, "nonce-0000000004")[15] = '5';
    assert_int_equal(auth_check(instances[0], forged, &asked, NOW_MS, &identity, NULL), DROVER_REFUSED);   /* before any nonce is looked at */
    (void)text_copy(forged, sizeof forged, header);
    strstr(forged, "timestamp=18")[11] = '9';
    assert_int_equal(auth_check(instances[0], forged, &asked, NOW_MS + 100000000000, &identity, NULL), DROVER_REFUSED);
}

/* After every refused attack the next honest request is served; and another device may happen upon the same nonce. */
static void honest_ones_go_on(void **state)
{
    (void)state;
    char header[512];
    header_write(header, "d1", NOW_MS, "nonce-0000000006");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
    assert_int_equal(receive(0, header, NOW_MS), DROVER_REFUSED);
    header_write(header, "d2", NOW_MS, "nonce-0000000006");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
    header_write(header, "d1", NOW_MS, "nonce-0000000007");
    assert_int_equal(receive(0, header, NOW_MS), DROVER_OK);
}

static void other_schemes_are_none(void **state)
{
    (void)state;
    struct auth_identity identity;
    struct problem problem;
    assert_int_equal(auth_check(instances[0], NULL, &asked, NOW_MS, &identity, &problem), DROVER_MISSING);
    static const char *const headers[] = {"", "Basic ZDE6eA==", "Bearer", "bearertoken", "DROVER-HMAC-SHA256", "DROVER-HMAC-SHA512 key=fleet", " Bearer a.b.c"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        assert_int_equal(auth_check(instances[0], headers[i], &asked, NOW_MS, &identity, &problem), DROVER_UNKNOWN);
    assert_int_equal(auth_check(instances[0], "Bearer ", &asked, NOW_MS, &identity, &problem), DROVER_SYNTAX);
    assert_int_equal(auth_check(instances[0], "bearer   a.b.c", &asked, NOW_MS, &identity, &problem), DROVER_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attack_21_the_same_request_again),
        cmocka_unit_test(attack_21_an_old_timestamp),
        cmocka_unit_test(it_is_remembered_as_long_as_it_could_come_again),
        cmocka_unit_test(attack_21_with_another_nonce_or_time),
        cmocka_unit_test(honest_ones_go_on),
        cmocka_unit_test(other_schemes_are_none),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start, stop);
}
