/* Who finds no room is told when to come again: one after the other, at the pace at which room really comes. Pure: no clock, no lock.
 *
 * An appointment is a moment, nobody's name: who comes is served if there is room. The moments are as far apart as places got free lately, so a
 * thousand who are sent away come back in as long as it takes to serve a thousand, not all at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WAITING_LINE_MAX_S 900   /* nobody is sent away for longer; who would be, comes at some time in the last half of it */

struct waiting_line {
    int64_t interval_us;   /* between two places that get free while all are taken, smoothed; 0: not known yet */
    int64_t full_us;       /* since when no place is free, or since the last one got free meanwhile; 0: there is room */
    int64_t booked_us;     /* the last appointment */
};

/* The last place was taken. */
void waiting_line_filled(struct waiting_line *line, int64_t now_us);
/* A place got free. */
void waiting_line_freed(struct waiting_line *line, int64_t now_us);
/* Somebody got a place: if he came by appointment, his is over. */
void waiting_line_served(struct waiting_line *line, int64_t now_us);
/* For whoever is sent away: in how many seconds he should come, at least 1, with jitter. */
int waiting_line_book(struct waiting_line *line, int64_t now_us, uint64_t random);
/* How far ahead appointments are made now. */
int64_t waiting_line_ahead_us(const struct waiting_line *line, int64_t now_us);
