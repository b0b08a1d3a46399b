/* The two payloads, byte for byte: brokers send the second one as a last will. */
#include "check.h"

#include "proto/online.h"

static void payloads_are_fixed(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    online_write(true, &buffer);
    assert_string_equal(buffer.bytes, "{\"online\":true}");
    buffer_clear(&buffer);
    online_write(false, &buffer);
    assert_string_equal(buffer.bytes, "{\"online\":false}");
    buffer_done(&buffer);
}

static void both_are_read(void **state)
{
    bool online = false;

    (void)state;
    assert_int_equal(online_read("{\"online\":true}", 15, &online, NULL), DROVER_OK);
    assert_true(online);
    assert_int_equal(online_read("{\"online\":false}", 16, &online, NULL), DROVER_OK);
    assert_false(online);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(payloads_are_fixed), cmocka_unit_test(both_are_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
