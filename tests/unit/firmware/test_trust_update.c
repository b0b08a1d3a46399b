/* From one trust document to the next: who may sign it, in which order, after how many years. Keys 0 to 2 of Ed25519 are old roots, 3 to 5 new. */
#include "trust_fixture.h"

#include <unistd.h>

static int done(void **state)
{
    (void)state;
    keys_done();
    return 0;
}

/* A store whose roots are the keys first, first + 1, ... */
static struct trust store_of(int64_t version, unsigned first, unsigned count, unsigned needed)
{
    struct trust trust;

    trust_init(&trust);
    trust.version = version;
    trust.thresholds[TRUST_ROOT] = needed;
    for (unsigned i = 0; i < count; i++)
        (void)store_add(&trust, ed(first + i), "root", ROLE(ROOT));
    return trust;
}

/* Signs `next` with the keys in the bit set and hands it to `trust`; on success *ret_next is the new store. */
static enum error_code offer(const struct trust *trust, const struct trust *next, unsigned signers, int64_t now_ms, struct trust *ret_next, struct problem *problem)
{
    const struct private_key *keys[KEYS_MAX];
    struct buffer jws;
    unsigned count = 0;
    enum error_code code;

    for (unsigned i = 0; i < KEYS_MAX; i++)
        if (signers & 1u << i)
            keys[count++] = ed(i);
    jws = signed_store(next, keys, count);
    *problem = (struct problem){0};
    code = trust_update(trust, jws.bytes, jws.length, now_ms, ret_next, problem);
    buffer_done(&jws);
    return code;
}

static enum error_code offer_and_drop(const struct trust *trust, const struct trust *next, unsigned signers, int64_t now_ms, struct problem *problem)
{
    struct trust taken;
    enum error_code code = offer(trust, next, signers, now_ms, &taken, problem);

    if (!code)
        trust_done(&taken);
    return code;
}

/* 2 of 3 old roots and 2 of 3 new ones must have signed, in every combination. */
static void old_and_new_roots_must_sign(void **state)
{
    struct trust trust = store_of(1, 0, 3, 2), next = store_of(2, 3, 3, 2);

    (void)state;
    for (unsigned signers = 1; signers < 64; signers++) {
        bool by_old = __builtin_popcount(signers & 7) >= 2, by_new = __builtin_popcount(signers >> 3) >= 2;
        struct problem problem;

        CHECK_CODE(offer_and_drop(&trust, &next, signers, NOW_MS, &problem), by_old && by_new ? E_NONE : E_SIGNATURE, problem, "rotation");
    }
    trust_done(&trust);
    trust_done(&next);
}

/* FIELD.md, attack 3: a document from yesterday changes nothing, whoever signed it. */
static void attack_03_versions_never_go_back(void **state)
{
    static const struct {
        int64_t present, offered;
        unsigned signers;
        enum error_code code;
    } rows[] = {{5, 4, 1, E_EXPIRED}, {5, 5, 1, E_EXPIRED}, {5, 0, 1, E_EXPIRED}, {5, 4, 2, E_EXPIRED}, {5, 6, 1, E_NONE}, {5, 600, 1, E_NONE}, {5, 6, 2, E_SIGNATURE}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trust trust = store_of(rows[i].present, 0, 1, 1), next = store_of(rows[i].offered, 0, 1, 1);
        struct problem problem;

        CHECK_CODE(offer_and_drop(&trust, &next, rows[i].signers, NOW_MS, &problem), rows[i].code, problem, "version");
        trust_done(&trust);
        trust_done(&next);
    }
}

