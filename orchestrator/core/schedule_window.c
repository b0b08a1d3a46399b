/* Windows: whether one is open, by what the device's own clock shows, and when that changes. */
#include "common/hash.h"
#include "orchestrator/core/schedule.h"

#define DAY_S 86400
#define SEARCH_S (INT64_C(16) * DAY_S)   /* a weekly window may fall into a skipped hour once, never twice in a row */
#define SPREAD_PART 4                    /* of the window ... */
#define SPREAD_MAX_S 3600                /* ... but no longer than this */
#define PLACES 10000
#define PLACE_SALT 2                     /* rollout.c uses 0 and 1 for a device's place and the upgrade's id */

unsigned schedule_window_place(const char *rollout_id, const char *device_id)
{
    return (unsigned)(hash_text(device_id, hash_text(rollout_id, PLACE_SALT)) % PLACES);
}

/* --- one window, in seconds from the midnight that begins its day --- */

struct span {
    int64_t from_s, to_s;
};

static struct span span_of(const struct plan_window *window, unsigned place)
{
    struct span span = {window->from_min * 60, window->to_min * 60};
    if (span.to_s <= span.from_s)
        span.to_s += DAY_S;
    int64_t length_s = span.to_s - span.from_s, part_s = length_s / SPREAD_PART < SPREAD_MAX_S ? length_s / SPREAD_PART : SPREAD_MAX_S;
    if (length_s < DAY_S)
        span.from_s += part_s * place / PLACES;
    return span;
}

static bool covers(const struct plan_window *window, unsigned place, const struct local_time *local)
{
    struct span span = span_of(window, place);
    for (int back = 0; back <= 1; back++) {   /* begun today, begun yesterday */
        int64_t second = local->second + (int64_t)back * DAY_S;
        if (window->days >> ((local->weekday + 7 - back) % 7) & 1 && second >= span.from_s && second < span.to_s)
            return true;
    }
    return false;
}

static bool is_for(const struct plan_window *window, enum window_use use)
{
    return window->use == WINDOW_BOTH || window->use == use;
}

/* --- all of them --- */

static bool has_any(const struct plan_windows *windows, enum window_use use)
{
    for (unsigned i = 0; i < windows->count; i++)
        if (is_for(&windows->windows[i], use))
            return true;
    return false;
}

static bool any_covers(const struct plan_windows *windows, enum window_use use, unsigned place, const struct local_time *local)
{
    for (unsigned i = 0; i < windows->count; i++)
        if (is_for(&windows->windows[i], use) && covers(&windows->windows[i], place, local))
            return true;
    return false;
}

static int64_t seconds_of(int64_t unix_ms)
{
    return unix_ms / 1000 - (unix_ms % 1000 < 0);
}

bool schedule_is_open(const struct plan_windows *windows, enum window_use use, const struct time_zone *zone, unsigned place, int64_t now_ms)
{
    struct local_time local;
    if (!has_any(windows, use))
        return true;
    time_zone_local(zone, seconds_of(now_ms), &local);
    return any_covers(windows, use, place, &local);
}

/* Seconds from `second` of the day to `at` of the day, 1 .. 86400. */
static int64_t until(int64_t second, int64_t at)
{
    int64_t left = (at - second) % DAY_S;
    return left > 0 ? left : left + DAY_S;
}

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

/* Nothing can change before this: the next midnight, beginning or end of a window, or change of the clock. */
static int64_t next_look_s(const struct plan_windows *windows, enum window_use use, const struct time_zone *zone, unsigned place, int64_t at_s)
{
    struct local_time local;
    time_zone_local(zone, at_s, &local);
    int64_t left_s = until(local.second, 0);
    for (unsigned i = 0; i < windows->count; i++) {
        struct span span = span_of(&windows->windows[i], place);
        if (is_for(&windows->windows[i], use))
            left_s = smaller(left_s, smaller(until(local.second, span.from_s), until(local.second, span.to_s)));
    }
    return smaller(at_s + left_s, time_zone_change_s(zone, at_s));
}

int64_t schedule_change_ms(const struct plan_windows *windows, enum window_use use, const struct time_zone *zone, unsigned place, int64_t now_ms)
{
    int64_t now_s = seconds_of(now_ms), at_s = now_s;
    bool open = schedule_is_open(windows, use, zone, place, now_ms);
    if (!has_any(windows, use))
        return 0;
    while (at_s - now_s < SEARCH_S) {
        at_s = next_look_s(windows, use, zone, place, at_s);
        if (schedule_is_open(windows, use, zone, place, at_s * 1000) != open)
            return at_s * 1000;
    }
    return 0;
}

void schedule_install(const struct plan_windows *windows, const struct time_zone *zone, unsigned place, int64_t now_ms, int64_t *ret_after_ms, int64_t *ret_before_ms)
{
    bool open = schedule_is_open(windows, WINDOW_INSTALL, zone, place, now_ms);
    *ret_after_ms = open ? 0 : schedule_change_ms(windows, WINDOW_INSTALL, zone, place, now_ms);
    *ret_before_ms = schedule_change_ms(windows, WINDOW_INSTALL, zone, place, open ? now_ms : *ret_after_ms);
}
