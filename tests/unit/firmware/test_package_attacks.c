/* Attacks on packages, by their numbers in the list of attacks: 1 unsigned or wrongly signed, 2 older versions, 3 replays, 4 mixed parts,
 * 5 endless data and bombs, 14 names that are paths, 16 wrong clocks. Each ends with an honest package that is accepted by the same
 * policy: nothing is remembered. Damaged bytes stand in test_package_flips.c. */
#include "package_fixture.h"

#include <zstd.h>

#include "firmware/permit.h"

static struct bytes package;   /* honest, signed */
static struct bytes unsigned_package;

static int begin(void **state)
{
    fixture_begin(state);
    package = fixture_package(*state);
    {
        struct package_plan plan = fixture_plan(*state, "unsigned.dfw");

        plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
        unsigned_package = fixture_create(&plan);
    }
    return 0;
}

static int end(void **state)
{
    bytes_done(&package);
    bytes_done(&unsigned_package);
    return fixture_end(state);
}

/* Refused before anything went to the sink; then the honest one is taken. */
static void refused_before_anything(const struct bytes *bad, const struct package_policy *policy, enum error_code wanted, const char *row)
{
    struct fixture_sink sink;
    struct problem problem;

    CHECK_CODE(fixture_read(bad, 0, policy, NULL, &sink, &problem), wanted, problem, row);
    assert_int_equal(sink.proved, 0);
    assert_int_equal(sink.begun, 0);
    CHECK_CODE(fixture_read(&package, 0, policy, NULL, &sink, &problem), E_NONE, problem, "the honest one");
}

static void refused_and_done(struct bytes bad, const struct package_policy *policy, enum error_code wanted, const char *row)
{
    refused_before_anything(&bad, policy, wanted, row);
    bytes_done(&bad);
}

/* A manifest of one small uncompressed component, complete and true for this image. */
static struct manifest manifest_of(const void *image, size_t length, const char *version, int64_t counter)
{
    struct manifest manifest = {.chunk_bytes = CHUNK_BYTES_MAX, .component_count = 1, .chunk_count = 1, .size_bytes = (int64_t)length,
                                .build_time_ms = FIXTURE_NOW_MS - FIXTURE_DAY_MS, .release_counter = counter};

    (void)text_copy(manifest.version, sizeof manifest.version, version);
    (void)text_copy(manifest.model, sizeof manifest.model, "esp32");
    manifest.components[0] = (struct component){.name = "app", .part = "app", .size_bytes = (int64_t)length, .stored_bytes = (int64_t)length, .chunk_count = 1};
    manifest.chunks = calloc(1, sizeof *manifest.chunks);
    assert_non_null(manifest.chunks);
    assert_true(sha256_of(image, length, manifest.components[0].sha256) && sha256_of(image, length, manifest.chunks[0]));
    return manifest;
}

static struct bytes small_package(const struct fixture *fixture, const char *version, int64_t counter, int64_t expires_ms, const char *image)
{
    struct manifest manifest = manifest_of(image, strlen(image), version, counter);
    struct bytes payload = {(uint8_t *)(uintptr_t)image, strlen(image)}, made;

    manifest.expires_ms = expires_ms;
    made = fixture_of(fixture, &manifest, &payload, fixture->key);
    manifest_done(&manifest);
    return made;
}

static void attack_01_unsigned_or_wrongly_signed(void **state)
{
    const struct fixture *fixture = *state;
    struct package_policy policy = fixture_policy(fixture);
    struct trust two = fixture->trust;
    struct bytes again;

    refused_before_anything(&unsigned_package, &policy, E_SIGNATURE, "unsigned");
    refused_and_done(fixture_signed(&unsigned_package, fixture->stranger, NULL, 0), &policy, E_SIGNATURE, "by a stranger");
    refused_and_done(fixture_signed(&unsigned_package, fixture->key, "{}", 2), &policy, E_SIGNATURE, "over something else");
    two.thresholds[TRUST_PACKAGE] = 2;
    policy.trust = &two;
    again = fixture_signed(&package, fixture->key, NULL, 0);
    {
        struct fixture_sink sink;
        struct problem problem;
        struct bytes both = fixture_signed(&package, fixture->second_key, NULL, 0);

        CHECK_CODE(fixture_read(&package, 0, &policy, NULL, &sink, &problem), E_SIGNATURE, problem, "one of two");
        CHECK_CODE(fixture_read(&again, 0, &policy, NULL, &sink, &problem), E_SIGNATURE, problem, "the same one twice");
        CHECK_CODE(fixture_read(&both, 0, &policy, NULL, &sink, &problem), E_NONE, problem, "two of two");
        bytes_done(&both);
    }
    bytes_done(&again);
}

