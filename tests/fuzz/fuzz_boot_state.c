/* Any bytes as boot.state: refused, or they are exactly what is written for what they say; and the boot loader's choice leads to a state that can be
 * read again, until no boots are left. The checksum is put right first, so that what lies behind it is reached. */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/crc32.h"
#include "agent/slots_boot_state.h"

#define SUM_LINE_BYTES 15   /* "crc32=89abcdef\n" */

static void check(const char *bytes, size_t length)
{
    struct boot_state state, again;
    struct problem problem = {.error = DROVER_OK};
    char text[BOOT_STATE_BYTES];

    if (boot_state_read(bytes, length, &state, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return;
    }
    MUST(boot_state_write(&state, text) == length && memcmp(text, bytes, length) == 0);
    for (unsigned boots = 0; boots < 100; boots++) {
        enum slot slot = boot_state_choose(&state);

        MUST(state.slots[slot].mark != SLOT_INVALID || state.slots[slot_other(slot)].mark == SLOT_INVALID);
        MUST(boot_state_read(text, boot_state_write(&state, text), &again, NULL) == DROVER_OK && boot_state_is(&state, &again));
    }
    MUST(state.tries == 0 && state.booted != (enum slot)state.trying);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[BOOT_STATE_BYTES + 1];

    check((const char *)bytes, length);
    if (length < SUM_LINE_BYTES || length >= sizeof text)
        return 0;
    memcpy(text, bytes, length - SUM_LINE_BYTES);
    (void)snprintf(text + length - SUM_LINE_BYTES, SUM_LINE_BYTES + 1, "crc32=%08" PRIx32 "\n", crc32_of(text, length - SUM_LINE_BYTES));
    check(text, length);
    return 0;
}
