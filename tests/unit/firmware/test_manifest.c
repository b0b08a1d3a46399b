/* The manifest: what is read from a right one, which changes are refused and where, the same bytes for the same manifest, chunk sizes. */
#include "document_rows.h"

#include "firmware/manifest.h"

static const char right[] =
    "{\"kind\":\"drover-package\",\"schema\":1,\"version\":\"1.1.0\",\"device_model\":\"esp32\",\"hw_revs\":[\"a\",\"b2+x\"],"
    "\"min_version\":\"1.0.0\",\"build_time\":1700000000000,\"expires_at\":1800000000000,\"release_counter\":7,\"size\":14000,\"chunk_size\":4096,"
    "\"components\":[{\"name\":\"app\",\"part\":\"app\",\"size\":9000,\"sha256\":\"" DIGEST "\",\"compression\":\"zstd\",\"stored_size\":4097,"
    "\"chunks\":[\"" DIGEST "\",\"" DIGEST "\"]},"
    "{\"name\":\"data\",\"part\":\"storage\",\"size\":5000,\"sha256\":\"" DIGEST "\",\"compression\":\"none\",\"stored_size\":5000,"
    "\"chunks\":[\"" DIGEST "\",\"" DIGEST "\"]}]}";

static void reads_a_right_one(void **state)
{
    struct manifest manifest;
    struct problem problem;

    (void)state;
    if (manifest_read(right, sizeof right - 1, &manifest, &problem))
        fail_msg("%s: %s", problem.where, problem.what);
    assert_string_equal(manifest.version, "1.1.0");
    assert_string_equal(manifest.model, "esp32");
    assert_int_equal(manifest.hw_rev_count, 2);
    assert_string_equal(manifest.hw_revs[1], "b2+x");
    assert_string_equal(manifest.min_version, "1.0.0");
    assert_int_equal(manifest.build_time_ms, 1700000000000);
    assert_int_equal(manifest.expires_ms, 1800000000000);
    assert_int_equal(manifest.release_counter, 7);
    assert_int_equal(manifest.size_bytes, 14000);
    assert_int_equal(manifest.chunk_bytes, 4096);
    assert_int_equal(manifest.component_count, 2);
    assert_string_equal(manifest.components[1].part, "storage");
    assert_int_equal(manifest.components[0].compression, COMPRESSION_ZSTD);
    assert_int_equal(manifest.components[0].stored_bytes, 4097);
    assert_int_equal(manifest.components[1].first_chunk, 2);
    assert_int_equal(manifest.components[1].chunk_count, 2);
    assert_int_equal(manifest.chunk_count, 4);
    assert_int_equal(manifest.chunks[3][1], 0x23);
    assert_ptr_equal(manifest_component(&manifest, "data"), &manifest.components[1]);
    assert_null(manifest_component(&manifest, "dat"));
    manifest_done(&manifest);
}

