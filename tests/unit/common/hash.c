/* The hash is a data format: its values are pinned, those of XXH64 by vectors of the public specification's reference. */
#include "check.h"

#include "common/hash.h"

static void values_are_those_of_xxh64(void **state)
{
    static const struct {
        const char *text;
        uint64_t seed, hash;
    } rows[] = {
#include "hash_vectors.h"
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(hash_text(rows[i].text, rows[i].seed) == rows[i].hash, rows[i].text);
        CHECK_ROW(hash_bytes(rows[i].text, strlen(rows[i].text), rows[i].seed) == rows[i].hash, rows[i].text);
    }
}

static void mix_is_splitmix64(void **state)
{
    (void)state; /* the first outputs of splitmix64 seeded with 0 are mix(0), mix(gamma) */
    assert_true(hash_mix(0) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(hash_mix(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0x6e789e6aa1b965f4));
}

/* Chi-square over 100 buckets has 99 degrees of freedom: 148.2 is passed once in 1000 by a fair die. */
static double chi_square(const char *prefix, const char *suffix, uint64_t seed)
{
    enum { BUCKETS = 100, IDS = 20000 };
    unsigned counts[BUCKETS] = {0};
    double sum = 0;

    for (unsigned i = 0; i < IDS; i++) {
        char id[64];

        (void)snprintf(id, sizeof id, "%s%u%s", prefix, i, suffix);
        counts[hash_text(id, seed) % BUCKETS]++;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        double off = counts[i] - (double)IDS / BUCKETS;

        sum += off * off / ((double)IDS / BUCKETS);
    }
    return sum;
}

static void devices_spread_evenly(void **state)
{
    assert_null(*state);
    assert_true(chi_square("d", "", 0) < 148.2);
    assert_true(chi_square("d", "", 1) < 148.2);
    assert_true(chi_square("esp32-", "", 7) < 148.2);
    assert_true(chi_square("00:1b:44:", "", 0) < 148.2);
    assert_true(chi_square("sensor-", "-berlin-floor-2-room-114-ceiling", 0) < 148.2);
}

/* Two rollouts (seeds) must not pick the same devices first. */
static void seeds_are_independent(void **state)
{
    unsigned both = 0;

    assert_null(*state);
    for (unsigned i = 0; i < 20000; i++) {
        char id[32];

        (void)snprintf(id, sizeof id, "dev-%u", i);
        both += hash_text(id, 1) % 100 < 10 && hash_text(id, 2) % 100 < 10;
    }
    assert_in_range(both, 150, 250); /* 1 % of 20000 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_xxh64),
        cmocka_unit_test(mix_is_splitmix64),
        cmocka_unit_test(devices_spread_evenly),
        cmocka_unit_test(seeds_are_independent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
