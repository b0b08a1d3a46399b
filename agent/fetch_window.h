/* How many requests run at once, and when the next one may begin. Pure: additive increase, multiplicative decrease (D. Chiu, R. Jain, 1989), and
 * waits between failures with full jitter. A failure of a request that began before the last halving is of the
 * same trouble: it neither halves nor counts again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_START 2
#define WINDOW_RAISE_AFTER 5        /* requests in a row without trouble */
#define WINDOW_WAIT_BASE_MS 500
#define WINDOW_WAIT_CAP_MS 60000
#define WINDOW_WAIT_BROUGHT_MS 100  /* at most, after a failure that moved the download forward: a line that is cut often */

struct fetch_window {
    unsigned size, max;             /* 1 <= size <= max */
    unsigned running;
    unsigned good_in_row;           /* since the last change of size */
    unsigned failures_in_row;
    unsigned epoch;                 /* rises with each halving */
    int64_t not_before_ms;          /* mono: no request begins earlier */
};

void fetch_window_init(struct fetch_window *window, unsigned max);
bool fetch_window_allows(const struct fetch_window *window, int64_t now_mono_ms);
/* The epoch to give back when this request ends. */
unsigned fetch_window_began(struct fetch_window *window);
void fetch_window_succeeded(struct fetch_window *window);
/* Ended with neither blame nor merit: cancelled, redirected, asked for a new token. */
void fetch_window_ended(struct fetch_window *window);
/* Timeout or loss. brought: it moved the download forward, so that the row of failures begins anew with this one. */
void fetch_window_failed(struct fetch_window *window, unsigned epoch, bool brought, int64_t now_mono_ms, uint64_t random);
