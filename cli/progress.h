/* A progress bar on standard error, only on a terminal: one line that is drawn over and over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *stream;
    bool live;            /* false: draws nothing */
    bool drawn;           /* the line is on the screen now */
    int64_t drawn_ms;
};

/* Live when the stream is a terminal that can do it, and quiet is not wanted. */
void progress_init(struct progress *progress, FILE *stream, bool quiet);
/* Draws "[####....]  52 %  text", cut to the terminal's width; at most ten times a second, but always when done == total.
 * text must be safe. */
void progress_draw(struct progress *progress, int64_t done, int64_t total, const char *text);
/* Removes the line, so that something else can be written. */
void progress_clear(struct progress *progress);