static void roots_cannot_be_given_up(void **state)
{
    struct trust trust = store_of(1, 0, 1, 1), none = store_of(2, 0, 0, 1), too_many = store_of(2, 0, 1, 2), rootless = store_of(1, 0, 0, 1), next = store_of(2, 0, 1, 1);
    struct problem problem;

    (void)state;
    (void)store_add(&none, ed(1), "release", ROLE(PACKAGE));
    CHECK_CODE(offer_and_drop(&trust, &none, 1, NOW_MS, &problem), E_SIGNATURE, problem, "no roots in it");
    CHECK_CODE(offer_and_drop(&trust, &too_many, 1, NOW_MS, &problem), E_SIGNATURE, problem, "a threshold nobody could meet");
    CHECK_CODE(offer_and_drop(&rootless, &next, 1, NOW_MS, &problem), E_SIGNATURE, problem, "a store without roots takes no documents");
    CHECK_CODE(offer_and_drop(&trust, &next, 1, NOW_MS, &problem), E_NONE, problem, "an honest one afterwards");
    trust_done(&trust);
    trust_done(&none);
    trust_done(&too_many);
    trust_done(&rootless);
    trust_done(&next);
}

/* Only the root role counts, and a revoked or expired root does not. */
static void roots_that_do_not_count(void **state)
{
    struct trust trust = store_of(1, 0, 2, 1), next = store_of(2, 0, 3, 1);
    struct problem problem;

    (void)state;
    (void)store_add(&trust, ed(2), "release", ROLE(PACKAGE) | ROLE(DELTA) | ROLE(PERMIT));
    CHECK_CODE(offer_and_drop(&trust, &next, 1u << 2, NOW_MS, &problem), E_SIGNATURE, problem, "signed by a package key");
    trust.keys[0].revoked_ms = NOW_MS - 1;
    CHECK_CODE(offer_and_drop(&trust, &next, 1u << 0, NOW_MS, &problem), E_SIGNATURE, problem, "by a revoked root");
    CHECK_CODE(offer_and_drop(&trust, &next, 1u << 1, NOW_MS, &problem), E_NONE, problem, "by the other root");
    trust.keys[1].not_after_ms = NOW_MS;
    CHECK_CODE(offer_and_drop(&trust, &next, 1u << 1, NOW_MS, &problem), E_SIGNATURE, problem, "by a root whose time is over");
    CHECK_CODE(offer_and_drop(&trust, &next, 1u << 1, NOW_MS - 1, &problem), E_NONE, problem, "a moment before");
    trust_done(&trust);
    trust_done(&next);
}

/* Version 2 replaces root 0 by 1, version 3 replaces 1 by 2. A device that slept through both: version 3 alone helps it only when root 0
 * signed it as well; otherwise it takes 2, then 3. */
static void a_device_that_slept_for_years(void **state)
{
    struct trust first = store_of(1, 0, 1, 1), second = store_of(2, 1, 1, 1), third = store_of(3, 2, 1, 1), now;
    int64_t later_ms = NOW_MS + 6 * YEAR_MS;
    struct problem problem;

    (void)state;
    first.expires_ms = NOW_MS;
    second.expires_ms = NOW_MS + YEAR_MS;
    third.expires_ms = NOW_MS + 2 * YEAR_MS; /* expired as well: nobody was there to renew it. It is still newer */
    CHECK_CODE(offer_and_drop(&first, &third, 1u << 1 | 1u << 2, later_ms, &problem), E_SIGNATURE, problem, "two steps at once, signed by the last two roots");
    CHECK_CODE(offer_and_drop(&first, &third, 1u << 0 | 1u << 1 | 1u << 2, later_ms, &problem), E_NONE, problem, "two steps at once, the first root signed too");
    CHECK_CODE(offer(&first, &second, 1u << 0 | 1u << 1, later_ms, &now, &problem), E_NONE, problem, "step by step: 2");
    CHECK_CODE(offer_and_drop(&now, &first, 1u << 0, later_ms, &problem), E_EXPIRED, problem, "and not back");
    CHECK_CODE(offer_and_drop(&now, &third, 1u << 1 | 1u << 2, later_ms, &problem), E_NONE, problem, "step by step: 3");
    trust_done(&now);
    trust_done(&first);
    trust_done(&second);
    trust_done(&third);
}

