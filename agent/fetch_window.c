/* See fetch_window.h. */
#include "agent/fetch_window.h"

#include "common/backoff.h"

void fetch_window_init(struct fetch_window *window, unsigned max)
{
    *window = (struct fetch_window){.max = max > 0 ? max : 1};
    window->size = window->max < WINDOW_START ? window->max : WINDOW_START;
}

bool fetch_window_allows(const struct fetch_window *window, int64_t now_mono_ms)
{
    return window->running < window->size && now_mono_ms >= window->not_before_ms;
}

unsigned fetch_window_began(struct fetch_window *window)
{
    window->running++;
    return window->epoch;
}

void fetch_window_ended(struct fetch_window *window)
{
    window->running--;
}

void fetch_window_succeeded(struct fetch_window *window)
{
    window->running--;
    window->failures_in_row = 0;
    window->good_in_row++;
    if (window->good_in_row < WINDOW_RAISE_AFTER || window->size == window->max)
        return;
    window->good_in_row = 0;
    window->size++;
}

void fetch_window_failed(struct fetch_window *window, unsigned epoch, bool brought, int64_t now_mono_ms, uint64_t random)
{
    int64_t until_ms;

    window->running--;
    window->good_in_row = 0;
    if (epoch == window->epoch) {
        window->size = window->size > 1 ? window->size / 2 : 1;
        window->epoch++;
        window->failures_in_row++;
    }
    if (brought)
        window->failures_in_row = 1;
    until_ms = now_mono_ms + backoff_full_jitter_ms(brought ? WINDOW_WAIT_BROUGHT_MS : WINDOW_WAIT_BASE_MS, WINDOW_WAIT_CAP_MS,
                                                    window->failures_in_row > 0 ? window->failures_in_row - 1 : 0, random);
    if (until_ms > window->not_before_ms)
        window->not_before_ms = until_ms;
}
