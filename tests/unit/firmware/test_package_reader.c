/* The reader on honest packages in pieces of every size, and what its sink sees; then sinks that fail, input that ends early, keys. */
#include "package_fixture.h"

#include <unistd.h>

static struct bytes package;

static int begin(void **state)
{
    fixture_begin(state);
    package = fixture_package(*state);
    return 0;
}

static int end(void **state)
{
    bytes_done(&package);
    return fixture_end(state);
}

static void pieces_of_every_size_end_alike(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 1000, 4095, 4096, 4097, 0};
    struct package_policy policy = fixture_policy(*state);
    uint8_t app[SHA256_BYTES], data[SHA256_BYTES];
    struct fixture_sink sink;
    struct problem problem;
    char hex[SHA256_HEX_SIZE];

    assert_int_equal(sha256_file(fixture_path(*state, "app.img"), hex, NULL), DROVER_OK);
    assert_true(text_unhex(app, sizeof app, hex));
    assert_int_equal(sha256_file(fixture_path(*state, "data.img"), hex, NULL), DROVER_OK);
    assert_true(text_unhex(data, sizeof data, hex));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        CHECK_CODE(fixture_read(&package, steps[i], &policy, NULL, &sink, &problem), E_NONE, problem, "step");
        assert_int_equal(sink.proved, 1);
        assert_int_equal(sink.ended, 2);
        assert_int_equal(sink.bytes[0], 20000);
        assert_int_equal(sink.bytes[1], 300);
        assert_memory_equal(sink.digests[0], app, sizeof app);
        assert_memory_equal(sink.digests[1], data, sizeof data);
    }
}

/* Each call of the sink may stop it; the reader then says the same for ever. */
struct stubborn {
    unsigned call, fail_at;
};

static enum error_code refuse(struct stubborn *stubborn, struct problem *problem)
{
    if (stubborn->call++ != stubborn->fail_at)
        return E_NONE;
    return package_refuse(problem, E_NO_SPACE, "disk", "full at call %u", stubborn->fail_at);
}

static enum error_code stubborn_proved(void *arg, const struct package_head *head, struct problem *problem)
{
    (void)head;
    return refuse(arg, problem);
}

static enum error_code stubborn_part(void *arg, unsigned component, struct problem *problem)
{
    (void)component;
    return refuse(arg, problem);
}

static enum error_code stubborn_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *problem)
{
    (void)component;
    (void)bytes;
    (void)length;
    return refuse(arg, problem);
}

static void a_sink_that_fails_stops_it(void **state)
{
    struct package_policy policy = fixture_policy(*state);

    for (unsigned fail_at = 0; fail_at < 7; fail_at++) { /* proved, begin, data, end, begin, data, end */
        struct stubborn stubborn = {0, fail_at};
        struct package_sink sink = {stubborn_proved, stubborn_part, stubborn_data, stubborn_part, &stubborn};
        struct package_reader *reader = package_reader_new(&policy, NULL, &sink);
        struct problem problem = {0};

        assert_non_null(reader);
        assert_int_equal(package_reader_feed(reader, package.bytes, package.length, &problem), E_NO_SPACE);
        assert_string_equal(problem.where, "disk");
        assert_int_equal(stubborn.call, fail_at + 1);
        problem = (struct problem){0};
        assert_int_equal(package_reader_feed(reader, "x", 1, &problem), E_NO_SPACE);
        assert_string_equal(problem.where, "disk");
        assert_int_equal(package_reader_end(reader, NULL), E_NO_SPACE);
        assert_int_equal(stubborn.call, fail_at + 1);
        package_reader_free(reader);
    }
    package_reader_free(NULL);
}

static void a_sink_without_functions_will_do(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct package_sink nobody = {0};
    struct package_reader *reader = package_reader_new(&policy, NULL, &nobody);
    struct problem problem;

    assert_non_null(reader);
    assert_null(package_reader_head(reader));
    CHECK_CODE(package_reader_feed(reader, package.bytes, package.length, &problem), E_NONE, problem, "no functions");
    assert_string_equal(package_reader_head(reader)->manifest.version, "1.1.0");
    assert_null(package_reader_head(reader)->manifest_bytes); /* dropped: not needed any more */
    assert_null(package_reader_trust(reader));
    assert_int_equal(package_reader_end(reader, &problem), E_NONE);
    assert_int_equal(package_reader_feed(reader, "", 0, &problem), E_NONE);
    assert_int_equal(package_reader_feed(reader, "x", 1, &problem), E_CRC);
    package_reader_free(reader);
}