/* The signature of another release's manifest, by the right key, moved over. */
static void attack_01_signature_of_another_release(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct bytes other = small_package(*state, "1.2.0", 8, 0, "other");
    size_t length;
    const char *manifest = fixture_manifest(&other, &length);

    refused_and_done(fixture_signed(&unsigned_package, ((struct fixture *)*state)->key, manifest, length), &policy, E_SIGNATURE, "moved signature");
    bytes_done(&other);
}

static void trust_put(struct trust *trust, const struct private_key *private, unsigned roles)
{
    struct trust_key key = {.key = private_key_public(private), .roles = roles};
    struct problem problem;

    assert_int_equal(trust_add(trust, &key, &problem), DROVER_OK);
    public_key_free(key.key);
}

/* A trust document of somebody else's roots, or none at all, behind an honest signature: nothing is adopted, nothing is installed. */
static void attack_01_trust_of_a_stranger(void **state)
{
    const struct fixture *fixture = *state;
    struct package_policy policy = fixture_policy(fixture);
    struct trust ours, theirs;
    struct buffer jws;
    struct problem problem;
    struct section section = {.type = SECTION_TRUST, .flags = SECTION_CRITICAL, .length = 9};
    struct bytes stolen;

    trust_init(&ours);
    trust_put(&ours, fixture->key, 1u << TRUST_PACKAGE);
    trust_put(&ours, fixture->second_key, 1u << TRUST_ROOT);
    policy.trust = &ours;
    refused_and_done(fixture_with_section(&package, section, "not a JWS"), &policy, E_INCOMPATIBLE, "no trust document");
    trust_init(&theirs);
    theirs.version = 100;
    trust_put(&theirs, fixture->stranger, 1u << TRUST_ROOT | 1u << TRUST_PACKAGE);
    buffer_init(&jws, 0);
    assert_int_equal(trust_sign(&theirs, (const struct private_key *const[]){fixture->stranger}, 1, &jws, &problem), DROVER_OK);
    section.length = jws.length;
    refused_and_done(fixture_with_section(&package, section, jws.bytes), &policy, E_SIGNATURE, "an honest package with a stranger's trust document");
    stolen = fixture_signed(&unsigned_package, fixture->stranger, NULL, 0);
    refused_and_done(fixture_with_section(&stolen, section, jws.bytes), &policy, E_SIGNATURE, "a stranger's package that brings its own trust");
    policy.trust = &fixture->trust;
    refused_and_done(fixture_with_section(&stolen, section, jws.bytes), &policy, E_SIGNATURE, "the same, for a store without roots");
    bytes_done(&stolen);
    buffer_done(&jws);
    trust_done(&theirs);
    trust_done(&ours);
}

static void attack_02_an_older_version(void **state)
{
    struct package_policy policy = fixture_policy(*state);

    refused_and_done(small_package(*state, "0.9.0", 9, 0, "old"), &policy, E_DOWNGRADE, "version");
    refused_and_done(small_package(*state, "1.0.0-rc.1", 9, 0, "old"), &policy, E_DOWNGRADE, "pre-release of what runs");
    refused_and_done(small_package(*state, "1.2.0", 4, 0, "old"), &policy, E_DOWNGRADE, "counter");
}

static struct buffer permit_text(const struct private_key *key, struct permit permit)
{
    struct problem problem;
    struct buffer jws;

    buffer_init(&jws, 0);
    (void)text_copy(permit.id, sizeof permit.id, "permit-1");
    if (permit_make(&permit, &key, 1, &jws, &problem))
        fail_msg("%s: %s", problem.where, problem.what);
    return jws;
}

