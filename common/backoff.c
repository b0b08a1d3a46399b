/* Full jitter: the wait is drawn from the whole interval, which spreads a fleet that failed at the same moment
 * better than a fixed wait with a little noise on top. */
#include "common/backoff.h"

static int64_t ceiling_ms(int64_t base_ms, int64_t cap_ms, unsigned attempt)
{
    if (base_ms < 1)
        base_ms = 1;
    if (cap_ms < 1)
        cap_ms = 1;
    if (attempt >= 63 || base_ms > cap_ms >> attempt)
        return cap_ms;
    return base_ms << attempt;
}

/* The high half of a product of 128 bits, which 32-bit compilers have no type for. No sum overflows: (2^32 - 1)^2 + 2^32 - 1 < 2^64. */
static uint64_t product_high(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);

    return a_high * b_high + (middle >> 32) + ((a_low * b_high + (uint32_t)middle) >> 32);
}

int64_t backoff_full_jitter_ms(int64_t base_ms, int64_t cap_ms, unsigned attempt, uint64_t random)
{
    uint64_t ceiling = (uint64_t)ceiling_ms(base_ms, cap_ms, attempt);

    /* The high half of a product is uniform over [0, ceiling) without the bias and the division of `%`. */
    return 1 + (int64_t)product_high(random, ceiling);
}
