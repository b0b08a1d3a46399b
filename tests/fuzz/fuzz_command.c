/* Any bytes as a command: refused with a reason, or read, written and read again to the same text. */
#include "fuzz.h"

#include "proto/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct command message, again;
    struct problem problem = {0};
    struct buffer first, second;

    if (command_read((const char *)bytes, length, &message, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    command_write(&message, &first);
    MUST(command_read(first.bytes, first.length, &again, &problem) == DROVER_OK);
    command_write(&again, &second);
    MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buffer_done(&first);
    buffer_done(&second);
    return 0;
}