static void attack_02_permits(void **state)
{
    const struct fixture *fixture = *state;
    const struct permit good = {.model = "esp32", .to_version = "0.9.0", .device_id = "dev-1", .not_before_ms = FIXTURE_NOW_MS - 1000, .expires_ms = FIXTURE_NOW_MS + 1000};
    struct permit other_device = good, other_model = good, other_version = good, expired = good, early = good, by_rollout = good, other_start = good;
    struct bytes old = small_package(fixture, "0.9.0", 3, 0, "old");
    struct {
        const char *row;
        const struct permit *permit;
        const struct private_key *key;
        enum error_code wanted;
    } rows[] = {
        {"this device", &good, fixture->key, E_NONE},
        {"its rollout", &by_rollout, fixture->key, E_NONE},
        {"another device", &other_device, fixture->key, E_DOWNGRADE},
        {"another model", &other_model, fixture->key, E_DOWNGRADE},
        {"another version", &other_version, fixture->key, E_DOWNGRADE},
        {"from another version", &other_start, fixture->key, E_DOWNGRADE},
        {"expired", &expired, fixture->key, E_DOWNGRADE},
        {"not yet", &early, fixture->key, E_DOWNGRADE},
        {"by a stranger", &good, fixture->stranger, E_DOWNGRADE},
    };

    (void)text_copy(other_device.device_id, ID_SIZE, "dev-2");
    (void)text_copy(other_model.model, ID_SIZE, "esp8266");
    (void)text_copy(other_version.to_version, VERSION_SIZE, "0.8.0");
    (void)text_copy(other_start.from_version, VERSION_SIZE, "1.5.0");
    expired.expires_ms = FIXTURE_NOW_MS - 500;
    early.not_before_ms = FIXTURE_NOW_MS + 500;
    by_rollout.device_id[0] = '\0';
    (void)text_copy(by_rollout.rollout, ID_SIZE, "spring");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct package_policy policy = fixture_policy(fixture);
        struct buffer jws = permit_text(rows[i].key, *rows[i].permit);
        struct fixture_sink sink;
        struct problem problem;

        policy.permit = jws.bytes;
        policy.permit_length = jws.length;
        CHECK_CODE(fixture_read(&old, 0, &policy, NULL, &sink, &problem), rows[i].wanted, problem, rows[i].row);
        assert_int_equal(sink.proved, rows[i].wanted == E_NONE);
        policy.now_ms = 0;
        CHECK_CODE(fixture_read(&old, 0, &policy, NULL, &sink, &problem), E_DOWNGRADE, problem, "a permit without a clock");
        buffer_done(&jws);
    }
    bytes_done(&old);
}

static void attack_03_replays_and_recovery(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct bytes stale = small_package(*state, "1.1.0", 7, FIXTURE_NOW_MS, "stale"), fresh = small_package(*state, "1.1.0", 7, FIXTURE_NOW_MS + 1, "fresh");
    struct fixture_sink sink;
    struct problem problem;

    refused_and_done(small_package(*state, "0.9.9", 3, 0, "replayed"), &policy, E_DOWNGRADE, "old metadata");
    refused_before_anything(&stale, &policy, E_EXPIRED, "expired this very moment");
    for (unsigned i = 0; i < 3; i++) { /* the device was away for long: no restart is needed to go on */
        CHECK_CODE(fixture_read(&stale, 0, &policy, NULL, &sink, &problem), E_EXPIRED, problem, "expired");
        CHECK_CODE(fixture_read(&fresh, 0, &policy, NULL, &sink, &problem), E_NONE, problem, "fresh");
    }
    bytes_done(&stale);
    bytes_done(&fresh);
}

static void attack_04_manifest_of_one_payload_of_another(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct bytes one = small_package(*state, "1.2.0", 8, 0, "image one"), two = small_package(*state, "1.2.0", 8, 0, "image two");
    struct bytes longer = small_package(*state, "1.2.0", 8, 0, "image three"), mixed = bytes_copy(&one);
    struct fixture_sink sink;
    struct problem problem;

    memcpy(mixed.bytes + mixed.length - PACKAGE_TRAILER_BYTES - 9, two.bytes + two.length - PACKAGE_TRAILER_BYTES - 9, 9);
    fixture_mend_crcs(&mixed);
    CHECK_CODE(fixture_read(&mixed, 0, &policy, NULL, &sink, &problem), E_SHA256, problem, "same size");
    assert_int_equal(sink.bytes[0], 0);
    bytes_done(&mixed);
    mixed = (struct bytes){malloc(one.length + 2), one.length + 2};
    assert_non_null(mixed.bytes);
    memcpy(mixed.bytes, one.bytes, one.length);
    memcpy(mixed.bytes + mixed.length - PACKAGE_TRAILER_BYTES - 11 - SECTION_HEADER_BYTES, longer.bytes + longer.length - PACKAGE_TRAILER_BYTES - 11 - SECTION_HEADER_BYTES,
           11 + SECTION_HEADER_BYTES);
    fixture_mend(&mixed);
    refused_before_anything(&mixed, &policy, E_INCOMPATIBLE, "another size");
    policy.model = "esp8266";
    CHECK_CODE(fixture_read(&one, 0, &policy, NULL, &sink, &problem), E_INCOMPATIBLE, problem, "of another model");
    assert_string_equal(problem.where, "device_model");
    bytes_done(&one);
    bytes_done(&two);
    bytes_done(&longer);
    bytes_done(&mixed);
}