static void cut_at_every_length(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct fixture_sink sink;
    struct problem problem;

    for (size_t length = 0; length < package.length; length++) {
        struct bytes cut = {package.bytes, length};

        CHECK_CODE(fixture_read(&cut, 0, &policy, NULL, &sink, &problem), E_CRC, problem, "cut");
        assert_string_equal(problem.where, "package");
    }
}

/* Which of two files a descriptor is makes a difference only for when the CRC is known. */
static enum error_code verify(const struct bytes *bytes, bool pipe_only, const struct package_policy *policy, struct problem *problem)
{
    struct package_sink nobody = {0};
    enum error_code code;
    FILE *file = tmpfile();
    int ends[2];

    assert_non_null(file);
    assert_int_equal(pipe(ends), 0);
    if (pipe_only) {
        assert_true(bytes->length <= 65536);
        assert_int_equal(write(ends[1], bytes->bytes, bytes->length), bytes->length);
    } else {
        assert_int_equal(fwrite("before", 1, 6, file), 6); /* it begins where the descriptor stands */
        assert_int_equal(fwrite(bytes->bytes, 1, bytes->length, file), bytes->length);
        assert_int_equal(fflush(file), 0);
        assert_int_equal(lseek(fileno(file), 6, SEEK_SET), 6);
    }
    close(ends[1]);
    code = package_verify(pipe_only ? ends[0] : fileno(file), policy, NULL, &nobody, NULL, problem);
    close(ends[0]);
    fclose(file);
    return code;
}

static void files_know_their_crc_first(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct problem problem;
    struct bytes bad = bytes_copy(&package);
    struct trust nobody;

    CHECK_CODE(verify(&package, true, &policy, &problem), E_NONE, problem, "pipe");
    CHECK_CODE(verify(&package, false, &policy, &problem), E_NONE, problem, "file");
    trust_init(&nobody);
    policy.trust = &nobody;
    bad.bytes[bad.length - 100] ^= 1;
    CHECK_CODE(verify(&bad, true, &policy, &problem), E_SIGNATURE, problem, "pipe: the signature is judged before the payload came");
    CHECK_CODE(verify(&bad, false, &policy, &problem), E_CRC, problem, "file: the CRC of everything comes first");
    CHECK_CODE(verify(&(struct bytes){package.bytes, package.length - 1}, false, &policy, &problem), E_CRC, problem, "file: cut short");
    CHECK_CODE(verify(&(struct bytes){package.bytes, 10}, false, &policy, &problem), E_CRC, problem, "file: cut in the header");
    bad.bytes[0] ^= 1;
    CHECK_CODE(verify(&bad, false, &policy, &problem), E_INCOMPATIBLE, problem, "file: the magic comes before the CRC");
    trust_done(&nobody);
    bytes_done(&bad);
}

static bool cancel_late(void *arg, int64_t done, int64_t total)
{
    int64_t *last = arg;

    assert_true(done >= *last && done <= total);
    *last = done;
    return done < total;
}

static void progress_counts_both_readings(void **state)
{
    struct package_policy policy = fixture_policy(*state);
    struct package_sink nobody = {0};
    struct problem problem;
    int64_t last = 0;
    struct package_progress progress = {cancel_late, &last};
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(package.bytes, 1, package.length, file), package.length);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
    assert_int_equal(package_verify(fileno(file), &policy, NULL, &nobody, &progress, &problem), E_CANCELLED);
    assert_int_equal(last, 2 * (int64_t)package.length);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_every_size_end_alike), cmocka_unit_test(a_sink_that_fails_stops_it),
        cmocka_unit_test(a_sink_without_functions_will_do), cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(files_know_their_crc_first),      cmocka_unit_test(progress_counts_both_readings),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
