/* How fast all requests of a fetch are together: not above the bandwidth limit (a token bucket), not below the rate at which a download counts as
 * stopped. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fetch_rate {
    int64_t limit_bytes_s;      /* 0: none */
    int64_t tokens_bytes;       /* what may come now; below 0: a block was larger than what was left */
    int64_t filled_ms;
};
void fetch_rate_init(struct fetch_rate *rate, int64_t limit_bytes_s, int64_t now_mono_ms);
void fetch_rate_fill(struct fetch_rate *rate, int64_t now_mono_ms);
bool fetch_rate_allows(const struct fetch_rate *rate);
void fetch_rate_take(struct fetch_rate *rate, int64_t bytes);
/* When bytes are allowed again. */
int64_t fetch_rate_wake_ms(const struct fetch_rate *rate);

/* Slow retrieval: fewer than min_bytes_s over over_ms, counted from window to window while requests run. */
struct fetch_pace {
    int64_t min_bytes_s, over_ms;
    int64_t since_ms;           /* -1: no request runs */
    int64_t bytes;              /* that came since */
};
/* A bandwidth limit that is itself slower than min_bytes_s lowers it to half of the limit. */
void fetch_pace_init(struct fetch_pace *pace, int64_t min_bytes_s, int64_t over_ms, int64_t limit_bytes_s);
void fetch_pace_came(struct fetch_pace *pace, int64_t bytes);
/* True: it was too slow over the window that ends now. */
bool fetch_pace_is_slow(struct fetch_pace *pace, bool runs, int64_t now_mono_ms);
int64_t fetch_pace_wake_ms(const struct fetch_pace *pace);
