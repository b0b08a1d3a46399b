/* Growth, the limit at its edge, and failures that stick. */
#include "check.h"

#include "common/buffer.h"

static void grows_and_stays_terminated(void **state)
{
    struct buffer buffer;
    size_t length;
    char *bytes;

    (void)state;
    buffer_init(&buffer, 0);
    for (unsigned i = 0; i < 1000; i++) {
        buffer_add(&buffer, "ab", 2);
        assert_int_equal(buffer.bytes[buffer.length], '\0');
    }
    buffer_add_format(&buffer, "%d-%s", 42, "x");
    buffer_add_text(&buffer, "");
    assert_int_equal(buffer.length, 2004);
    assert_string_equal(buffer.bytes + 2000, "42-x");
    bytes = buffer_take(&buffer, &length);
    assert_int_equal(length, 2004);
    assert_int_equal(strlen(bytes), 2004);
    assert_null(buffer.bytes);
    free(bytes);
    buffer_done(&buffer);
}

static void room_is_written_by_the_caller(void **state)
{
    struct buffer buffer;
    char *room;

    (void)state;
    buffer_init(&buffer, 300);
    buffer_add_text(&buffer, "ab");
    room = buffer_extend(&buffer, 298);
    assert_non_null(room);
    memset(room, 'c', 298);
    assert_int_equal(buffer.length, 300);
    assert_int_equal(strlen(buffer.bytes), 300);
    assert_memory_equal(buffer.bytes, "abc", 3);
    assert_null(buffer_extend(&buffer, 1));
    assert_true(buffer.failed);
    buffer_clear(&buffer);
    assert_null(buffer_extend(&buffer, SIZE_MAX));
    buffer_done(&buffer);
}

static void limit_is_exact(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 10);
    buffer_add(&buffer, "0123456789", 10);
    assert_false(buffer.failed);
    buffer_add(&buffer, "", 0);
    assert_false(buffer.failed);
    buffer_add_text(&buffer, "x");
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 10);
    buffer_clear(&buffer);
    buffer_add_format(&buffer, "%s", "0123456789");
    assert_false(buffer.failed);
    buffer_add_format(&buffer, "%d", 1);
    assert_true(buffer.failed);
    buffer_done(&buffer);
}

static void failure_sticks(void **state)
{
    struct buffer buffer;
    size_t length = 77;

    (void)state;
    buffer_init(&buffer, 3);
    buffer_add_text(&buffer, "four");
    buffer_add_text(&buffer, "ok");
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 0);
    assert_null(buffer_take(&buffer, &length));
    assert_int_equal(length, 77);
    buffer_add_text(&buffer, "ok"); /* taken: it starts afresh */
    assert_false(buffer.failed);
    buffer_add(&buffer, "", SIZE_MAX);
    assert_true(buffer.failed);
    buffer_done(&buffer);
}

static void empty_buffer_gives_an_empty_text(void **state)
{
    struct buffer buffer;
    size_t length = 77;
    char *bytes;

    (void)state;
    buffer_init(&buffer, 0);
    bytes = buffer_take(&buffer, &length);
    assert_non_null(bytes);
    assert_string_equal(bytes, "");
    assert_int_equal(length, 0);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(room_is_written_by_the_caller),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(empty_buffer_gives_an_empty_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
