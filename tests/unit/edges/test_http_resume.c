/* What of a device's bytes is right: digests of a file's beginnings and chunks, bodies of POST /artifacts/<sha256>/resume, and its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/text.h"
#include "orchestrator/edges/depot_resume.h"
#include "orchestrator/edges/http_range.h"

#define FILE_BYTES (3 * DEPOT_CHUNK_BYTES_MIN + 1000)

struct world {
    uint8_t bytes[FILE_BYTES];
    uint8_t block[DEPOT_BLOCK_BYTES];
    int blocks_left;                   /* may be hashed */
    struct depot_hashing hashing;
    struct depot_digests digests;
};

static bool one_block_less(void *arg)
{
    return ((struct world *)arg)->blocks_left-- > 0;
}

static int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    for (size_t i = 0; i < FILE_BYTES; i++)
        world->bytes[i] = (uint8_t)hash_mix(i);
    world->hashing = (struct depot_hashing){.fd = memfd_create("package", MFD_CLOEXEC), .block = world->block, .may_go_on = one_block_less, .arg = world};
    world->blocks_left = 1000;
    assert_int_equal(write(world->hashing.fd, world->bytes, FILE_BYTES), FILE_BYTES);
    depot_digests_init(&world->digests, FILE_BYTES);
    *state = world;
    return 0;
}

static int world_close(void **state)
{
    struct world *world = *state;
    depot_digests_done(&world->digests);
    close(world->hashing.fd);
    free(world);
    return 0;
}

/* --- digests --- */

static void a_package_has_at_most_256_chunks(void **state)
{
    static const struct {
        int64_t size, chunk_bytes;
        unsigned count;
    } rows[] = {
        {1, 65536, 1},          {65536, 65536, 1},         {65537, 65536, 2},
        {16 << 20, 65536, 256}, {(16 << 20) + 1, 131072, 129}, {2ll << 30, 8 << 20, 256}, {(2ll << 30) + 1, 16 << 20, 129},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(depot_chunk_bytes(rows[i].size), rows[i].chunk_bytes);
        assert_int_equal(depot_chunk_count(rows[i].size), rows[i].count);
    }
}

static void beginnings_and_chunks_have_their_digests(void **state)
{
    static const int64_t lengths[] = {70000, 0, 1, DEPOT_CHUNK_BYTES_MIN, DEPOT_CHUNK_BYTES_MIN - 1, 3 * DEPOT_CHUNK_BYTES_MIN, FILE_BYTES, FILE_BYTES - 1};
    struct world *world = *state;
    uint8_t digest[SHA256_BYTES], wanted[SHA256_BYTES];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(depot_digests_beginning(&world->digests, &world->hashing, lengths[i], digest), DROVER_OK);
        assert_true(sha256_of(world->bytes, (size_t)lengths[i], wanted));
        assert_memory_equal(digest, wanted, sizeof digest);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(depot_digests_chunk(&world->digests, &world->hashing, i, digest), DROVER_OK);
        assert_true(sha256_of(world->bytes + i * DEPOT_CHUNK_BYTES_MIN, i < 3 ? DEPOT_CHUNK_BYTES_MIN : 1000, wanted));
        assert_memory_equal(digest, wanted, sizeof digest);
    }
}

static void nothing_is_hashed_twice(void **state)
{
    struct world *world = *state;
    uint8_t digest[SHA256_BYTES];
    assert_int_equal(depot_digests_beginning(&world->digests, &world->hashing, FILE_BYTES, digest), DROVER_OK);
    assert_int_equal(world->hashing.hashed_bytes, FILE_BYTES);
    assert_int_equal(depot_digests_beginning(&world->digests, &world->hashing, 2 * DEPOT_CHUNK_BYTES_MIN + 7, digest), DROVER_OK);
    assert_int_equal(world->hashing.hashed_bytes, FILE_BYTES + 7);
    assert_int_equal(depot_digests_chunk(&world->digests, &world->hashing, 3, digest), DROVER_OK);
    assert_int_equal(depot_digests_chunk(&world->digests, &world->hashing, 3, digest), DROVER_OK);
    assert_int_equal(world->hashing.hashed_bytes, FILE_BYTES + 7 + 1000);
}

