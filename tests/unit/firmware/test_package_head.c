/* The metadata: which sections may stand where, what the header, the documents and the sections must agree on, with right CRCs all along;
 * and what a head is held against, one rule at a time. */
#include "package_fixture.h"

static struct bytes package;          /* signed, two components */
static struct package_head head;      /* of it */

static enum error_code read_head(const struct bytes *bytes, struct package_head *ret_head, struct problem *problem)
{
    struct package_header header;
    enum error_code code = package_header_read(bytes->bytes, &header, problem);

    return code ? code : package_head_read(bytes->bytes, PACKAGE_HEADER_BYTES + (size_t)header.metadata_bytes, ret_head, problem);
}

static int begin(void **state)
{
    struct problem problem;

    fixture_begin(state);
    package = fixture_package(*state);
    CHECK_CODE(read_head(&package, &head, &problem), E_NONE, problem, "head");
    return 0;
}

static int end(void **state)
{
    package_head_done(&head);
    bytes_done(&package);
    return fixture_end(state);
}

static void a_head_has_it_all(void **state)
{
    struct package_part app = package_head_part(&head, 0), data = package_head_part(&head, 1);
    uint8_t digest[SHA256_BYTES];

    (void)state;
    assert_int_equal(head.signature_count, 1);
    assert_false(head.has_delta);
    assert_true(sha256_of(head.manifest_bytes, head.manifest_length, digest));
    assert_memory_equal(head.manifest_sha256, digest, sizeof digest);
    assert_int_equal(app.algorithm, DELTA_FULL);
    assert_int_equal(app.stored_bytes, head.manifest.components[0].stored_bytes);
    assert_int_equal(app.section_bytes, app.stored_bytes);
    assert_int_equal(data.stored_bytes, 300);
    assert_int_equal(data.chunk_count, 1);
    assert_ptr_equal(data.chunks, head.manifest.chunks + head.manifest.components[1].first_chunk);
}

