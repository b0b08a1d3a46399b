/* See http_reading.h. */
#include "orchestrator/edges/http_reading.h"

void http_reading_begin(struct http_reading *reading, int64_t bytes, int64_t now_ms)
{
    *reading = (struct http_reading){.left_bytes = bytes, .looked_ms = now_ms};
}

int64_t http_reading_look(struct http_reading *reading, int64_t left_bytes, bool waits, int64_t now_ms)
{
    int64_t taken = reading->left_bytes > left_bytes ? reading->left_bytes - left_bytes : 0;   /* headers stand in the same buffers */
    if (waits)
        reading->waited_ms += now_ms - reading->looked_ms;
    reading->taken_bytes += taken;
    reading->left_bytes = left_bytes;
    reading->looked_ms = now_ms;
    return taken;
}

bool http_reading_is_slow(struct http_reading *reading, int64_t window_ms, int64_t least_bytes_s)
{
    if (reading->waited_ms < window_ms)
        return false;
    int64_t least = least_bytes_s * reading->waited_ms / 1000;
    bool slow = reading->taken_bytes < (least > 1 ? least : 1);
    reading->waited_ms = reading->taken_bytes = 0;
    return slow;
}