static void changes_are_refused_where_they_are(void **state)
{
    static const struct document_row rows[] = {
        {"{\"kind\"", "{\"new\":[{\"kind\":1}],\"kind\"", "kind"}, /* kind must come first */
        {"\"schema\":1", "\"schema\":1,\"new\":{\"a\":[1,2]}", NULL},
        {"drover-package", "drover-delta", "kind"},
        {"\"drover-package\"", "1", "kind"},
        {"\"kind\"", "\"kinds\"", "kind"},
        {"\"schema\":1", "\"schema\":2", "schema"},
        {"\"schema\":1,", "", "schema"},
        {"\"schema\":1,", "\"schema\":1,\"schema\":1,", "schema"},
        {"1.1.0", "1.1", "version"},
        {"1.1.0", "v1.1.0", NULL},
        {"\"version\":\"1.1.0\",", "", "version"},
        {"esp32", "../esp32", "device_model"},
        {"esp32", "", "device_model"},
        {"[\"a\",\"b2+x\"]", "[]", NULL},
        {"[\"a\",\"b2+x\"]", "\"a\"", "hw_revs"},
        {"[\"a\",\"b2+x\"]", "[\"a b\"]", "hw_revs"},
        {"[\"a\",\"b2+x\"]", "[1]", "hw_revs"},
        {"[\"a\",\"b2+x\"]", "[\"\"]", "hw_revs"},
        {"\"hw_revs\":[\"a\",\"b2+x\"],", "", "hw_revs"},
        {"\"min_version\":\"1.0.0\",", "", NULL},
        {"\"min_version\":\"1.0.0\"", "\"min_version\":null", NULL},
        {"\"min_version\":\"1.0.0\"", "\"min_version\":\"\"", "min_version"},
        {"1700000000000", "-1", "build_time"},
        {"1700000000000", "1.5", "build_time"},
        {"1800000000000", "0", "expires_at"},
        {"\"expires_at\":1800000000000,", "", NULL},
        {"\"release_counter\":7,", "", "release_counter"},
        {"\"release_counter\":7", "\"release_counter\":-7", "release_counter"},
        {"\"release_counter\":7", "\"release_counter\":9007199254740993", "release_counter"},
        {"\"size\":14000", "\"size\":14001", "size"},
        {"\"chunk_size\":4096", "\"chunk_size\":4097", "chunk_size"},
        {"\"chunk_size\":4096", "\"chunk_size\":2048", "chunk_size"},
        {"\"chunk_size\":4096", "\"chunk_size\":134217728", "chunk_size"},
        {"\"chunk_size\":4096", "\"chunk_size\":8192", "components[0].chunks"},
        {"\"name\":\"app\"", "\"name\":\"a/b\"", "components[0].name"},
        {"\"name\":\"app\"", "\"name\":\"..\"", "components[0].name"},
        {"\"name\":\"data\"", "\"name\":\"app\"", "components[1].name"},
        {"\"part\":\"storage\"", "\"part\":\"app\"", "components[1].part"},
        {"\"part\":\"storage\"", "\"part\":\"/dev/sda\"", "components[1].part"},
        {"\"size\":9000", "\"size\":-1", "components[0].size"},
        {"\"size\":9000", "\"size\":1099511627777", "components[0].size"},
        {"\"size\":9000", "\"size\":9001", "size"},
        {"\"sha256\":\"01", "\"sha256\":\"0A", "components[0].sha256"},
        {"\"sha256\":\"01", "\"sha256\":\"0", "components[0].sha256"},
        {"\"sha256\":\"" DIGEST "\"", "\"sha256\":null", "components[0].sha256"},
        {"\"compression\":\"zstd\"", "\"compression\":\"gzip\"", "components[0].compression"},
        {"\"compression\":\"zstd\"", "\"compression\":\"none\"", "components[0].stored_size"},
        {"\"stored_size\":4097", "\"stored_size\":4096", "components[0].chunks"},
        {"\"stored_size\":4097", "\"stored_size\":0", "components[0].stored_size"},
        {"\"stored_size\":5000", "\"stored_size\":4999", "components[1].stored_size"},
        {"\"chunks\":[\"" DIGEST "\",\"" DIGEST "\"]}", "\"chunks\":[\"" DIGEST "\"]}", "components[0].chunks"},
        {"\"chunks\":[\"" DIGEST "\",\"" DIGEST "\"]}", "\"chunks\":[\"" DIGEST "\",\"" DIGEST "\",\"" DIGEST "\"]}", "components[0].chunks"},
        {"\"chunks\":[\"" DIGEST "\"", "\"chunks\":[1", "components[0].chunks"},
        {"\"chunks\":[\"0", "\"chunks\":[\"x", "components[0].chunks"},
        {"{\"name\":\"app\"", "1,{\"name\":\"app\"", "components[0]."},
        {"\"components\":[", "\"components\":[],\"others\":[", "components"},
        {"\"components\":[", "\"others\":[", "components"},
        {"\"min_version\"", "\"min_version", "byte 114"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length;
        char *text = document_change(right, &rows[i], &length);
        struct manifest manifest = {.model = "kept"};
        struct problem problem = {0};
        enum error_code code = manifest_read(text, length, &manifest, &problem);

        document_row_check(&rows[i], code, &problem);
        if (code)
            assert_string_equal(manifest.model, "kept");
        else
            manifest_done(&manifest);
        free(text);
    }
}

static void the_same_manifest_gives_the_same_bytes(void **state)
{
    static const struct document_row rows[] = {{"{\"kind\"", "{\"kind\"", NULL}, {"\"min_version\":\"1.0.0\",", "", NULL}, {"\"expires_at\":1800000000000,", "", NULL},
                                               {"[\"a\",\"b2+x\"]", "[]", NULL}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length;
        char *text = document_change(right, &rows[i], &length);
        struct manifest manifest;
        struct buffer written;

        assert_int_equal(manifest_read(text, length, &manifest, NULL), E_NONE);
        buffer_init(&written, 0);
        manifest_write(&manifest, &written);
        assert_int_equal(written.length, length);
        assert_memory_equal(written.bytes, text, length);
        buffer_done(&written);
        manifest_done(&manifest);
        free(text);
    }
}

/* 16 components and 2048 chunks are the most; one more of either is refused. */
static void limits_hold(void **state)
{
    for (unsigned excess = 0; excess < 3; excess++) {
        struct manifest manifest = {.version = "1.0.0", .model = "m", .chunk_bytes = CHUNK_BYTES_MIN, .component_count = PACKAGE_COMPONENTS_MAX}, again;
        struct problem problem;
        struct buffer text;
        enum error_code code;

        (void)state;
        manifest.chunk_count = PACKAGE_CHUNKS_MAX + (excess == 1);
        manifest.chunks = calloc(manifest.chunk_count, sizeof *manifest.chunks);
        assert_non_null(manifest.chunks);
        for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++) {
            struct component *component = &manifest.components[i];

            (void)snprintf(component->name, sizeof component->name, "c%u", i);
            (void)snprintf(component->part, sizeof component->part, "p%u", i);
            component->chunk_count = i < 15 ? 128 : manifest.chunk_count - 15 * 128;
            component->first_chunk = 128 * i;
            component->stored_bytes = component->size_bytes = (int64_t)component->chunk_count * CHUNK_BYTES_MIN;
            manifest.size_bytes += component->size_bytes;
        }
        buffer_init(&text, 0);
        manifest_write(&manifest, &text);
        assert_true(text.length < PACKAGE_DOCUMENT_MAX);
        if (excess == 2) { /* a 17th component */
            text.length -= 2;
            buffer_add_text(&text, ",{}]}");
        }
        code = manifest_read(text.bytes, text.length, &again, &problem);
        assert_int_equal(code, excess ? E_INCOMPATIBLE : E_NONE);
        if (code)
            assert_string_equal(problem.where, excess == 1 ? "components[15].chunks" : "components");
        else
            manifest_done(&again);
        buffer_done(&text);
        manifest_done(&manifest);
    }
}

