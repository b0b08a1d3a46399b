/* Answers in an arena: what hiredis' reader makes there, how much is kept, and that nothing is lost when an answer breaks off. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

#include "common/buffer.h"
#include "orchestrator/edges/redis_arena.h"

#define LARGE_BYTES (3u << 20)
#define MANY 20000u            /* strings: more than fit into the chunks that are kept */

static struct redis_arena arena;
static redisReader *reader;
static unsigned allocations_left = UINT_MAX;   /* of our own code; those of hiredis go on */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left != UINT_MAX;
    return __real_malloc(size);
}

static int begin(void **state)
{
    (void)state;
    arena = (struct redis_arena){.spare = NULL};
    reader = redisReaderCreate();
    assert_non_null(reader);
    redis_arena_serve(&arena, reader);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redisReaderFree(reader);
    redis_arena_done(&arena);
    return 0;
}

static void feed(const char *bytes, size_t length)
{
    assert_int_equal(redisReaderFeed(reader, bytes, length), REDIS_OK);
}

static redisReply *next(void)
{
    void *reply = NULL;

    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    return reply;
}

static redisReply *read_text(const char *text)
{
    feed(text, strlen(text));
    redisReply *reply = next();
    assert_non_null(reply);
    return reply;
}

static void text_is(const redisReply *reply, int type, const char *text)
{
    assert_int_equal(reply->type, type);
    assert_int_equal(reply->len, strlen(text));
    assert_string_equal(reply->str, text);
}

static void kinds_are_what_hiredis_makes(void **state)
{
    (void)state;
    redisReply *reply = read_text("*8\r\n$5\r\nstate\r\n$0\r\n\r\n$-1\r\n*-1\r\n:-7\r\n+OK\r\n-ERR no\r\n*2\r\n*0\r\n*1\r\n:1\r\n");

    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 8);
    text_is(reply->element[0], REDIS_REPLY_STRING, "state");
    text_is(reply->element[1], REDIS_REPLY_STRING, "");
    assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
    assert_int_equal(reply->element[3]->type, REDIS_REPLY_NIL);
    assert_int_equal(reply->element[4]->type, REDIS_REPLY_INTEGER);
    assert_int_equal(reply->element[4]->integer, -7);
    text_is(reply->element[5], REDIS_REPLY_STATUS, "OK");
    text_is(reply->element[6], REDIS_REPLY_ERROR, "ERR no");
    assert_int_equal(reply->element[7]->element[0]->elements, 0);
    assert_null(reply->element[7]->element[0]->element);
    assert_int_equal(reply->element[7]->element[1]->element[0]->integer, 1);
    redis_reply_free(reply);
    redis_reply_free(NULL);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    static const char bytes[] = "*2\r\n*2\r\n$3\r\na\0b\r\n$1\r\nc\r\n$4\r\nlast\r\n";
    redisReply *reply = NULL;

    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        assert_null(reply);
        feed(bytes + i, 1);
        reply = next();
    }
    assert_non_null(reply);
    assert_int_equal(reply->element[0]->element[0]->len, 3);
    assert_memory_equal(reply->element[0]->element[0]->str, "a\0b", 4);
    text_is(reply->element[1], REDIS_REPLY_STRING, "last");
    redis_reply_free(reply);
}

static void several_may_be_held(void **state)
{
    (void)state;
    redisReply *first = read_text("*1\r\n$5\r\nfirst\r\n"), *second = read_text("$6\r\nsecond\r\n"), *third;

    redis_reply_free(first);
    third = read_text("$5\r\nthird\r\n");
    text_is(second, REDIS_REPLY_STRING, "second");
    text_is(third, REDIS_REPLY_STRING, "third");
    redis_reply_free(second);
    redis_reply_free(third);
    assert_int_equal(arena.spare_count, 2);
}

static void the_same_memory_serves_the_next(void **state)
{
    (void)state;
    const redisReply *before = NULL;

    for (unsigned i = 0; i < 1000; i++) {
        redisReply *reply = read_text("*2\r\n$3\r\nkey\r\n:5\r\n");

        assert_true(!before || before == reply);
        before = reply;
        redis_reply_free(reply);
    }
    assert_int_equal(arena.spare_count, 1);
}