static void who_is_stopped_goes_on_where_it_stood(void **state)
{
    struct world *world = *state;
    uint8_t digest[SHA256_BYTES], wanted[SHA256_BYTES];
    unsigned tries = 1;
    world->blocks_left = 1;
    while (depot_digests_beginning(&world->digests, &world->hashing, FILE_BYTES, digest) == DROVER_TIMEOUT && tries < 10) {
        world->blocks_left = 1;
        tries++;
    }
    assert_int_equal(tries, 4);
    assert_true(sha256_of(world->bytes, FILE_BYTES, wanted));
    assert_memory_equal(digest, wanted, sizeof digest);
    world->blocks_left = 0;
    assert_int_equal(depot_digests_chunk(&world->digests, &world->hashing, 0, digest), DROVER_TIMEOUT);
    assert_false(world->digests.known[0]);
}

static void a_file_that_ends_early_is_an_error(void **state)
{
    struct world *world = *state;
    uint8_t digest[SHA256_BYTES];
    assert_int_equal(ftruncate(world->hashing.fd, 100000), 0);
    assert_int_equal(depot_digests_beginning(&world->digests, &world->hashing, 100001, digest), DROVER_IO);
    assert_int_equal(depot_digests_chunk(&world->digests, &world->hashing, 1, digest), DROVER_IO);
    assert_int_equal(depot_digests_beginning(&world->digests, &world->hashing, 100000, digest), DROVER_OK);
}

/* --- questions --- */

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void bodies_are_read_or_refused(void **state)
{
    static const struct {
        const char *body;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"{}", DROVER_OK, ""},
        {"{\"offset\":0,\"sha256\":\"" HEX "\"}", DROVER_OK, ""},
        {"{\"offset\":197608,\"sha256\":\"" HEX "\",\"more\":[1]}", DROVER_OK, ""},
        {"{\"chunk_bytes\":65536,\"chunks\":[]}", DROVER_OK, ""},
        {"{\"chunk_bytes\":65536,\"chunks\":[\"" HEX "\",null,\"" HEX "\",null]}", DROVER_OK, ""},
        {"{\"offset\":null,\"sha256\":null}", DROVER_OK, ""},
        {"", DROVER_SYNTAX, NULL},
        {"[]", DROVER_TYPE, NULL},
        {"{\"offset\":1}", DROVER_MISSING, "offset, sha256"},
        {"{\"sha256\":\"" HEX "\"}", DROVER_MISSING, "offset, sha256"},
        {"{\"offset\":197609,\"sha256\":\"" HEX "\"}", DROVER_RANGE, "offset"},
        {"{\"offset\":-1,\"sha256\":\"" HEX "\"}", DROVER_RANGE, "offset"},
        {"{\"offset\":1,\"sha256\":\"abc\"}", DROVER_SYNTAX, "sha256"},
        {"{\"offset\":1,\"sha256\":7}", DROVER_TYPE, "sha256"},
        {"{\"chunks\":[]}", DROVER_MISSING, "chunk_bytes, chunks"},
        {"{\"chunk_bytes\":65536}", DROVER_MISSING, "chunk_bytes, chunks"},
        {"{\"chunk_bytes\":4096,\"chunks\":[]}", DROVER_CONFLICT, "chunk_bytes"},
        {"{\"chunk_bytes\":0,\"chunks\":[]}", DROVER_RANGE, "chunk_bytes"},
        {"{\"chunk_bytes\":65536,\"chunks\":{}}", DROVER_TYPE, "chunks"},
        {"{\"chunk_bytes\":65536,\"chunks\":[1]}", DROVER_TYPE, "chunks"},
        {"{\"chunk_bytes\":65536,\"chunks\":[null,\"" HEX "0\"]}", DROVER_TOO_LONG, "chunks"},
        {"{\"chunk_bytes\":65536,\"chunks\":[null,null,null,null,null]}", DROVER_RANGE, "chunks"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct resume_question question;
        struct problem problem = {.where = ""};
        enum drover_error error = resume_question_read(rows[i].body, strlen(rows[i].body), FILE_BYTES, &question, &problem);
        if (error != rows[i].error || (rows[i].where != NULL && strcmp(problem.where, rows[i].where) != 0))
            fail_msg("%s: %s at %s", rows[i].body, drover_error_text(error), problem.where);
    }
}

