/* The ring: order, wrapping, waiting, waking, and what is left of it after kill -9 and after a power cut. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "orchestrator/edges/ring_file.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/drover-ring-XXXXXX");
    close(mkstemp(path));
    return unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static struct ring *open_ring(size_t size_bytes, struct ring_found *found)
{
    struct ring_config config = {.path = path, .size_bytes = size_bytes};
    struct ring *ring = NULL;
    struct problem problem = {.what = ""};

    if (ring_open(&config, &ring, found, &problem) != DROVER_OK)
        fail_msg("ring_open: %s %s", problem.where, problem.what);
    return ring;
}

/* Record number n: its payload says n and has a length of its own. */
static size_t payload_make(uint64_t number, char *payload)
{
    size_t length = 20 + (size_t)(number * 7919 % 700);

    memset(payload, 'a' + (int)(number % 26), length);
    memcpy(payload, &number, sizeof number);
    return length;
}

static bool put(struct ring *ring, uint64_t number, bool (*how)(struct ring *, const struct ring_record *))
{
    char payload[1024];
    struct ring_record record = {.topic = "device/d1/heartbeat", .topic_length = 19, .payload = payload, .arrived_ms = (int64_t)number};

    record.payload_length = payload_make(number, payload);
    return how(ring, &record);
}

static bool next(struct ring *ring, uint64_t *ret_number, uint64_t *ret_end)
{
    struct ring_record record;
    char payload[1024];

    if (!ring_next(ring, &record))
        return false;
    assert_int_equal(record.topic_length, 19);
    assert_memory_equal(record.topic, "device/d1/heartbeat", 19);
    memcpy(ret_number, record.payload, sizeof *ret_number);
    assert_int_equal(record.payload_length, payload_make(*ret_number, payload));
    assert_memory_equal(record.payload, payload, record.payload_length);
    assert_int_equal(record.arrived_ms, *ret_number);
    *ret_end = record.end;
    return true;
}

static void test_order_over_many_rounds(void **state)
{
    struct ring *ring = open_ring(1, NULL); /* rounded up to 64 KiB */
    uint64_t written = 0, seen = 0, number, end;

    (void)state;
    while (seen < 20000) {
        while (put(ring, written, ring_put))
            written++;
        assert_true(written - seen > 50);
        for (int i = 0; i < 70 && next(ring, &number, &end); i++, seen++) {
            assert_int_equal(number, seen);
            ring_commit(ring, end);
        }
    }
    ring_close(ring);
}

static void test_rewind_unread_and_commit(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    uint64_t number, first_end, end;

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        assert_true(put(ring, i, ring_put));
    assert_true(next(ring, &number, &first_end));
    assert_true(next(ring, &number, &end));
    ring_unread(ring);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 1);
    ring_commit(ring, first_end);
    ring_rewind(ring);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 1);
    ring_commit(ring, UINT64_MAX); /* never beyond what was read */
    ring_rewind(ring);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 2);
    assert_int_equal(ring_state(ring).oldest_ms, 2);
    ring_commit(ring, first_end); /* back: ignored */
    ring_rewind(ring);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 2);
    ring_close(ring);
}

/* --- two threads --- */

#define STRESS 200000

static void *stress_producer(void *arg)
{
    for (uint64_t i = 0; i < STRESS; i++)
        if (!put(arg, i, ring_put_wait))
            return NULL;
    return arg;
}

static bool wait_readable(struct ring *ring)
{
    struct pollfd poller = {.fd = ring_fd(ring), .events = POLLIN};

    if (poll(&poller, 1, 20000) != 1)
        return false;
    ring_woken(ring);
    return true;
}

/* --- a shared ring: one producer that waits for room, others that do not --- */

#define SHARED_EACH 30000
#define SHARED_PRODUCERS 3

struct shared_producer {
    struct ring *ring;
    uint64_t index;
};

/* Number n of producer i is n * SHARED_PRODUCERS + i; the first waits for room, the others try again. */
static void *shared_producer(void *arg)
{
    struct shared_producer *producer = arg;

    for (uint64_t n = 0; n < SHARED_EACH; n++)
        while (!put(producer->ring, n * SHARED_PRODUCERS + producer->index, producer->index ? ring_put : ring_put_wait))
            sched_yield();
    return NULL;
}

