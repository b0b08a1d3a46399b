/* Every piece of garbage is refused by the reader of its topic, but for the one well-formed report of an upgrade nobody has. */
#include "check.h"

#include "proto/heartbeat.h"
#include "proto/online.h"
#include "proto/report.h"
#include "sim/garbage.h"

static bool refused(enum topic_kind kind, const struct buffer *message)
{
    struct problem problem;
    struct heartbeat heartbeat;
    struct report report;
    bool online;

    if (message->length > MESSAGE_SIZE)
        return true; /* refused before it is read */
    if (kind == TOPIC_HEARTBEAT)
        return heartbeat_read("d1", message->bytes, message->length, &heartbeat, &problem) != DROVER_OK;
    if (kind == TOPIC_ONLINE)
        return online_read(message->bytes, message->length, &online, &problem) != DROVER_OK;
    return report_read("d1", message->bytes, message->length, &report, &problem) != DROVER_OK;
}

static void garbage_is_refused(void **state)
{
    unsigned accepted = 0, longer = 0;
    struct buffer message;

    (void)state;
    buffer_init(&message, 4 * MESSAGE_SIZE);
    for (uint64_t i = 0; i < GARBAGE_KINDS; i++) {
        enum topic_kind kind;

        buffer_clear(&message);
        kind = garbage_make(i, &message);
        assert_false(message.failed);
        longer += message.length > MESSAGE_SIZE;
        if (!refused(kind, &message)) {
            accepted++;
            assert_int_equal(kind, TOPIC_REPORT);
            assert_non_null(strstr(message.bytes, "ffffffffffffffff"));
        }
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(longer, 1);
    buffer_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(garbage_is_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
