/* What droverd and its workers say to each other reads back; what a broken or taken-over worker says is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "orchestrator/edges/worker_task.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_task_reads_back(void **state)
{
    const struct worker_task task = {.job = WORKER_DERIVE, .parent_pid = 77, .now_ms = 1700000000000, .memory_bytes = (int64_t)1 << 40, .data_dir = "/var/lib/\"x\" \\y",
                                     .sha256 = SHA, .base_sha256 = SHA, .folder = "/tmp/w", .delta_key = "/etc/k", .image_bytes_max = 5, .min_saving_pct = 20};
    struct worker_task read;
    struct problem problem;
    struct buffer text;

    (void)state;
    buffer_init(&text, WORKER_TEXT_MAX);
    worker_task_write(&task, &text);
    assert_false(text.failed);
    assert_int_equal(worker_task_read(text.bytes, text.length, &read, &problem), DROVER_OK);
    assert_memory_equal(&read, &task, sizeof task);
    buffer_done(&text);
}

static void the_longest_answer_reads_back(void **state)
{
    static struct worker_answer answer, read;
    struct problem problem;
    struct buffer text;

    (void)state;
    memset(&answer, 0, sizeof answer);
    answer.code = E_SIGNATURE;
    memset(answer.where, 'w', sizeof answer.where - 1);
    memset(answer.what, '"', sizeof answer.what - 1);
    memset(answer.model, 'm', sizeof answer.model - 1);
    memset(answer.version, '1', sizeof answer.version - 1);
    memset(answer.hw_revs, 'h', sizeof answer.hw_revs - 1);
    answer.release_counter = (int64_t)1 << 53;
    answer.encrypted = answer.delta = answer.kept = answer.skipped = true;
    buffer_init(&text, WORKER_TEXT_MAX);
    worker_answer_write(&answer, &text);
    assert_false(text.failed);
    assert_int_equal(worker_answer_read(text.bytes, text.length, &read, &problem), DROVER_OK);
    assert_memory_equal(&read, &answer, sizeof answer);
    buffer_done(&text);
}

static void what_no_worker_says_is_refused(void **state)
{
    static const char *const lines[] = {
        "", "{", "[]", "{}x", "{\"code\":\"E_NOTHING\"}", "{\"code\":1}", "{\"release_counter\":-1}", "{\"release_counter\":\"1\"}", "{\"kept\":1}",
        "{\"sha256\":\"" SHA "0\"}", "{\"model\":{}}", "{\"model\":\"a\",\"model\":\"b\"}", "{\"where\":\"\\u0000\"}",
    };
    struct worker_answer answer;
    struct problem problem;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (worker_answer_read(lines[i], strlen(lines[i]), &answer, &problem) == DROVER_OK)
            fail_msg("taken: %s", lines[i]);
    assert_int_equal(worker_answer_read("{\"broken\":true}", 15, &answer, &problem), DROVER_OK);
    assert_false(answer.broken); /* that is droverd's to say */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_reads_back),
        cmocka_unit_test(the_longest_answer_reads_back),
        cmocka_unit_test(what_no_worker_says_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
