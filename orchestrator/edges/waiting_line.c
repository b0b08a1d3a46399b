/* See waiting_line.h. */
#include "orchestrator/edges/waiting_line.h"

#define SECOND_US INT64_C(1000000)
#define MAX_US (WAITING_LINE_MAX_S * SECOND_US)
#define INTERVAL_MAX_US (60 * SECOND_US)
#define SMOOTHING 8   /* the newest sample's share of the mean is 1 / SMOOTHING */

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

void waiting_line_filled(struct waiting_line *line, int64_t now_us)
{
    if (line->full_us == 0)
        line->full_us = now_us;
}

/* What follows at once fills it again, so the time in which there was room is not counted as waiting. */
void waiting_line_freed(struct waiting_line *line, int64_t now_us)
{
    if (line->full_us == 0)
        return;
    int64_t sample_us = smaller(now_us - line->full_us, INTERVAL_MAX_US);
    line->interval_us = line->interval_us == 0 ? sample_us : line->interval_us + (sample_us - line->interval_us) / SMOOTHING;
    if (line->interval_us < 1)
        line->interval_us = 1;
    line->full_us = 0;
}

void waiting_line_served(struct waiting_line *line, int64_t now_us)
{
    if (line->booked_us > now_us)
        line->booked_us -= smaller(line->interval_us, line->booked_us - now_us);
}

/* While nothing gets free, the time it already took is the best guess. */
static int64_t interval_now_us(const struct waiting_line *line, int64_t now_us)
{
    int64_t waited_us = line->full_us != 0 ? smaller(now_us - line->full_us, INTERVAL_MAX_US) : 0;
    int64_t known_us = line->interval_us != 0 ? line->interval_us : SECOND_US;
    return waited_us > known_us ? waited_us : known_us;
}

int64_t waiting_line_ahead_us(const struct waiting_line *line, int64_t now_us)
{
    return line->booked_us > now_us ? line->booked_us - now_us : 0;
}

int waiting_line_book(struct waiting_line *line, int64_t now_us, uint64_t random)
{
    int64_t interval_us = interval_now_us(line, now_us);
    int64_t wait_us = waiting_line_ahead_us(line, now_us) + interval_us;
    if (wait_us > MAX_US) {
        wait_us = MAX_US / 2 + (int64_t)(random % (uint64_t)(MAX_US / 2));
    } else {
        line->booked_us = now_us + wait_us;
        wait_us += (int64_t)(random % (uint64_t)(wait_us / 4 + SECOND_US));
    }
    return (int)((wait_us + SECOND_US - 1) / SECOND_US);
}
