/* See fetch_rate.h. */
#include "agent/fetch_rate.h"

#define BURST_MS 250
#define BURST_MIN_BYTES 4096

static int64_t burst_bytes(const struct fetch_rate *rate)
{
    int64_t burst = rate->limit_bytes_s / (1000 / BURST_MS);

    return burst > BURST_MIN_BYTES ? burst : BURST_MIN_BYTES;
}

void fetch_rate_init(struct fetch_rate *rate, int64_t limit_bytes_s, int64_t now_mono_ms)
{
    *rate = (struct fetch_rate){.limit_bytes_s = limit_bytes_s, .filled_ms = now_mono_ms};
    rate->tokens_bytes = burst_bytes(rate);
}

void fetch_rate_fill(struct fetch_rate *rate, int64_t now_mono_ms)
{
    int64_t passed_ms = now_mono_ms - rate->filled_ms, burst = burst_bytes(rate), more;

    if (rate->limit_bytes_s == 0 || passed_ms <= 0)
        return;
    if (__builtin_mul_overflow(passed_ms, rate->limit_bytes_s, &more))
        more = INT64_MAX;
    if (more < 1000)   /* less than a byte: leave the time for later */
        return;
    more /= 1000;
    rate->filled_ms = now_mono_ms;
    rate->tokens_bytes = more > burst - rate->tokens_bytes ? burst : rate->tokens_bytes + more;
}

bool fetch_rate_allows(const struct fetch_rate *rate)
{
    return rate->limit_bytes_s == 0 || rate->tokens_bytes > 0;
}

void fetch_rate_take(struct fetch_rate *rate, int64_t bytes)
{
    if (rate->limit_bytes_s > 0)
        rate->tokens_bytes -= bytes;
}

int64_t fetch_rate_wake_ms(const struct fetch_rate *rate)
{
    if (fetch_rate_allows(rate))
        return rate->filled_ms;
    return rate->filled_ms + (1 - rate->tokens_bytes) * 1000 / rate->limit_bytes_s + 1;
}

void fetch_pace_init(struct fetch_pace *pace, int64_t min_bytes_s, int64_t over_ms, int64_t limit_bytes_s)
{
    if (limit_bytes_s > 0 && min_bytes_s > limit_bytes_s / 2)
        min_bytes_s = limit_bytes_s / 2;
    *pace = (struct fetch_pace){.min_bytes_s = min_bytes_s, .over_ms = over_ms, .since_ms = -1};
}

void fetch_pace_came(struct fetch_pace *pace, int64_t bytes)
{
    pace->bytes += bytes;
}

bool fetch_pace_is_slow(struct fetch_pace *pace, bool runs, int64_t now_mono_ms)
{
    bool is_slow;

    if (runs && pace->since_ms >= 0 && now_mono_ms - pace->since_ms < pace->over_ms)
        return false;
    is_slow = runs && pace->since_ms >= 0 && pace->bytes / (pace->over_ms > 999 ? pace->over_ms / 1000 : 1) < pace->min_bytes_s;
    pace->since_ms = runs ? now_mono_ms : -1;
    pace->bytes = 0;
    return is_slow;
}

int64_t fetch_pace_wake_ms(const struct fetch_pace *pace)
{
    return pace->since_ms < 0 ? INT64_MAX : pace->since_ms + pace->over_ms;
}
