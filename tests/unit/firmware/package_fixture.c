/* Packages for tests. They are put together byte by byte here where the product would refuse to make them. */
#include "package_fixture.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/hash.h"

void bytes_done(struct bytes *bytes)
{
    free(bytes->bytes);
    *bytes = (struct bytes){0};
}

static struct bytes bytes_new(size_t length)
{
    struct bytes bytes = {malloc(length ? length : 1), length};

    assert_non_null(bytes.bytes);
    return bytes;
}

struct bytes bytes_copy(const struct bytes *bytes)
{
    struct bytes copy = bytes_new(bytes->length);

    memcpy(copy.bytes, bytes->bytes, bytes->length);
    return copy;
}

static void trust_key_add(struct trust *trust, const struct private_key *key, const char *name)
{
    struct trust_key entry = {.key = private_key_public(key), .roles = 1u << TRUST_PACKAGE | 1u << TRUST_DELTA | 1u << TRUST_PERMIT};
    struct problem problem;

    assert_non_null(entry.key);
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    assert_int_equal(trust_add(trust, &entry, &problem), DROVER_OK);
    public_key_free(entry.key);
}

int fixture_begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct problem problem;

    assert_non_null(fixture);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/drover-package-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(private_key_generate(KEY_ED25519, &fixture->key, &problem), DROVER_OK);
    assert_int_equal(private_key_generate(KEY_EC_P256, &fixture->second_key, &problem), DROVER_OK);
    assert_int_equal(private_key_generate(KEY_ED25519, &fixture->stranger, &problem), DROVER_OK);
    trust_init(&fixture->trust);
    trust_key_add(&fixture->trust, fixture->key, "release");
    trust_key_add(&fixture->trust, fixture->second_key, "second");
    *state = fixture;
    return 0;
}

int fixture_end(void **state)
{
    struct fixture *fixture = *state;
    DIR *folder = opendir(fixture->folder);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    (void)rmdir(fixture->folder);
    private_key_free(fixture->key);
    private_key_free(fixture->second_key);
    private_key_free(fixture->stranger);
    trust_done(&fixture->trust);
    free(fixture);
    return 0;
}

const char *fixture_path(const struct fixture *fixture, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % COUNT_OF(paths)];

    (void)snprintf(path, sizeof paths[0], "%s/%s", fixture->folder, name);
    return path;
}

void fixture_image(const struct fixture *fixture, const char *name, size_t length, uint64_t seed, bool compresses)
{
    FILE *file = fopen(fixture_path(fixture, name), "wb");

    assert_non_null(file);
    for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
        uint64_t word = hash_mix(seed + (compresses ? at / 64 % 97 : at));

        assert_int_equal(fwrite(&word, length - at < sizeof word ? length - at : sizeof word, 1, file), 1);
    }
    assert_int_equal(fclose(file), 0);
}

struct package_plan fixture_plan(const struct fixture *fixture, const char *package)
{
    static char paths[3][256];
    struct package_plan plan = {.images = {paths[0], paths[1]}, .path = paths[2], .zstd_level = 3};
    struct manifest *manifest = &plan.manifest;

    (void)snprintf(paths[0], sizeof paths[0], "%s/app.img", fixture->folder);
    (void)snprintf(paths[1], sizeof paths[1], "%s/data.img", fixture->folder);
    (void)snprintf(paths[2], sizeof paths[2], "%s/%s", fixture->folder, package);
    (void)snprintf(manifest->version, sizeof manifest->version, "1.1.0");
    (void)snprintf(manifest->model, sizeof manifest->model, "esp32");
    manifest->build_time_ms = FIXTURE_NOW_MS - FIXTURE_DAY_MS;
    manifest->expires_ms = FIXTURE_NOW_MS + 30 * (int64_t)FIXTURE_DAY_MS;
    manifest->release_counter = 7;
    manifest->component_count = 2;
    manifest->components[0] = (struct component){.name = "app", .part = "app", .compression = COMPRESSION_ZSTD};
    manifest->components[1] = (struct component){.name = "data", .part = "storage", .compression = COMPRESSION_NONE};
    return plan;
}

static struct bytes file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct bytes bytes;
    struct stat status;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    bytes = bytes_new((size_t)status.st_size);
    assert_int_equal(fread(bytes.bytes, 1, bytes.length, file), bytes.length);
    fclose(file);
    return bytes;
}

struct bytes fixture_create(struct package_plan *plan)
{
    struct problem problem;

