/* The delta description: a right one, which changes are refused and where, the same bytes for the same description. */
#include "document_rows.h"

#include "firmware/delta_doc.h"

static const char right[] =
    "{\"kind\":\"drover-delta\",\"schema\":1,\"manifest_sha256\":\"" DIGEST "\",\"base_version\":\"1.0.0\",\"chunk_size\":4096,"
    "\"components\":[{\"name\":\"full\",\"algorithm\":\"full\",\"stored_size\":4097,\"chunks\":[\"" DIGEST "\",\"" DIGEST "\"]},"
    "{\"name\":\"copy\",\"algorithm\":\"copy\",\"base_size\":10,\"base_sha256\":\"" DIGEST "\",\"stored_size\":0,\"chunks\":[]},"
    "{\"name\":\"patch\",\"algorithm\":\"bsdiff\",\"base_size\":0,\"base_sha256\":\"" DIGEST "\",\"stored_size\":1,\"chunks\":[\"" DIGEST "\"]},"
    "{\"name\":\"frame\",\"algorithm\":\"zstd\",\"base_size\":99,\"base_sha256\":\"" DIGEST "\",\"stored_size\":1,\"chunks\":[\"" DIGEST "\"]}]}";

static void reads_a_right_one(void **state)
{
    struct delta_doc doc;
    struct buffer text;

    (void)state;
    assert_int_equal(delta_doc_read(right, sizeof right - 1, &doc, NULL), E_NONE);
    assert_string_equal(doc.base_version, "1.0.0");
    assert_int_equal(doc.manifest_sha256[0], 0x01);
    assert_int_equal(doc.component_count, 4);
    assert_int_equal(doc.chunk_count, 4);
    assert_int_equal(doc.components[1].algorithm, DELTA_COPY);
    assert_int_equal(doc.components[1].base_bytes, 10);
    assert_int_equal(doc.components[3].first_chunk, 3);
    buffer_init(&text, 0);
    delta_doc_write(&doc, &text);
    assert_int_equal(text.length, sizeof right - 1);
    assert_memory_equal(text.bytes, right, text.length);
    buffer_done(&text);
    delta_doc_done(&doc);
}

static void changes_are_refused_where_they_are(void **state)
{
    static const struct document_row rows[] = {
        {"drover-delta", "drover-package", "kind"},
        {"\"manifest_sha256\":\"0", "\"manifest_sha256\":\"", "manifest_sha256"},
        {"1.0.0", "one", "base_version"},
        {"\"chunk_size\":4096", "\"chunk_size\":5000", "chunk_size"},
        {"\"name\":\"full\"", "\"name\":\"../x\"", "components[0].name"},
        {"\"full\",\"stored", "\"xdelta\",\"stored", "components[0].algorithm"},
        {"\"stored_size\":4097", "\"base_size\":1,\"stored_size\":4097", "components[0].base_size"},
        {"\"stored_size\":4097", "\"stored_size\":8193", "components[0].chunks"},
        {"\"algorithm\":\"full\"", "\"algorithm\":\"zstd\"", "components[0].base_size"},
        {"\"base_size\":10,", "", "components[1].base_size"},
        {"\"base_size\":10,\"base_sha256\":\"" DIGEST "\",", "\"base_size\":10,", "components[1].base_sha256"},
        {"\"stored_size\":0", "\"stored_size\":1", "components[1].stored_size"},
        {"\"bsdiff\",\"base_size\":0,\"base_sha256\":\"" DIGEST "\",\"stored_size\":1", "\"bsdiff\",\"base_size\":0,\"base_sha256\":\"" DIGEST "\",\"stored_size\":0",
         "components[2].stored_size"},
        {"\"base_size\":99", "\"base_size\":1099511627777", "components[3].base_size"},
        {"\"components\":[", "\"components\":[],\"others\":[", "components"},
        {"\"schema\":1", "\"schema\":1,\"later\":true", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length;
        char *text = document_change(right, &rows[i], &length);
        struct delta_doc doc;
        struct problem problem = {0};
        enum error_code code = delta_doc_read(text, length, &doc, &problem);

        document_row_check(&rows[i], code, &problem);
        if (!code)
            delta_doc_done(&doc);
        free(text);
    }
}

static void names_of_algorithms(void **state)
{
    enum delta_algorithm algorithm = DELTA_ALGORITHM_COUNT;

    (void)state;
    for (unsigned i = 0; i < DELTA_ALGORITHM_COUNT; i++) {
        assert_true(delta_algorithm_from_name(delta_algorithm_name((enum delta_algorithm)i), &algorithm));
        assert_int_equal(algorithm, i);
    }
    assert_false(delta_algorithm_from_name("courgette", &algorithm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_right_one),
        cmocka_unit_test(changes_are_refused_where_they_are),
        cmocka_unit_test(names_of_algorithms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
