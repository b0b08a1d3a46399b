/* Cells lie one after the other in one buffer, each with its length, width and tone in front. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "cli/safe_text.h"

struct cell {
    unsigned length, width;
    enum tone tone;
};

struct table {
    const struct column *columns;
    unsigned count;
    unsigned *widths;
    bool titled;           /* the title line has been printed */
    struct buffer cells;   /* struct cell, then its text, again and again */
    unsigned filled;       /* cells of the present row */
};

struct table *table_new(const struct column *columns, unsigned count)
{
    struct table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    *table = (struct table){.columns = columns, .count = count, .widths = calloc(count, sizeof *table->widths)};
    buffer_init(&table->cells, 0);
    if (!table->widths) {
        table_free(table);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        table->widths[i] = safe_text_width(columns[i].title, strlen(columns[i].title));
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    buffer_done(&table->cells);
    free(table->widths);
    free(table);
}

void table_cell(struct table *table, const char *text, enum tone tone)
{
    struct buffer safe;
    struct cell cell = {.tone = tone};
    unsigned column = table->filled++ % table->count;

    buffer_init(&safe, 0);
    safe_text_add(&safe, text, strlen(text));
    cell.length = (unsigned)safe.length;
    cell.width = safe.failed ? 0 : safe_text_width(safe.bytes, safe.length);
    if (cell.width > table->widths[column])
        table->widths[column] = cell.width;
    buffer_add(&table->cells, &cell, sizeof cell);
    buffer_add(&table->cells, safe.bytes, safe.failed ? 0 : safe.length);
    table->cells.failed |= safe.failed;
    buffer_done(&safe);
}

void tone_print(FILE *out, enum tone tone, bool color, const char *text, size_t length)
{
    static const char *const starts[] = {
        [TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m", [TONE_BAD] = "\033[31m", [TONE_DIM] = "\033[2m", [TONE_BOLD] = "\033[1m",
    };
    bool colored = color && tone != TONE_PLAIN;

    fprintf(out, "%s%.*s%s", colored ? starts[tone] : "", (int)length, length ? text : "", colored ? "\033[0m" : "");
}

/* One cell with its padding; nothing is padded behind the last column. */
static void cell_print(const struct table *table, unsigned column, struct cell cell, const char *text, FILE *out, bool color)
{
    unsigned padding = table->widths[column] - cell.width;
    bool right = table->columns[column].right, last = column + 1 == table->count;

    fprintf(out, "%*s", right ? (int)padding : 0, "");
    tone_print(out, cell.tone, color, text, cell.length);
    fprintf(out, "%*s", right || last ? 0 : (int)padding, "");
    fputs(last ? "\n" : "  ", out);
}

static void titles_print(struct table *table, FILE *out, bool color)
{
    for (unsigned i = 0; i < table->count; i++) {
        const char *title = table->columns[i].title;
        struct cell cell = {(unsigned)strlen(title), safe_text_width(title, strlen(title)), TONE_BOLD};

        cell_print(table, i, cell, title, out, color);
    }
    table->titled = true;
}

bool table_print(struct table *table, FILE *out, bool color)
{
    if (table->cells.failed)
        return false;
    if (!table->titled)
        titles_print(table, out, color);
    for (size_t at = 0, column = 0; at < table->cells.length; column++) {
        struct cell cell;

        memcpy(&cell, table->cells.bytes + at, sizeof cell);
        at += sizeof cell;
        cell_print(table, (unsigned)(column % table->count), cell, table->cells.bytes + at, out, color);
        at += cell.length;
    }
    buffer_clear(&table->cells);
    table->filled = 0;
    return true;
}