    CHECK_CODE(package_create(plan, NULL, &problem), E_NONE, problem, "create");
    manifest_done(&plan->manifest);
    return file_bytes(plan->path);
}

struct bytes fixture_package(const struct fixture *fixture)
{
    struct package_plan plan = fixture_plan(fixture, "plain.dfw");
    struct bytes plain, made;

    fixture_image(fixture, "app.img", 20000, 1, true);
    fixture_image(fixture, "data.img", 300, 2, false);
    plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
    plain = fixture_create(&plan);
    made = fixture_signed(&plain, fixture->key, NULL, 0);
    bytes_done(&plain);
    return made;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint64_t metadata_end(const struct bytes *package)
{
    return PACKAGE_HEADER_BYTES + (uint64_t)get32(package->bytes + 24);
}

void fixture_mend_crcs(struct bytes *package)
{
    uint8_t *bytes = package->bytes;
    uint64_t end = metadata_end(package);

    if (end <= package->length)
        put32(bytes + 28, (uint32_t)crc32(0, bytes + PACKAGE_HEADER_BYTES, (uInt)(end - PACKAGE_HEADER_BYTES)));
    put32(bytes + 60, (uint32_t)crc32(0, bytes, 60));
    put32(bytes + package->length - PACKAGE_TRAILER_BYTES, (uint32_t)crc32(0, bytes, (uInt)(package->length - PACKAGE_TRAILER_BYTES)));
}

void fixture_mend(struct bytes *package)
{
    uint64_t end = metadata_end(package);

    put64(package->bytes + 16, package->length);
    put64(package->bytes + 32, end);
    put64(package->bytes + 40, package->length - end - PACKAGE_TRAILER_BYTES);
    fixture_mend_crcs(package);
}

/* Puts bytes in place of `gone` ones at `at`, all inside the metadata, and `sections` more sections into the header. */
static struct bytes metadata_splice(const struct bytes *package, size_t at, size_t gone, const void *put, size_t put_length, int sections)
{
    struct bytes made = bytes_new(package->length - gone + put_length);
    uint16_t count;

    memcpy(made.bytes, package->bytes, at);
    memcpy(made.bytes + at, put, put_length);
    memcpy(made.bytes + at + put_length, package->bytes + at + gone, package->length - at - gone);
    put32(made.bytes + 24, (uint32_t)(get32(package->bytes + 24) - gone + put_length));
    memcpy(&count, made.bytes + 48, sizeof count);
    count = htole16((uint16_t)(le16toh(count) + sections));
    memcpy(made.bytes + 48, &count, sizeof count);
    fixture_mend(&made);
    return made;
}

struct bytes fixture_with_section(const struct bytes *package, struct section section, const void *value)
{
    size_t at = PACKAGE_HEADER_BYTES, end = (size_t)metadata_end(package);
    struct bytes put = bytes_new(SECTION_HEADER_BYTES + (size_t)section.length), made;
    struct section there;

    while (at < end) {
        section_read(package->bytes + at, &there);
        if (there.type > section.type)
            break;
        at += SECTION_HEADER_BYTES + (size_t)there.length;
    }
    section_write(&section, put.bytes);
    if (section.length > 0)
        memcpy(put.bytes + SECTION_HEADER_BYTES, value, (size_t)section.length);
    made = metadata_splice(package, at, 0, put.bytes, put.length, 1);
    bytes_done(&put);
    return made;
}

char *fixture_manifest(const struct bytes *package, size_t *ret_length)
{
    struct section section;

    section_read(package->bytes + PACKAGE_HEADER_BYTES, &section);
    assert_int_equal(section.type, SECTION_MANIFEST);
    *ret_length = (size_t)section.length;
    return (char *)package->bytes + PACKAGE_HEADER_BYTES + SECTION_HEADER_BYTES;
}

struct bytes fixture_signed(const struct bytes *package, const struct private_key *key, const void *over, size_t over_length)
{
    uint8_t value[SIGNATURE_SECTION_MAX];
    struct signature signature;
    struct section section = {.type = SECTION_SIGNATURE, .flags = SECTION_CRITICAL};
    struct problem problem;
    size_t length;
    const char *manifest = fixture_manifest(package, &length);

    assert_int_equal(signature_make(key, 0, over ? over : manifest, over ? over_length : length, &signature, &problem), DROVER_OK);
    section.length = signature_section_write(&signature, value);
    return fixture_with_section(package, section, value);
}

struct bytes fixture_of(const struct fixture *fixture, const struct manifest *manifest, const struct bytes *payloads, const struct private_key *key)
{
    const char *path = fixture_path(fixture, "made.dfw");
    struct package_writer *writer = package_writer_new(path, 0);
    struct buffer text;
    struct signature signature;
    struct problem problem;