static void test_several_producers_keep_their_orders(void **state)
{
    struct ring_config config = {.path = path, .size_bytes = 1, .shared = true};
    struct ring *ring;
    struct shared_producer producers[SHARED_PRODUCERS];
    pthread_t threads[SHARED_PRODUCERS];
    uint64_t seen[SHARED_PRODUCERS] = {0}, number, end, count = 0;

    (void)state;
    assert_int_equal(ring_open(&config, &ring, NULL, NULL), DROVER_OK);
    for (uint64_t i = 0; i < SHARED_PRODUCERS; i++) {
        producers[i] = (struct shared_producer){ring, i};
        assert_int_equal(pthread_create(&threads[i], NULL, shared_producer, &producers[i]), 0);
    }
    while (count < SHARED_PRODUCERS * SHARED_EACH) {
        while (next(ring, &number, &end)) {
            assert_int_equal(number / SHARED_PRODUCERS, seen[number % SHARED_PRODUCERS]++);
            count++;
            ring_commit(ring, end);
        }
        if (count < SHARED_PRODUCERS * SHARED_EACH && ring_wake_at(ring, 1))
            assert_true(wait_readable(ring));
    }
    for (unsigned i = 0; i < SHARED_PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(next(ring, &number, &end));
    ring_close(ring);
}

/* The consumer sleeps whenever it may, and commits late: both flags are used all the time. A lost wake-up ends in the deadline. */
static void test_two_threads(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    pthread_t producer;
    uint64_t seen = 0, number, end = 0;
    void *finished;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, stress_producer, ring), 0);
    while (seen < STRESS) {
        while (next(ring, &number, &end)) {
            assert_int_equal(number, seen);
            seen++;
            if (seen % 64 == 0)
                ring_commit(ring, end);
        }
        ring_commit(ring, end);
        if (seen < STRESS && ring_wake_at(ring, 1))
            assert_true(wait_readable(ring));
    }
    assert_int_equal(pthread_join(producer, &finished), 0);
    assert_ptr_equal(finished, ring);
    assert_true(ring_state(ring).waits > 0);
    ring_close(ring);
}

static void test_wake_at_a_level(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    struct pollfd poller = {.fd = ring_fd(ring), .events = POLLIN};
    uint64_t i = 0;

    (void)state;
    assert_true(ring_wake_at(ring, 2000));
    while (ring_state(ring).unread_bytes < 1200)
        assert_true(put(ring, i++, ring_put));
    assert_int_equal(poll(&poller, 1, 0), ring_state(ring).unread_bytes >= 2000);
    while (ring_state(ring).unread_bytes < 2000)
        assert_true(put(ring, i++, ring_put));
    assert_int_equal(poll(&poller, 1, 0), 1);
    ring_woken(ring);
    assert_true(put(ring, i++, ring_put)); /* one wake-up a request */
    assert_int_equal(poll(&poller, 1, 0), 0);
    assert_false(ring_wake_at(ring, 1));   /* there is something: no need to sleep */
    assert_true(ring_wake_at(ring, RING_WAKE_NEVER));
    assert_true(put(ring, i++, ring_put));
    assert_int_equal(poll(&poller, 1, 0), 0);
    ring_close(ring);
}

static void *fill_and_wait(void *arg)
{
    uint64_t i = 0;

    while (put(arg, i, ring_put_wait))
        i++;
    return (void *)(uintptr_t)i;
}

static void test_release_ends_waiting(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    int64_t deadline = clock_mono_ms() + 20000;
    pthread_t producer;
    uint64_t count = 0, number, end;
    void *written;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, fill_and_wait, ring), 0);
    while (ring_state(ring).waits == 0 && clock_mono_ms() < deadline)
        usleep(1000);
    ring_release(ring);
    assert_int_equal(pthread_join(producer, &written), 0);
    while (next(ring, &number, &end)) /* what was refused is not in it, what was taken is */
        assert_int_equal(number, count++);
    assert_int_equal(count, (uintptr_t)written);
    ring_close(ring);
}

/* --- kill -9 --- */

