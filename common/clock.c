/* The clocks of the machine. clock_gettime() and getrandom() cannot fail for these arguments on Linux >= 3.17;
 * if they do, nothing that follows could be right, so the process ends. */
#include "common/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_read_us(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

uint64_t clock_random(void)
{
    uint64_t value;
    char *at = (char *)&value;
    size_t left = sizeof value;

    while (left > 0) { /* a signal may cut it short before the pool is ready */
        ssize_t got = getrandom(at, left, 0);

        if (got > 0) {
            at += got;
            left -= (size_t)got;
        }
    }
    return value;
}
