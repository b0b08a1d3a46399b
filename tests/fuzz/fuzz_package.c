/* Any bytes as a package: as they are, with their checksums made right, and against a trust store, which nothing may pass: its key was made
 * a moment ago and has signed nothing. However the bytes are cut into pieces, the verdict is the same. */
#include "fuzz.h"

#include <zlib.h>

#include "firmware/package_reader.h"

struct seen {
    const struct package_head *head;
    int64_t bytes[PACKAGE_COMPONENTS_MAX];
    unsigned ended;
};

static enum error_code seen_proved(void *arg, const struct package_head *head, struct problem *problem)
{
    struct seen *seen = arg;

    (void)problem;
    MUST(!seen->head);
    seen->head = head;
    return E_NONE;
}

static enum error_code seen_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *problem)
{
    struct seen *seen = arg;
    enum delta_algorithm algorithm = package_head_part(seen->head, component).algorithm;

    (void)bytes;
    (void)problem;
    seen->bytes[component] += (int64_t)length;
    MUST(algorithm != DELTA_COPY && component == seen->ended);
    MUST(seen->bytes[component] <= (algorithm == DELTA_FULL ? seen->head->manifest.components[component].size_bytes : package_head_part(seen->head, component).stored_bytes));
    return E_NONE;
}

static enum error_code seen_end(void *arg, unsigned component, struct problem *problem)
{
    (void)problem;
    MUST(component == ((struct seen *)arg)->ended++);
    return E_NONE;
}

static enum error_code read_in_pieces(const uint8_t *bytes, size_t length, size_t step, const struct trust *trust)
{
    static const uint8_t model_key[1][CONTENT_KEY_BYTES] = {"the model key of the fuzz seeds."};
    struct package_policy policy = {.trust = trust};
    struct recipient_keys keys = {.model_keys = model_key, .model_key_count = 1};
    struct seen seen = {0};
    struct package_sink sink = {.proved = seen_proved, .data = seen_data, .end = seen_end, .arg = &seen};
    struct package_reader *reader = package_reader_new(&policy, &keys, &sink);
    struct problem problem = {0};
    enum error_code code = E_NONE;

    MUST(reader);
    for (size_t at = 0; at < length && !code; at += step)
        code = package_reader_feed(reader, bytes + at, length - at < step ? length - at : step, &problem);
    if (!code)
        code = package_reader_end(reader, &problem);
    MUST(code != E_NONE || (seen.head && seen.ended == seen.head->manifest.component_count));
    MUST(code == E_NONE || (problem.where[0] && problem.what[0]));
    MUST(!trust || !seen.head);
    package_reader_free(reader);
    return code;
}

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void mend(uint8_t *bytes, size_t length)
{
    size_t metadata = get32(bytes + 24);

    if (metadata <= length - PACKAGE_HEADER_BYTES)
        put32(bytes + 28, (uint32_t)crc32_z(0, bytes + PACKAGE_HEADER_BYTES, metadata));
    put32(bytes + 60, (uint32_t)crc32_z(0, bytes, 60));
    put32(bytes + length - 4, (uint32_t)crc32_z(0, bytes, length - 4));
}

/* One key of this process, which signs nothing. */
static const struct trust *somebody(void)
{
    static struct trust trust;
    static bool made;
    struct trust_key entry = {.roles = 1u << TRUST_PACKAGE | 1u << TRUST_DELTA, .name = "nobody's"};
    struct private_key *key;

    if (made)
        return &trust;
    trust_init(&trust);
    MUST(private_key_generate(KEY_ED25519, &key, NULL) == DROVER_OK);
    entry.key = private_key_public(key);
    MUST(entry.key && trust_add(&trust, &entry, NULL) == DROVER_OK);
    public_key_free(entry.key);
    private_key_free(key);
    made = true;
    return &trust;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint8_t *mended;
    enum error_code code = read_in_pieces(bytes, length, length ? length : 1, NULL);

    MUST(read_in_pieces(bytes, length, 1 + length % 61, NULL) == code);
    if (length < PACKAGE_HEADER_BYTES + PACKAGE_TRAILER_BYTES)
        return 0;
    mended = malloc(length);
    MUST(mended);
    memcpy(mended, bytes, length);
    mend(mended, length);
    (void)read_in_pieces(mended, length, length, NULL);
    MUST(read_in_pieces(mended, length, length, somebody()) != E_NONE);
    free(mended);
    return 0;
}
