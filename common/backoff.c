/* Full jitter: the wait is drawn from the whole interval, which spreads a fleet that failed at the same moment
 * better than a fixed wait with a little noise on top. */
#include "common/backoff.h"

__extension__ typedef unsigned __int128 uint128;

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

int64_t backoff_full_jitter_ms(int64_t base_ms, int64_t cap_ms, unsigned attempt, uint64_t random)
{
    uint64_t ceiling = (uint64_t)ceiling_ms(base_ms, cap_ms, attempt);

    /* The high half of a product is uniform over [0, ceiling) without the bias and the division of `%`. */
    return 1 + (int64_t)(((uint128)random * ceiling) >> 64);
}
