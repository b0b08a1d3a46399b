/* Progress on standard error, only on a terminal: a line with a bar, or a block of lines, drawn over and over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/table.h"

struct progress {
    FILE *stream;
    bool live;            /* false: draws nothing */
    bool color;           /* of blocks */
    unsigned drawn;       /* lines on the screen now */
    int64_t drawn_ms;
};

#define PROGRESS_LINES_MAX 48
struct progress_block {
    unsigned count;
    struct {
        enum tone tone;
        struct buffer text;   /* must be safe */
    } lines[PROGRESS_LINES_MAX];
};

/* Live when the stream is a terminal that can do it, and quiet is not wanted. */
void progress_init(struct progress *progress, FILE *stream, bool quiet);
/* Draws "[####....]  52 %  text", cut to the terminal's width; at most ten times a second, but always when done == total.
 * text must be safe. */
void progress_draw(struct progress *progress, int64_t done, int64_t total, const char *text);
/* Draws the lines, cut to the terminal's width and height. */
void progress_draw_block(struct progress *progress, const struct progress_block *block);
/* Removes what is drawn, so that something else can be written. */
void progress_clear(struct progress *progress);

/* A zeroed block is empty. The next line's text, to be appended to; NULL: the block is full. */
struct buffer *progress_line(struct progress_block *block, enum tone tone);
void progress_block_clear(struct progress_block *block);   /* frees its lines */
