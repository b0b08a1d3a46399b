/* Any bytes as upgrade.log and as device.json: refused with a reason, or read, written and read again to the same text. The bytes are also put into
 * a frame with a right checksum, so that what lies behind it is reached. */
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#include "agent/crc32.h"
#include "agent/upgrade_log_text.h"

static void record_check(const char *bytes, size_t length)
{
    struct upgrade_record record, again;
    struct problem problem = {.error = DROVER_OK};
    struct buffer first, second;

    if (upgrade_record_read(bytes, length, &record, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return;
    }
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    upgrade_record_write(&record, &first);
    MUST(upgrade_record_read(first.bytes, first.length, &again, &problem) == DROVER_OK);
    upgrade_record_write(&again, &second);
    MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buffer_done(&first);
    buffer_done(&second);
}

static void memory_check(const char *bytes, size_t length)
{
    struct device_memory memory, again;
    struct problem problem = {.error = DROVER_OK};
    struct buffer text;

    if (device_memory_read(bytes, length, &memory, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return;
    }
    buffer_init(&text, 0);
    device_memory_write(&memory, &text);
    MUST(device_memory_read(text.bytes, text.length, &again, NULL) == DROVER_OK);
    MUST(memory.release_counter == again.release_counter && memory.floor_ms == again.floor_ms && memory.notice_epoch == again.notice_epoch);
    buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct buffer framed;

    record_check((const char *)bytes, length);
    memory_check((const char *)bytes, length);
    buffer_init(&framed, 0);
    buffer_add_format(&framed, "{\"schema\":1,\"crc32\":\"%08" PRIx32 "\",\"data\":", crc32_of(bytes, length));
    buffer_add(&framed, bytes, length);
    buffer_add_text(&framed, "}");
    record_check(framed.bytes, framed.length);
    memory_check(framed.bytes, framed.length);
    buffer_done(&framed);
    return 0;
}