static void sections_stand_in_their_places(void **state)
{
    static uint8_t big[PACKAGE_TRUST_MAX + 1];
    static const struct {
        const char *row;
        struct section section;       /* added to the honest package */
        enum error_code code;
        const char *where;
    } rows[] = {
        {"unknown, not critical", {9, 0, 0, 5}, E_NONE, ""},
        {"unknown, empty, not critical", {900, 0, 0, 0}, E_NONE, ""},
        {"unknown, critical", {9, SECTION_CRITICAL, 0, 5}, E_INCOMPATIBLE, "section"},
        {"unknown, unknown flags", {9, 2, 0, 5}, E_INCOMPATIBLE, "section"},
        {"unknown, with an index", {9, 0, 1, 5}, E_INCOMPATIBLE, "section"},
        {"type 0", {0, SECTION_CRITICAL, 0, 5}, E_INCOMPATIBLE, "section"},
        {"type 0, not critical", {0, 0, 0, 5}, E_INCOMPATIBLE, "section"},
        {"second manifest", {SECTION_MANIFEST, SECTION_CRITICAL, 0, 5}, E_INCOMPATIBLE, "manifest"},
        {"a delta nobody announced", {SECTION_DELTA, SECTION_CRITICAL, 0, 5}, E_INCOMPATIBLE, "delta"},
        {"a delta's signature alone", {SECTION_DELTA_SIGNATURE, SECTION_CRITICAL, 0, 100}, E_INCOMPATIBLE, NULL},
        {"recipients nobody announced", {SECTION_RECIPIENT, SECTION_CRITICAL, 0, 40}, E_INCOMPATIBLE, NULL},
        {"a payload in the metadata", {SECTION_PAYLOAD, SECTION_CRITICAL, 0, 5}, E_INCOMPATIBLE, "payload"},
        {"a signature that is not critical", {SECTION_SIGNATURE, 0, 0, 100}, E_INCOMPATIBLE, "signature"},
        {"a long signature", {SECTION_SIGNATURE, SECTION_CRITICAL, 0, 1000}, E_INCOMPATIBLE, "signature"},
        {"an empty signature", {SECTION_SIGNATURE, SECTION_CRITICAL, 0, 0}, E_INCOMPATIBLE, "signature"},
        {"a trust document", {SECTION_TRUST, SECTION_CRITICAL, 0, 5}, E_NONE, ""},
        {"a long trust document", {SECTION_TRUST, SECTION_CRITICAL, 0, PACKAGE_TRUST_MAX + 1}, E_INCOMPATIBLE, "trust"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes changed = fixture_with_section(&package, rows[i].section, big);
        struct package_head other;
        struct problem problem = {0};
        enum error_code code = read_head(&changed, &other, &problem);

        CHECK_CODE(code, rows[i].code, problem, rows[i].row);
        CHECK_ROW(!rows[i].where || strcmp(problem.where, rows[i].where) == 0, rows[i].row);
        if (!code)
            package_head_done(&other);
        bytes_done(&changed);
    }
}

static void there_are_not_too_many(void **state)
{
    struct bytes changed = bytes_copy(&package);
    struct package_head other;
    struct problem problem;

    for (unsigned i = 1; i <= PACKAGE_SIGNATURES_MAX; i++) {
        struct bytes more = fixture_signed(&changed, ((struct fixture *)*state)->key, NULL, 0);

        bytes_done(&changed);
        changed = more;
        CHECK_CODE(read_head(&changed, &other, &problem), i < PACKAGE_SIGNATURES_MAX ? E_NONE : E_INCOMPATIBLE, problem, "signatures");
        if (i < PACKAGE_SIGNATURES_MAX)
            package_head_done(&other);
    }
    bytes_done(&changed);
}

/* One byte of the header or of a section header is another; the CRCs are right. */
static void header_and_sections_agree(void **state)
{
    static const struct {
        const char *row;
        size_t at;
        uint8_t byte;
        const char *where;
    } rows[] = {
        {"flag delta without a description", 12, PACKAGE_DELTA, "delta"},
        {"flag encrypted without recipients", 12, PACKAGE_ENCRYPTED, "recipient"},
        {"one metadata section more", 48, 3, "metadata"},
        {"one metadata section less", 48, 1, "metadata"},
        {"one payload section more", 50, 3, "header"},
        {"no payload section", 50, 0, "header"},
        {"a section that is longer than the metadata", PACKAGE_HEADER_BYTES + 10, 1, "manifest"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes changed = bytes_copy(&package);
        struct package_head other;
        struct problem problem = {0};

        changed.bytes[rows[i].at] = rows[i].byte;
        fixture_mend_crcs(&changed);
        CHECK_CODE(read_head(&changed, &other, &problem), E_INCOMPATIBLE, problem, rows[i].row);
        CHECK_ROW(strcmp(problem.where, rows[i].where) == 0, rows[i].row);
        bytes_done(&changed);
    }
}

static void lengths_must_be_exact(void **state)
{
    size_t length = PACKAGE_HEADER_BYTES + head.header.metadata_bytes;
    struct package_head other;
    struct problem problem;

    (void)state;
    for (size_t cut = 0; cut < length; cut++)
        CHECK_CODE(package_head_read(package.bytes, cut, &other, &problem), E_CRC, problem, "cut");
    CHECK_CODE(package_head_read(package.bytes, length + 1, &other, &problem), E_CRC, problem, "more");
}

static struct bytes delta_package(const struct fixture *fixture, const struct delta_doc *doc, const struct private_key *key, const char *name)
{
    const char *path = fixture_path(fixture, name);
    struct package_writer *writer = package_writer_new(path, PACKAGE_DELTA);
    static const uint8_t payload[4096] = {0};
    struct signature signature;
    struct problem problem;
    struct buffer text;
    struct bytes made = {0};
    FILE *file;

    assert_non_null(writer);
    buffer_init(&text, 0);
    delta_doc_write(doc, &text);
    package_writer_section(writer, SECTION_MANIFEST, head.manifest_bytes, head.manifest_length);
    package_writer_signature(writer, SECTION_SIGNATURE, &head.signatures[0]);
    package_writer_section(writer, SECTION_DELTA, text.bytes, text.length);
    if (key) {
        assert_int_equal(signature_make(key, 0, text.bytes, text.length, &signature, &problem), DROVER_OK);
        package_writer_signature(writer, SECTION_DELTA_SIGNATURE, &signature);
    }
    for (unsigned i = 0; i < 2; i++) { /* two components in every case: how many the description has is what is tested */
        int64_t length = i < doc->component_count ? doc->components[i].stored_bytes : 0;

        package_writer_begin_payload(writer, i, length);
        package_writer_payload(writer, payload, (size_t)length);
    }
    CHECK_CODE(package_writer_finish(writer, &problem), E_NONE, problem, "delta");
    package_writer_free(writer);
    buffer_done(&text);
    file = fopen(path, "rb");
    assert_non_null(file);
    made.bytes = malloc(65536);
    assert_non_null(made.bytes);
    made.length = fread(made.bytes, 1, 65536, file);
    fclose(file);
    return made;
}

/* A description that fits the package: app is a patch, data is copied. */
static struct delta_doc delta_right(uint8_t (*chunks)[SHA256_BYTES])
{
    struct delta_doc doc = {.base_version = "1.0.0", .chunk_bytes = CHUNK_BYTES_MIN, .component_count = 2, .chunk_count = 1, .chunks = chunks};

    memcpy(doc.manifest_sha256, head.manifest_sha256, SHA256_BYTES);
    doc.components[0] = (struct delta_component){.name = "app", .algorithm = DELTA_BSDIFF, .base_bytes = 10, .stored_bytes = 100, .chunk_count = 1};
    doc.components[1] = (struct delta_component){.name = "data", .algorithm = DELTA_COPY, .base_bytes = head.manifest.components[1].size_bytes, .first_chunk = 1};
    memcpy(doc.components[1].base_sha256, head.manifest.components[1].sha256, SHA256_BYTES);
    return doc;
}

static void deltas_must_fit_their_manifest(void **state)
{
    static const char *const rows[] = {"right", "another manifest", "another name", "fewer components", "in full, of another size", "a copy of another size", "a copy of another image"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t chunks[1][SHA256_BYTES] = {{0}};
        struct delta_doc doc = delta_right(chunks);
        struct package_head other;
        struct problem problem = {0};
        struct bytes made;
        enum error_code code;

        doc.manifest_sha256[31] ^= i == 1;
        (void)text_copy(doc.components[0].name, ID_SIZE, i == 2 ? "apq" : "app");
        doc.component_count -= i == 3;
        doc.components[0].algorithm = i == 4 ? DELTA_FULL : DELTA_BSDIFF;
        doc.components[1].base_bytes += i == 5;
        doc.components[1].base_sha256[0] ^= i == 6;
        made = delta_package(*state, &doc, ((struct fixture *)*state)->key, "delta.dfw");
        code = read_head(&made, &other, &problem);
        CHECK_CODE(code, i == 0 ? E_NONE : E_INCOMPATIBLE, problem, rows[i]);
        if (!code) {
            assert_true(other.has_delta);
            assert_int_equal(package_head_part(&other, 0).stored_bytes, 100);
            assert_int_equal(package_head_part(&other, 1).chunk_count, 0);
            package_head_done(&other);
        }
        bytes_done(&made);
    }
}

static void deltas_have_signatures_of_their_own(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t chunks[1][SHA256_BYTES] = {{0}};
    struct delta_doc doc = delta_right(chunks);
    struct package_policy policy = fixture_policy(fixture);
    struct trust lenient = fixture->trust;
    const struct private_key *keys[] = {fixture->key, fixture->stranger, NULL};

    lenient.thresholds[TRUST_DELTA] = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct bytes made = delta_package(fixture, &doc, keys[i], "delta.dfw");
        struct package_head other;
        struct problem problem;

        CHECK_CODE(read_head(&made, &other, &problem), E_NONE, problem, "delta");
        policy.trust = &fixture->trust;
        CHECK_CODE(package_head_check(&other, &policy, NULL, NULL, &problem), i == 0 ? E_NONE : E_SIGNATURE, problem, "signed by one we trust");
        policy.trust = &lenient;
        CHECK_CODE(package_head_check(&other, &policy, NULL, NULL, &problem), E_NONE, problem, "unsigned descriptions are taken");
        policy.current_version = "1.0.1";
        CHECK_CODE(package_head_check(&other, &policy, NULL, NULL, &problem), E_DELTA_BASE, problem, "made from another version");
        policy.current_version = "1.0.0";
        package_head_done(&other);
        bytes_done(&made);
    }
}

/* Each rule alone: the policy that everything passes, and one member of it changed. */
static void each_rule_has_its_code(void **state)
{
    static const uint8_t other_digest[SHA256_BYTES] = {1};
    struct package_policy right = fixture_policy(*state), bare = {.trust = right.trust};
    const struct {
        const char *row;
        struct package_policy policy;
        enum error_code code;
        const char *where;
    } rows[] = {
        {"right", right, E_NONE, ""},
        {"nothing but trust", bare, E_NONE, ""},
        {"nothing at all", {0}, E_NONE, ""},
        {"announced", {.trust = right.trust, .manifest_sha256 = head.manifest_sha256}, E_NONE, ""},
        {"another one was announced", {.trust = right.trust, .manifest_sha256 = other_digest, .model = "esp8266"}, E_SHA256, "manifest"},
        {"model", {.model = "ESP32"}, E_INCOMPATIBLE, "device_model"},
        {"a model comes before a version", {.model = "x", .current_version = "9.0.0"}, E_INCOMPATIBLE, "device_model"},
        {"any hardware", {.hw_rev = "7"}, E_NONE, ""},
        {"same version", {.current_version = "1.1.0"}, E_NONE, ""},
        {"same version, built again", {.current_version = "1.1.0+7"}, E_NONE, ""},
        {"older", {.current_version = "1.1.1"}, E_DOWNGRADE, "version"},
        {"a version comes before expiry", {.current_version = "1.1.1", .now_ms = INT64_MAX}, E_DOWNGRADE, "version"},
        {"counter", {.release_counter_min = 8}, E_DOWNGRADE, "release_counter"},
        {"counter, the same", {.release_counter_min = 7}, E_NONE, ""},
        {"expired", {.now_ms = FIXTURE_NOW_MS + 30 * (int64_t)FIXTURE_DAY_MS}, E_EXPIRED, "expires_at"},
        {"not yet", {.now_ms = FIXTURE_NOW_MS + 30 * (int64_t)FIXTURE_DAY_MS - 1}, E_NONE, ""},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {0};

        CHECK_CODE(package_head_check(&head, &rows[i].policy, NULL, NULL, &problem), rows[i].code, problem, rows[i].row);
        CHECK_ROW(strcmp(problem.where, rows[i].where) == 0, rows[i].row);
    }
}

static void hardware_and_least_version(void **state)
{
    static const struct {
        const char *row, *hw_rev, *current;
        enum error_code code;
    } rows[] = {
        {"listed", "b", "1.0.5", E_NONE},
        {"not looked at", NULL, NULL, E_NONE},
        {"not listed", "c", "1.0.5", E_INCOMPATIBLE},
        {"without one", "", "1.0.5", E_INCOMPATIBLE},
        {"at the least version", "a", "1.0.5", E_NONE},
        {"below it", "a", "1.0.4", E_INCOMPATIBLE},
        {"its pre-release", "a", "1.0.5-rc.1", E_INCOMPATIBLE},
    };
    struct manifest kept = head.manifest;

    (void)state;
    head.manifest.hw_rev_count = 2;
    (void)text_copy(head.manifest.hw_revs[0], ID_SIZE, "a");
    (void)text_copy(head.manifest.hw_revs[1], ID_SIZE, "b");
    (void)text_copy(head.manifest.min_version, VERSION_SIZE, "1.0.5");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct package_policy policy = {.hw_rev = rows[i].hw_rev, .current_version = rows[i].current};
        struct problem problem;

        CHECK_CODE(package_head_check(&head, &policy, NULL, NULL, &problem), rows[i].code, problem, rows[i].row);
    }
    head.manifest = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_has_it_all),         cmocka_unit_test(sections_stand_in_their_places), cmocka_unit_test(there_are_not_too_many),
        cmocka_unit_test(header_and_sections_agree), cmocka_unit_test(lengths_must_be_exact),          cmocka_unit_test(deltas_must_fit_their_manifest),
        cmocka_unit_test(deltas_have_signatures_of_their_own), cmocka_unit_test(each_rule_has_its_code), cmocka_unit_test(hardware_and_least_version),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
