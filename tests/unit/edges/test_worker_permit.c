/* Permits as a worker makes and checks them: one that was made is good for its rollout and for nothing else, and only a key for permits alone makes any. */
#include "tests/unit/firmware/trust_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/permit.h"
#include "orchestrator/edges/worker_inside.h"

static char folder[] = "/tmp/drover-permit-XXXXXX";
static struct worker_task task;
static struct worker_answer answer;
static struct worker worker = {.task = &task, .answer = &answer};

static void key_write(const char *name, const struct private_key *key)
{
    char path[WORKER_PATH_SIZE];
    struct buffer pem;
    struct problem problem;

    buffer_init(&pem, 0);
    assert_int_equal(private_key_write_pem(key, NULL, &pem, &problem), DROVER_OK);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fwrite(pem.bytes, 1, pem.length, file), pem.length);
    assert_int_equal(fclose(file), 0);
    buffer_done(&pem);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    trust_init(&worker.trust);
    (void)store_add(&worker.trust, ed(0), "online", ROLE(PERMIT));
    (void)store_add(&worker.trust, ed(1), "greedy", ROLE(PERMIT) | ROLE(PACKAGE));
    (void)store_add(&worker.trust, ed(2), "releases", ROLE(PACKAGE));
    key_write("online.pem", ed(0));
    key_write("greedy.pem", ed(1));
    key_write("releases.pem", ed(2));
    key_write("unknown.pem", ed(3));
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"online.pem", "greedy.pem", "releases.pem", "unknown.pem"};
    char path[WORKER_PATH_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    trust_done(&worker.trust);
    keys_done();
    return 0;
}

static void make(const char *key)
{
    task = (struct worker_task){.job = WORKER_PERMIT_MAKE, .now_ms = NOW_MS, .expires_ms = NOW_MS + DAY_MS, .rollout = "r1", .model = "esp32", .version = "1.1.0",
                                .to_version = "1.0.0", .permit_id = "p-1"};
    (void)snprintf(task.permit_key, sizeof task.permit_key, "%s/%s", folder, key);
    answer = (struct worker_answer){.code = E_NONE};
    worker_permit_make(&worker);
}

static void check(const char *permit, const char *rollout, const char *model, const char *version, int64_t now_ms)
{
    task = (struct worker_task){.job = WORKER_PERMIT_CHECK, .now_ms = now_ms};
    (void)text_copy(task.permit, sizeof task.permit, permit);
    (void)text_copy(task.rollout, sizeof task.rollout, rollout);
    (void)text_copy(task.model, sizeof task.model, model);
    (void)text_copy(task.version, sizeof task.version, version);
    answer = (struct worker_answer){.code = E_NONE};
    worker_permit_check(&worker);
}

static void made_and_checked(void **state)
{
    char permit[WORKER_PERMIT_SIZE];

    (void)state;
    make("online.pem");
    assert_int_equal(answer.code, E_NONE);
    memcpy(permit, answer.permit, sizeof permit);
    check(permit, "r1", "esp32", "1.1.0", NOW_MS);
    assert_int_equal(answer.code, E_NONE);
    assert_int_equal(answer.expires_ms, NOW_MS + DAY_MS);
    check(permit, "r2", "esp32", "1.1.0", NOW_MS);
    assert_int_equal(answer.code, E_DOWNGRADE);
    assert_string_equal(answer.where, "rollout");
    check(permit, "r1", "esp8266", "1.1.0", NOW_MS);
    assert_string_equal(answer.where, "model");
    check(permit, "r1", "esp32", "1.2.0", NOW_MS);
    assert_string_equal(answer.where, "from_version");
    check(permit, "r1", "esp32", "1.1.0", NOW_MS + DAY_MS);
    assert_int_equal(answer.code, E_EXPIRED);
    permit[strlen(permit) / 2] ^= 1;
    check(permit, "r1", "esp32", "1.1.0", NOW_MS);
    assert_int_not_equal(answer.code, E_NONE);
    check("please", "r1", "esp32", "1.1.0", NOW_MS);
    assert_int_not_equal(answer.code, E_NONE);
}

static void only_by_a_key_for_permits_alone(void **state)
{
    static const char *const keys[] = {"greedy.pem", "releases.pem", "unknown.pem", "nothing.pem"};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        make(keys[i]);
        assert_int_equal(answer.code, E_SIGNATURE);
        assert_string_equal(answer.permit, "");
    }
}

static void not_what_the_trust_store_would_not_take(void **state)
{
    (void)state;
    worker.trust.keys[0].revoked_ms = NOW_MS - 1;
    make("online.pem");
    assert_int_equal(answer.code, E_SIGNATURE);
    worker.trust.keys[0].revoked_ms = 0;
    worker.trust.thresholds[TRUST_PERMIT] = 2;
    make("online.pem");
    assert_int_equal(answer.code, E_SIGNATURE);
    worker.trust.thresholds[TRUST_PERMIT] = 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_checked),
        cmocka_unit_test(only_by_a_key_for_permits_alone),
        cmocka_unit_test(not_what_the_trust_store_would_not_take),
    };

    return cmocka_run_group_tests_name("worker-permit", tests, begin, end);
}