static void attack_05_endless_data(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct package_sink nobody = {0};
    struct package_reader *reader = package_reader_new(&policy, NULL, &nobody);
    struct bytes bad;
    struct problem problem;

    assert_non_null(reader);
    CHECK_CODE(package_reader_feed(reader, package.bytes, package.length, &problem), E_NONE, problem, "all of it");
    CHECK_CODE(package_reader_feed(reader, "more", 4, &problem), E_CRC, problem, "more");
    package_reader_free(reader);
    bad = bytes_copy(&package);
    memset(bad.bytes + 24, 0xFF, 4); /* 4 GiB of metadata */
    fixture_mend_crcs(&bad);
    refused_and_done(bad, &policy, E_INCOMPATIBLE, "endless metadata");
    bad = bytes_copy(&package);
    memset(bad.bytes + 40, 0x7F, 8); /* and an endless payload */
    fixture_mend_crcs(&bad);
    refused_and_done(bad, &policy, E_INCOMPATIBLE, "endless payload");
    bad = bytes_copy(&package);
    memset(bad.bytes + PACKAGE_HEADER_BYTES + 8, 0xFF, 8); /* of the manifest's section */
    fixture_mend_crcs(&bad);
    refused_and_done(bad, &policy, E_INCOMPATIBLE, "endless section");
}

static void attack_05_huge_documents(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    size_t length = PACKAGE_DOCUMENT_MAX;
    char *text = malloc(length + 1);

    assert_non_null(text);
    memset(text, '[', length + 1);
    refused_and_done(fixture_with_manifest(&package, text, length), &policy, E_INCOMPATIBLE, "deep");
    refused_and_done(fixture_with_manifest(&package, text, length + 1), &policy, E_INCOMPATIBLE, "long");
    memset(text, ' ', length);
    memcpy(text, "{\"kind\":\"drover-package\",\"x\":[0", 31);
    for (size_t at = 31; at + 2 < length - 2; at += 2)
        memcpy(text + at, ",0", 2);
    memcpy(text + length - 2, "]}", 2);
    refused_and_done(fixture_with_manifest(&package, text, length), &policy, E_INCOMPATIBLE, "90,000 values");
    free(text);
}

/* A frame of zeros that says it is `claimed` bytes long but holds `really`, signed by the right key. */
static struct bytes bomb(const struct fixture *fixture, int64_t claimed, size_t really, int window_log)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    struct bytes zeros = {calloc(1, really), really}, frame = {malloc(ZSTD_compressBound(really)), 0}, made;
    struct manifest manifest;

    assert_true(zeros.bytes && frame.bytes && context);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    frame.length = ZSTD_compress2(context, frame.bytes, ZSTD_compressBound(really), zeros.bytes, really);
    assert_false(ZSTD_isError(frame.length));
    manifest = manifest_of(frame.bytes, frame.length, "1.2.0", 8);
    manifest.size_bytes = manifest.components[0].size_bytes = claimed;
    manifest.components[0].compression = COMPRESSION_ZSTD;
    assert_true(sha256_of(zeros.bytes, (size_t)claimed < really ? (size_t)claimed : really, manifest.components[0].sha256));
    made = fixture_of(fixture, &manifest, &frame, fixture->key);
    manifest_done(&manifest);
    ZSTD_freeCCtx(context);
    bytes_done(&zeros);
    bytes_done(&frame);
    return made;
}

