/* The three kinds of commands as they are written, and read again by a device. */
#include "check.h"

#include "proto/command.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define COMMON "\"upgrade_id\":\"u7\",\"rollout\":\"r1\",\"attempt\":2,\"version\":\"1.5.0\",\"deadline_ms\":1700000000000"

static const struct {
    enum command_kind kind;
    const char *text;
} rows[] = {
    {COMMAND_UPDATE, "{\"schema\":1,\"command\":\"update\"," COMMON ",\"url\":\"http://h/a\",\"size\":77,\"sha256\":\"" SHA "\","
                     "\"manifest_sha256\":\"" SHA "\",\"delta\":true,\"base_version\":\"1.4.0\"}"},
    {COMMAND_CANCEL, "{\"schema\":1,\"command\":\"cancel\"," COMMON "}"},
    {COMMAND_ROLLBACK, "{\"schema\":1,\"command\":\"rollback\"," COMMON "}"},
};

static void written_as_agreed(void **state)
{
    struct command command = {
        .upgrade_id = "u7", .rollout = "r1", .attempt = 2, .version = "1.5.0", .deadline_ms = 1700000000000,
        .url = "http://h/a", .size_bytes = 77, .sha256 = SHA, .manifest_sha256 = SHA, .delta = true, .base_version = "1.4.0",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer buffer;

        command.kind = rows[i].kind;
        buffer_init(&buffer, 0);
        command_write(&command, &buffer);
        assert_string_equal(buffer.bytes, rows[i].text);
        buffer_done(&buffer);
    }
}

static void read_into_the_right_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command command;
        bool update = rows[i].kind == COMMAND_UPDATE;

        assert_int_equal(command_read(rows[i].text, strlen(rows[i].text), &command, NULL), DROVER_OK);
        assert_int_equal(command.kind, rows[i].kind);
        assert_string_equal(command.upgrade_id, "u7");
        assert_string_equal(command.rollout, "r1");
        assert_int_equal(command.attempt, 2);
        assert_string_equal(command.version, "1.5.0");
        assert_true(command.deadline_ms == 1700000000000);
        assert_string_equal(command.url, update ? "http://h/a" : "");
        assert_int_equal(command.size_bytes, update ? 77 : 0);
        assert_string_equal(command.sha256, update ? SHA : "");
        assert_string_equal(command.manifest_sha256, update ? SHA : "");
        assert_int_equal(command.delta, update);
        assert_string_equal(command.base_version, update ? "1.4.0" : "");
    }
}

/* The largest field of any message, as long as it may be and longer, plain and written with escapes. */
static void permits_of_every_length(void **state)
{
    static const size_t lengths[] = {511, 512, 513, COMMAND_PERMIT_SIZE - 1, COMMAND_PERMIT_SIZE, 6000};
    struct command command = {0};
    char permit[COMMAND_PERMIT_SIZE];

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(lengths); i++) {
        size_t length = lengths[i / 2];
        bool fits = length < sizeof permit;
        struct buffer buffer;

        buffer_init(&buffer, 0);
        buffer_add_text(&buffer, "{\"schema\":1,\"command\":\"rollback\"," COMMON ",\"permit\":\"");
        for (size_t at = 0; at < length; at++)
            buffer_add_text(&buffer, at == 0 && i % 2 ? "\\u0061" : "a");
        buffer_add_text(&buffer, "\"}");
        assert_int_equal(command_read(buffer.bytes, buffer.length, &command, NULL), fits ? DROVER_OK : DROVER_TOO_LONG);
        command_read_permit(buffer.bytes, buffer.length, permit);
        assert_true(strlen(permit) == (fits ? length : 0) && strspn(permit, "a") == strlen(permit));
        if (fits) {   /* and back */
            struct buffer again;

            command.permit = permit;
            buffer_init(&again, 0);
            command_write(&command, &again);
            command_read_permit(again.bytes, again.length, permit);
            assert_int_equal(strlen(permit), length);
            buffer_done(&again);
        }
        buffer_done(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_as_agreed), cmocka_unit_test(read_into_the_right_fields), cmocka_unit_test(permits_of_every_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
