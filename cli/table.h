/* Aligned columns for people. Rows are collected and printed together; widths only grow between two printings, so that a
 * list that is followed stays readable. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "common/buffer.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_DIM, TONE_BOLD };

struct table;

struct column {
    const char *title;
    bool right;   /* numbers */
};

/* The columns must outlive the table. NULL: out of memory. */
struct table *table_new(const struct column *columns, unsigned count);
void table_free(struct table *table);   /* NULL is fine */
/* The next cell of the row that is being filled; text is made safe. */
void table_cell(struct table *table, const char *text, enum tone tone);
/* Prints the title line (the first time) and all rows collected, then forgets the rows. False: out of memory. */
bool table_print(struct table *table, FILE *out, bool color);

/* Text in a tone: escape sequences around it when color is on. text must be safe. */
void tone_print(FILE *out, enum tone tone, bool color, const char *text, size_t length);