static void a_question_holds_what_was_said(void **state)
{
    static const char body[] = "{\"offset\":77,\"sha256\":\"" HEX "\",\"chunk_bytes\":65536,\"chunks\":[null,\"" HEX "\"]}";
    struct resume_question question;
    char hex[SHA256_HEX_SIZE];
    (void)state;
    assert_int_equal(resume_question_read(body, sizeof body - 1, FILE_BYTES, &question, NULL), DROVER_OK);
    text_hex(hex, question.beginning, SHA256_BYTES);
    assert_true(question.has_beginning && question.offset == 77);
    assert_string_equal(hex, HEX);
    text_hex(hex, question.chunks[1], SHA256_BYTES);
    assert_true(question.chunk_count == 2 && !question.has_chunk[0] && question.has_chunk[1]);
    assert_string_equal(hex, HEX);
}

/* --- answers --- */

static void answer_is(int64_t size, int64_t right_bytes, const char *right, const char *wanted)
{
    struct resume_verdict verdict = {.right_bytes = right_bytes};
    struct buffer answer;
    for (size_t i = 0; right[i] != '\0'; i++)
        verdict.right[i] = right[i] == '1';
    buffer_init(&answer, 0);
    resume_answer_write(size, &verdict, &answer);
    assert_string_equal(answer.bytes, wanted);
    buffer_done(&answer);
}

static void answers_say_what_is_missing(void **state)
{
    (void)state;
    answer_is(200000, 0, "", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[],\"offset\":0,\"complete\":false,\"range\":\"bytes=0-199999\"}");
    answer_is(200000, 70000, "", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[0],\"offset\":70000,\"complete\":false,\"range\":\"bytes=70000-199999\"}");
    answer_is(200000, 70000, "01", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[0,1],\"offset\":131072,\"complete\":false,\"range\":\"bytes=131072-199999\"}");
    answer_is(200000, 0, "1010", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[0,2],\"offset\":65536,\"complete\":false,"
                                 "\"range\":\"bytes=65536-131071,196608-199999\"}");
    answer_is(200000, 200000, "", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[0,1,2,3],\"offset\":200000,\"complete\":true}");
    answer_is(200000, 0, "1111", "{\"size\":200000,\"chunk_bytes\":65536,\"skip\":[0,1,2,3],\"offset\":200000,\"complete\":true}");
    answer_is(1, 0, "", "{\"size\":1,\"chunk_bytes\":65536,\"skip\":[],\"offset\":0,\"complete\":false,\"range\":\"bytes=0-0\"}");
}

/* Every second chunk of 256: 128 holes, and a Range may have 16. */
static void the_range_is_one_that_the_depot_honours(void **state)
{
    const int64_t size = 16 << 20;
    struct resume_verdict verdict = {0};
    struct buffer answer;
    (void)state;
    for (unsigned i = 0; i < DEPOT_CHUNKS_MAX; i += 2)
        verdict.right[i] = true;
    buffer_init(&answer, 0);
    resume_answer_write(size, &verdict, &answer);
    const char *range = strstr(answer.bytes, "\"range\":\"");
    assert_non_null(range);
    range += strlen("\"range\":\"");
    struct http_ranges ranges = http_range_read(range, strcspn(range, "\""), size);
    assert_int_equal(ranges.count, HTTP_RANGES_MAX);
    for (unsigned i = 0; i < HTTP_RANGES_MAX; i++)
        assert_int_equal(ranges.list[i].start, (2 * i + 1) * DEPOT_CHUNK_BYTES_MIN);
    assert_int_equal(ranges.list[15].start + ranges.list[15].length, size);
    buffer_done(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_has_at_most_256_chunks),
        TEST(beginnings_and_chunks_have_their_digests),
        TEST(nothing_is_hashed_twice),
        TEST(who_is_stopped_goes_on_where_it_stood),
        TEST(a_file_that_ends_early_is_an_error),
        cmocka_unit_test(bodies_are_read_or_refused),
        cmocka_unit_test(a_question_holds_what_was_said),
        cmocka_unit_test(answers_say_what_is_missing),
        cmocka_unit_test(the_range_is_one_that_the_depot_honours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
