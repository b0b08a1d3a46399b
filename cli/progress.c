/* See progress.h. Nothing is hidden or switched on the terminal, so that an interrupt leaves it as it was. */
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/safe_text.h"
#include "common/buffer.h"
#include "common/clock.h"

#define BAR_COLUMNS 24
#define REDRAW_MS 100

void progress_init(struct progress *progress, FILE *stream, bool quiet)
{
    const char *term = getenv("TERM");
    bool able = term && term[0] && strcmp(term, "dumb") != 0;

    *progress = (struct progress){.stream = stream, .live = able && !quiet && isatty(fileno(stream)) == 1};
}

/* A terminal that does not say is taken for one of 80 columns and 24 rows. */
static struct winsize size_of(const struct progress *progress)
{
    struct winsize size = {0};

    (void)ioctl(fileno(progress->stream), TIOCGWINSZ, &size);
    if (size.ws_col <= 20)
        size.ws_col = 80;
    if (size.ws_row <= 2)
        size.ws_row = 24;
    return size;
}

void progress_draw(struct progress *progress, int64_t done, int64_t total, const char *text)
{
    struct buffer line;
    int64_t now_ms = clock_mono_ms();
    double share = total > 0 ? (double)done / (double)total : 0;
    int filled = share < 0 ? 0 : share > 1 ? BAR_COLUMNS : (int)(share * BAR_COLUMNS);
    size_t kept;

    if (!progress->live || (progress->drawn && done < total && now_ms - progress->drawn_ms < REDRAW_MS))
        return;
    buffer_init(&line, 4096);
    buffer_add_text(&line, "[");
    for (int i = 0; i < BAR_COLUMNS; i++)
        buffer_add_text(&line, i < filled ? "#" : ".");
    buffer_add_format(&line, "] %3d %%  %s", share < 0 ? 0 : share > 1 ? 100 : (int)(share * 100), text);
    if (!line.failed) {
        kept = safe_text_cut(line.bytes, line.length, size_of(progress).ws_col - 1u);
        fprintf(progress->stream, "\r%.*s\033[K", (int)kept, line.bytes);
        fflush(progress->stream);
        progress->drawn = 1;
        progress->drawn_ms = now_ms;
    }
    buffer_done(&line);
}

/* The bar leaves the cursor in its line, a block in the line below it. */
static void go_to_first_line(const struct progress *progress)
{
    if (progress->drawn > 1)
        fprintf(progress->stream, "\033[%uA", progress->drawn - 1);
    fputc('\r', progress->stream);
}

void progress_draw_block(struct progress *progress, const struct progress_block *block)
{
    struct winsize size = size_of(progress);
    unsigned count = block->count < size.ws_row - 1u ? block->count : size.ws_row - 1u;

    if (!progress->live)
        return;
    go_to_first_line(progress);
    for (unsigned i = 0; i < count; i++) {
        const struct buffer *text = &block->lines[i].text;

        if (!text->failed && text->length)
            tone_print(progress->stream, block->lines[i].tone, progress->color, text->bytes, safe_text_cut(text->bytes, text->length, size.ws_col - 1u));
        fputs("\033[K\n", progress->stream);
    }
    fputs("\033[J", progress->stream); /* what was drawn before may have been longer */
    fflush(progress->stream);
    progress->drawn = count + 1;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn == 0)
        return;
    go_to_first_line(progress);
    fputs(progress->drawn > 1 ? "\033[J" : "\033[K", progress->stream);
    fflush(progress->stream);
    progress->drawn = 0;
}

struct buffer *progress_line(struct progress_block *block, enum tone tone)
{
    struct buffer *text;

    if (block->count == PROGRESS_LINES_MAX)
        return NULL;
    block->lines[block->count].tone = tone;
    text = &block->lines[block->count++].text;
    buffer_init(text, 4096);
    return text;
}

void progress_block_clear(struct progress_block *block)
{
    for (unsigned i = 0; i < block->count; i++)
        buffer_done(&block->lines[i].text);
    block->count = 0;
}