    assert_non_null(writer);
    buffer_init(&text, 0);
    manifest_write(manifest, &text);
    package_writer_section(writer, SECTION_MANIFEST, text.bytes, text.length);
    assert_int_equal(signature_make(key, 0, text.bytes, text.length, &signature, &problem), DROVER_OK);
    package_writer_signature(writer, SECTION_SIGNATURE, &signature);
    for (unsigned i = 0; i < manifest->component_count; i++) {
        package_writer_begin_payload(writer, i, (int64_t)payloads[i].length);
        package_writer_payload(writer, payloads[i].bytes, payloads[i].length);
    }
    CHECK_CODE(package_writer_finish(writer, &problem), E_NONE, problem, "made");
    package_writer_free(writer);
    buffer_done(&text);
    return file_bytes(path);
}

struct bytes fixture_with_manifest(const struct bytes *package, const char *text, size_t length)
{
    struct section section = {.type = SECTION_MANIFEST, .flags = SECTION_CRITICAL, .length = length};
    uint64_t end = metadata_end(package);
    struct bytes put = bytes_new(SECTION_HEADER_BYTES + length), made;
    uint16_t sections;

    section_write(&section, put.bytes);
    memcpy(put.bytes + SECTION_HEADER_BYTES, text, length);
    memcpy(&sections, package->bytes + 48, sizeof sections);
    made = metadata_splice(package, PACKAGE_HEADER_BYTES, end - PACKAGE_HEADER_BYTES, put.bytes, put.length, 1 - le16toh(sections));
    bytes_done(&put);
    return made;
}

struct package_policy fixture_policy(const struct fixture *fixture)
{
    return (struct package_policy){.trust = &fixture->trust, .model = "esp32", .hw_rev = "", .current_version = "1.0.0", .release_counter_min = 5,
                                   .device_id = "dev-1", .rollout = "spring", .now_ms = FIXTURE_NOW_MS};
}

static enum error_code sink_proved(void *arg, const struct package_head *head, struct problem *problem)
{
    struct fixture_sink *sink = arg;

    (void)problem;
    assert_non_null(head->manifest_bytes);
    sink->proved++;
    return E_NONE;
}

static enum error_code sink_begin(void *arg, unsigned component, struct problem *problem)
{
    struct fixture_sink *sink = arg;

    (void)problem;
    assert_int_equal(sink->proved, 1);
    assert_int_equal(component, sink->begun);
    assert_int_equal(sink->ended, sink->begun);
    sink->begun++;
    return E_NONE;
}

static enum error_code sink_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *problem)
{
    struct fixture_sink *sink = arg;

    (void)problem;
    assert_int_equal(component, sink->begun - 1);
    assert_true(length > 0);
    sha256_add(sink->sha256, bytes, length);
    sink->bytes[component] += (int64_t)length;
    return E_NONE;
}

static enum error_code sink_end(void *arg, unsigned component, struct problem *problem)
{
    struct fixture_sink *sink = arg;

    (void)problem;
    assert_int_equal(component, sink->ended);
    assert_true(sha256_digest(sink->sha256, sink->digests[component]));
    sink->ended++;
    return E_NONE;
}

enum error_code fixture_read(const struct bytes *package, size_t step, const struct package_policy *policy, const struct recipient_keys *keys,
                             struct fixture_sink *ret_sink, struct problem *ret_problem)
{
    struct package_sink sink = {sink_proved, sink_begin, sink_data, sink_end, ret_sink};
    struct package_reader *reader;
    enum error_code code = E_NONE;

    *ret_sink = (struct fixture_sink){.sha256 = sha256_new()};
    reader = package_reader_new(policy, keys, &sink);
    assert_non_null(reader);
    assert_non_null(ret_sink->sha256);
    for (size_t at = 0; at < package->length && !code;) {
        size_t piece = step && package->length - at > step ? step : package->length - at;

        code = package_reader_feed(reader, package->bytes + at, piece, ret_problem);
        at += piece;
    }
    if (!code)
        code = package_reader_end(reader, ret_problem);
    else
        assert_int_equal(package_reader_end(reader, ret_problem), code); /* it sticks */
    package_reader_free(reader);
    sha256_free(ret_sink->sha256);
    ret_sink->sha256 = NULL;
    return code;
}
