/* Several threads check tokens while the key file is read again: every answer belongs to a whole set of keys, and none comes from memory
 * when the set has changed. For the thread sanitizer, too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base64.h"
#include "orchestrator/edges/jwt.h"

#define NOW_MS 1800000000000
#define THREADS 4
#define RELOADS 200

static char folder[] = "/tmp/drover-auth-XXXXXX";
static struct auth_ring *ring;
static char tokens[2][512];   /* signed with the secret of that number */
static atomic_bool stopping;
static atomic_uint good[2], strange;

static void path_of(const char *name, char ret[64])
{
    snprintf(ret, 64, "%s/%s", folder, name);
}

/* Replaced in one step, as an operator should. */
static void file_put(const char *name, const char *text)
{
    char path[64], fresh[64];
    path_of(name, path);
    path_of("fresh", fresh);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void secret_put(unsigned number)
{
    char hex[66];
    memset(hex, number == 0 ? 'a' : 'b', 64);
    strcpy(hex + 64, "\n");
    file_put("secret", hex);
}

static void token_make(unsigned number)
{
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
    static const char claims[] = "{\"sub\":\"d1\",\"aud\":\"a\",\"exp\":1900000000}";
    uint8_t secret[32], hmac[32];
    struct buffer token;
    memset(secret, number == 0 ? 0xAA : 0xBB, sizeof secret);
    buffer_init(&token, 0);
    base64url_add(&token, header, sizeof header - 1);
    buffer_add_text(&token, ".");
    base64url_add(&token, claims, sizeof claims - 1);
    assert_true(auth_hmac(secret, sizeof secret, token.bytes, token.length, hmac));
    buffer_add_text(&token, ".");
    base64url_add(&token, hmac, sizeof hmac);
    assert_true(text_copy(tokens[number], sizeof tokens[number], token.bytes));
    buffer_done(&token);
}

static void *thread_main(void *arg)
{
    struct jwt_checker *checker = NULL;
    struct jwt_identity identity;
    struct problem problem;
    (void)arg;
    if (jwt_checker_new(ring, &(struct jwt_settings){.cache_entries = 16}, &checker) != DROVER_OK)
        abort();
    while (!atomic_load(&stopping))
        for (unsigned i = 0; i < 2; i++) {
            enum drover_error error = jwt_check(checker, tokens[i], strlen(tokens[i]), NOW_MS, &identity, &problem);
            if (error == DROVER_OK)
                atomic_fetch_add(&good[i], 1);
            else if (error != DROVER_REFUSED)
                atomic_fetch_add(&strange, 1);
        }
    jwt_checker_free(checker);
    return NULL;
}

static void threads_see_whole_sets(void **state)
{
    (void)state;
    pthread_t ids[THREADS];
    struct problem problem;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, thread_main, NULL), 0);
    for (unsigned i = 0; i < RELOADS || atomic_load(&good[0]) == 0 || atomic_load(&good[1]) == 0; i++) {
        secret_put(i % 2);
        assert_int_equal(auth_ring_reload(ring, &problem), DROVER_OK);
        usleep(i < RELOADS ? 0 : 1000);   /* until every thread had a turn with both, however slow the machine */
    }
    atomic_store(&stopping, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(atomic_load(&strange), 0);
}

static void a_change_counts_at_once(void **state)
{
    (void)state;
    struct jwt_checker *checker = NULL;
    struct jwt_identity identity;
    struct problem problem;
    assert_int_equal(jwt_checker_new(ring, &(struct jwt_settings){.cache_entries = 16}, &checker), DROVER_OK);
    for (unsigned i = 0; i < 4; i++) {
        secret_put(i % 2);
        assert_int_equal(auth_ring_reload(ring, &problem), DROVER_OK);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(jwt_check(checker, tokens[i % 2], strlen(tokens[i % 2]), NOW_MS, &identity, &problem), DROVER_OK);
            assert_int_equal(jwt_check(checker, tokens[1 - i % 2], strlen(tokens[1 - i % 2]), NOW_MS, &identity, &problem), DROVER_REFUSED);
        }
    }
    jwt_checker_free(checker);
}

static int start(void **state)
{
    (void)state;
    char path[64];
    assert_non_null(mkdtemp(folder));
    secret_put(0);
    file_put("keys", "{\"schema\":1,\"keys\":[{\"kid\":\"k\",\"algorithm\":\"HS256\",\"role\":\"device\",\"audience\":\"a\",\"secret_file\":\"secret\"}]}");
    token_make(0);
    token_make(1);
    path_of("keys", path);
    assert_int_equal(auth_ring_new(path, &ring, NULL), DROVER_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    char path[64];
    auth_ring_free(ring);
    path_of("keys", path);
    assert_int_equal(unlink(path), 0);
    path_of("secret", path);
    assert_int_equal(unlink(path), 0);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_see_whole_sets), cmocka_unit_test(a_change_counts_at_once)};
    return cmocka_run_group_tests(tests, start, stop);
}