static void large_ones_are_not_kept(void **state)
{
    (void)state;
    struct buffer text;
    char *large = malloc(LARGE_BYTES);

    assert_non_null(large);
    memset(large, 'x', LARGE_BYTES);
    buffer_init(&text, 0);
    buffer_add_format(&text, "*3\r\n$2\r\nab\r\n$%u\r\n", LARGE_BYTES);
    buffer_add(&text, large, LARGE_BYTES);
    buffer_add_text(&text, "\r\n$2\r\ncd\r\n");
    feed(text.bytes, text.length);
    redisReply *reply = next();
    assert_non_null(reply);
    text_is(reply->element[0], REDIS_REPLY_STRING, "ab");
    assert_int_equal(reply->element[1]->len, LARGE_BYTES);
    assert_memory_equal(reply->element[1]->str, large, LARGE_BYTES);
    text_is(reply->element[2], REDIS_REPLY_STRING, "cd");
    redis_reply_free(reply);
    assert_int_equal(arena.spare_count, 1);
    buffer_done(&text);
    free(large);
}

static void of_many_chunks_a_bounded_number_is_kept(void **state)
{
    (void)state;
    struct buffer text;
    char expected[32];

    buffer_init(&text, 0);
    buffer_add_format(&text, "*%u\r\n", MANY);
    for (unsigned i = 0; i < MANY; i++)
        buffer_add_format(&text, "$40\r\n%040u\r\n", i);
    feed(text.bytes, text.length);
    redisReply *reply = next();
    assert_non_null(reply);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(expected, sizeof expected, "%020u", i);
        assert_string_equal(reply->element[i]->str + 20, expected);
    }
    redis_reply_free(reply);
    assert_int_equal(arena.spare_count, 16);
    buffer_done(&text);
}

static void breaks(const char *text, int error)
{
    void *reply = NULL;

    feed(text, strlen(text));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
    assert_null(reply);
    assert_int_equal(reader->err, error);
}

static void a_broken_one_gives_its_memory_back(void **state)
{
    (void)state;
    breaks("*3\r\n$3\r\nabc\r\n*1\r\n:1\r\nHTTP/1.1 400 Bad Request\r\n", REDIS_ERR_PROTOCOL);
    assert_int_equal(arena.spare_count, 1);
}

static void one_nested_too_deep_gives_its_memory_back(void **state)
{
    (void)state;
    breaks("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", REDIS_ERR_PROTOCOL);
    assert_int_equal(arena.spare_count, 1);
}

static void half_a_one_gives_its_memory_back(void **state)
{
    (void)state;
    feed("*3\r\n$3\r\nabc\r\n", 13);
    assert_null(next());
    assert_int_equal(arena.spare_count, 0);
    redisReaderFree(reader);
    reader = NULL;
    assert_int_equal(arena.spare_count, 1);
    reader = redisReaderCreate();
}

static void an_array_that_promises_too_much_is_out_of_memory(void **state)
{
    (void)state;
    breaks("*2\r\n$3\r\nabc\r\n*2147483647\r\n", REDIS_ERR_OOM);
    assert_int_equal(arena.spare_count, 1);
}

/* Each allocation of an answer fails once: the first chunk, a large string, a large array, the next chunk. */
static void without_memory_there_is_no_answer(void **state)
{
    struct buffer whole, nested;
    char *large = calloc(1, 2 * MANY);

    assert_non_null(large);
    memset(large, 'x', 2 * MANY - 1);
    buffer_init(&whole, 0);
    buffer_init(&nested, 0);
    buffer_add_format(&whole, "$%u\r\n%s\r\n", 2 * MANY - 1, large);
    buffer_add_format(&nested, "*2\r\n%s*%u\r\n", whole.bytes, MANY);
    for (unsigned i = 0; i < MANY; i++)
        buffer_add_text(&nested, "$1\r\nx\r\n");
    for (unsigned i = 0; i < 6; i++) {
        allocations_left = i < 2 ? i : i - 2;
        breaks(i < 2 ? whole.bytes : nested.bytes, REDIS_ERR_OOM);
        allocations_left = UINT_MAX;
        redisReaderFree(reader);
        redis_arena_done(&arena);
        assert_int_equal(begin(state), 0);
    }
    buffer_done(&whole);
    buffer_done(&nested);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds_are_what_hiredis_makes, begin, end),
        cmocka_unit_test_setup_teardown(bytes_may_come_one_by_one, begin, end),
        cmocka_unit_test_setup_teardown(several_may_be_held, begin, end),
        cmocka_unit_test_setup_teardown(the_same_memory_serves_the_next, begin, end),
        cmocka_unit_test_setup_teardown(large_ones_are_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(of_many_chunks_a_bounded_number_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_broken_one_gives_its_memory_back, begin, end),
        cmocka_unit_test_setup_teardown(one_nested_too_deep_gives_its_memory_back, begin, end),
        cmocka_unit_test_setup_teardown(half_a_one_gives_its_memory_back, begin, end),
        cmocka_unit_test_setup_teardown(an_array_that_promises_too_much_is_out_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_answer, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
