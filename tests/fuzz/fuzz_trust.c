/* Any bytes as a trust document, plain or signed: what is taken is well-formed, writes the same bytes again, and never replaces itself. */
#include "fuzz.h"

#include "firmware/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char nothing[1];
    const char *text = length ? (const char *)bytes : nothing;
    struct problem problem = {0};
    struct trust trust, again, taken;
    struct buffer first, second;

    if (trust_read(text, length, &trust, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(trust.version >= 0 && trust.key_count <= TRUST_KEYS_MAX);
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++)
        MUST(trust.thresholds[i] > 0 || i == TRUST_DELTA);
    for (unsigned i = 0; i < trust.key_count; i++)
        MUST(trust_find(&trust, public_key_id(trust.keys[i].key)) == &trust.keys[i] && key_type_signs(public_key_type(trust.keys[i].key)));
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    trust_write(&trust, &first);
    MUST(!first.failed);
    if (first.length <= TRUST_BYTES_MAX) { /* escapes may make it longer than what was read */
        MUST(trust_read(first.bytes, first.length, &again, NULL) == DROVER_OK);
        trust_write(&again, &second);
        MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
        trust_done(&again);
    }
    MUST(trust_update(&trust, text, length, 1, &taken, NULL) != E_NONE);
    buffer_done(&first);
    buffer_done(&second);
    trust_done(&trust);
    return 0;
}