static void chunk_sizes_fit(void **state)
{
    static const struct {
        int64_t stored[2];
        int64_t wanted;
    } rows[] = {
        {{0, 0}, 65536},
        {{1, 1}, 65536},
        {{2048LL * 65536, 0}, 65536},
        {{2048LL * 65536, 1}, 131072},
        {{2047LL * 65536 + 1, 1}, 131072},
        {{2047LL * 65536, 1}, 65536},
        {{(int64_t)1 << 36, 5}, 67108864},
        {{(int64_t)1 << 40, 5}, 67108864}, /* does not fit at all: the largest, and package_create refuses */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(manifest_chunk_bytes(rows[i].stored, 2), rows[i].wanted);
}

static void names_of_compressions(void **state)
{
    enum compression compression = COMPRESSION_COUNT;

    (void)state;
    for (unsigned i = 0; i < COMPRESSION_COUNT; i++) {
        assert_true(compression_from_name(compression_name((enum compression)i), &compression));
        assert_int_equal(compression, i);
    }
    assert_false(compression_from_name("lzma", &compression));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_right_one), cmocka_unit_test(changes_are_refused_where_they_are), cmocka_unit_test(the_same_manifest_gives_the_same_bytes),
        cmocka_unit_test(limits_hold),       cmocka_unit_test(chunk_sizes_fit),                    cmocka_unit_test(names_of_compressions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
