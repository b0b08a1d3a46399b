/* May this download begin now? Its place among those under way, its part of the bytes a second; and the end of both. See http_thread.h. */
#include <event2/http.h>

#include "common/clock.h"
#include "orchestrator/edges/depot_places.h"
#include "orchestrator/edges/http_range.h"
#include "orchestrator/edges/http_thread.h"

static bool reaches_the_end(const struct http_ranges *ranges, int64_t size)
{
    for (unsigned i = 0; i < ranges->count; i++)
        if (ranges->list[i].start + ranges->list[i].length == size)
            return true;
    return false;
}

bool depot_admit(struct http_thread *thread, struct http_conn *conn, const char *device, const struct http_ranges *ranges, int64_t size)
{
    unsigned place = 0;
    int retry_s = 0;
    enum drover_error error = depot_places_take(thread->shared->places, device, clock_mono_us(), clock_random(), &place, &retry_s);
    if (error == DROVER_OK) {
        conn->place = place + 1;
        conn->place_is_last = reaches_the_end(ranges, size);
        atomic_fetch_add(&thread->shared->replies, 1);
        http_budget_download(&thread->budget, conn->bev);
        return true;
    }
    bool full = error == DROVER_FULL;
    http_metrics_refused(conn->guard->metrics, full ? REFUSED_DOWNLOADS : REFUSED_CLIENT_DOWNLOADS);
    http_reply_later(conn, full ? 503 : 429, full ? "the depot has no room for another download now" : "this device fetches as much at a time as it may",
                     retry_s);
    return false;
}

void depot_leave(struct http_thread *thread, struct http_conn *conn, bool whole)
{
    if (conn->place == 0)
        return;
    if (whole)   /* what the kernel holds of it will be taken, as far as we ever learn */
        atomic_fetch_add_explicit(&conn->guard->metrics->taken_bytes, (uint_fast64_t)conn->reading.left_bytes, memory_order_relaxed);
    depot_places_leave(thread->shared->places, conn->place - 1, whole && conn->place_is_last, clock_mono_us());
    conn->place = 0;
    atomic_fetch_sub(&thread->shared->replies, 1);
    http_budget_download_ends(&thread->budget, conn->bev);
}