static void attack_05_decompression_bombs(void **state)
{
    static const struct {
        const char *row;
        int64_t claimed;
        size_t really;
        int window_log;
        enum error_code wanted;
    } rows[] = {
        {"honest", 100000, 100000, 18, E_NONE},
        {"64 MiB for 1000 bytes", 1000, 64 << 20, 18, E_SHA256},
        {"one byte more", 100000, 100001, 18, E_SHA256},
        {"one byte less", 100001, 100000, 18, E_SHA256},
        {"nothing was signed", 0, 1, 18, E_SHA256},
        {"a window of 8 MiB", 64 << 20, 64 << 20, 23, E_INCOMPATIBLE},
    };
    struct package_policy policy = fixture_policy(*state);
    struct fixture_sink sink;
    struct problem problem;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes bad = bomb(*state, rows[i].claimed, rows[i].really, rows[i].window_log);

        CHECK_CODE(fixture_read(&bad, 0, &policy, NULL, &sink, &problem), rows[i].wanted, problem, rows[i].row);
        CHECK_ROW(sink.bytes[0] <= rows[i].claimed, rows[i].row);
        CHECK_ROW(sink.ended == (rows[i].wanted == E_NONE), rows[i].row);
        bytes_done(&bad);
    }
    CHECK_CODE(fixture_read(&package, 0, &policy, NULL, &sink, &problem), E_NONE, problem, "the honest one");
}

static void attack_14_names_that_are_paths(void **state)
{
    static const char *const names[] = {"../../etc/passwd", "/dev/sda", "a/b", "..", ".hidden", "a\\b", "", "a b", "caf\xC3\xA9", "a\n"};
    struct package_policy policy = fixture_policy(*state);

    for (size_t i = 0; i < COUNT_OF(names); i++)
        for (unsigned which = 0; which < 2; which++) {
            struct manifest manifest = manifest_of("image", 5, "1.2.0", 8);
            struct component *component = &manifest.components[0];

            (void)text_copy(which ? component->part : component->name, ID_SIZE, names[i]);
            refused_and_done(fixture_of(*state, &manifest, &(struct bytes){(uint8_t *)(uintptr_t)"image", 5}, ((struct fixture *)*state)->key), &policy, E_INCOMPATIBLE, names[i]);
            manifest_done(&manifest);
        }
}

static void attack_16_clocks_that_are_wrong(void **state)
{
    static const struct {
        const char *row;
        int64_t now_ms, floor_ms;
        enum error_code wanted;
    } rows[] = {
        {"right", FIXTURE_NOW_MS, FIXTURE_NOW_MS - 5, E_NONE},
        {"1970, and nothing better is known", 1000, 0, E_NONE},
        {"1970, but it must be later", 1000, FIXTURE_NOW_MS, E_NONE},
        {"1970, and what is known is that it has expired", 1000, FIXTURE_NOW_MS + FIXTURE_DAY_MS, E_EXPIRED},
        {"0, and what is known is that it has expired", 0, FIXTURE_NOW_MS + FIXTURE_DAY_MS, E_EXPIRED},
        {"in the future", FIXTURE_NOW_MS * 2, FIXTURE_NOW_MS, E_EXPIRED},
        {"at its last moment", FIXTURE_NOW_MS + FIXTURE_DAY_MS - 1, 0, E_NONE},
        {"right again", FIXTURE_NOW_MS, FIXTURE_NOW_MS - 5, E_NONE},
    };
    struct package_policy policy = fixture_policy(*state);
    struct bytes made = small_package(*state, "1.1.0", 7, FIXTURE_NOW_MS + FIXTURE_DAY_MS, "image");
    struct fixture_sink sink;
    struct problem problem;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        policy.now_ms = rows[i].now_ms;
        policy.floor_ms = rows[i].floor_ms;
        CHECK_CODE(fixture_read(&made, 0, &policy, NULL, &sink, &problem), rows[i].wanted, problem, rows[i].row);
    }
    bytes_done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attack_01_unsigned_or_wrongly_signed),
        cmocka_unit_test(attack_01_signature_of_another_release),
        cmocka_unit_test(attack_01_trust_of_a_stranger),
        cmocka_unit_test(attack_02_an_older_version),
        cmocka_unit_test(attack_02_permits),
        cmocka_unit_test(attack_03_replays_and_recovery),
        cmocka_unit_test(attack_04_manifest_of_one_payload_of_another),
        cmocka_unit_test(attack_05_endless_data),
        cmocka_unit_test(attack_05_huge_documents),
        cmocka_unit_test(attack_05_decompression_bombs),
        cmocka_unit_test(attack_14_names_that_are_paths),
        cmocka_unit_test(attack_16_clocks_that_are_wrong),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