/* The child puts records for ever and says after each that it is in, like an acknowledgement. It also reads and commits. */
static void child_run(int said)
{
    struct ring *ring = open_ring(1 << 20, NULL);
    uint64_t number, end = 0;

    for (uint64_t i = 0;; i++) {
        if (!put(ring, i, ring_put_wait))
            _exit(1);
        if (write(said, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(1);
        if (i % 3 == 0 && next(ring, &number, &end) && i % 4 == 0)
            ring_commit(ring, end);
        if (ring_state(ring).used_bytes > 900000) {
            while (next(ring, &number, &end))
                ;
            ring_commit(ring, end);
        }
    }
}

static uint64_t last_said(int heard, uint64_t atleast)
{
    uint64_t said = 0;

    while (said < atleast && read(heard, &said, sizeof said) == (ssize_t)sizeof said)
        ;
    return said;
}

static void kill_and_replay(uint64_t after)
{
    int pipes[2];
    pid_t child;
    struct ring_found found;
    struct ring *ring;
    uint64_t said, number, end, expected, count = 0;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        child_run(pipes[1]);
    }
    close(pipes[1]);
    said = last_said(pipes[0], after);
    kill(child, SIGKILL);
    while (read(pipes[0], &number, sizeof number) == (ssize_t)sizeof number)
        said = number;
    close(pipes[0]);
    waitpid(child, NULL, 0);

    ring = open_ring(1 << 20, &found);
    assert_false(found.power_lost);
    assert_int_equal(found.torn, 0);
    assert_true(next(ring, &number, &end));
    expected = number;
    do {
        assert_int_equal(number, expected++);
        count++;
    } while (next(ring, &number, &end));
    assert_int_equal(count, found.records);
    assert_true(expected - 1 >= said);     /* all that was acknowledged is there, */
    assert_true(expected - 1 <= said + 1); /* and at most one that was not yet */
    ring_close(ring);
    unlink(path);
}

static void test_kill_9_and_replay(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 10; i++)
        kill_and_replay(100 + i * 997);
}

static void test_what_was_read_and_not_committed_comes_again(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    struct ring_found found;
    uint64_t number, end, kept = 0;

    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        put(ring, i, ring_put);
    for (int i = 0; i < 10; i++) {
        assert_true(next(ring, &number, &end));
        if (i == 4)
            kept = end;
    }
    ring_commit(ring, kept);
    ring_close(ring);
    ring = open_ring(1, &found);
    assert_int_equal(found.records, 15);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 5);
    ring_close(ring);
}

/* --- power cuts: the file as the disk may have it --- */

static void file_write(off_t at, const void *bytes, size_t length)
{
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, at), length);
    close(fd);
}

static void pretend_power_cut(void)
{
    file_write(offsetof(struct ring_header, boot_id), "another run of the machine", 27);
}

/* Fills a ring with `count` records, and says where each begins in the file. */
static void filled(uint64_t count, off_t *positions)
{
    struct ring *ring = open_ring(1, NULL);

    for (uint64_t i = 0; i < count; i++) {
        positions[i] = RING_HEADER_BYTES + (off_t)atomic_load(&ring->header->head);
        assert_true(put(ring, i, ring_put));
    }
    ring_close(ring);
}

static void assert_left(struct ring *ring, const uint64_t *numbers, size_t count)
{
    uint64_t number, end;

    for (size_t i = 0; i < count; i++) {
        assert_true(next(ring, &number, &end));
        assert_int_equal(number, numbers[i]);
    }
    assert_false(next(ring, &number, &end));
}

static void test_torn_records_are_skipped_and_counted(void **state)
{
    static const uint64_t left[] = {0, 1, 2, 4, 5, 8};
    struct ring_found found;
    struct ring *ring;
    off_t positions[10];

    (void)state;
    filled(10, positions);
    file_write(positions[3] + 60, "torn", 4);
    file_write(positions[6] + 60, "torn", 4);
    file_write(positions[7], "torn", 4);
    file_write(positions[9] + 40, "torn", 4);
    pretend_power_cut();
    ring = open_ring(1, &found);
    assert_true(found.power_lost);
    assert_int_equal(found.records, 6);
    assert_int_equal(found.torn, 2); /* what is torn at the end looks like nothing was ever there */
    assert_left(ring, left, 6);
    ring_close(ring);
    ring = open_ring(1, &found); /* the fillers stay: nothing is searched again */
    assert_false(found.power_lost);
    assert_int_equal(found.records, 6);
    assert_left(ring, left, 6);
    assert_true(put(ring, 99, ring_put));
    assert_left(ring, (const uint64_t[]){99}, 1);
    ring_close(ring);
}

static void test_a_header_older_than_its_records(void **state)
{
    struct ring_header before;
    struct ring_found found;
    struct ring *ring = open_ring(1, NULL);
    uint64_t written = 0, number, end = 0, first;

    (void)state;
    for (int round = 0; round < 300; round++) { /* several times around */
        put(ring, written++, ring_put);
        if (next(ring, &number, &end))
            ring_commit(ring, end);
    }
    memcpy(&before, ring->header, sizeof before);
    for (int round = 0; round < 40; round++) {
        put(ring, written++, ring_put);
        if (next(ring, &number, &end) && round < 30)
            ring_commit(ring, end);
    }
    ring_close(ring);
    file_write(0, &before, sizeof before);
    pretend_power_cut();
    ring = open_ring(1, &found);
    assert_true(next(ring, &first, &end));
    assert_true(first <= 330); /* everything not committed is there, and in order; more is harmless */
    for (uint64_t expected = first + 1; expected < written; expected++) {
        assert_true(next(ring, &number, &end));
        assert_int_equal(number, expected);
    }
    assert_false(next(ring, &number, &end));
    ring_close(ring);
}

