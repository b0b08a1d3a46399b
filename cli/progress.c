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

static unsigned columns(const struct progress *progress)
{
    struct winsize size;

    if (ioctl(fileno(progress->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
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
        kept = safe_text_cut(line.bytes, line.length, columns(progress) - 1);
        fprintf(progress->stream, "\r%.*s\033[K", (int)kept, line.bytes);
        fflush(progress->stream);
        progress->drawn = true;
        progress->drawn_ms = now_ms;
    }
    buffer_done(&line);
}

void progress_clear(struct progress *progress)
{
    if (!progress->drawn)
        return;
    fputs("\r\033[K", progress->stream);
    fflush(progress->stream);
    progress->drawn = false;
}
