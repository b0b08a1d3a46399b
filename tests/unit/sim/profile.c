/* Shares come out as asked, the same seed gives the same fleet, and bad profiles are refused with a reason. */
#include "check.h"

#include <unistd.h>

#include "sim/profile.h"

#define DEVICES 100000

static void add(struct profile *profile, const char *share)
{
    struct problem problem;

    CHECK_ROW(profile_add(profile, share, &problem) == DROVER_OK, share);
}

static void shares_come_out_as_asked(void **state)
{
    struct profile profile = {0};
    unsigned counts[BEHAVIOUR_COUNT] = {0}, steps[STEP_COUNT] = {0};

    (void)state;
    add(&profile, "transient=20");
    add(&profile, "liar=0.5");
    add(&profile, "fallback=9.25");
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct behaviour behaviour = profile_draw(&profile, 42, i, KIND_MANAGED);

        counts[behaviour.kind]++;
        if (behaviour.kind == BEHAVE_TRANSIENT)
            steps[behaviour.step]++;
    }
    /* five standard deviations of a draw of 100,000 */
    assert_in_range(counts[BEHAVE_TRANSIENT], 19300, 20700);
    assert_in_range(counts[BEHAVE_LIAR], 380, 620);
    assert_in_range(counts[BEHAVE_FALLBACK], 8800, 9700);
    assert_int_equal(counts[BEHAVE_HONEST], DEVICES - counts[BEHAVE_TRANSIENT] - counts[BEHAVE_LIAR] - counts[BEHAVE_FALLBACK]);
    assert_in_range(steps[STEP_DOWNLOAD], 6200, 7100);
    assert_in_range(steps[STEP_SHA], 6200, 7100);
    assert_in_range(steps[STEP_INSTALL], 6200, 7100);
}

static bool same(struct behaviour left, struct behaviour right)
{
    return left.kind == right.kind && left.step == right.step && left.number == right.number;
}

static void the_same_seed_gives_the_same_fleet(void **state)
{
    struct profile profile = {0};
    struct problem problem;
    unsigned differ = 0;

    (void)state;
    assert_int_equal(profile_read(&profile, "mixed", &problem), DROVER_OK);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_true(same(profile_draw(&profile, 7, i, KIND_MANAGED), profile_draw(&profile, 7, i, KIND_MANAGED)));
        differ += !same(profile_draw(&profile, 7, i, KIND_MANAGED), profile_draw(&profile, 8, i, KIND_MANAGED));
    }
    assert_true(differ > 500);
}

static void simple_devices_do_not_do_what_takes_words(void **state)
{
    struct profile profile = {0};

    (void)state;
    add(&profile, "reject=40");
    add(&profile, "silent:acknowledge=30");
    add(&profile, "transient:install=30");
    for (uint32_t i = 0; i < 1000; i++) {
        struct behaviour behaviour = profile_draw(&profile, 3, i, KIND_SIMPLE);

        assert_int_not_equal(behaviour.kind, BEHAVE_REJECT);
        assert_true(behaviour.kind == BEHAVE_HONEST || behaviour.step == STEP_DOWNLOAD);
    }
}

static void bad_shares_are_refused(void **state)
{
    static const char *const rows[] = {"honest", "honest=", "honest=x", "honest=101", "honest=1.234", "honest=1.", "honest=-1", "nobody=5", "=5",
                                       "honest=100.01"};
    struct profile profile = {0};
    struct problem problem;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(profile_add(&profile, rows[i], &problem) != DROVER_OK, rows[i]);
    assert_int_equal(profile.count, 0);
    add(&profile, "liar=60");
    assert_int_equal(profile_add(&profile, "reject=40.01", &problem), DROVER_RANGE);
    add(&profile, "reject=40");
}

static enum drover_error read_text(const char *text, struct profile *profile, struct problem *problem)
{
    char path[] = "/tmp/drover-profile-XXXXXX";
    int fd = mkstemp(path);
    enum drover_error error;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    error = profile_read(profile, path, problem);
    unlink(path);
    return error;
}

static void a_profile_is_read_from_a_file(void **state)
{
    struct profile profile = {0};
    struct problem problem;

    (void)state;
    assert_int_equal(read_text("; a comment\n[transient early]\nshare = 10\nstep = download\ntimes = 2\n[silent]\nshare=5.5\nreturn_s=30\n"
                               "[transient late]\nshare=1\nstep=install\n", &profile, &problem), DROVER_OK);
    assert_int_equal(profile.count, 3);
    assert_int_equal(profile.entries[0].share, 1000);
    assert_true(same(profile.entries[0].behaviour, (struct behaviour){BEHAVE_TRANSIENT, STEP_DOWNLOAD, 2}));
    assert_int_equal(profile.entries[1].share, 550);
    assert_true(same(profile.entries[1].behaviour, (struct behaviour){BEHAVE_SILENT, STEP_NONE, 30}));
    assert_true(same(profile.entries[2].behaviour, (struct behaviour){BEHAVE_TRANSIENT, STEP_INSTALL, 1}));
}

static void bad_files_are_refused(void **state)
{
    static const char *const rows[] = {"share=5\n", "[liar]\nshare=x\n", "[liar]\nweight=5\n", "[nobody]\nshare=5\n", "[liar]\n nonsense\n",
                                       "[liar]\nshare=5\nstep=moon\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct profile profile = {0};
        struct problem problem;

        CHECK_ROW(read_text(rows[i], &profile, &problem) != DROVER_OK, rows[i]);
    }
    assert_int_equal(profile_read(&(struct profile){0}, "/nowhere/at/all", &(struct problem){0}), DROVER_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_come_out_as_asked),
        cmocka_unit_test(the_same_seed_gives_the_same_fleet),
        cmocka_unit_test(simple_devices_do_not_do_what_takes_words),
        cmocka_unit_test(bad_shares_are_refused),
        cmocka_unit_test(a_profile_is_read_from_a_file),
        cmocka_unit_test(bad_files_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