static void test_a_header_a_whole_round_old(void **state)
{
    struct ring_header before;
    struct ring_found found;
    struct ring *ring = open_ring(1, NULL);
    uint64_t written = 0, number, end = 0, last = 0;

    (void)state;
    memcpy(&before, ring->header, sizeof before);
    for (int i = 0; i < 250; i++) { /* a round and a half */
        put(ring, written++, ring_put);
        if (next(ring, &number, &end))
            ring_commit(ring, end);
    }
    for (int i = 0; i < 20; i++)
        put(ring, written++, ring_put);
    ring_close(ring);
    file_write(0, &before, sizeof before);
    pretend_power_cut();
    ring = open_ring(1, &found);
    assert_true(next(ring, &number, &end));
    assert_true(number <= 250);
    for (last = number; next(ring, &number, &end); last = number)
        assert_int_equal(number, last + 1);
    assert_int_equal(last, written - 1);
    ring_close(ring);
}

/* --- files that are not as expected --- */

static enum drover_error try_open(size_t size_bytes, struct problem *problem)
{
    struct ring_config config = {.path = path, .size_bytes = size_bytes};
    struct ring *ring = NULL;
    enum drover_error error = ring_open(&config, &ring, NULL, problem);

    if (!error)
        ring_close(ring);
    return error;
}

static void test_one_process_only(void **state)
{
    struct ring *ring = open_ring(1, NULL);
    struct problem problem;

    (void)state;
    assert_int_equal(try_open(1, &problem), DROVER_CONFLICT);
    assert_non_null(strstr(problem.what, "another droverd"));
    ring_close(ring);
    assert_int_equal(try_open(1, &problem), DROVER_OK);
}

static void test_another_version_is_refused(void **state)
{
    uint32_t version = RING_VERSION + 1;
    struct problem problem;

    (void)state;
    assert_int_equal(try_open(1, &problem), DROVER_OK);
    file_write(offsetof(struct ring_header, version), &version, sizeof version);
    assert_int_equal(try_open(1, &problem), DROVER_MISMATCH);
    assert_non_null(strstr(problem.what, "version 2"));
    file_write(0, "something", 9);
    assert_int_equal(try_open(1, &problem), DROVER_MISMATCH);
    assert_non_null(strstr(problem.what, "not a ring"));
}

static void test_a_folder_that_is_not_there(void **state)
{
    struct problem problem;

    (void)state;
    snprintf(path, sizeof path, "/tmp/drover-no-such-folder/x.ring");
    assert_int_equal(try_open(1, &problem), DROVER_IO);
    assert_non_null(strstr(problem.what, "No such file"));
}

static void test_another_size(void **state)
{
    struct ring_found found;
    struct ring *ring = open_ring(64 << 10, NULL);
    uint64_t number, end;

    (void)state;
    put(ring, 7, ring_put);
    ring_close(ring);
    ring = open_ring(1 << 20, &found); /* not empty: keeps its size */
    assert_true(found.size_kept);
    assert_int_equal(ring_state(ring).size_bytes, 64 << 10);
    assert_true(next(ring, &number, &end));
    assert_int_equal(number, 7);
    ring_commit(ring, end);
    ring_close(ring);
    ring = open_ring(1 << 20, &found);
    assert_false(found.size_kept);
    assert_int_equal(ring_state(ring).size_bytes, 1 << 20);
    ring_close(ring);
}

int main(void)
{
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RING_TEST(test_order_over_many_rounds),
        RING_TEST(test_rewind_unread_and_commit),
        RING_TEST(test_two_threads),
        RING_TEST(test_several_producers_keep_their_orders),
        RING_TEST(test_wake_at_a_level),
        RING_TEST(test_release_ends_waiting),
        RING_TEST(test_kill_9_and_replay),
        RING_TEST(test_what_was_read_and_not_committed_comes_again),
        RING_TEST(test_torn_records_are_skipped_and_counted),
        RING_TEST(test_a_header_older_than_its_records),
        RING_TEST(test_a_header_a_whole_round_old),
        RING_TEST(test_one_process_only),
        RING_TEST(test_another_version_is_refused),
        RING_TEST(test_a_folder_that_is_not_there),
        RING_TEST(test_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