/* FIELD.md, attack 16: with a clock at 1970 the roots count as long as they have no not_before, and a floor is the caller's. */
static void attack_16_clock_at_1970(void **state)
{
    struct trust trust = store_of(1, 0, 1, 1), next = store_of(2, 0, 1, 1);
    struct problem problem;

    (void)state;
    CHECK_CODE(offer_and_drop(&trust, &next, 1, 1, &problem), E_NONE, problem, "1970");
    CHECK_CODE(offer_and_drop(&trust, &next, 1, NOW_MS + 200 * YEAR_MS, &problem), E_NONE, problem, "in 200 years");
    trust.keys[0].not_before_ms = NOW_MS;
    CHECK_CODE(offer_and_drop(&trust, &next, 1, 1, &problem), E_SIGNATURE, problem, "1970, and a root that begins today");
    trust_done(&trust);
    trust_done(&next);
}

static void every_damaged_document_is_refused(void **state)
{
    struct trust trust = store_of(1, 0, 1, 1), next = store_of(2, 0, 1, 1), taken;
    const struct private_key *keys[] = {ed(0)};
    struct buffer jws = signed_store(&next, keys, 1);

    (void)state;
    for (size_t i = 0; i < jws.length; i++) {
        struct problem problem = {0};

        jws.bytes[i] ^= 1;
        if (trust_update(&trust, jws.bytes, jws.length, NOW_MS, &taken, &problem) == E_NONE)
            fail_msg("taken with byte %zu changed", i);
        assert_true(problem.where[0] && problem.what[0]);
        jws.bytes[i] ^= 1;
    }
    for (size_t cut = 0; cut < jws.length; cut++)
        assert_int_equal(trust_update(&trust, jws.bytes, cut, NOW_MS, &taken, NULL), E_INCOMPATIBLE);
    trust_done(&trust);
    trust_done(&next);
    buffer_done(&jws);
}

/* A file on a device is the JWS as it came; plain JSON is for stores that file permissions guard. */
static void files(void **state)
{
    char path[] = "/tmp/drover-trust-XXXXXX";
    struct trust next = store_of(2, 0, 1, 1), other = store_of(2, 1, 1, 1), read;
    const struct private_key *keys[] = {ed(0)};
    struct buffer texts[3] = {signed_store(&next, keys, 1), text_of(&next), signed_store(&other, keys, 1)};
    struct problem problem = {0};
    int fd = mkstemp(path);

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, texts[i].bytes, texts[i].length, 0), texts[i].length);
        assert_int_equal(trust_read_file(path, &read, &problem), i < 2 ? DROVER_OK : DROVER_REFUSED); /* the last is not by its own roots */
        if (i < 2) {
            assert_int_equal(read.version, 2);
            assert_true(trust_has_roots(&read));
            trust_done(&read);
        }
        buffer_done(&texts[i]);
    }
    assert_int_equal(ftruncate(fd, 10 << 20), 0);
    assert_int_equal(trust_read_file(path, &read, &problem), DROVER_TOO_LONG);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(trust_read_file(path, &read, &problem), DROVER_SYNTAX);
    close(fd);
    unlink(path);
    assert_int_equal(trust_read_file(path, &read, &problem), DROVER_NOT_FOUND);
    assert_int_equal(trust_read_file("/tmp", &read, &problem), DROVER_IO);
    trust_done(&next);
    trust_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_and_new_roots_must_sign),
        cmocka_unit_test(attack_03_versions_never_go_back),
        cmocka_unit_test(roots_cannot_be_given_up),
        cmocka_unit_test(roots_that_do_not_count),
        cmocka_unit_test(a_device_that_slept_for_years),
        cmocka_unit_test(attack_16_clock_at_1970),
        cmocka_unit_test(every_damaged_document_is_refused),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
